/* SPDX-License-Identifier: Apache-2.0 */
/* registry - the table made of dumpers.def. */
#include "dumper.h"

#include <stddef.h>

#define DUMPER(id) extern const struct dumper dumper_##id;
#include "dumpers.def"
#undef DUMPER

const struct dumper *const dumpers[] = {
#define DUMPER(id) &dumper_##id,
#include "dumpers.def"
#undef DUMPER
	NULL};
