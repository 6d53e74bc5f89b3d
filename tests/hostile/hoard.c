/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hoard - memory that is hard to take. Each says "ready" when its memory is as it says, and has
 * the page of plant.h.
 *	hoard beat FILE        counts in a file, so that one sees that it runs
 *	hoard held             a thread waits for a page that userfaultfd never gives it
 *	hoard asks             the same, inside a system call
 *	hoard fuse FILE        maps a file; on SIGUSR1 a thread touches a page of it
 *	hoard secret           memory of memfd_secret
 *	hoard seccomp          may do nothing but read and write
 *	hoard zombie           a child that nobody waits for
 *	hoard churn            maps, unmaps, moves, drops and protects what it has without pause
 *	hoard forks N KIB      N children at a time, each of which fills its memory and ends
 *	hoard oom MIB          children that fill memory until the kernel ends them
 *	hoard fill MIB         has so much, all of it written
 *	hoard noise MIB        the same, of bytes that cannot be packed
 *	hoard full FILE MIB    all that its cgroup lets it have: MIB of memory, and then a file
 *	hoard threads N        so many threads, or as many as may be; says how many
 *	hoard maps N           so many mappings
 *	hoard share N MIB      N more processes that have its memory as theirs
 */
#include "plant.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef __NR_memfd_secret
#define __NR_memfd_secret 447
#endif

enum {
	PAGE = 4096,
	SOME = 16 * PAGE,
	MIB = 1 << 20,
	STACK = 16384,
	CHURNED = 64, /* blocks */
	BLOCK = 256 << 10,
};

static char **arguments;

static int check(long rc, const char *what)
{
	if (rc >= 0)
		return (int)rc;
	fprintf(stderr, "hoard: %s: %s\n", what, strerror(errno));
	exit(1);
}

static char *anonymous(size_t n)
{
	char *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	check(p == MAP_FAILED ? -1 : 0, "mmap");
	return p;
}

static size_t number(int i)
{
	return strtoul(arguments[i], NULL, 0);
}

static void thread(void *(*run)(void *), void *arg)
{
	pthread_t t;

	check(-pthread_create(&t, NULL, run, arg), "thread");
}

/* Differs in every page: nobody may store one for all. */
static void fill(char *p, size_t n)
{
	for (size_t i = 0; i < n; i += PAGE) {
		memset(p + i, (int)(i / PAGE), 64);
		memcpy(p + i + 64, &i, sizeof(i));
	}
}

static void beat(void)
{
	int fd = check(open(arguments[2], O_RDWR | O_CREAT | O_CLOEXEC, 0644), "beat");

	puts("ready");
	for (uint64_t n = 1;; n++) {
		check(pwrite(fd, &n, sizeof(n), 0), "beat");
		usleep(2000);
	}
}

static char *missing(void)
{
	char *p = anonymous(SOME);
	int fd = check(syscall(SYS_userfaultfd, O_CLOEXEC), "userfaultfd");
	struct uffdio_api api = {.api = UFFD_API};
	struct uffdio_register r = {
		.range = {(uintptr_t)p, SOME}, .mode = UFFDIO_REGISTER_MODE_MISSING};

	p[0] = 'A';
	check(ioctl(fd, UFFDIO_API, &api), "api");
	check(ioctl(fd, UFFDIO_REGISTER, &r), "register");
	return p;
}

static void *touch(void *p)
{
	*(volatile char *)p = *(volatile char *)p;
	return NULL;
}

static void *read_to(void *p)
{
	int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);

	(void)!read(fd, p, PAGE);
	return NULL;
}

static void held(void)
{
	thread(touch, missing() + PAGE);
	usleep(20000);
}

static void asks(void)
{
	thread(read_to, missing() + PAGE);
	usleep(20000);
}

static void *look(void *p)
{
	return (void *)(uintptr_t) * (volatile char *)p;
}

