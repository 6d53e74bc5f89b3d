/* SPDX-License-Identifier: Apache-2.0 */
/* freezer - stops all processes of a cgroup at one moment. */
#include "freezer.h"
#include "buf.h"
#include "io.h"
#include "now.h"
#include "own.h"
#include "procfs.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <string.h>
#include <sys/vfs.h>
#include <time.h>

enum {
	MOUNTINFO_MAX = 4 << 20,
	STATE_MAX = 256,
	V1_TICK_MS = 1,
	V1_AGAIN_MS = 20, /* v1 misses a task that is just being made: asked again */
};

const char *const freezer_names[FREEZER_KINDS] = {"none", "cgroup2", "cgroup1"};

static const char *const state_files[FREEZER_KINDS] = {"", "cgroup.freeze", "freezer.state"};

/* ---- where the hierarchies are */

static int open_hierarchy(int root_fd, const char *point, enum freezer_kind kind)
{
	own_fd int fd = io_open_in(root_fd, point, O_PATH | O_DIRECTORY, NULL);
	struct statfs fs;

	if (fd < 0 || fstatfs(fd, &fs) < 0)
		return -1;
	if ((unsigned long)fs.f_type !=
		(kind == FREEZER_V2 ? CGROUP2_SUPER_MAGIC : CGROUP_SUPER_MAGIC))
		return -1;
	return take_fd(&fd);
}

static bool has_freezer(char *super)
{
	char *option;

	while ((option = procfs_next_option(&super)))
		if (!strcmp(option, "freezer"))
			return true;
	return false;
}

static bool is_hierarchy(struct procfs_mount *m, enum freezer_kind kind)
{
	if (strcmp(m->root, "/") != 0)
		return false;
	if (kind == FREEZER_V2)
		return !strcmp(m->type, "cgroup2");
	return !strcmp(m->type, "cgroup") && has_freezer(m->super);
}

/* By the mounts of the host's first process. */
static int search_mounts(const struct target_host *host, enum freezer_kind kind)
{
	own_buf struct buf text = BUF_INIT(MOUNTINFO_MAX);
	char *rest, *line;

	if (io_read_file(host->proc_fd, "1/mountinfo", &text, NULL) < 0 || !text.len)
		return -1;
	rest = text.data;
	while ((line = procfs_next_line(&rest))) {
		struct procfs_mount m;
		int fd;

		if (procfs_parse_mount(line, &m) < 0 || !is_hierarchy(&m, kind))
			continue;
		fd = open_hierarchy(host->root_fd, m.point, kind);
		if (fd >= 0)
			return fd;
	}
	return -1;
}

int freezer_mount(const struct target_host *host, enum freezer_kind kind)
{
	static const char *const usual[FREEZER_KINDS][2] = {
		[FREEZER_V2] = {"sys/fs/cgroup", "sys/fs/cgroup/unified"},
		[FREEZER_V1] = {"sys/fs/cgroup/freezer", "sys/fs/cgroup/freezer"},
	};
	int fd = open_hierarchy(host->root_fd, usual[kind][0], kind);

	if (fd < 0)
		fd = open_hierarchy(host->root_fd, usual[kind][1], kind);
	return fd >= 0 ? fd : search_mounts(host, kind);
}

/* ---- opening */

/* A short file of the kernel's, from its start. */
static int read_state(int fd, char text[STATE_MAX])
{
	ssize_t n = pread(fd, text, STATE_MAX - 1, 0);

	if (n < 0)
		return -errno;
	text[n] = '\0';
	return 0;
}

static bool says(const char *text, const char *line)
{
	const char *at = strstr(text, line);

	return at && (at == text || at[-1] == '\n') && at[strlen(line)] == '\n';
}

/* 1: frozen. v1 looks at its tasks when it is asked. */
static int is_frozen(const struct freezer *f)
{
	char text[STATE_MAX];
	int rc = read_state(f->kind == FREEZER_V2 ? f->events_fd : f->state_fd, text);

	if (rc < 0)
		return rc;
	return says(text, f->kind == FREEZER_V2 ? "frozen 1" : "FROZEN");
}

bool freezer_holds(const struct freezer *f)
{
	return is_frozen(f) > 0;
}

bool freezer_is_asked(const struct freezer *f)
{
	char text[STATE_MAX];

	if (read_state(f->state_fd, text) < 0)
		return false;
	return is_frozen(f) > 0 ||
	       (f->kind == FREEZER_V2 ? says(text, "1") : !says(text, "THAWED"));
}

static bool is_empty(const struct freezer *f)
{
	char text[STATE_MAX];

	if (f->kind == FREEZER_V2)
		return read_state(f->events_fd, text) < 0 || says(text, "populated 0");
	return false; /* v1 does not say: outsiders_check() does */
}

