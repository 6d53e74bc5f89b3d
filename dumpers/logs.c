/* SPDX-License-Identifier: Apache-2.0 */
/* logs - the container's log files where its runtime keeps them, the rotated ones too.
 * Opaque bytes: whoever was in the container wrote them. */
#include "dumper.h"

#include "buf.h"
#include "io.h"
#include "jsonw.h"
#include "own.h"
#include "sink.h"
#include "target.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	FILES_MAX = 512,   /* of all logs together: each is a descriptor */
	NAMES_MAX = 65536, /* looked at in one directory */
	HOPS_MAX = 8,	   /* links from /var/log/containers to the file */
	ROOTS_MAX = TARGET_STATES + 1,
	MEMBER_MAX = 240,
	INDEX_MAX = 16 << 20,
};

enum { OPT_MAX_BYTES };

static const struct dumper_option options[] = {
	[OPT_MAX_BYTES] = {"max_bytes", OPTION_SIZE, "2G",
		"of all logs: newest files first, of the one that does not fit its end", NULL},
	{0},
};

struct log {
	const char *label;
	char *name; /* of the file, bytes */
	char *dir;  /* below the host's root */
	int fd;	    /* O_PATH */
	struct stat st;
	char member[MEMBER_MAX];
};

struct logs {
	const struct dump *d;
	struct sink *out;
	struct err *e;
	struct log *log;
	unsigned n;
	uint64_t more;		/* over FILES_MAX */
	char host[TARGET_PATH]; /* where the host's root is for us: "" or "/host" */
	char *root[ROOTS_MAX];	/* directories a link may lead into */
	unsigned roots;
};

static void logs_done(struct logs *l)
{
	for (unsigned i = 0; i < l->n; i++) {
		free(l->log[i].name);
		free(l->log[i].dir);
		(void)close(l->log[i].fd);
	}
	for (unsigned i = 0; i < l->roots; i++)
		free(l->root[i]);
	free(l->log);
}

static int gone(struct err *e)
{
	return err_set(e, EPIPE, "the writer is gone");
}

static int lost(struct logs *l, enum gap_kind kind, const struct err *why, const char *path)
{
	return sink_gapf(l->out, kind, NULL, why, "/%s", path) < 0 ? gone(l->e) : 0;
}

/* ---- where a path may lead ---- */

/* Where a descriptor is for us. */
static int path_of(int fd, char ret[TARGET_PATH])
{
	char link[32];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, ret, TARGET_PATH - 1);
	if (n <= 0 || n == TARGET_PATH - 1)
		return -ENAMETOOLONG;
	ret[n] = '\0';
	return 0;
}

/* A directory below the host's root, also where its last component is a link. */
static int open_dir(const struct logs *l, const char *dir, struct err *e)
{
	char path[TARGET_PATH + 2];

	snprintf(path, sizeof(path), "%s/.", dir);
	return io_open_in(l->d->host_fd, path, O_PATH | O_DIRECTORY, e);
}

static void add_root(struct logs *l, const char *dir)
{
	own_fd int fd = open_dir(l, dir, NULL);
	char path[TARGET_PATH];

	if (fd >= 0 && path_of(fd, path) == 0 && (l->root[l->roots] = strdup(path)))
		l->roots++;
}

/* /var/log, and where the runtime keeps its state of this container, both as they really are. */
static void find_roots(struct logs *l)
{
	const struct target *t = l->d->target;
	char dir[TARGET_PATH];

	if (path_of(l->d->host_fd, l->host) < 0 || !strcmp(l->host, "/"))
		l->host[0] = '\0';
	add_root(l, "var/log");
	for (unsigned i = 0; i < t->states && l->roots < ROOTS_MAX; i++) {
		const char *slash = strrchr(t->state[i].path, '/');

		snprintf(dir, sizeof(dir), "%.*s", slash ? (int)(slash - t->state[i].path) : 0,
			t->state[i].path);
		if (dir[0])
			add_root(l, dir);
	}
}

/* named: by the runtime's own state, or NULL when a link led here. */
static bool is_allowed(const struct logs *l, const char *named, int dir_fd)
{
	char path[TARGET_PATH];
	size_t n = strlen(l->host);

	if (path_of(dir_fd, path) < 0)
		return false;
	if (named && !strncmp(path, l->host, n) && path[n] == '/' && !strcmp(path + n + 1, named))
		return true; /* and there was no link on the way */
	for (unsigned i = 0; i < l->roots; i++) {
		n = strlen(l->root[i]);
		if (!strncmp(path, l->root[i], n) && (path[n] == '/' || !path[n]))
			return true;
	}
	return false;
}

