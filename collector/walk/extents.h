/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* extents - where a file has data, and where only holes. */
#include "buf.h"
#include "err.h"

#include <stdint.h>

/*
 * Adds struct rec_extent for each run of data in [0, size) of fd, and one of no
 * bytes at the end when the file ends in a hole. At most REC_EXTENTS; the last
 * one then holds everything that is left, holes too. Returns how many, 0 when
 * the file has no hole or the file system does not tell, or a negative errno.
 */
int extents_read(int fd, uint64_t size, struct buf *out, uint64_t *ret_data, struct err *e)
	must_check;
