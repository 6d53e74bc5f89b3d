/* SPDX-License-Identifier: Apache-2.0 */
/* logs - the container's log files where its runtime keeps them, the rotated ones too.
 * Opaque bytes: whoever was in the container wrote them. */
#include "dumper.h"

#include "buf.h"
#include "io.h"
#include "jsonw.h"
#include "logfiles.h"
#include "own.h"
#include "sink.h"
#include "target.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { INDEX_MAX = 16 << 20 };

enum { OPT_MAX_BYTES };

static const struct dumper_option options[] = {
	[OPT_MAX_BYTES] = {"max_bytes", OPTION_SIZE, "2G",
		"of all logs: newest files first, of the one that does not fit its end", NULL},
	{0},
};

struct logs {
	const struct dump *d;
	struct sink *out;
	struct err *e;
	struct logfiles files; /* borrowed */
};

static int gone(struct err *e)
{
	return err_set(e, EPIPE, "the writer is gone");
}

static void add_plain(char *to, size_t size, const char *from)
{
	size_t n = strlen(to);

	for (; *from && n + 1 < size; from++) {
		bool plain = (*from >= 'a' && *from <= 'z') || (*from >= 'A' && *from <= 'Z') ||
			     (*from >= '0' && *from <= '9') || *from == '-' || *from == '_' ||
			     (*from == '.' && n && to[n - 1] != '/' && to[n - 1] != '.');

		to[n++] = plain ? *from : '_';
	}
	to[n] = '\0';
}

static bool is_taken(const struct logs *l, unsigned i)
{
	for (unsigned j = 0; j < i; j++)
		if (!strcmp(l->files.list[j].member, l->files.list[i].member))
			return true;
	return false;
}

/* logs/LABEL/NAME in our alphabet, with a number where two would be the same. */
static void name_members(struct logs *l)
{
	for (unsigned i = 0; i < l->files.n; i++) {
		char *member = l->files.list[i].member;
		size_t n;

		snprintf(member, LOGFILES_MEMBER, "logs/");
		add_plain(member, 80, l->files.list[i].label);
		n = strlen(member);
		snprintf(member + n, LOGFILES_MEMBER - n, "/");
		add_plain(member, LOGFILES_MEMBER - 16, l->files.list[i].name);
		n = strlen(member);
		for (unsigned k = 2; is_taken(l, i); k++)
			snprintf(member + n, LOGFILES_MEMBER - n, "-%u", k);
	}
}

/* ---- copying ---- */

/* size bytes from off, into the open member; what is gone meanwhile is zeros. */
static int copy_range(
	struct logs *l, int fd, uint64_t off, uint64_t size, const struct logfile *log)
{
	struct err why = ERR_INIT;

	while (size) {
		size_t room;
		void *to = sink_room(l->out, &room, l->e);
		ssize_t n;

		if (!to)
			return -EPIPE;
		if (room > size)
			room = (size_t)size;
		n = io_pread(fd, to, room, (off_t)off);
		if (n <= 0)
			break;
		if (sink_commit(l->out, (size_t)n, l->e) < 0)
			return -EPIPE;
		off += (uint64_t)n;
		size -= (uint64_t)n;
	}
	if (!size)
		return 0;
	err_set(&why, 0, "shorter than when it was opened, or it cannot be read on");
	if (sink_gapf(l->out, GAP_CHANGED, log->member, &why, "%llu bytes from offset %llu",
		    (unsigned long long)size, (unsigned long long)off) < 0)
		return gone(l->e);
	return sink_zeros(l->out, size, l->e);
}

static bool is_packed(const char *name)
{
	size_t n = strlen(name);

	return (n > 3 && !strcmp(name + n - 3, ".gz")) || (n > 4 && !strcmp(name + n - 4, ".zst"));
}

/* How much of it is left out at its beginning: the end of a log matters most. */
static uint64_t cut_of(const struct logfile *log, uint64_t left)
{
	uint64_t size = (uint64_t)log->st.st_size;

	if (size <= left)
		return 0;
	return is_packed(log->name) ? size : size - left; /* half a gzip is no use */
}

