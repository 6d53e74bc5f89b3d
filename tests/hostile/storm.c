/* SPDX-License-Identifier: Apache-2.0 */
/*
 * storm - changes things until it is killed, or gets in the way of who opens them.
 *	storm swap A B       exchanges two names
 *	storm move A B       renames A to B and back
 *	storm churn DIR      makes and removes names
 *	storm grow FILE      appends
 *	storm shrink FILE    truncates, and fills again
 *	storm replace FILE   puts another file in its place
 *	storm mounts DIR     mounts and unmounts a tmpfs
 *	storm lease FILE     holds a write lease and does not give it back
 *	storm permit DIR     a fanotify listener that answers no request to open (FAN_OPEN_PERM)
 *	storm watch DIR      one line on stdout for each event of DIR
 * All but the last two print "ready" first.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/inotify.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

static int check(int rc, const char *what)
{
	if (rc >= 0)
		return rc;
	fprintf(stderr, "storm: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void swap(const char *a, const char *b)
{
	(void)syscall(SYS_renameat2, AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE);
}

static void move(const char *a, const char *b)
{
	(void)!rename(a, b);
	(void)!rename(b, a);
}

static void churn(const char *dir)
{
	static unsigned n;
	char name[4096];

	snprintf(name, sizeof(name), "%s/%u", dir, n++ % 4096);
	close(open(name, O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
	snprintf(name, sizeof(name), "%s/%u", dir, (n + 2048) % 4096);
	(void)unlink(name);
}

static void grow(const char *path)
{
	char block[65536];
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);

	memset(block, 'g', sizeof(block));
	if (lseek(fd, 0, SEEK_END) < 256 << 20)
		(void)!write(fd, block, sizeof(block));
	close(fd);
}

static void shrink(const char *path)
{
	static char block[4 << 20];
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	memset(block, 's', sizeof(block));
	(void)!write(fd, block, sizeof(block));
	close(fd);
}

static void replace(const char *path)
{
	char other[4096];

	snprintf(other, sizeof(other), "%s.new", path);
	shrink(other);
	(void)!rename(other, path);
}

static void mounts(const char *dir)
{
	(void)!mount("storm", dir, "tmpfs", 0, "size=64k");
	(void)!umount(dir);
}

static void lease(const char *path)
{
	int fd = check(open(path, O_RDWR | O_CLOEXEC), path);

	(void)signal(SIGIO, SIG_IGN);
	check(fcntl(fd, F_SETLEASE, F_WRLCK), "lease");
	puts("ready");
	for (;;)
		pause();
}

static void permit(const char *dir)
{
	int fd = check(fanotify_init(FAN_CLASS_CONTENT | FAN_CLOEXEC, O_RDONLY), "fanotify");

	check(fanotify_mark(fd, FAN_MARK_ADD, FAN_OPEN_PERM | FAN_EVENT_ON_CHILD, AT_FDCWD, dir),
		dir);
	puts("ready");
	for (;;)
		pause();
}

static void watch(const char *dir)
{
	int fd = check(inotify_init1(IN_CLOEXEC), "inotify");
	char events[4096];

	check(inotify_add_watch(fd, dir, IN_ALL_EVENTS), dir);
	puts("ready");
	for (;;) {
		ssize_t n = read(fd, events, sizeof(events));

		for (ssize_t at = 0; at < n;) {
			const struct inotify_event *e = (void *)(events + at);

			printf("event %x %s\n", e->mask, e->len ? e->name : "");
			at += (ssize_t)(sizeof(*e) + e->len);
		}
	}
}

static const struct {
	const char *name;
	void (*one)(const char *path);
} storms[] = {
	{"churn", churn},
	{"grow", grow},
	{"shrink", shrink},
	{"replace", replace},
	{"mounts", mounts},
	{"lease", lease},
	{"permit", permit},
	{"watch", watch},
};

int main(int argc, char **argv)
{
	void (*two)(const char *, const char *) = NULL;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc == 4 && !strcmp(argv[1], "swap"))
		two = swap;
	else if (argc == 4 && !strcmp(argv[1], "move"))
		two = move;
	else if (argc != 3)
		return 2;
	if (two)
		puts("ready");
	while (two)
		two(argv[2], argv[3]);
	for (size_t i = 0; i < sizeof(storms) / sizeof(storms[0]); i++) {
		if (strcmp(argv[1], storms[i].name) != 0)
			continue;
		if (i < 5)
			puts("ready");
		for (;;)
			storms[i].one(argv[2]);
	}
	return 2;
}
