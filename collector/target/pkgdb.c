/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pkgdb - which package of the host a file is from.
 *
 * dpkg has a list of files for each package, with no index from file to package: those
 * whose names sound like containers are read first, the others only when a question is
 * left. The name decides nothing, the list does.
 */
#include "pkgdb.h"
#include "buf.h"
#include "hostfs.h"
#include "io.h"
#include "lines.h"
#include "own.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { LIST_MAX = 8 << 20 }; /* bytes of one package's */

#define DPKG_LISTS "var/lib/dpkg/info"
#define DPKG_STATUS "var/lib/dpkg/status"
#define APK_INSTALLED "lib/apk/db/installed"

const char *const pkgdb_paths[PKGDB_KINDS] = {
	[PKGDB_NONE] = "",
	[PKGDB_DPKG] = "/var/lib/dpkg",
	[PKGDB_APK] = "/lib/apk/db/installed",
};

/* A path without the /usr that may be left out, and its length: most lines differ in that. */
struct sought {
	const char *path;
	size_t len;
	struct pkgdb_owner *owner;
};

struct search {
	int root_fd, dir_fd;
	struct sought sought[PKGDB_QUESTIONS];
	unsigned n, left;
	bool merged;	  /* /bin is a link to /usr/bin: both names are one file's */
	bool sounding;	  /* this time only lists whose names sound like containers */
	uint64_t lengths; /* bit n: some path has n bytes, modulo 64 */
	struct buf list;  /* the one that is read; storage kept */
	struct lines *lines;
	struct err *e;
};

static uint64_t length_bit(size_t len)
{
	return 1ULL << len % 64;
}

static bool in_system_folder(const char *path)
{
	return !strncmp(path, "/bin/", 5) || !strncmp(path, "/sbin/", 6) ||
	       !strncmp(path, "/lib", 4);
}

static const char *without_usr(const struct search *s, const char *path)
{
	return s->merged && !strncmp(path, "/usr/", 5) && in_system_folder(path + 4) ? path + 4
										     : path;
}

/* The open question about this path, NULL when there is none. */
static struct pkgdb_owner *asked(const struct search *s, const char *path)
{
	size_t len;

	path = without_usr(s, path);
	len = strlen(path);
	if (!(s->lengths & length_bit(len)))
		return NULL;
	for (unsigned i = 0; i < s->n; i++) {
		const struct sought *q = &s->sought[i];

		if (q->len == len && !q->owner->kind && !memcmp(q->path, path, len))
			return q->owner;
	}
	return NULL;
}

static int open_lines(struct search *s, int fd, const char *name)
{
	if (fd < 0)
		return err_set(s->e, -fd, "open %s: %s", name, strerror(-fd));
	lines_begin(s->lines, fd);
	return 0;
}

static int end_lines(const struct search *s, const char *name)
{
	int rc = s->lines->error;

	return rc < 0 ? err_set(s->e, -rc, "read %s: %s", name, strerror(-rc)) : 0;
}

static void copy(char *ret, size_t size, const char *text, size_t n)
{
	if (n < size)
		memcpy(ret, text, n);
	ret[n < size ? n : 0] = '\0';
}

/* --- dpkg --- */

static bool sounds_like_containers(const char *name)
{
	static const char *const words[] = {"docker", "moby", "container", "runc", "runsc", "crun",
		"podman", "conmon", "cri-", "kube", "k3s", "k0s", "kata", "youki"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strstr(name, words[i]))
			return true;
	return false;
}

/* "runc.list", "libc6:amd64.list" */
static void own_by(struct pkgdb_owner *o, const char *list, size_t len)
{
	const char *colon = memchr(list, ':', len);
	size_t name = colon ? (size_t)(colon - list) : len;

	o->kind = PKGDB_DPKG;
	copy(o->name, sizeof(o->name), list, name);
	if (colon)
		copy(o->architecture, sizeof(o->architecture), colon + 1, len - name - 1);
}

/* There are tens of megabytes of these in all: few lines get beyond their length. */
static void search_list(struct search *s, const char *list, size_t len)
{
	char *line = s->list.data, *end = line + s->list.len, *nl;

	for (; line < end; line = nl + 1) {
		struct pkgdb_owner *o;
		size_t n;

		nl = memchr(line, '\n', (size_t)(end - line));
		if (!nl)
			nl = end; /* a buf has a NUL there */
		n = (size_t)(nl - line);
		if (!(s->lengths & length_bit(n)))
			continue;
		*nl = '\0';
		o = asked(s, line);
		if (o) {
			own_by(o, list, len);
			s->left--;
		}
	}
}

static int read_list(const char *name, void *arg)
{
	struct search *s = arg;
	size_t len = strlen(name), tail = strlen(".list");
	own_fd int fd = -1;
	int rc;

	if (len <= tail || strcmp(name + len - tail, ".list") != 0 ||
		sounds_like_containers(name) != s->sounding)
		return 0;
	fd = io_open_in(s->dir_fd, name, O_RDONLY, s->e);
	buf_clear(&s->list);
	rc = fd < 0 ? fd : io_read_all(fd, &s->list, s->e);
	if (s->list.len)
		search_list(s, name, len - tail);
	return rc == 0 && !s->left ? 1 : rc;
}

/* One stanza of dpkg's status. */
struct stanza {
	char name[128], architecture[32], version[128];
	bool installed;
};

