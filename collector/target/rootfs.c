/* SPDX-License-Identifier: Apache-2.0 */
/* rootfs - where the writable layer of the target lies on the host. */
#include "rootfs.h"
#include "attach.h"
#include "buf.h"
#include "hostfs.h"
#include "io.h"
#include "overlay.h"
#include "own.h"
#include "procfs.h"
#include "proctab.h"
#include "record.h"
#include "runtime.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

enum {
	MOUNTINFO_MAX = 4 << 20,
	TRIES = 3, /* the root directory may change between two stats */
	PARENTS = 4,
};

/* The root mount as the kernel identifies it. */
struct root_id {
	unsigned major, minor;
	uint64_t mount; /* 0 before Linux 5.8 */
};

struct search {
	const struct target_host *host;
	const struct container *c;
	struct target *t;
	struct root_id root;
	struct overlay *layers;
	char type[32];
	char point[TARGET_PATH];
	bool found;
};

/* A stat that asks no FUSE server. */
static int stat_cached(int fd, struct statx *ret)
{
	int flags = AT_EMPTY_PATH | AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT;

	return statx(fd, "", flags, STATX_BASIC_STATS | STATX_MNT_ID, ret) < 0 ? -errno : 0;
}

static int identify_root(int root_fd, struct root_id *ret)
{
	struct statx st;
	int rc = stat_cached(root_fd, &st);

	if (rc < 0)
		return rc;
	ret->major = st.stx_dev_major;
	ret->minor = st.stx_dev_minor;
	ret->mount = (st.stx_mask & STATX_MNT_ID) ? st.stx_mnt_id : 0;
	return 0;
}

