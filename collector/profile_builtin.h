/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* profile_builtin - profiles/NAME.json as they are inside the binary. */
#include <stddef.h>

struct profile_builtin {
	const char *name; /* "standard" */
	const char *json; /* NUL-terminated text of the file */
	size_t size;	  /* its bytes */
};

/* Sorted by name; ends with a NULL name. */
extern const struct profile_builtin profile_builtin[];
