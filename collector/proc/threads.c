/* SPDX-License-Identifier: Apache-2.0 */
/* threads - every task of a process, with where it waits. */
#include "threads.h"
#include "io.h"
#include "jsonw.h"
#include "listing.h"
#include "own.h"
#include "procfs.h"
#include "status.h"
#include "subject.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

enum { THREADS_MAX = 64 << 20, TEXT_MAX = 16384 };

struct walk {
	struct listing list;
	struct buf file;
	int task_fd;
};

static bool read_text(struct walk *k, int fd, const char *name)
{
	buf_clear(&k->file);
	return io_read_file(fd, name, &k->file, NULL) == 0 || k->file.len;
}

/* Texts of one value; a line feed at the end says nothing. */
static void add_text(struct walk *k, int fd, const char *name)
{
	size_t n;

	if (!read_text(k, fd, name))
		return;
	n = k->file.len;
	jsonw_bytes(
		&k->list.w, name, buf_str(&k->file), n && k->file.data[n - 1] == '\n' ? n - 1 : n);
}

static void write_thread(struct walk *k, pid_t tid, int fd, const struct procfs_stat *st)
{
	char state[2] = {st->state, '\0'};

	jsonw_open(&k->list.w, NULL);
	jsonw_i64(&k->list.w, "tid", tid);
	jsonw_str(&k->list.w, "comm", st->comm);
	jsonw_str(&k->list.w, "state", state);
	jsonw_time(&k->list.w, "start", procfs_start_time(st->start_ticks));
	jsonw_u64(&k->list.w, "start_ticks", st->start_ticks);
	add_text(k, fd, "wchan");
	add_text(k, fd, "syscall");
	add_text(k, fd, "stack");
	if (read_text(k, fd, "status"))
		status_json(&k->list.w, buf_str(&k->file), false);
	jsonw_close(&k->list.w);
	listing_row(&k->list);
}

static int each_thread(pid_t tid, void *arg)
{
	struct walk *k = arg;
	struct procfs_stat st;
	char name[16];
	own_fd int fd = -1;

	if (!listing_wants(&k->list))
		return 0;
	snprintf(name, sizeof(name), "%d", (int)tid);
	fd = openat(k->task_fd, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0 && procfs_read_stat(fd, &st, NULL) == 0) /* threads come and go */
		write_thread(k, tid, fd, &st);
	return 0;
}

int threads_write(struct subject *s, struct err *e)
{
	own_fd int task = openat(s->fd, "task", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct walk k = {.file = BUF_INIT(TEXT_MAX), .task_fd = task};
	int rc;

	if (!s->run->policy.max_threads)
		return 0;
	if (task < 0)
		return subject_lost(s, "task", errno, e);
	listing_begin(&k.list, s, "threads", s->run->policy.max_threads, THREADS_MAX);
	rc = procfs_each_number(task, each_thread, &k, e);
	rc = rc < 0 ? subject_lost(s, "task", -rc, e) : listing_end(&k.list, e);
	s->threads = k.list.rows;
	listing_done(&k.list);
	buf_done(&k.file);
	return rc;
}
