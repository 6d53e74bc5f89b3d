/* SPDX-License-Identifier: Apache-2.0 */
/* kubefile - the files and texts that a kubeconfig names. */
#include "kubefile.h"

#include "io.h"
#include "own.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum { LINKS_MAX = 16 };

void kubefile_wipe(char *secret)
{
	if (secret)
		explicit_bzero(secret, strlen(secret));
	free(secret);
}

void kubefile_wipe_buf(struct buf *b)
{
	if (b->data)
		explicit_bzero(b->data, b->cap);
	buf_done(b);
}

/* Puts in path what its last component, a link, leads to. */
static int follow(int fd, char *path, size_t size, struct err *e)
{
	own_buf struct buf to = BUF_INIT(PATH_MAX);
	char *slash = strrchr(path, '/');
	size_t dir = slash ? (size_t)(slash - path) + 1 : 0;
	int rc = io_read_link(fd, "", &to, e);

	if (rc < 0)
		return rc;
	if (buf_str(&to)[0] == '/')
		dir = 0;
	if (strlen(buf_str(&to)) != to.len || dir + to.len >= size)
		return err_set(e, ENAMETOOLONG, "the link leads to no name");
	memcpy(path + dir, buf_str(&to), to.len + 1);
	return 0;
}

/* A descriptor to read it with. */
static int open_followed(int root_fd, const char *name, struct err *e)
{
	char path[PATH_MAX];
	struct stat st;

	if (strlen(name) >= sizeof(path))
		return err_set(e, ENAMETOOLONG, "the name is too long");
	memcpy(path, name, strlen(name) + 1);
	for (int i = 0; i < LINKS_MAX; i++) {
		own_fd int fd = io_open_in(root_fd, path, O_PATH, e);
		int rc;

		if (fd < 0)
			return fd;
		if (fstat(fd, &st) < 0)
			return err_errno(e, "stat %s", path);
		if (S_ISREG(st.st_mode))
			return io_reopen(fd, e);
		if (!S_ISLNK(st.st_mode))
			return err_set(e, EINVAL, "%s is not a file", path);
		rc = follow(fd, path, sizeof(path), e);
		if (rc < 0)
			return rc;
	}
	return err_set(e, ELOOP, "too many links");
}

int kubefile_read(int root_fd, const char *path, struct buf *b, struct err *e)
{
	own_fd int fd = open_followed(root_fd, path, e);
	int rc = fd < 0 ? fd : io_read_all(fd, b, e);

	return rc < 0 ? err_wrap(e, rc, "%s", path) : 0;
}

int kubefile_text(int root_fd, const char *path, size_t max, char **ret, struct err *e)
{
	own_secret_buf struct buf b = BUF_INIT(max);
	int rc = kubefile_read(root_fd, path, &b, e);

	if (rc < 0)
		return rc;
	if (!b.len || strlen(b.data) != b.len)
		return err_set(e, EINVAL, "%s: %s", path, b.len ? "not a text" : "empty");
	*ret = strdup(b.data);
	return *ret ? 0 : err_set(e, ENOMEM, "out of memory");
}

int kubefile_base64(const char *s, char **ret, struct err *e)
{
	own_secret char *packed = malloc(strlen(s) + 1), *out = NULL;
	size_t len = 0, pad = 0, n;

	if (!packed)
		return err_set(e, ENOMEM, "out of memory");
	for (; *s; s++)
		if (!strchr(" \t\r\n", *s))
			packed[len++] = *s;
	packed[len] = '\0';
	while (pad < 2 && pad < len && packed[len - 1 - pad] == '=')
		pad++;
	n = len / 4 * 3 - (len >= 4 ? pad : 0);
	out = calloc(1, n + 1);
	if (!out)
		return err_set(e, ENOMEM, "out of memory");
	if (!n || text_unbase64(packed, len, out, n) < 0 || strlen(out) != n)
		return err_set(e, EINVAL, "not the base64 of a text");
	*ret = take_ptr(out);
	return 0;
}

int kubefile_token(const char *s, char **ret, struct err *e)
{
	size_t n;

	s += strspn(s, " \t\r\n");
	n = strcspn(s, " \t\r\n");
	if (!n || s[n + strspn(s + n, " \t\r\n")])
		return err_set(e, EINVAL, n ? "white space in a token" : "no token in it");
	for (size_t i = 0; i < n; i++)
		if (s[i] <= ' ' || s[i] > '~')
			return err_set(e, EINVAL, "a token of other than printable characters");
	*ret = strndup(s, n);
	return *ret ? 0 : err_set(e, ENOMEM, "out of memory");
}
