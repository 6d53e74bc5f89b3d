/* SPDX-License-Identifier: Apache-2.0 */
/* uring - an io_uring with a read that waits, and an inotify descriptor: what CRIU refuses. Prints
 * as threads.c does. */
#include <fcntl.h>
#include <linux/io_uring.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static char planted[64] = "planted beside a ring";
static char buffer[64];

int main(void)
{
	struct io_uring_params p = {0};
	int fd = (int)syscall(SYS_io_uring_setup, 8, &p), ends[2];
	struct io_uring_sqe *entries;
	unsigned *ring;
	char *base;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (fd < 0 || inotify_add_watch(inotify_init1(IN_CLOEXEC), "/", IN_ALL_EVENTS) < 0 ||
		pipe2(ends, O_CLOEXEC) < 0)
		return 1;
	base = mmap(NULL, p.sq_off.array + p.sq_entries * 4, PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_POPULATE, fd, IORING_OFF_SQ_RING);
	entries = mmap(NULL, p.sq_entries * sizeof(*entries), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_POPULATE, fd, IORING_OFF_SQES);
	if (base == MAP_FAILED || entries == MAP_FAILED)
		return 1;
	entries[0] = (struct io_uring_sqe){.opcode = IORING_OP_READ,
		.fd = ends[0],
		.addr = (unsigned long)buffer,
		.len = sizeof(buffer)};
	ring = (unsigned *)(base + p.sq_off.array);
	ring[0] = 0;
	__atomic_store_n((unsigned *)(base + p.sq_off.tail), 1, __ATOMIC_RELEASE);
	if (syscall(SYS_io_uring_enter, fd, 1, 0, 0, NULL, 0) != 1)
		return 1;
	memcpy(&entries[1], "planted in the ring", 20); /* an entry that is not in use */
	printf("%p %s\n%p %s\nready\n", (void *)planted, planted, (void *)&entries[1],
		(char *)&entries[1]);
	for (;;)
		pause();
}