/* ---- finding files ---- */

static bool is_known(const struct logs *l, const struct stat *st)
{
	for (unsigned i = 0; i < l->n; i++)
		if (l->log[i].st.st_dev == st->st_dev && l->log[i].st.st_ino == st->st_ino)
			return true;
	return false;
}

/* Takes fd. */
static int add_file(struct logs *l, const char *label, const char *dir, const char *name,
	int fd_take, const struct stat *st)
{
	own_fd int fd = fd_take;
	struct log *log = &l->log[l->n];

	if (is_known(l, st))
		return 0;
	if (l->n == FILES_MAX) {
		l->more++;
		return 0;
	}
	*log = (struct log){.label = label, .name = strdup(name), .dir = strdup(dir), .st = *st};
	if (!log->name || !log->dir) {
		free(log->name);
		free(log->dir);
		return err_set(l->e, ENOMEM, "no memory");
	}
	log->fd = take_fd(&fd);
	l->n++;
	return 0;
}

/* NAME.1, NAME.2.gz, NAME.20240201-100000 */
static bool is_rotated(const char *name, const char *main)
{
	size_t n = strlen(main);

	return !strncmp(name, main, n) && name[n] == '.' && name[n + 1];
}

static void closedir_(DIR **d)
{
	if (*d)
		closedir(*d);
}

static int add_rotated(
	struct logs *l, const char *label, const char *path, const char *main, int dir_fd)
{
	own_fd int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	__attribute__((cleanup(closedir_))) DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct err why = ERR_INIT;
	struct dirent *de;
	unsigned seen = 0;
	int rc = 0;

	if (!dir) {
		(void)err_errno(&why, "list");
		return lost(l, GAP_UNREADABLE, &why, path);
	}
	(void)take_fd(&fd);
	while (rc == 0 && (de = readdir(dir)) && seen++ < NAMES_MAX) {
		struct stat st;
		int file;

		if (!is_rotated(de->d_name, main))
			continue;
		file = io_open_name(dir_fd, de->d_name, &st, NULL);
		if (file < 0)
			continue; /* rotated on while we looked: it has another name now */
		if (S_ISREG(st.st_mode))
			rc = add_file(l, label, path, de->d_name, file, &st);
		else
			(void)close(file);
	}
	if (rc == 0 && seen > NAMES_MAX)
		rc = lost(l, GAP_OVER_BUDGET, NULL, path);
	return rc;
}

/* The path a link in dir leads to, below the host's root. */
static int follow(int link_fd, const char *dir, char ret[TARGET_PATH])
{
	own_buf struct buf to = BUF_INIT(TARGET_PATH);
	int n, rc = io_read_link(link_fd, "", &to, NULL);

	if (rc < 0)
		return rc;
	if (buf_str(&to)[0] == '/')
		n = snprintf(ret, TARGET_PATH, "%s", buf_str(&to) + strspn(buf_str(&to), "/"));
	else
		n = snprintf(ret, TARGET_PATH, "%.*s/%s", TARGET_PATH / 2, dir, buf_str(&to));
	return n < TARGET_PATH ? 0 : -ENAMETOOLONG;
}

/* One step: adds the file and what lies beside it, or writes where the link leads to path. */
static int visit(
	struct logs *l, const char *label, char path[TARGET_PATH], int hop, bool *ret_again)
{
	own_fd int dir_fd = -1, fd = -1;
	char dir[TARGET_PATH], *name, next[TARGET_PATH];
	struct err why = ERR_INIT;
	struct stat st;
	int rc;

	snprintf(dir, sizeof(dir), "%s", path);
	name = strrchr(dir, '/');
	if (!name)
		return lost(l, GAP_REFUSED, NULL, path);
	*name++ = '\0';
	dir_fd = open_dir(l, dir, &why);
	fd = dir_fd < 0 ? dir_fd : io_open_name(dir_fd, name, &st, &why);
	if (fd < 0)
		return lost(l, fd == -ENOENT ? GAP_NOT_PRESENT : GAP_UNREADABLE, &why, path);
	if (!is_allowed(l, hop ? NULL : dir, dir_fd)) {
		err_set(&why, EXDEV, "a link leads out of the places where logs are kept");
		return lost(l, GAP_REFUSED, &why, path);
	}
	if (S_ISLNK(st.st_mode)) {
		if (follow(fd, dir, next) < 0)
			return lost(l, GAP_UNREADABLE, NULL, path);
		memcpy(path, next, sizeof(next));
		*ret_again = true;
		return 0;
	}
	if (!S_ISREG(st.st_mode))
		return lost(l, GAP_SPECIAL_FILE, NULL, path);
	rc = add_file(l, label, dir, name, take_fd(&fd), &st);
	return rc == 0 ? add_rotated(l, label, dir, name, dir_fd) : rc;
}

