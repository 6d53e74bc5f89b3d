/* SPDX-License-Identifier: Apache-2.0 */
/* publish - the bundle's file on its way to its name. */
#include "publish.h"
#include "io.h"
#include "own.h"
#include "sign.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

struct publish {
	int dir_fd, fd;
	bool finished;
	char dir[PATH_MAX]; /* as given, with its '/' */
	char name[NAME_MAX + 1];
	char partial[NAME_MAX + 1];
	char path[PATH_MAX + NAME_MAX + 2];
};

bool publish_streams(const struct publish *p)
{
	return p->dir_fd < 0;
}

int publish_fd(const struct publish *p)
{
	return p->fd;
}

int publish_dir(const struct publish *p)
{
	return p->dir_fd;
}

const char *publish_path(const struct publish *p)
{
	return p->path;
}

static void set_path(struct publish *p, const char *name)
{
	snprintf(p->path, sizeof(p->path), "%s%s", p->dir, name);
}

static int open_stdout(struct publish *p, struct err *e)
{
	if (isatty(STDOUT_FILENO))
		return err_set(e, EINVAL,
			"standard output is a terminal: redirect it, or name a file with --output");
	p->fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	if (p->fd < 0)
		return err_errno(e, "standard output");
	snprintf(p->path, sizeof(p->path), "-");
	return 0;
}

