/* SPDX-License-Identifier: Apache-2.0 */
/* zoo - a process with one mapping of each sort. */
#include "zoo.h"

#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef SYS_memfd_secret
#define SYS_memfd_secret 447
#endif

enum { GUARD_INSTALL = 102, ANON = MAP_PRIVATE | MAP_ANONYMOUS };

static size_t page(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

unsigned char zoo_byte(enum zoo_place place, unsigned n)
{
	return (unsigned char)(1 + place * 8 + n % 8);
}

static char *put(struct zoo *z, enum zoo_place place, size_t len, int flags, int fd)
{
	char *p = mmap(NULL, len, PROT_READ | PROT_WRITE, flags, fd, 0);

	if (p == MAP_FAILED)
		return NULL;
	z->at[place] = (uintptr_t)p;
	z->len[place] = len;
	return p;
}

static char *some(struct zoo *z, enum zoo_place place, int flags, int fd)
{
	return put(z, place, ZOO_PAGES * page(), flags, fd);
}

static void mark(enum zoo_place place, char *p, unsigned n)
{
	memset(p + n * page(), zoo_byte(place, n), page());
}

static void fill_file(int fd, enum zoo_place place, unsigned pages)
{
	char *block = malloc(page());

	for (unsigned i = 0; i < pages; i++) {
		memset(block, zoo_byte(place, i), page());
		if (pwrite(fd, block, page(), (off_t)(i * page())) != (ssize_t)page())
			abort();
	}
	free(block);
}

static void anonymous(struct zoo *z)
{
	char *p = put(z, ZOO_PRIVATE, 64 * page(), ANON, -1);
	volatile char sum = 0;

	for (unsigned i = 0; i < 64; i += 2)
		mark(ZOO_PRIVATE, p, i);
	p = some(z, ZOO_SHARED, MAP_SHARED | MAP_ANONYMOUS, -1);
	mark(ZOO_SHARED, p, 0);
	mark(ZOO_SHARED, p, 5);
	p = some(z, ZOO_NONE, ANON, -1);
	mark(ZOO_NONE, p, 0);
	mark(ZOO_NONE, p, 4);
	mprotect(p, z->len[ZOO_NONE], PROT_NONE);
	p = some(z, ZOO_DONTDUMP, ANON, -1);
	mark(ZOO_DONTDUMP, p, 2);
	madvise(p, z->len[ZOO_DONTDUMP], MADV_DONTDUMP);
	p = some(z, ZOO_ZERO, ANON, -1);
	for (unsigned i = 0; i < ZOO_PAGES; i++)
		sum = (char)(sum + p[i * page()]);
	p = some(z, ZOO_GUARD, ANON, -1);
	for (unsigned i = 0; i < 3; i++)
		mark(ZOO_GUARD, p, i);
	if (madvise(p + page(), page(), GUARD_INSTALL) < 0)
		z->at[ZOO_GUARD] = 0;
	p = put(z, ZOO_SPARSE, 1UL << 40, ANON | MAP_NORESERVE, -1);
	if (p) {
		madvise(p, 1UL << 40, MADV_NOHUGEPAGE);
		mark(ZOO_SPARSE, p, 0);
		mark(ZOO_SPARSE, p, 1000000);
	}
}

static void huge(struct zoo *z)
{
	char *p = put(z, ZOO_HUGE, 4 << 20, ANON, -1);

	madvise(p, 4 << 20, MADV_HUGEPAGE);
	mark(ZOO_HUGE, p, 0);
	mark(ZOO_HUGE, p, 600);
}

static void files(struct zoo *z)
{
	char name[96], *p;
	int fd = memfd_create("animal", MFD_CLOEXEC);
	volatile char look;

	fill_file(fd, ZOO_MEMFD, 4);
	if (ftruncate(fd, (off_t)(6 * page())) < 0)
		abort();
	some(z, ZOO_MEMFD, MAP_SHARED, fd);
	some(z, ZOO_MEMFD_AGAIN, MAP_SHARED, fd);
	p = some(z, ZOO_MEMFD_COPY, MAP_PRIVATE, fd);
	mark(ZOO_MEMFD_COPY, p, 1);
	snprintf(name, sizeof(name), "%s/gone", z->dir);
	fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	fill_file(fd, ZOO_DELETED, ZOO_PAGES);
	p = some(z, ZOO_DELETED, MAP_PRIVATE, fd);
	mark(ZOO_DELETED, p, 1);
	look = p[2 * page()];
	unlink(name);
	snprintf(name, sizeof(name), "%s/new\nline", z->dir);
	fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	fill_file(fd, ZOO_FILE, ZOO_PAGES);
	p = some(z, ZOO_FILE, MAP_PRIVATE, fd);
	look = p[0];
	mark(ZOO_FILE, p, 3);
	p = some(z, ZOO_FILE_SHARED, MAP_SHARED, fd);
	look = p[page()];
	(void)look;
}

static void rare(struct zoo *z)
{
	int id = shmget(IPC_PRIVATE, ZOO_PAGES * page(), 0600);
	struct uffdio_api api = {.api = UFFD_API};
	struct uffdio_register reg = {.mode = UFFDIO_REGISTER_MODE_MISSING};
	char *p = shmat(id, NULL, 0);
	int fd = (int)syscall(SYS_memfd_secret, 0);

	shmctl(id, IPC_RMID, NULL);
	z->at[ZOO_SYSV] = (uintptr_t)p;
	z->len[ZOO_SYSV] = ZOO_PAGES * page();
	mark(ZOO_SYSV, p, 2);
	if (fd >= 0 && ftruncate(fd, (off_t)(ZOO_PAGES * page())) == 0) {
		p = some(z, ZOO_SECRET, MAP_SHARED, fd);
		if (p)
			mark(ZOO_SECRET, p, 0);
	}
	p = some(z, ZOO_UFFD, ANON, -1);
	mark(ZOO_UFFD, p, 0);
	fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
	reg.range.start = (uintptr_t)p;
	reg.range.len = z->len[ZOO_UFFD];
	if (fd < 0 || ioctl(fd, UFFDIO_API, &api) < 0 || ioctl(fd, UFFDIO_REGISTER, &reg) < 0)
		z->at[ZOO_UFFD] = 0;
}

void zoo_all(struct zoo *z)
{
	anonymous(z);
	huge(z);
	files(z);
	rare(z);
}

void zoo_open(struct zoo *z, void (*animals)(struct zoo *z), void (*more)(void))
{
	pid_t parent = getpid();
	int ready[2];
	char byte;

	z->at = mmap(NULL, 2 * ZOO_PLACES * 8, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		-1, 0);
	z->len = z->at + ZOO_PLACES;
	snprintf(z->dir, sizeof(z->dir), "/var/tmp/zoo.XXXXXX");
	if (!mkdtemp(z->dir) || pipe2(ready, O_CLOEXEC) < 0)
		abort();
	z->pid = fork();
	if (!z->pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(1);
		if (animals)
			animals(z);
		if (more)
			more();
		if (write(ready[1], "r", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(ready[1]);
	if (read(ready[0], &byte, 1) != 1)
		abort();
	close(ready[0]);
}

void zoo_close(struct zoo *z)
{
	char name[96];

	kill(z->pid, SIGKILL);
	waitpid(z->pid, NULL, 0);
	snprintf(name, sizeof(name), "%s/new\nline", z->dir);
	unlink(name);
	rmdir(z->dir);
	munmap(z->at, 2 * ZOO_PLACES * 8);
}
