/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* jsonline - on which line a key stands, which jansson does not keep. */

/*
 * path: keys from the outermost object inwards, NULL-terminated. text must be
 * known to be JSON. The line (from 1) of the innermost key that is there.
 */
unsigned jsonline_of(const char *text, const char *const *path);
