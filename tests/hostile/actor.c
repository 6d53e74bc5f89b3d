/* SPDX-License-Identifier: Apache-2.0 */
/*
 * actor - processes that are not what they seem. Each prints "ready" and sleeps, or goes on.
 *	actor leader         its first thread has ended, others run
 *	actor nodump         is not dumpable
 *	actor uffd           has memory that nobody will ever fill
 *	actor map FILE       has a file mapped
 *	actor lock FILE      holds the lock of its memory until the file's server takes a write
 *	actor lock FILE GO   the same once GO exists; traced by a process of its own
 *	actor fill MIB       has so much memory
 *	actor hold N         has N descriptors open
 *	actor spoof          says it is a kernel thread
 *	actor traced         is traced by a process of its own
 *	actor execs          runs itself again and again, in one process
 *	actor exits          children that end at once
 *	actor bomb US        forks as long as it may; tries again each US microseconds
 *	actor churn N        N lines of processes, each of which lives until its child does
 *	actor memfd          runs itself from a memfd
 *	actor reuse          a child ends, and the next one gets its number
 *	actor look           says "seen" when a process of a collector shows up in /proc
 *	actor wait [ARG]...  nothing
 * The page of plant.h is in each.
 */
#include "plant.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MEMORY = 1 << 16 };

static char **arguments;

