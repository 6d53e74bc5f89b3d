/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* version - which taphos this is. */

/* "0.1.0", or "0.1.0-g1234567890ab" between releases: scripts/version. */
const char *version_string(void);

enum { VERSION_BUILD_ID = 41 }; /* 20 bytes as hexadecimal, and the NUL */

/* The linker's build id of the running program, as hexadecimal; "" when it has none. Reads
 * our own memory only. */
void version_build_id(char ret[VERSION_BUILD_ID]);
