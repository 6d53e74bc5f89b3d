/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* overlay - the layers in the options of an overlay mount, as mountinfo and
 * command lines show them. */
#include "target.h"

#include <stdbool.h>
#include <stddef.h>

enum { OVERLAY_LOWER_TEXT = 256 << 10 };

struct overlay {
	bool has_upper;
	char upper[TARGET_PATH]; /* as written: absolute, or relative to who mounted it */
	unsigned lowers;
	bool truncated;		     /* a path or the number of layers was over our limits */
	size_t used;		     /* of text */
	size_t lower[TARGET_LOWERS]; /* offsets into text, topmost first, data-only layers last */
	char text[OVERLAY_LOWER_TEXT];
};

/* Splits a super text of mountinfo (changed in place). *ret need not be zeroed. */
void overlay_parse(char *super, struct overlay *ret);
/* Adds the layers of a "lowerdir=" value: ':' between, '\' before a ':' or '\' of a name. */
void overlay_add_lowers(struct overlay *o, const char *value);
