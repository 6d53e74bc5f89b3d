/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flood - trees and files made to exhaust a reader.
 *	flood files DIR N     N small files
 *	flood deep DIR N      N directories in each other, a file in the last
 *	flood links DIR N     N names of one file of 1 MiB
 *	flood xattrs FILE     as many attributes as fit
 *	flood extents FILE N  N extents of a byte, each 8 KiB behind the one before
 *	flood sparse FILE     8 EiB long, and HIDDEN in the middle of it
 *	flood names DIR       names of bytes that no tool likes
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

static int check(int rc, const char *what)
{
	if (rc >= 0)
		return rc;
	fprintf(stderr, "flood: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int enter(const char *dir)
{
	(void)mkdir(dir, 0755);
	check(chdir(dir), dir);
	return check(open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), dir);
}

static void put(int dir, const char *name, const char *text)
{
	int fd = check(openat(dir, name, O_CREAT | O_WRONLY | O_CLOEXEC, 0644), name);

	(void)!write(fd, text, strlen(text));
	close(fd);
}

static void files(int dir, long n)
{
	char name[32];

	for (long i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "%ld", i);
		put(dir, name, name);
	}
}

static void deep(int dir, long n)
{
	for (long i = 0; i < n; i++) {
		int below;

		check(mkdirat(dir, "directory", 0755), "mkdir");
		below = check(openat(dir, "directory", O_RDONLY | O_CLOEXEC), "open");
		close(dir);
		dir = below;
	}
	put(dir, "bottom", "BOTTOM\n");
}

static void links(int dir, long n)
{
	char name[32];
	int fd = check(openat(dir, "one", O_CREAT | O_RDWR | O_CLOEXEC, 0644), "one");

	check(ftruncate(fd, 0), "one");
	for (int i = 0; i < 256; i++) {
		char block[4096];

		memset(block, 'L', sizeof(block));
		check((int)write(fd, block, sizeof(block)), "write");
	}
	close(fd);
	for (long i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "l%ld", i);
		check(linkat(dir, "one", dir, name, 0), "link");
	}
}

static void xattrs(const char *path)
{
	char name[256];

	put(AT_FDCWD, path, "file of many attributes\n");
	for (int i = 0; i < 4000; i++) {
		snprintf(name, sizeof(name), "user.%0200d", i);
		if (setxattr(path, name, "v", 1, 0) < 0)
			return; /* full */
	}
}

static void extents(const char *path, long n)
{
	int fd = check(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0644), path);

	for (long i = 0; i < n; i++)
		check((int)pwrite(fd, "x", 1, i * 8192), "write");
	close(fd);
}

static void sparse(const char *path)
{
	int fd = check(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0644), path);

	check(ftruncate(fd, INT64_MAX & ~0xfffL), "size");
	check((int)pwrite(fd, "HIDDEN", 6, (off_t)1 << 62), "write");
	close(fd);
}

static void names(int dir)
{
	char longest[256];

	memset(longest, 'x', 255);
	longest[255] = '\0';
	put(dir, "new\nline", "NAME-1\n");
	put(dir, "\x1b[31mred\x07", "NAME-2\n");
	put(dir, "\xff\xfe\x80", "NAME-3\n");
	put(dir, longest, "NAME-4\n");
	put(dir, "-rf", "NAME-5\n");
	put(dir, "--", "NAME-6\n");
	put(dir, "..;", "NAME-7\n");
	put(dir, "\"quote\\", "NAME-8\n");
	put(dir,
		"\xe2\x80\xae"
		"gnp.exe",
		"NAME-9\n"); /* right to left */
	put(dir, " ", "NAME-10\n");
}

int main(int argc, char **argv)
{
	const char *what = argc > 2 ? argv[1] : "";
	long n = argc > 3 ? atol(argv[3]) : 0;

	if (!strcmp(what, "files"))
		files(enter(argv[2]), n);
	else if (!strcmp(what, "deep"))
		deep(enter(argv[2]), n);
	else if (!strcmp(what, "links"))
		links(enter(argv[2]), n);
	else if (!strcmp(what, "xattrs"))
		xattrs(argv[2]);
	else if (!strcmp(what, "extents"))
		extents(argv[2], n);
	else if (!strcmp(what, "sparse"))
		sparse(argv[2]);
	else if (!strcmp(what, "names"))
		names(enter(argv[2]));
	else
		return 2;
	return 0;
}
