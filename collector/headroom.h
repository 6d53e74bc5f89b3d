/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* headroom - what the cgroups we run in leave us of memory: beyond it the kernel ends one of us. */
#include <stdint.h>

/*
 * The least of all levels: memory.max and memory.high of cgroup v2, memory.limit_in_bytes of v1,
 * less what is used and could not be given back at once (memory.stat). root_fd: below which
 * sys/fs/cgroup is mounted, proc_fd: proc, whose "self" we are. UINT64_MAX: no limit was found.
 */
uint64_t headroom(int proc_fd, int root_fd);
