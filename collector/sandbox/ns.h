/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* ns - the only file that enters a namespace. Never a user or PID namespace: the
 * first hands the target's root power over us, the second makes us visible to it. */
#include "err.h"
#include "target.h"

int ns_enter_net(int fd, struct err *e) must_check;
int ns_enter_mnt(int fd, struct err *e) must_check;
/* The host's: decides how paths in /proc/PID/cgroup begin, and nothing else. */
int ns_enter_cgroup(int fd, struct err *e) must_check;

/*
 * A private clone of a directory of our own mount namespace, without the mounts below it:
 * read-only, and nothing opened through it is a device, is executed or gets an access time. Linux
 * 5.12.
 */
int ns_clone_directory(int fd, struct err *e) must_check;

/* What the number of a mount is for the root directory itself. */
enum { NS_ROOT = TARGET_MOUNTS };

/*
 * For a worker that stands in the target's mount namespace: clones the root directory (which
 * need not be a mount: chroot) and each mount of t, without the mounts below it, read-only and
 * detached, and sends the clones over sock in batches. Mounts that others cover are uncovered in a
 * private copy of the namespace first, so the target sees nothing. Linux 5.12.
 */
int ns_send_mounts(const struct target *t, int sock, struct err *e) must_check;
/* The other end: fills ret[t->mounts] and *ret_root, -1 where there is none. Waits at most
 * deadline_ns (CLOCK_MONOTONIC). */
int ns_receive_mounts(const struct target *t, int sock, uint64_t deadline_ns, int *ret,
	int *ret_root, struct err *e) must_check;
