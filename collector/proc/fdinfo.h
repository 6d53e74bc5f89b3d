/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* fdinfo - what the kernel says of an open descriptor (proc_pid_fdinfo(5)): one
 * text for all kinds, with lists for epoll, inotify, fanotify and io_uring. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct jsonw;

struct fdinfo {
	bool good; /* it had the three lines that each has */
	uint64_t pos, flags, mnt_id;
};

struct fdinfo fdinfo_parse(const char *text);

/*
 * The members "pos", "access", "flags", "mnt_id", those of its kind (an eventfd's count, a
 * pidfd's process ...), and "lists": the lines of lists, some thousands at most of each text.
 * Whole text: the caller's affair.
 */
void fdinfo_json(struct jsonw *w, const struct fdinfo *info, const char *text);
