/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* layersize - how large a writable layer is, by a bounded look at its names. */
#include <stdbool.h>
#include <stdint.h>

struct layersize {
	unsigned budget; /* entries that may still be looked at; the caller sets it */
	uint64_t bytes;	 /* apparent size of the regular files, each name counted */
	bool truncated;	 /* the budget, the depth or a directory that cannot be read cut it short */
};

/* Adds what lies below dir_fd (O_PATH will do) on the same file system. No file is opened. */
void layersize_add(int dir_fd, struct layersize *size);