static int open_kind(const struct target_host *host, enum freezer_kind kind, const char *path,
	struct freezer *ret)
{
	own_freezer struct freezer f = FREEZER_INIT;
	own_fd int mount = -1;
	size_t len = strlen(path);

	path += strspn(path, "/");
	if (!*path || len >= sizeof(f.path)) /* the root cannot be frozen */
		return -ENOENT;
	mount = freezer_mount(host, kind);
	if (mount < 0)
		return -ENOENT;
	f.kind = kind;
	memcpy(f.path, path, strlen(path) + 1);
	f.dir_fd = io_open_in(mount, path, O_RDONLY | O_DIRECTORY, NULL);
	if (f.dir_fd < 0)
		return f.dir_fd;
	f.state_fd = io_open_in(f.dir_fd, state_files[kind], O_RDWR, NULL);
	if (f.state_fd < 0)
		return f.state_fd;
	if (kind == FREEZER_V2)
		f.events_fd = io_open_in(f.dir_fd, "cgroup.events", O_RDONLY, NULL);
	if (kind == FREEZER_V2 && f.events_fd < 0)
		return f.events_fd;
	if (is_empty(&f))
		return -ENOENT;
	f.theirs = freezer_is_asked(&f);
	*ret = f;
	f = FREEZER_INIT;
	return 0;
}

/* On a host with both hierarchies a runtime may have paused it through v1: the other one would
 * wait for ever for tasks that stand still already. */
int freezer_open(
	const struct target_host *host, const struct target *t, struct freezer *ret, struct err *e)
{
	own_freezer struct freezer new = FREEZER_INIT, old = FREEZER_INIT;
	int v2 = open_kind(host, FREEZER_V2, t->cgroup_v2, &new);
	int v1 = open_kind(host, FREEZER_V1, t->cgroup_v1, &old);
	struct freezer *f = v1 == 0 && (v2 < 0 || (old.theirs && !new.theirs)) ? &old : &new;

	if (v1 == 0 || v2 == 0) {
		*ret = *f;
		*f = FREEZER_INIT;
		return 0;
	}
	if (v2 == -ENOENT && v1 == -ENOENT)
		return err_set(e, ENOENT, "it has no cgroup of its own that can be frozen");
	v2 = v2 == -ENOENT ? v1 : v2;
	return err_set(e, -v2, "open the freezer of its cgroup: %s", strerror(-v2));
}

void freezer_close(struct freezer *f)
{
	own_fd_(&f->dir_fd);
	own_fd_(&f->state_fd);
	own_fd_(&f->events_fd);
	*f = FREEZER_INIT;
}

/* ---- freezing */

static int put(int fd, const char *word)
{
	return pwrite(fd, word, strlen(word), 0) < 0 ? -errno : 0;
}

int freezer_thaw(enum freezer_kind kind, int state_fd, struct err *e)
{
	int rc = put(state_fd, kind == FREEZER_V2 ? "0" : "THAWED");

	if (rc == -ENODEV || rc == -ENOENT) /* the cgroup is gone, and who was in it */
		return 0;
	return rc < 0 ? err_set(e, -rc, "thaw: %s", strerror(-rc)) : 0;
}

/* v2 wakes who polls; v1 has to be asked. */
static void wait_change(const struct freezer *f, uint64_t left_ns)
{
	struct pollfd p = {.fd = f->events_fd, .events = POLLPRI};
	int left_ms = (int)(left_ns / 1000000) + 1;

	if (f->kind == FREEZER_V2)
		(void)poll(&p, 1, left_ms);
	else
		(void)poll(NULL, 0, V1_TICK_MS);
}

static int await_frozen(const struct freezer *f, uint64_t until_ns)
{
	uint64_t now = now_ns(), asked = now;
	int rc;

	while ((rc = is_frozen(f)) == 0 && now < until_ns) {
		if (f->kind == FREEZER_V1 && now - asked > V1_AGAIN_MS * 1000000ULL) {
			(void)put(f->state_fd, "FROZEN");
			asked = now;
		}
		wait_change(f, until_ns - now);
		now = now_ns();
	}
	return rc;
}

int freezer_freeze(const struct freezer *f, uint64_t until_ns, struct err *e)
{
	uint64_t start = now_ns();
	int rc = f->theirs ? 0 : put(f->state_fd, f->kind == FREEZER_V2 ? "1" : "FROZEN");

	if (rc < 0)
		return err_set(e, -rc, "freeze: %s", strerror(-rc));
	rc = await_frozen(f, until_ns);
	if (rc > 0)
		return 0;
	if (!f->theirs)
		(void)!freezer_thaw(f->kind, f->state_fd, NULL);
	if (rc < 0)
		return err_set(e, -rc, "freeze: %s", strerror(-rc));
	return err_set(e, ETIMEDOUT, "a task did not freeze within %llu ms",
		(unsigned long long)(now_ns() - start) / 1000000);
}