static int copy_log(struct logs *l, struct logfile *log, uint64_t *left, uint64_t *ret_cut)
{
	struct err why = ERR_INIT;
	own_fd int fd = io_reopen(log->fd, &why);
	uint64_t size, cut;
	int rc;

	*ret_cut = UINT64_MAX;
	if (fd < 0 || fstat(fd, &log->st) < 0) {
		rc = sink_gap(
			l->out, GAP_UNREADABLE, log->member, log->name, strlen(log->name), &why);
		return rc < 0 ? gone(l->e) : 0;
	}
	size = (uint64_t)log->st.st_size;
	cut = cut_of(log, *left);
	if (cut && sink_gapf(l->out, GAP_OVER_BUDGET, log->member, NULL,
			   "bytes 0 to %llu of %llu left out", (unsigned long long)cut,
			   (unsigned long long)size) < 0)
		return gone(l->e);
	*ret_cut = cut;
	*left -= size - cut;
	if (cut == size && size)
		return 0;
	rc = sink_begin(l->out, log->member, size - cut, l->e);
	if (rc == 0)
		rc = copy_range(l, fd, cut, size - cut, log);
	return rc == 0 ? sink_end(l->out, l->e) : rc;
}

static void put_row(struct jsonw *w, const struct logfile *log, uint64_t cut)
{
	jsonw_open(w, NULL);
	jsonw_str(w, "member", log->member);
	jsonw_str(w, "label", log->label);
	jsonw_str(w, "directory", log->dir);
	jsonw_str(w, "name", log->name);
	jsonw_u64(w, "size", (uint64_t)log->st.st_size);
	jsonw_time(w, "modified", log->st.st_mtim);
	jsonw_u64(w, "uid", log->st.st_uid);
	jsonw_u64(w, "inode", log->st.st_ino);
	if (cut == UINT64_MAX)
		jsonw_bool(w, "read", false);
	else
		jsonw_u64(w, "from_offset", cut);
	jsonw_close(w);
}

static int copy_all(struct logs *l)
{
	own_sink_text struct sink_text index;
	struct jsonw w = JSONW(&index.rows);
	uint64_t left = l->d->options[OPT_MAX_BYTES].u;
	int rc = 0;

	if (left > l->d->max_bytes)
		left = l->d->max_bytes;
	sink_text_begin(&index, l->out, INDEX_MAX);
	jsonw_open(&w, NULL);
	jsonw_open_array(&w, "logs");
	sink_text_keep(&index);
	for (unsigned i = 0; rc == 0 && i < l->files.n; i++) {
		uint64_t cut;

		sink_item(l->out, i);
		rc = copy_log(l, &l->files.list[i], &left, &cut);
		put_row(&w, &l->files.list[i], cut);
		buf_addc(&index.rows, '\n');
		(void)sink_text_row(&index); /* a dropped one is a gap of the index */
	}
	jsonw_close_array(&w);
	jsonw_close(&w);
	buf_addc(&index.rows, '\n');
	return rc == 0 ? sink_text_end(&index, "logs/index.json", l->e) : rc;
}

static int run(const struct dump *d, struct sink *out, struct err *e)
{
	struct logs l = {.d = d, .out = out, .e = e};
	own_logfiles struct logfiles files = {0};
	int rc = logfiles_find(&files, d, out, e);

	l.files = files;
	if (rc == 0)
		name_members(&l);
	return rc == 0 ? copy_all(&l) : rc;
}

static int estimate(const struct dump *d, struct dump_estimate *ret, struct err *e)
{
	const struct target *t = d->target;

	(void)e;
	for (unsigned i = 0; i < t->logs && i < TARGET_LOGS; i++) {
		own_fd int fd = io_open_in(d->host_fd, t->log[i].path, O_PATH, NULL);
		struct stat st;

		if (fd < 0 || fstatat(fd, "", &st, AT_EMPTY_PATH) < 0 || !S_ISREG(st.st_mode))
			continue;
		ret->items++;
		ret->bytes += (uint64_t)st.st_size;
	}
	if (ret->bytes > d->options[OPT_MAX_BYTES].u)
		ret->bytes = d->options[OPT_MAX_BYTES].u;
	snprintf(ret->touches, sizeof(ret->touches),
		"nothing: log files of the runtime on the host");
	return 0;
}

static const char *const prefixes[] = {"logs/", NULL};

const struct dumper dumper_logs = {
	.name = "logs",
	.summary = "log files of the container, rotated ones too",
	.prefixes = prefixes,
	.caps = DUMPER_CAP(CAP_DAC_READ_SEARCH),
	.options = options,
	.run = run,
	.estimate = estimate,
};