static int check(int rc, const char *what)
{
	if (rc >= 0)
		return rc;
	fprintf(stderr, "actor: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void stay(void)
{
	puts("ready");
	for (;;)
		pause();
}

static void *thread(void *arg)
{
	(void)arg;
	stay();
	return NULL;
}

static void leader(void)
{
	pthread_t t;

	check(-pthread_create(&t, NULL, thread, NULL), "thread");
	pthread_exit(NULL);
}

static void nodump(void)
{
	check(prctl(PR_SET_DUMPABLE, 0), "dumpable");
}

static void uffd(void)
{
	char *p = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd = check((int)syscall(SYS_userfaultfd, O_CLOEXEC), "userfaultfd");
	struct uffdio_api api = {.api = UFFD_API};
	struct uffdio_register r = {
		.range = {(unsigned long)p, MEMORY}, .mode = UFFDIO_REGISTER_MODE_MISSING};

	p[0] = 'A';
	check(ioctl(fd, UFFDIO_API, &api), "api");
	check(ioctl(fd, UFFDIO_REGISTER, &r), "register");
}

static void map(void)
{
	int fd = check(open(arguments[2], O_RDONLY | O_CLOEXEC), arguments[2]);

	check(mmap(NULL, MEMORY, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED ? -1 : 0, "map");
}

static void traced(void)
{
	pid_t parent = getpid();

	(void)prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
	if (fork() == 0) {
		check((int)ptrace(PTRACE_SEIZE, parent, NULL, NULL), "seize");
		stay();
	}
}

/* The kernel writes a mapping's pages back when something else takes its place, and keeps the lock
 * until that is done. */
static void *take_lock(void *page)
{
	while (arguments[3] && access(arguments[3], F_OK) < 0)
		usleep(100);
	(void)mmap(page, MEMORY, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	return NULL;
}

static void lock(void)
{
	int fd = check(open(arguments[2], O_RDWR | O_CLOEXEC), arguments[2]);
	off_t own = getpid() % 2000 * 4096; /* a page that is written back cannot be written */
	char *p = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_SHARED, fd, own);
	pthread_t t;

	check(p == MAP_FAILED ? -1 : 0, "map");
	p[0] = 'A';
	puts("ready"); /* what needs the lock is done before */
	if (arguments[3])
		traced();
	check(-pthread_create(&t, NULL, take_lock, p), "thread");
	for (;;)
		pause();
}

static void fill(void)
{
	size_t n = (size_t)atol(arguments[2]) << 20;
	char *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	check(p == MAP_FAILED ? -1 : 0, "memory");
	for (size_t i = 0; i < n; i += 4096)
		memset(p + i, (int)(i >> 12) | 1, 4096);
}

static void hold(void)
{
	struct rlimit l = {1 << 20, 1 << 20};
	long n = atol(arguments[2]);

	(void)setrlimit(RLIMIT_NOFILE, &l);
	for (long i = 0; i < n; i++)
		check(open("/dev/null", O_RDONLY), "descriptor");
}

/* The arguments lie before the environment: what is shorter is filled with zeros. */
static void spoof(void)
{
	static const char name[] = "[kworker/0:1]";

	(void)prctl(PR_SET_NAME, "kworker/0:1");
	memset(arguments[0], 0, strlen(arguments[0]) + 1 + strlen(arguments[1]));
	memcpy(arguments[0], name, sizeof(name) - 1);
}

static void execs(void)
{
	static unsigned n;
	char count[16];

	n = arguments[2] ? (unsigned)atol(arguments[2]) : 0;
	if (!n)
		puts("ready");
	snprintf(count, sizeof(count), "%u", n + 1);
	execl("/proc/self/exe", n % 2 ? "odd" : "even", "execs", count, (char *)NULL);
	exit(1);
}

static void exits(void)
{
	puts("ready");
	for (;;) {
		if (fork() == 0)
			_exit(0);
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
		usleep(200);
	}
}

static void bomb(void)
{
	puts("ready");
	for (;;)
		if (fork() < 0)
			usleep((useconds_t)atol(arguments[2]));
}

static void churn(void)
{
	long lines = atol(arguments[2]);

	(void)signal(SIGCHLD, SIG_IGN); /* and so nobody has to be waited for */
	(void)prctl(PR_SET_CHILD_SUBREAPER, 1);
	while (lines && fork())
		lines--;
	if (!lines)
		return;
	for (;;)
		if (fork() > 0)
			_exit(0);
}

static void memfd(void)
{
	int self = check(open("/proc/self/exe", O_RDONLY | O_CLOEXEC), "self");
	int fd = check(memfd_create("fileless", MFD_CLOEXEC), "memfd");
	char *args[] = {"fileless", "wait", "fileless", NULL};

	while (sendfile(fd, self, NULL, 1 << 20) > 0)
		;
	(void)fexecve(fd, args, environ);
	exit(1);
}

static void reuse(void)
{
	puts("ready");
	for (;;) {
		pid_t pid = fork();
		FILE *f;

		if (pid == 0) {
			usleep(20000);
			_exit(0);
		}
		(void)waitpid(pid, NULL, 0);
		f = fopen("/proc/sys/kernel/ns_last_pid", "we");
		if (f) {
			fprintf(f, "%d", pid - 1);
			fclose(f);
		}
	}
}

static void look_at(const char *pid)
{
	char path[64], text[64] = "";
	int fd;

	snprintf(path, sizeof(path), "/proc/%.20s/comm", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	if (read(fd, text, sizeof(text) - 1) > 0 && !strncmp(text, "taphos", 6))
		printf("seen %s", text);
	close(fd);
}

static void look(void)
{
	puts("ready");
	for (;;) {
		DIR *d = opendir("/proc");
		struct dirent *e;

		while (d && (e = readdir(d)))
			if (e->d_name[0] >= '1' && e->d_name[0] <= '9')
				look_at(e->d_name);
		if (d)
			closedir(d);
		usleep(1000);
	}
}

static void nothing(void)
{
}

static const struct {
	const char *name;
	void (*act)(void);
} actors[] = {
	{"leader", leader},
	{"nodump", nodump},
	{"uffd", uffd},
	{"map", map},
	{"lock", lock},
	{"fill", fill},
	{"hold", hold},
	{"spoof", spoof},
	{"traced", traced},
	{"execs", execs},
	{"exits", exits},
	{"bomb", bomb},
	{"churn", churn},
	{"reuse", reuse},
	{"look", look},
	{"wait", nothing},
	{"memfd", memfd},
};

int main(int argc, char **argv)
{
	arguments = argv;
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (size_t i = 0; argc > 1 && i < sizeof(actors) / sizeof(actors[0]); i++) {
		if (strcmp(argv[1], actors[i].name) != 0)
			continue;
		plant(argv[1]);
		actors[i].act();
		stay();
	}
	return 2;
}