static void take_field(const char *line, struct stanza *ret)
{
	const struct {
		const char *key;
		char *to;
		size_t size;
	} fields[] = {
		{"Package: ", ret->name, sizeof(ret->name)},
		{"Architecture: ", ret->architecture, sizeof(ret->architecture)},
		{"Version: ", ret->version, sizeof(ret->version)},
	};

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		size_t n = strlen(fields[i].key);

		if (!strncmp(line, fields[i].key, n))
			copy(fields[i].to, fields[i].size, line + n, strlen(line + n));
	}
	if (!strncmp(line, "Status: ", 8))
		ret->installed = !strstr(line, " not-installed") && !strstr(line, " config-files");
}

static void give_version(const struct search *s, const struct stanza *p)
{
	for (unsigned i = 0; p->installed && i < s->n; i++) {
		struct pkgdb_owner *o = s->sought[i].owner;

		if (o->kind != PKGDB_DPKG || o->version[0] || strcmp(o->name, p->name) != 0 ||
			(o->architecture[0] && strcmp(o->architecture, p->architecture) != 0))
			continue;
		memcpy(o->version, p->version, sizeof(o->version));
		memcpy(o->architecture, p->architecture, sizeof(o->architecture));
	}
}

static int read_status(struct search *s)
{
	own_fd int fd = hostfs_open_file(s->root_fd, DPKG_STATUS, NULL);
	struct stanza p = {0};
	const char *line;
	int rc = open_lines(s, fd, DPKG_STATUS);

	if (rc < 0)
		return rc;
	while ((line = lines_next(s->lines))) {
		if (*line) {
			take_field(line, &p);
			continue;
		}
		give_version(s, &p);
		p = (struct stanza){0};
	}
	give_version(s, &p);
	return end_lines(s, DPKG_STATUS);
}

static int search_dpkg(struct search *s)
{
	own_fd int dir = hostfs_open_dir(s->root_fd, DPKG_LISTS, NULL);
	unsigned before = s->left;
	int rc = 0;

	if (dir == -ENOENT || dir == -ENOTDIR)
		return 0;
	if (dir < 0)
		return err_set(s->e, -dir, "open %s: %s", DPKG_LISTS, strerror(-dir));
	s->dir_fd = dir;
	for (int pass = 0; pass < 2 && s->left && rc >= 0; pass++) {
		s->sounding = pass == 0;
		rc = hostfs_each_name(s->root_fd, DPKG_LISTS, read_list, s, s->e);
	}
	s->dir_fd = -1;
	if (s->left == before)
		return rc < 0 ? rc : 0;
	return rc < 0 ? rc : read_status(s);
}

/* --- apk: one file of stanzas, P: package, V: version, A: architecture, F: a folder without its
 * leading '/', R: a file in the folder named last --- */

static void take_apk_file(
	struct search *s, const struct stanza *p, const char *folder, const char *name)
{
	char path[4096];
	struct pkgdb_owner *o;

	if ((size_t)snprintf(path, sizeof(path), "/%s/%s", folder, name) >= sizeof(path))
		return;
	o = asked(s, path);
	if (!o)
		return;
	o->kind = PKGDB_APK;
	memcpy(o->name, p->name, sizeof(o->name));
	memcpy(o->version, p->version, sizeof(o->version));
	memcpy(o->architecture, p->architecture, sizeof(o->architecture));
	s->left--;
}

static int search_apk(struct search *s)
{
	own_fd int fd = hostfs_open_file(s->root_fd, APK_INSTALLED, NULL);
	struct stanza p = {0};
	char folder[1024] = "";
	const char *line;

	if (fd == -ENOENT || fd == -ENOTDIR)
		return 0;
	if (open_lines(s, fd, APK_INSTALLED) < 0)
		return fd;
	while (s->left && (line = lines_next(s->lines))) {
		const char *value = *line && line[1] == ':' ? line + 2 : "";

		switch (*line) {
		case '\0':
			p = (struct stanza){0};
			break;
		case 'P':
			copy(p.name, sizeof(p.name), value, strlen(value));
			break;
		case 'V':
			copy(p.version, sizeof(p.version), value, strlen(value));
			break;
		case 'A':
			copy(p.architecture, sizeof(p.architecture), value, strlen(value));
			break;
		case 'F':
			copy(folder, sizeof(folder), value, strlen(value));
			break;
		case 'R':
			take_apk_file(s, &p, folder, value);
			break;
		}
	}
	return end_lines(s, APK_INSTALLED);
}

int pkgdb_owners(int root_fd, const struct pkgdb_question *q, unsigned n, struct err *e)
{
	own_free struct lines *lines = malloc(sizeof(*lines));
	struct search s = {.root_fd = root_fd,
		.dir_fd = -1,
		.list = BUF_INIT(LIST_MAX),
		.lines = lines,
		.e = e};
	struct stat st;
	int rc, apk;

	if (!lines)
		return err_set(e, ENOMEM, "no memory");
	if (n > PKGDB_QUESTIONS)
		return err_set(e, E2BIG, "too many files to look up");
	s.merged = fstatat(root_fd, "bin", &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode);
	for (s.n = 0; s.n < n; s.n++) {
		const char *path = without_usr(&s, q[s.n].path);

		s.sought[s.n] = (struct sought){path, strlen(path), q[s.n].owner};
		s.lengths |= length_bit(strlen(path)) | length_bit(strlen(path) + strlen("/usr"));
	}
	s.left = n;
	rc = s.left ? search_dpkg(&s) : 0;
	buf_done(&s.list);
	apk = s.left ? search_apk(&s) : 0;
	return rc < 0 ? rc : apk;
}