static bool same_time(struct statx_timestamp a, struct statx_timestamp b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

/*
 * Is this directory the upper side of the target's root? A merged directory shows its upper
 * side's mode and times, and a change time cannot be set by anybody.
 */
static bool is_upper_of(int root_fd, int upper_fd)
{
	for (int i = 0; i < TRIES; i++) {
		struct statx a, b;

		if (stat_cached(root_fd, &a) < 0 || stat_cached(upper_fd, &b) < 0)
			return false;
		if (S_ISDIR(b.stx_mode) && a.stx_mode == b.stx_mode &&
			same_time(a.stx_ctime, b.stx_ctime) && same_time(a.stx_mtime, b.stx_mtime))
			return true;
	}
	return false;
}

/* --- mount tables --- */

static bool is_root_mount(const struct search *s, const struct procfs_mount *m, bool own_table)
{
	if (!s->t->running)
		return !strcmp(m->point, s->c->rootfs);
	if (m->major != s->root.major || m->minor != s->root.minor)
		return false;
	if (own_table && s->root.mount)
		return m->id == s->root.mount;
	/* seen from the host: the whole file system, not a directory of it bound elsewhere */
	return !strcmp(m->root, "/") && (!own_table || !strcmp(m->point, "/"));
}

static void search_table(struct search *s, char *text, bool own_table)
{
	char *line;

	while (!s->found && (line = procfs_next_line(&text))) {
		struct procfs_mount m;

		if (procfs_parse_mount(line, &m) < 0 || !is_root_mount(s, &m, own_table))
			continue;
		s->found = true;
		(void)RECORD_TEXT(s->type, m.type);
		(void)RECORD_TEXT(s->point, m.point);
		overlay_parse(m.super, s->layers);
	}
}

static void search_process(struct search *s, pid_t pid)
{
	own_fd int fd = procfs_open_pid(s->host->proc_fd, pid, NULL);
	own_buf struct buf text = BUF_INIT(MOUNTINFO_MAX);
	int rc = fd < 0 ? fd : io_read_file(fd, "mountinfo", &text, NULL);

	if (rc == 0 || rc == -EFBIG)
		search_table(s, text.data ? text.data : (char[]){""}, false);
}

/* The host's init, then the processes that started the target (shim, conmon), as long as they
 * are outside its namespaces: the shim may have a mount namespace of its own. */
static void search_host(struct search *s)
{
	pid_t pid = s->t->pid;

	search_process(s, 1);
	if (!s->found)
		search_process(s, proctab_self(s->host->proc_fd));
	for (int i = 0; !s->found && i < PARENTS; i++) {
		own_fd int fd = procfs_open_pid(s->host->proc_fd, pid, NULL);
		struct procfs_stat st;
		uint64_t mnt, ns_pid;

		if (fd < 0 || procfs_read_stat(fd, &st, NULL) < 0 || st.ppid <= 1)
			return;
		own_fd int up = procfs_open_pid(s->host->proc_fd, st.ppid, NULL);

		pid = st.ppid;
		if (up < 0 || procfs_ns_inode(up, "mnt", &mnt, NULL) < 0 ||
			procfs_ns_inode(up, "pid", &ns_pid, NULL) < 0)
			return;
		if (mnt != s->t->ns_mnt && ns_pid != s->t->ns_pid)
			search_process(s, pid);
	}
}

static void search_own(struct search *s)
{
	own_buf struct buf text = BUF_INIT(MOUNTINFO_MAX);
	int rc = attach_read(s->t, "mountinfo", &text, NULL);

	if (rc == 0 || rc == -EFBIG)
		search_table(s, text.data ? text.data : (char[]){""}, true);
}

/* --- layers --- */

/* Cuts the last n components off a path. */
static void cut_names(char *path, unsigned n)
{
	while (n--) {
		char *slash = strrchr(path, '/');

		if (!slash)
			return;
		*slash = '\0';
	}
}

/*
 * Where relative layers start: the driver's home. Docker mounts HOME/ID/merged from
 * HOME with "l/SHORT" and "ID/diff".
 */
static bool make_absolute(const struct search *s, const char *path, char ret[TARGET_PATH])
{
	char home[TARGET_PATH];

	ret[0] = '\0';
	if (path[0] == '/')
		return RECORD_TEXT(*(char(*)[TARGET_PATH])ret, path);
	(void)RECORD_TEXT(home, s->c && s->c->layers[0] ? s->c->layers : s->point);
	if (!s->c || !s->c->layers[0])
		cut_names(home, 2);
	return home[0] && (size_t)snprintf(ret, TARGET_PATH, "%s/%s", home, path) < TARGET_PATH;
}

/*
 * State below a user's home is that user's text: a layer of theirs is their own directory, not
 * one they only point at.
 */
static bool is_owners(const struct search *s, int fd)
{
	struct stat st;

	return !s->c || !s->c->owner || (fstat(fd, &st) == 0 && st.st_uid == s->c->owner);
}

static void open_lowers(struct search *s)
{
	struct target *t = s->t;
	const struct overlay *o = s->layers;

	t->lowers_complete = !o->truncated;
	for (unsigned i = 0; i < o->lowers; i++) {
		char path[TARGET_PATH];
		int fd = -1;

		if (make_absolute(s, o->text + o->lower[i], path))
			fd = hostfs_open_dir(s->host->root_fd, path, NULL);
		if (fd >= 0 && !is_owners(s, fd)) {
			close(fd);
			fd = -1;
		}
		if (fd < 0)
			t->lowers_complete = false;
		else
			t->fd[TFD_LOWER0 + t->lowers++] = fd;
	}
}

static void note(struct target *t, enum rootfs_kind kind, const char *text)
{
	t->rootfs = kind;
	(void)RECORD_TEXT(t->rootfs_note, text);
}

static enum rootfs_kind overlay_kind(const char *type)
{
	return strncmp(type, "fuse", 4) ? ROOTFS_OVERLAY : ROOTFS_FUSE_OVERLAY;
}

/* Opens what s->layers names. trusted: the text comes from the host, a mismatch is only told. */
static void take_layers(struct search *s, bool trusted)
{
	struct target *t = s->t;
	char path[TARGET_PATH];
	own_fd int fd = -1;

	if (!s->layers->has_upper) {
		note(t, overlay_kind(s->type), "the root is read-only: no writable layer");
		open_lowers(s);
		return;
	}
	if (!make_absolute(s, s->layers->upper, path)) {
		note(t, ROOTFS_UNKNOWN, "the writable layer is a relative path of unknown start");
		return;
	}
	fd = hostfs_open_dir(s->host->root_fd, path, NULL);
	if (fd < 0) {
		note(t, ROOTFS_UNKNOWN, "the writable layer is not where it should be");
		record_finding(t, "no directory at %s, which should be the writable layer", path);
		return;
	}
	if (!is_owners(s, fd)) {
		note(t, ROOTFS_UNKNOWN, "a user's state names a layer that is not that user's");
		record_finding(t,
			"%s, which its state names as its writable layer, is not of uid %u: "
			"not read",
			path, (unsigned)s->c->owner);
		return;
	}
	/* a FUSE root shows what its server says, cached: no proof either way */
	if (t->running && overlay_kind(s->type) == ROOTFS_OVERLAY &&
		!is_upper_of(t->fd[TFD_ROOT], fd)) {
		record_finding(t, "the root of the init process does not lie over %s%s", path,
			trusted ? ", its writable layer: it has another root by now"
				: ", as its own mount table says: not read");
		if (!trusted) {
			note(t, ROOTFS_UNKNOWN,
				"its own mount table names a writable layer that is not");
			return;
		}
	}
	t->rootfs = overlay_kind(s->type);
	t->fd[TFD_UPPER] = take_fd(&fd);
	(void)RECORD_TEXT(t->upper_path, path);
	if (trusted)
		open_lowers(s);
	else
		(void)RECORD_TEXT(t->rootfs_note, "the layer is known from the target's own mount "
						  "table and proven; lower layers are not");
}

static bool from_state(struct search *s)
{
	struct overlay *o = s->layers;
	char path[TARGET_PATH];

	if (!s->c || !s->c->upper[0])
		return false;
	if (!make_absolute(s, s->c->upper, path) || !hostfs_is_dir(s->host->root_fd, path)) {
		record_finding(s->t,
			"no directory at %s, where the runtime says the writable layer is", path);
		return false;
	}
	if (s->t->running)
		search_host(s);
	if (!s->found)
		(void)RECORD_TEXT(
			s->type, strcmp(s->c->driver, "fuse-overlayfs") ? "overlay" : "fuse");
	overlay_parse((char[]){""}, o);
	o->has_upper = true;
	(void)RECORD_TEXT(o->upper, s->c->upper);
	overlay_add_lowers(o, s->c->lower);
	take_layers(s, true);
	return true;
}

static void from_mounts(struct search *s)
{
	bool trusted;

	search_host(s);
	trusted = s->found;
	if (!s->found)
		search_own(s);
	if (!s->found)
		note(s->t, ROOTFS_PLAIN, "no mount table shows the root's file system");
	else if (!strcmp(s->type, "overlay"))
		take_layers(s, trusted);
	else
		snprintf(s->t->rootfs_note, sizeof(s->t->rootfs_note),
			"a directory on %s without layers", s->type);
	if (s->t->rootfs == ROOTFS_UNKNOWN && s->found && strcmp(s->type, "overlay") != 0)
		s->t->rootfs = ROOTFS_PLAIN;
}

/* It has ended, but its file system may still be mounted, or be a directory of its own. */
static void from_disk(struct search *s)
{
	struct target *t = s->t;
	int fd;

	if (!s->c || !s->c->rootfs[0]) {
		note(t, ROOTFS_UNKNOWN, "it does not run, and its state names no layer");
		return;
	}
	search_process(s, 1);
	if (!s->found)
		search_process(s, proctab_self(s->host->proc_fd));
	if (s->found && !strcmp(s->type, "overlay")) {
		take_layers(s, true);
		return;
	}
	if (!s->found && s->c->kind == RUNTIME_CONTAINERD) {
		note(t, ROOTFS_UNKNOWN,
			"it does not run: its layer is known to containerd's database alone");
		return;
	}
	fd = hostfs_open_dir(s->host->root_fd, s->c->rootfs, NULL);
	if (fd < 0) {
		note(t, ROOTFS_UNKNOWN, "it does not run, and its root directory is gone");
		return;
	}
	if (!is_owners(s, fd)) {
		close(fd);
		note(t, ROOTFS_UNKNOWN, "a user's state names a root that is not that user's");
		return;
	}
	t->fd[TFD_ROOT] = fd;
	note(t, ROOTFS_PLAIN, "a directory on disk; the container does not run");
}

static bool is_host_root(const struct target_host *host, int fd)
{
	struct stat ours, theirs;

	return fstat(host->root_fd, &ours) == 0 && fstat(fd, &theirs) == 0 &&
	       ours.st_dev == theirs.st_dev && ours.st_ino == theirs.st_ino;
}

int rootfs_resolve(
	const struct target_host *host, const struct container *c, struct target *t, struct err *e)
{
	own_free struct overlay *layers = malloc(sizeof(*layers));
	own_free struct search *s = calloc(1, sizeof(*s));

	if (!layers || !s)
		return err_set(e, ENOMEM, "no memory for the layers");
	*s = (struct search){.host = host, .c = c, .t = t, .layers = layers};
	if (t->running && identify_root(t->fd[TFD_ROOT], &s->root) < 0) {
		note(t, ROOTFS_UNKNOWN, "the root directory cannot be looked at");
		return 0;
	}
	t->host_root = t->running && is_host_root(host, t->fd[TFD_ROOT]);
	if (t->host_root) {
		note(t, ROOTFS_UNKNOWN, "its root directory is the host's own");
		return 0;
	}
	if (from_state(s))
		return 0;
	if (t->running)
		from_mounts(s);
	else
		from_disk(s);
	if (t->rootfs == ROOTFS_PLAIN && c && c->lower[0]) {
		overlay_parse((char[]){""}, layers);
		overlay_add_lowers(layers, c->lower);
		open_lowers(s);
	}
	return 0;
}
