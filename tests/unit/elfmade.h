/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* elfmade - the smallest program file with notes and a .go.buildinfo section, as a memfd. */
#include <stdbool.h>

struct elfmade {
	const char *go_version, *modules; /* NULL: no section */
	bool addresses;			  /* the layout before Go 1.18 */
};

enum { ELFMADE_BASE = 0x400000 }; /* where its bytes would be mapped */

int elfmade(const struct elfmade *how);
