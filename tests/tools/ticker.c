/* SPDX-License-Identifier: Apache-2.0 */
/* ticker - a target with memory that shows whether it runs: counts up in a file's first 8 bytes.
 *	ticker FILE MIB          that much memory, with something in it */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	const struct timespec moment = {.tv_nsec = 500000};
	size_t bytes = argc > 2 ? (size_t)atoi(argv[2]) << 20 : 0;
	int fd = argc > 1 ? open(argv[1], O_RDWR | O_CREAT | O_CLOEXEC, 0644) : -1;
	volatile uint64_t *count;
	uint64_t *memory;

	if (fd < 0 || ftruncate(fd, 4096) < 0)
		return 1;
	count = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	memory = mmap(
		NULL, bytes + 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (count == MAP_FAILED || memory == MAP_FAILED)
		return 1;
	for (size_t i = 0; i < bytes / 8; i++)
		memory[i] = i * 0x9e3779b97f4a7c15ULL;
	for (;;) {
		++*count;
		(void)nanosleep(&moment, NULL);
	}
}