static bool is_dir(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* Sets dir (with its '/', "" for the current one) and name. */
static int split(struct publish *p, const char *output, const char *default_name, struct err *e)
{
	const char *slash = strrchr(output, '/');
	int n, m;

	if (is_dir(output) || (slash && !slash[1])) {
		const char *sep = output[0] && output[strlen(output) - 1] != '/' ? "/" : "";

		n = snprintf(p->dir, sizeof(p->dir), "%s%s", output, sep);
		m = snprintf(p->name, sizeof(p->name), "%s", default_name);
	} else {
		int len = slash ? (int)(slash - output) + 1 : 0;

		n = snprintf(p->dir, sizeof(p->dir), "%.*s", len, output);
		m = snprintf(p->name, sizeof(p->name), "%s", output + len);
	}
	if (n < 0 || (size_t)n >= sizeof(p->dir) || m <= 0 || m > NAME_MAX - 8)
		return err_set(e, ENAMETOOLONG, "--output: the name is too long");
	snprintf(p->partial, sizeof(p->partial), "%.247s.partial", p->name);
	return 0;
}

static int open_file(struct publish *p, struct err *e)
{
	static const char *const suffix[] = {"", ".sha256", ".sig"};
	char name[NAME_MAX + 1];
	struct stat st;

	p->dir_fd = open(p->dir[0] ? p->dir : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (p->dir_fd < 0)
		return err_errno(e, "open the output directory '%.160s'", p->dir[0] ? p->dir : ".");
	for (size_t i = 0; i < sizeof(suffix) / sizeof(suffix[0]); i++) {
		snprintf(name, sizeof(name), "%.247s%s", p->name, suffix[i]);
		if (fstatat(p->dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
			return err_set(
				e, EEXIST, "'%.200s' exists: taphos overwrites nothing", name);
	}
	p->fd = openat(
		p->dir_fd, p->partial, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (p->fd < 0 && errno == EEXIST)
		return err_set(e, EEXIST,
			"'%.160s' exists: another run, or what one left; move it away", p->partial);
	if (p->fd < 0)
		return err_errno(e, "create '%.160s'", p->partial);
	set_path(p, p->partial);
	return 0;
}

int publish_open(const char *output, const char *default_name, struct publish **ret, struct err *e)
{
	struct publish *p = calloc(1, sizeof(*p));
	int rc;

	if (!p)
		return err_set(e, ENOMEM, "no memory");
	p->dir_fd = p->fd = -1;
	if (output && !strcmp(output, "-")) {
		rc = open_stdout(p, e);
	} else {
		rc = split(p, output ? output : ".", default_name, e);
		if (rc == 0)
			rc = open_file(p, e);
	}
	if (rc < 0) {
		publish_free(p);
		return rc;
	}
	*ret = p;
	return 0;
}

static int put_file(
	struct publish *p, const char *suffix, const void *data, size_t n, struct err *e)
{
	char name[NAME_MAX + 1];
	own_fd int fd = -1;
	int rc;

	snprintf(name, sizeof(name), "%.247s%s", p->name, suffix);
	fd = openat(p->dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_errno(e, "create '%.160s'", name);
	rc = io_write(fd, data, n);
	if (rc == 0 && fsync(fd) < 0)
		rc = -errno;
	if (rc == 0 && close(take_fd(&fd)) < 0)
		rc = -errno;
	if (rc < 0) {
		(void)unlinkat(p->dir_fd, name, 0);
		return err_set(e, -rc, "write '%.120s': %s", name, strerror(-rc));
	}
	return 0;
}

/* Where there are no hard links either: what is replaced is an empty file of our own. */
static int replace_own(struct publish *p, struct err *e)
{
	own_fd int fd = openat(
		p->dir_fd, p->name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd >= 0 && renameat(p->dir_fd, p->partial, p->dir_fd, p->name) == 0)
		return 0;
	(void)err_errno(e, "rename '%.160s'", p->partial);
	if (fd >= 0)
		(void)unlinkat(p->dir_fd, p->name, 0);
	return -EIO;
}

static int give_name(struct publish *p, struct err *e)
{
	if (renameat2(p->dir_fd, p->partial, p->dir_fd, p->name, RENAME_NOREPLACE) == 0)
		return 0;
	/* not every file system can refuse to replace: link() always does */
	if (errno != EINVAL && errno != ENOSYS)
		return err_errno(e, "rename '%.160s'", p->partial);
	if (linkat(p->dir_fd, p->partial, p->dir_fd, p->name, 0) == 0) {
		(void)unlinkat(p->dir_fd, p->partial, 0);
		return 0;
	}
	if (errno == EEXIST)
		return err_errno(e, "rename '%.160s'", p->partial);
	return replace_own(p, e);
}

static int put_beside(
	struct publish *p, const char *sha256, const struct sign_key *key, struct err *e)
{
	char line[NAME_MAX + 80];
	uint8_t sig[SEAL_SIG];
	int n, rc;

	n = snprintf(line, sizeof(line), "%s  %s\n", sha256, p->name);
	rc = put_file(p, ".sha256", line, (size_t)n, e);
	if (rc == 0 && key)
		rc = sign_bytes(key, line, (size_t)n, sig, e);
	if (rc == 0 && key)
		rc = put_file(p, ".sig", sig, sizeof(sig), e);
	return rc;
}

int publish_finish(struct publish *p, const char *sha256, const struct sign_key *key, struct err *e)
{
	int beside, rc;

	p->finished = true;
	if (publish_streams(p))
		return 0;
	/* The bundle is whole and gets its name, also where there is no room for the others. */
	beside = put_beside(p, sha256, key, e);
	rc = give_name(p, beside < 0 ? NULL : e);
	if (rc == 0)
		set_path(p, p->name);
	if (rc == 0 && fsync(p->dir_fd) < 0 && errno != EINVAL)
		rc = err_errno(beside < 0 ? NULL : e, "flush the output directory");
	return beside < 0 ? beside : rc;
}

bool publish_is_whole(const struct publish *p)
{
	return p->finished;
}

void publish_discard(struct publish *p)
{
	if (!publish_streams(p) && !p->finished)
		(void)unlinkat(p->dir_fd, p->partial, 0);
}

void publish_free(struct publish *p)
{
	if (!p)
		return;
	own_fd_(&p->fd);
	own_fd_(&p->dir_fd);
	free(p);
}
