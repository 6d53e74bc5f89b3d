/* SPDX-License-Identifier: Apache-2.0 */
/* logfiles - the log files of a container on the host, rotated ones too. */
#include "logfiles.h"

#include "buf.h"
#include "io.h"
#include "own.h"
#include "sink.h"
#include "target.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	FILES_MAX = 512,   /* of all logs together: each is a descriptor */
	NAMES_MAX = 65536, /* looked at in one directory */
	HOPS_MAX = 8,	   /* links from /var/log/containers to the file */
	ROOTS_MAX = TARGET_STATES + 1,
};

/* A search. */
struct logs {
	const struct dump *d;
	struct sink *out;
	struct err *e;
	struct logfiles *found;
	uint64_t more;		/* over FILES_MAX */
	char host[TARGET_PATH]; /* where the host's root is for us: "" or "/host" */
	char *root[ROOTS_MAX];	/* directories a link may lead into */
	unsigned roots;
};

static void logs_done(struct logs *l)
{
	for (unsigned i = 0; i < l->roots; i++)
		free(l->root[i]);
}

void logfiles_done(struct logfiles *f)
{
	for (unsigned i = 0; i < f->n; i++) {
		free(f->list[i].name);
		free(f->list[i].dir);
		(void)close(f->list[i].fd);
	}
	free(f->list);
	*f = (struct logfiles){0};
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

/* named: by the runtime's own state, or NULL when a link led here. Docker names only its own
 * folder of the container, which is one of the roots: if not, somebody else has named it. */
static bool is_allowed(const struct logs *l, const char *named, int dir_fd)
{
	char path[TARGET_PATH];
	size_t n = strlen(l->host);

	if (path_of(dir_fd, path) < 0)
		return false;
	if (named && l->d->target->runtime != RUNTIME_DOCKER && !strncmp(path, l->host, n) &&
		path[n] == '/' && !strcmp(path + n + 1, named))
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
	for (unsigned i = 0; i < l->found->n; i++)
		if (l->found->list[i].st.st_dev == st->st_dev &&
			l->found->list[i].st.st_ino == st->st_ino)
			return true;
	return false;
}

/* Takes fd. */
static int add_file(struct logs *l, const char *label, const char *dir, const char *name,
	int fd_take, const struct stat *st)
{
	own_fd int fd = fd_take;
	struct logfile *log = &l->found->list[l->found->n];

	if (is_known(l, st))
		return 0;
	if (l->found->n == FILES_MAX) {
		l->more++;
		return 0;
	}
	*log = (struct logfile){
		.label = label, .name = strdup(name), .dir = strdup(dir), .st = *st};
	if (!log->name || !log->dir) {
		free(log->name);
		free(log->dir);
		return err_set(l->e, ENOMEM, "no memory");
	}
	log->fd = take_fd(&fd);
	l->found->n++;
	return 0;
}

/* No engine gives a log two names; who can write where it lies can give it one of the host's. */
static int lost_linked(struct logs *l, const char *dir, const char *name)
{
	char path[2 * TARGET_PATH];
	struct err why = ERR_INIT;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	err_set(&why, EMLINK, "it has other names: it may be any file of the host");
	return lost(l, GAP_REFUSED, &why, path);
}

/* NAME.1, NAME.2.gz, NAME.20240201-100000 */
static bool is_rotated(const char *name, const char *main)
{
	size_t n = strlen(main);

	return !strncmp(name, main, n) && name[n] == '.' && name[n + 1];
}

static int lost_others(struct logs *l, const char *dir, const char *main, unsigned n)
{
	if (sink_gapf(l->out, GAP_REFUSED, NULL, NULL, "%u names that are no files: /%s/%s.*", n,
		    dir, main) < 0)
		return gone(l->e);
	return 0;
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
	unsigned seen = 0, other = 0;
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
		if (S_ISREG(st.st_mode) && st.st_nlink <= 1) {
			rc = add_file(l, label, path, de->d_name, file, &st);
			continue;
		}
		(void)close(file);
		if (S_ISREG(st.st_mode))
			rc = lost_linked(l, path, de->d_name);
		else
			other++;
	}
	if (rc == 0 && other)
		rc = lost_others(l, path, main, other);
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
		err_set(&why, EXDEV, "it leads out of the places where logs are kept");
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
	if (st.st_nlink > 1)
		return lost_linked(l, dir, name);
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

static int newest_first(const void *a, const void *b)
{
	const struct stat *x = &((const struct logfile *)a)->st,
			  *y = &((const struct logfile *)b)->st;

	if (x->st_mtim.tv_sec != y->st_mtim.tv_sec)
		return x->st_mtim.tv_sec > y->st_mtim.tv_sec ? -1 : 1;
	if (x->st_mtim.tv_nsec != y->st_mtim.tv_nsec)
		return x->st_mtim.tv_nsec > y->st_mtim.tv_nsec ? -1 : 1;
	return strcmp(((const struct logfile *)a)->name, ((const struct logfile *)b)->name);
}

static int search(struct logs *l)
{
	const struct target *t = l->d->target;
	int rc = 0;

	find_roots(l);
	for (unsigned i = 0; rc == 0 && i < t->logs && i < TARGET_LOGS; i++)
		rc = find_log(l, &t->log[i]);
	if (rc == 0 && l->more &&
		sink_gapf(l->out, GAP_OVER_BUDGET, NULL, NULL, "%llu log files after the first %d",
			(unsigned long long)l->more, FILES_MAX) < 0)
		rc = gone(l->e);
	return rc;
}

int logfiles_find(struct logfiles *ret, const struct dump *d, struct sink *out, struct err *e)
{
	__attribute__((cleanup(logs_done))) struct logs l = {
		.d = d, .out = out, .e = e, .found = ret};
	int rc;

	ret->list = calloc(FILES_MAX, sizeof(*ret->list));
	if (!ret->list)
		return err_set(e, ENOMEM, "no memory");
	rc = search(&l);
	if (ret->n)
		qsort(ret->list, ret->n, sizeof(*ret->list), newest_first);
	return rc;
}
