/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* unit - what cmocka wants to be included first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

/* Ends the running test; the reason is listed at the end of the run. */
#define unit_skip(reason)                              \
	do {                                           \
		print_message("# skip: %s\n", reason); \
		skip();                                \
	} while (0)

/* Under qemu-user ptrace, namespaces and some of the kernel's promises are missing. */
static inline int unit_emulated(void)
{
	return getenv("TAPHOS_EMULATED") != NULL;
}
