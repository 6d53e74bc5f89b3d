/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* outplace - whether a bundle may be written where it is to go: not in the target itself, and not
 * so much that the kubelet ends pods for want of disk. */
#include "err.h"

#include <stdint.h>

struct host;
struct run;

/*
 * Bytes that are to stay free on the disk of dir_fd: 15 % of the one the kubelet watches, its
 * default for a disk that images are on too (imagefs.available<15%, nodefs.available<10%; below
 * that it ends pods without grace). 0 on any other disk.
 */
uint64_t outplace_reserve(const struct host *h, int dir_fd);
/*
 * -EPERM, with what to do, where dir_fd (-1: nowhere) is in the root, the writable layer or the
 * node's folders of what is collected, or where no room is left above the reserve.
 */
int outplace_check(const struct run *r, int dir_fd, struct err *e) must_check;