static int find_log(struct logs *l, const struct target_file *f)
{
	struct err why = ERR_INIT;
	char path[TARGET_PATH];

	snprintf(path, sizeof(path), "%s", f->path);
	for (int hop = 0; hop < HOPS_MAX; hop++) {
		bool again = false;
		int rc = visit(l, f->label, path, hop, &again);

		if (rc < 0 || !again)
			return rc;
	}
	err_set(&why, ELOOP, "more than %d links", HOPS_MAX);
	return lost(l, GAP_REFUSED, &why, f->path);
}

/* ---- names and order ---- */

static int newest_first(const void *a, const void *b)
{
	const struct stat *x = &((const struct log *)a)->st, *y = &((const struct log *)b)->st;

	if (x->st_mtim.tv_sec != y->st_mtim.tv_sec)
		return x->st_mtim.tv_sec > y->st_mtim.tv_sec ? -1 : 1;
	if (x->st_mtim.tv_nsec != y->st_mtim.tv_nsec)
		return x->st_mtim.tv_nsec > y->st_mtim.tv_nsec ? -1 : 1;
	return strcmp(((const struct log *)a)->name, ((const struct log *)b)->name);
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
		if (!strcmp(l->log[j].member, l->log[i].member))
			return true;
	return false;
}

/* logs/LABEL/NAME in our alphabet, with a number where two would be the same. */
static void name_members(struct logs *l)
{
	for (unsigned i = 0; i < l->n; i++) {
		char *member = l->log[i].member;
		size_t n;

		snprintf(member, MEMBER_MAX, "logs/");
		add_plain(member, 80, l->log[i].label);
		n = strlen(member);
		snprintf(member + n, MEMBER_MAX - n, "/");
		add_plain(member, MEMBER_MAX - 16, l->log[i].name);
		n = strlen(member);
		for (unsigned k = 2; is_taken(l, i); k++)
			snprintf(member + n, MEMBER_MAX - n, "-%u", k);
	}
}

/* ---- copying ---- */

/* size bytes from off, into the open member; what is gone meanwhile is zeros. */
static int copy_range(struct logs *l, int fd, uint64_t off, uint64_t size, const struct log *log)
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
static uint64_t cut_of(const struct log *log, uint64_t left)
{
	uint64_t size = (uint64_t)log->st.st_size;

	if (size <= left)
		return 0;
	return is_packed(log->name) ? size : size - left; /* half a gzip is no use */
}

static int copy_log(struct logs *l, struct log *log, uint64_t *left, uint64_t *ret_cut)
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

static void put_row(struct jsonw *w, const struct log *log, uint64_t cut)
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
	for (unsigned i = 0; rc == 0 && i < l->n; i++) {
		uint64_t cut;

		sink_item(l->out, i);
		rc = copy_log(l, &l->log[i], &left, &cut);
		put_row(&w, &l->log[i], cut);
		buf_addc(&index.rows, '\n');
		(void)sink_text_row(&index); /* a dropped one is a gap of the index */
	}
	jsonw_close_array(&w);
	jsonw_close(&w);
	buf_addc(&index.rows, '\n');
	return rc == 0 ? sink_text_end(&index, "logs/index.json", l->e) : rc;
}

static int find_all(struct logs *l)
{
	const struct target *t = l->d->target;
	int rc = 0;

	l->log = calloc(FILES_MAX, sizeof(*l->log));
	if (!l->log)
		return err_set(l->e, ENOMEM, "no memory");
	find_roots(l);
	for (unsigned i = 0; rc == 0 && i < t->logs && i < TARGET_LOGS; i++)
		rc = find_log(l, &t->log[i]);
	if (rc == 0 && l->more &&
		sink_gapf(l->out, GAP_OVER_BUDGET, NULL, NULL, "%llu log files after the first %d",
			(unsigned long long)l->more, FILES_MAX) < 0)
		rc = gone(l->e);
	if (l->n)
		qsort(l->log, l->n, sizeof(*l->log), newest_first);
	name_members(l);
	return rc;
}

static int run(const struct dump *d, struct sink *out, struct err *e)
{
	__attribute__((cleanup(logs_done))) struct logs l = {.d = d, .out = out, .e = e};
	int rc = find_all(&l);

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
