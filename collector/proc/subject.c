/* SPDX-License-Identifier: Apache-2.0 */
/* subject - the process that is being read. */
#include "subject.h"
#include "io.h"
#include "own.h"
#include "procfs.h"
#include "sink.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void take_stat(struct proctree_row *row, const struct procfs_stat *st)
{
	row->ppid = st->ppid;
	row->state = st->state;
	row->threads = st->num_threads;
	memcpy(row->comm, st->comm, sizeof(row->comm));
}

int subject_open(
	struct subject *s, struct dossier_run *run, struct proctree_row *row, struct err *e)
{
	struct procfs_stat st;
	int rc;

	*s = (struct subject){.run = run, .row = row, .live = -1, .absent = BUF_INIT(8192)};
	s->fd = procfs_open_pid(run->dump->proc_fd, row->pid, e);
	if (s->fd < 0)
		return -ESRCH;
	rc = procfs_read_stat(s->fd, &st, e);
	if (rc < 0)
		return -ESRCH;
	if (st.start_ticks != row->start_ticks)
		return err_set(e, ESRCH, "the number belongs to another process now");
	take_stat(row, &st);
	if (strchr("ZXx", st.state)) {
		if (st.num_threads > 1)
			s->live = procfs_open_live(
				run->dump->proc_fd, s->fd, row->pid, &row->live_tid);
		row->flags |= s->live < 0 ? PROC_ZOMBIE : PROC_LEADER_EXITED;
	}
	if (s->live < 0)
		s->live = fcntl(s->fd, F_DUPFD_CLOEXEC, 3);
	return s->live < 0 ? err_errno(e, "duplicate") : 0;
}

void subject_close(struct subject *s)
{
	own_fd_(&s->fd);
	own_fd_(&s->live);
	s->fd = s->live = -1;
	buf_done(&s->absent);
}

bool subject_alive(const struct subject *s)
{
	return faccessat(s->fd, "stat", F_OK, 0) == 0;
}

struct subject_name subject_member(const struct subject *s, const char *name)
{
	struct subject_name member;

	if (s->row->flags & PROC_REUSED)
		snprintf(member.text, sizeof(member.text), "process/%d-%llu/%s", (int)s->row->pid,
			(unsigned long long)s->row->start_ticks, name);
	else
		snprintf(member.text, sizeof(member.text), "process/%d/%s", (int)s->row->pid, name);
	return member;
}

/* Errors that say that this kernel, or this process, has no such thing. */
static bool says_absent(int code)
{
	return code == ENOENT || code == ESRCH || code == EINVAL || code == EOPNOTSUPP ||
	       code == ENODATA || code == ENOTDIR;
}

int subject_lost(struct subject *s, const char *name, int code, struct err *e)
{
	struct err why;

	if ((code == ENOENT || code == ESRCH) && !subject_alive(s)) {
		s->gone = true;
		return 0;
	}
	if (says_absent(code)) {
		buf_add(&s->absent, name, strlen(name) + 1);
		return 0;
	}
	if (s->run->quiet)
		return 0;
	errno = code;
	err_errno(&why, "%s", name);
	if (sink_gap(s->run->out, sink_gap_of(code), subject_member(s, name).text, "", 0, &why) < 0)
		return err_set(e, EPIPE, "the writer is gone");
	return 0;
}

int subject_text(struct subject *s, const char *name, struct err *e)
{
	struct buf *b = &s->run->text;
	own_fd int fd = openat(s->live, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	int rc;

	buf_clear(b);
	if (fd < 0)
		return subject_lost(s, name, errno, e);
	rc = io_read_all(fd, b, NULL);
	if (rc < 0 && rc != -EFBIG && !b->len)
		return subject_lost(s, name, -rc, e);
	if (rc < 0 && !s->run->quiet &&
		sink_gapf(s->run->out, sink_gap_of(-rc), subject_member(s, name).text, NULL,
			"after %zu bytes", b->len) < 0)
		return err_set(e, EPIPE, "the writer is gone");
	return 1;
}

int subject_send(struct subject *s, const char *name, const struct buf *b, struct err *e)
{
	int rc = buf_check(b, e);

	if (s->run->quiet)
		return 0;
	if (rc < 0) {
		rc = sink_gap(s->run->out, GAP_OVER_BUDGET, subject_member(s, name).text, "", 0, e);
		return rc < 0 ? err_set(e, EPIPE, "the writer is gone") : 0;
	}
	return sink_blob(s->run->out, subject_member(s, name).text, b->data, b->len, e);
}

const struct fsmap *subject_mounts(struct subject *s)
{
	struct dossier_run *run = s->run;

	if (run->mounts_ns && run->mounts_ns == s->row->ns_mnt)
		return run->mounts;
	fsmap_done(run->mounts);
	run->mounts_ns = fsmap_read(run->mounts, s->live, NULL) == 0 ? s->row->ns_mnt : 0;
	return run->mounts;
}
