/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * guard - thaws when nobody else is left to do it. A process that holds the descriptor of the
 * freeze and one end of a socket pair, whose other end only the engine has: when that is closed,
 * by whatever kills the engine, or when the deadline has passed, it thaws and ends.
 */
#include "freezer.h"

#include <stdint.h>

struct guard_job {
	int sock; /* the guard's end */
	int state_fd;
	enum freezer_kind kind;
	uint64_t deadline_ns; /* CLOCK_MONOTONIC */
};

/* In a worker that outlives the engine. */
int guard_main(void *job);

/* The engine's side: waits until it stands guard; then, when all is thawed, sends it home. */
int guard_await(int sock, uint64_t until_ns, struct err *e) must_check;
void guard_dismiss(int sock);
/*
 * Into the root of cgroup v2: who ends our whole cgroup at once (a runtime its container, systemd
 * its unit) does not reach it there. With a guard that stays there is one for either case. Where
 * it cannot be done nothing is.
 */
void guard_leave_cgroup(const struct target_host *host, pid_t guard);
