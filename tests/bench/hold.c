/* SPDX-License-Identifier: Apache-2.0 */
/* hold - a process with much memory that notices when it is stopped, for bench, and the fastest
 * way to read it:
 *
 *	hold USED MAPPED FILE    maps MAPPED MiB, touches USED of them in runs of 64 KiB, prints
 *	                         where, and keeps the longest time it did not run (ns) in FILE
 *	hold read PID AT USED MAPPED    copies those runs with process_vm_readv, prints seconds
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { RUN = 64 << 10, BLOCK = 4 << 20, EACH = BLOCK / RUN };

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void *reserve(size_t n)
{
	void *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
		-1, 0);

	if (p == MAP_FAILED)
		fail("mmap");
	return p;
}

/* Half of it does not compress. */
static void fill(char *p, size_t run)
{
	uint64_t x = run * 2654435761U + 1, *words = (uint64_t *)p;

	if (run % 2) {
		for (size_t i = 0; i < RUN; i++)
			p[i] = "memory of a program "[i % 20];
		return;
	}
	for (size_t i = 0; i < RUN / sizeof(*words); i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		words[i] = x;
	}
}

static void watch(const char *file, const void *where)
{
	int fd = open(file, O_CREAT | O_TRUNC | O_RDWR, 0644);
	_Atomic uint64_t *longest = MAP_FAILED;

	if (fd >= 0 && ftruncate(fd, sizeof(*longest)) == 0)
		longest = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (longest == MAP_FAILED)
		fail(file);
	printf("%lx\n", (unsigned long)where);
	fflush(stdout);
	for (uint64_t last = now(), t;; last = t) {
		usleep(100);
		t = now();
		if (t - last > *longest)
			*longest = t - last;
	}
}

static void read_all(pid_t pid, char *from, size_t runs, size_t stride)
{
	char *to = reserve(runs * RUN);
	struct iovec remote[EACH];
	uint64_t start;

	memset(to, 1, runs * RUN);
	start = now();
	for (size_t i = 0; i < runs; i += EACH) {
		size_t n = runs - i < EACH ? runs - i : EACH;
		struct iovec local = {to + i * RUN, n * RUN};

		for (size_t k = 0; k < n; k++)
			remote[k] = (struct iovec){from + (i + k) * stride, RUN};
		if (process_vm_readv(pid, &local, 1, remote, n, 0) != (ssize_t)(n * RUN))
			fail("process_vm_readv");
	}
	printf("%.6f\n", (double)(now() - start) / 1e9);
}

int main(int argc, char **argv)
{
	int reads = argc == 6 && !strcmp(argv[1], "read");
	size_t used, mapped, runs, stride;

	if (argc != 4 && !reads)
		return 2;
	used = strtoul(argv[reads ? 4 : 1], NULL, 10) << 20;
	mapped = strtoul(argv[reads ? 5 : 2], NULL, 10) << 20;
	runs = used / RUN;
	stride = mapped / runs / 4096 * 4096;
	if (reads) {
		read_all(atoi(argv[2]), (char *)strtoul(argv[3], NULL, 16), runs, stride);
		return 0;
	}
	char *p = reserve(mapped);

	for (size_t i = 0; i < runs; i++)
		fill(p + i * stride, i);
	watch(argv[3], p);
}
