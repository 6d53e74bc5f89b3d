/* SPDX-License-Identifier: Apache-2.0 */
/* procinfo - the typed summary of one process. */
#include "procinfo.h"
#include "forest.h"
#include "io.h"
#include "jsonw.h"
#include "own.h"
#include "procfs.h"
#include "status.h"
#include "subject.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

enum { LINK_BYTES = 65536, ARGV_BYTES = 256 << 10 };

int procinfo_namespaces(struct subject *s, struct err *e)
{
	struct dossier_run *run = s->run;
	struct jsonw w = JSONW(&run->json);
	int rc = 0;

	buf_clear(&run->json);
	jsonw_open(&w, NULL);
	for (unsigned i = 0; rc == 0 && i < DOSSIER_NAMESPACES; i++) {
		struct err why = ERR_INIT;
		uint64_t ino;

		if (procfs_ns_inode(s->live, dossier_ns_names[i], &ino, &why) < 0) {
			rc = subject_lost(s, dossier_ns_names[i], why.code, e);
			continue;
		}
		jsonw_open(&w, dossier_ns_names[i]);
		jsonw_u64(&w, "inode", ino);
		if (run->ns_init[i])
			jsonw_bool(&w, "as_container", ino == run->ns_init[i]);
		if (run->ns_host[i])
			jsonw_bool(&w, "as_host", ino == run->ns_host[i]);
		jsonw_close(&w);
	}
	jsonw_close(&w);
	buf_addc(&run->json, '\n');
	return rc < 0 || s->gone ? rc : subject_send(s, "ns.json", &run->json, e);
}

static void add_link(struct subject *s, struct jsonw *w, const char *name)
{
	own_buf struct buf link = BUF_INIT(LINK_BYTES);

	if (io_read_link(s->live, name, &link, NULL) == 0)
		jsonw_bytes(w, name, buf_str(&link), link.len);
	else
		jsonw_null(w, name);
}

/* Which file it runs; the digest is in files.json, which takes longer. */
static void add_exe(struct subject *s, struct jsonw *w)
{
	struct statx x;

	add_link(s, w, "exe");
	if (statx(s->live, "exe", AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, STATX_BASIC_STATS, &x) < 0)
		return;
	jsonw_open(w, "exe_file");
	jsonw_u64(w, "dev_major", x.stx_dev_major);
	jsonw_u64(w, "dev_minor", x.stx_dev_minor);
	jsonw_u64(w, "ino", x.stx_ino);
	jsonw_u64(w, "size", x.stx_size);
	jsonw_u64(w, "links", x.stx_nlink);
	jsonw_hex(w, "mode", x.stx_mode);
	jsonw_u64(w, "uid", x.stx_uid);
	jsonw_bool(w, "deleted", x.stx_nlink == 0);
	jsonw_close(w);
}

/* "Max open files            1024                 4096                 files" */
static void add_limits(struct jsonw *w, char *text, size_t n)
{
	enum { NAME = 26 };
	char *line;

	(void)n;
	(void)procfs_next_line(&text); /* the heading */
	jsonw_open(w, "limits");
	while ((line = procfs_next_line(&text))) {
		size_t name = NAME;
		char *soft, *hard, *save;

		if (strlen(line) <= NAME)
			continue;
		while (name && line[name - 1] == ' ')
			name--;
		soft = strtok_r(line + NAME, " ", &save);
		hard = soft ? strtok_r(NULL, " ", &save) : NULL;
		line[name] = '\0';
		if (!hard)
			continue;
		jsonw_open(w, line);
		jsonw_str(w, "soft", soft);
		jsonw_str(w, "hard", hard);
		jsonw_close(w);
	}
	jsonw_close(w);
}

static void add_cgroups(struct jsonw *w, char *text, size_t n)
{
	struct procfs_cgroup cg;
	char *line;

	(void)n;
	jsonw_open_array(w, "cgroups");
	while ((line = procfs_next_line(&text))) {
		if (procfs_parse_cgroup(line, &cg) < 0)
			continue;
		jsonw_open(w, NULL);
		jsonw_str(w, "hierarchy", cg.hierarchy);
		jsonw_str(w, "controllers", cg.controllers);
		jsonw_str(w, "path", cg.path);
		jsonw_close(w);
	}
	jsonw_close_array(w);
}