/* The first page is there; a private copy of it differs. */
static void fuse(void)
{
	int fd = check(open(arguments[2], O_RDONLY | O_CLOEXEC), arguments[2]);
	char *shared = mmap(NULL, SOME, PROT_READ, MAP_SHARED, fd, 0);
	char *own = mmap(NULL, SOME, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	sigset_t set;
	int sig;

	check(shared == MAP_FAILED || own == MAP_FAILED ? -1 : 0, "mmap");
	(void)madvise(shared, SOME, MADV_RANDOM);
	look(shared);
	strcpy(own, "written over a file");
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	puts("ready");
	(void)sigwait(&set, &sig);
	thread(look, shared + 8 * PAGE);
}

static void secret(void)
{
	int fd = check(syscall(__NR_memfd_secret, 0), "memfd_secret");
	char *p;

	check(ftruncate(fd, SOME), "size");
	p = mmap(NULL, SOME, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	check(p == MAP_FAILED ? -1 : 0, "mmap");
	sprintf(p, "nobody sees this secret %d", getpid());
}

static void seccomp(void)
{
	int end[2];
	char byte;

	check(pipe(end), "pipe");
	puts("ready");
	check(prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT), "seccomp");
	(void)!read(end[0], &byte, 1);
}

static void zombie(void)
{
	if (fork() == 0)
		_exit(0);
	usleep(20000);
}

static void churn_one(char **blocks, unsigned seed)
{
	char **b = blocks + (seed >> 4) % CHURNED;
	char *to;

	switch (seed % 5) {
	case 0:
		munmap(*b, BLOCK);
		*b = anonymous(BLOCK);
		break;
	case 1:
		madvise(*b, BLOCK, MADV_DONTNEED);
		break;
	case 2:
		to = anonymous(BLOCK);
		to = mremap(*b, BLOCK, BLOCK, MREMAP_MAYMOVE | MREMAP_FIXED, to);
		*b = to == MAP_FAILED ? *b : to;
		break;
	case 3:
		mprotect(*b + BLOCK / 2, PAGE, PROT_NONE);
		mprotect(*b + BLOCK / 2, PAGE, PROT_READ | PROT_WRITE);
		break;
	default:
		break;
	}
	fill(*b, BLOCK);
}

static void *churns(void *arg)
{
	static char *blocks[2][CHURNED];
	unsigned seed = (unsigned)(uintptr_t)arg;
	char **mine = blocks[seed % 2];

	for (size_t i = 0; i < CHURNED; i++)
		mine[i] = anonymous(BLOCK);
	if (seed)
		puts("ready");
	for (;;) {
		seed = seed * 1103515245 + 12345;
		churn_one(mine, seed >> 8);
	}
	return NULL;
}

static void churn(void)
{
	thread(churns, (void *)0);
	churns((void *)1);
}

static void forks(void)
{
	size_t most = number(2), n = 0, bytes = number(3) << 10;

	puts("ready");
	for (;;) {
		pid_t pid = n < most ? fork() : -1;

		if (pid == 0) {
			fill(anonymous(bytes), bytes);
			usleep(1000);
			_exit(0);
		}
		n += pid > 0;
		while (waitpid(-1, NULL, n < most ? WNOHANG : 0) > 0)
			n--;
	}
}

static void oom(void)
{
	bool said = false;
	int status;

	for (;;) {
		if (fork() == 0)
			for (;;)
				fill(anonymous(MIB), MIB);
		if (wait(&status) > 0 && !said && WIFSIGNALED(status))
			said = puts("ready") >= 0;
	}
}

static void fill_up(void)
{
	size_t n = number(2) * MIB;

	fill(anonymous(n), n);
}

static void noise(void)
{
	size_t n = number(2) * MIB / sizeof(uint64_t);
	uint64_t *p = (void *)anonymous(n * sizeof(*p)), x = 88172645463325252ULL;

	for (size_t i = 0; i < n; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		p[i] = x;
	}
}

/* Pages of a file can go, those of memory cannot. */
static void full(void)
{
	int fd = check(open(arguments[2], O_RDWR | O_CREAT | O_CLOEXEC, 0644), arguments[2]);
	size_t n = number(3) * MIB;
	static char block[MIB];

	fill(anonymous(n), n);
	for (size_t i = 0; i < 2 * n / MIB; i++) {
		fill(block, MIB);
		(void)!write(fd, block, MIB);
	}
	check(fsync(fd), "fsync");
	check(lseek(fd, 0, SEEK_SET), "seek");
	while (read(fd, block, MIB) > 0)
		;
}

static void *waits(void *arg)
{
	for (;;)
		pause();
	return arg;
}

static void threads(void)
{
	size_t want = number(2), n = 0;
	char *stacks = anonymous(want * STACK);
	pthread_attr_t attr;
	pthread_t t;

	for (; n < want; n++) {
		pthread_attr_init(&attr);
		pthread_attr_setstack(&attr, stacks + n * STACK, STACK);
		if (pthread_create(&t, &attr, waits, NULL) != 0)
			break;
	}
	printf("%zu threads\n", n + 1);
}

static void maps(void)
{
	size_t n = number(2);
	char *p = anonymous(n * PAGE);

	for (size_t i = 0; i < n; i += 2)
		check(mprotect(p + i * PAGE, PAGE, PROT_READ), "mprotect");
	for (size_t i = 1; i < n; i += 2)
		p[i * PAGE] = 'm';
}

static int shares(void *arg)
{
	waits(arg);
	return 0;
}

static void share(void)
{
	size_t n = number(2), bytes = number(3) * MIB;
	char *stacks = anonymous(n * STACK);

	fill(anonymous(bytes), bytes);
	for (size_t i = 1; i <= n; i++)
		check(clone(shares, stacks + i * STACK, CLONE_VM | SIGCHLD, NULL), "clone");
}

static const struct {
	const char *name;
	void (*act)(void);
} acts[] = {
	{"beat", beat},
	{"held", held},
	{"asks", asks},
	{"fuse", fuse},
	{"secret", secret},
	{"seccomp", seccomp},
	{"zombie", zombie},
	{"churn", churn},
	{"forks", forks},
	{"oom", oom},
	{"fill", fill_up},
	{"noise", noise},
	{"full", full},
	{"threads", threads},
	{"maps", maps},
	{"share", share},
};

int main(int argc, char **argv)
{
	arguments = argv;
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (size_t i = 0; argc > 1 && i < sizeof(acts) / sizeof(acts[0]); i++) {
		if (strcmp(argv[1], acts[i].name) != 0)
			continue;
		plant(argv[1]);
		acts[i].act();
		puts("ready");
		for (;;)
			pause();
	}
	return 2;
}
