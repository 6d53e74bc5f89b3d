/* SPDX-License-Identifier: Apache-2.0 */
/* dirsink - a sink that writes members below a directory. */
#include "dirsink.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int begin(void *ctx, const char *member, uint64_t size, struct err *e)
{
	struct dirsink *d = ctx;

	snprintf(d->member, sizeof(d->member), "%s", member);
	for (char *p = d->member; (p = strchr(p, '/')); p++) {
		*p = '\0';
		(void)mkdirat(d->dir_fd, d->member, 0700);
		*p = '/';
	}
	d->member_fd = openat(d->dir_fd, member, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (d->member_fd < 0)
		return err_errno(e, "create %s", member);
	d->left = size;
	d->members++;
	return 0;
}

static void *room(void *ctx, size_t *ret_room, struct err *e)
{
	struct dirsink *d = ctx;

	(void)e;
	*ret_room = sizeof(d->block);
	return d->block;
}

static int commit(void *ctx, size_t n, struct err *e)
{
	struct dirsink *d = ctx;

	if (d->member_fd < 0 || n > d->left)
		return err_set(e, EMSGSIZE, "%s: more bytes than announced", d->member);
	d->left -= n;
	if (write(d->member_fd, d->block, n) != (ssize_t)n)
		return err_errno(e, "write %s", d->member);
	return 0;
}

static int end(void *ctx, struct err *e)
{
	struct dirsink *d = ctx;

	(void)close(d->member_fd);
	d->member_fd = -1;
	if (d->left)
		return err_set(
			e, EPROTO, "%s: %llu bytes short", d->member, (unsigned long long)d->left);
	return 0;
}

static int append(struct dirsink *d, const char *file, const char *line)
{
	int fd = openat(d->dir_fd, file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, line, strlen(line)) < 0)
		abort();
	return close(fd);
}

static int gap(void *ctx, enum gap_kind kind, const char *member, const void *where,
	size_t where_len, int code, const char *why)
{
	struct dirsink *d = ctx;
	char line[8192];

	d->gaps++;
	snprintf(line, sizeof(line), "%s member=%s where=%.*s errno=%d why=%s\n",
		sink_gap_names[kind], member, (int)where_len, (const char *)where, code, why);
	return append(d, "gaps.txt", line);
}

static int finding(void *ctx, const char *text)
{
	struct dirsink *d = ctx;
	char line[2048];

	d->findings++;
	snprintf(line, sizeof(line), "%s\n", text);
	return append(d, "findings.txt", line);
}

static void item(void *ctx, uint64_t n)
{
	((struct dirsink *)ctx)->item = n;
}

void dirsink_init(struct dirsink *d, int dir_fd)
{
	static const struct sink_ops ops = {begin, room, commit, end, gap, finding, item};

	*d = (struct dirsink){
		.sink = {.ops = &ops, .ctx = d, .spool_fd = -1},
		.dir_fd = dir_fd,
		.member_fd = -1,
	};
}