static void add_status(struct jsonw *w, char *text, size_t n)
{
	(void)n;
	status_json(w, text, true);
}

static void add_label(struct jsonw *w, char *text, size_t n)
{
	while (n && (text[n - 1] == '\n' || !text[n - 1]))
		n--;
	jsonw_bytes(w, "lsm_label", text, n);
}

static void add_loginuid(struct jsonw *w, char *text, size_t n)
{
	jsonw_bytes(w, "login_uid", text, n);
}

/* The row holds what most are started with. Reading it again takes the lock of its memory. */
static void add_argv(struct subject *s, struct jsonw *w)
{
	const struct proctree_row *r = s->row;
	struct buf *text = &s->run->text;
	bool cut = r->argv_len == PROCTREE_TEXT;

	buf_clear(text);
	if (cut && !s->run->hurry && !(r->flags & PROC_STALLED) &&
		io_read_file(s->live, "cmdline", text, NULL) == 0 && text->len)
		forest_argv(w, "argv", text->data, text->len < ARGV_BYTES ? text->len : ARGV_BYTES);
	else if (r->argv)
		forest_argv(w, "argv", r->argv, r->argv_len);
	else
		jsonw_null(w, "argv");
	jsonw_bool(w, "argv_cut", cut && text->len <= PROCTREE_TEXT);
}

/* Texts of /proc that become members of the summary. */
static const struct {
	const char *file;
	void (*add)(struct jsonw *w, char *text, size_t n);
} parts[] = {
	{"status", add_status},
	{"cgroup", add_cgroups},
	{"limits", add_limits},
	{"attr/current", add_label},
	{"loginuid", add_loginuid},
};

static void add_head(struct subject *s, struct jsonw *w)
{
	const struct proctree_row *r = s->row;
	char state[2] = {r->state, '\0'};
	struct procfs_stat st;

	jsonw_i64(w, "pid", r->pid);
	jsonw_i64(w, "ppid", r->ppid);
	jsonw_i64(w, "pid_inside", r->nspid);
	jsonw_time(w, "start", procfs_start_time(r->start_ticks));
	jsonw_u64(w, "start_ticks", r->start_ticks);
	jsonw_str(w, "state", state);
	jsonw_str(w, "comm", r->comm);
	jsonw_str(w, "claimed", "comm and argv are what the process says of itself");
	forest_why(w, "why", r->why);
	forest_flags(w, "flags", r->flags);
	if (r->live_tid != r->pid)
		jsonw_i64(w, "read_by_tid", r->live_tid);
	if (procfs_read_stat(s->live, &st, NULL) < 0)
		return;
	jsonw_i64(w, "process_group", st.pgrp);
	jsonw_i64(w, "session", st.session);
	jsonw_u64(w, "tty_major", st.tty_nr >> 8 & 0xfff);
	jsonw_u64(w, "tty_minor", (st.tty_nr & 0xff) | (st.tty_nr >> 12 & 0xfff00));
}

static void add_tail(struct subject *s, struct jsonw *w)
{
	jsonw_u64(w, "threads_read", s->threads);
	jsonw_u64(w, "fds", s->fds);
	jsonw_u64(w, "sockets", s->sockets);
	jsonw_u64(w, "deleted_fds", s->deleted_fds);
	forest_argv(w, "absent", buf_str(&s->absent), s->absent.len);
}

int procinfo_write(struct subject *s, struct err *e)
{
	struct dossier_run *run = s->run;
	struct jsonw w = JSONW(&run->json);

	buf_clear(&run->json);
	jsonw_open(&w, NULL);
	add_head(s, &w);
	add_exe(s, &w);
	add_link(s, &w, "cwd");
	add_link(s, &w, "root");
	add_argv(s, &w);
	for (size_t i = 0; !s->gone && i < sizeof(parts) / sizeof(parts[0]); i++) {
		own_fd int fd = openat(s->live, parts[i].file, O_RDONLY | O_CLOEXEC);

		buf_clear(&run->text);
		if (fd >= 0 && io_read_all(fd, &run->text, NULL) == 0 && run->text.len)
			parts[i].add(&w, run->text.data, run->text.len);
	}
	forest_ancestors(run->tree, s->row, &w);
	add_tail(s, &w);
	jsonw_close(&w);
	buf_addc(&run->json, '\n');
	return subject_send(s, "info.json", &run->json, e);
}
