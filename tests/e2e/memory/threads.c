/* SPDX-License-Identifier: Apache-2.0 */
/*
 * threads - holds values in memory of every sort and prints where: lines "ADDRESS TEXT", then
 * "ready". Eight threads besides the first, each ten calls deep.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <unistd.h>

enum { THREADS = 8, DEEP = 10, PAGE = 4096 };

static char in_data[64] = "planted in data";
static __thread char in_tls[64];
static pthread_barrier_t barrier;

static void tell(const char *text)
{
	printf("%p %s\n", (const void *)text, text);
}

static __attribute__((noinline)) void wait_deep(int depth)
{
	if (depth)
		wait_deep(depth - 1);
	else
		(void)pause();
	__asm__ volatile("" ::: "memory"); /* no tail call: a frame each */
}

static void *work(void *arg)
{
	char on_stack[64];

	snprintf(on_stack, sizeof(on_stack), "planted on stack %d", (int)(intptr_t)arg);
	snprintf(in_tls, sizeof(in_tls), "planted in tls %d", (int)(intptr_t)arg);
	tell(on_stack);
	tell(in_tls);
	pthread_barrier_wait(&barrier);
	wait_deep(DEEP);
	return NULL;
}

static char *map(int flags, int fd)
{
	char *p = mmap(NULL, 8 * PAGE, PROT_READ | PROT_WRITE, flags, fd, 0);

	return p == MAP_FAILED ? NULL : p;
}

static void plant(char *p, const char *text)
{
	if (p)
		tell(strcpy(p + 3 * PAGE + 17, text));
}

static void plant_maps(void)
{
	int memory = memfd_create("planted", MFD_CLOEXEC), id = shmget(IPC_PRIVATE, 8 * PAGE, 0600);
	char name[] = "/tmp/planted-XXXXXX", *p;
	int gone = mkstemp(name);

	plant(map(MAP_PRIVATE | MAP_ANONYMOUS, -1), "planted in private memory");
	plant(map(MAP_SHARED | MAP_ANONYMOUS, -1), "planted in shared memory");
	if (memory >= 0 && ftruncate(memory, 8 * PAGE) == 0)
		plant(map(MAP_SHARED, memory), "planted in a memfd");
	if (gone >= 0 && ftruncate(gone, 8 * PAGE) == 0) {
		(void)unlink(name);
		plant(map(MAP_SHARED, gone), "planted in a deleted file");
	}
	p = id < 0 ? NULL : shmat(id, NULL, 0);
	if (p && p != (char *)-1) {
		(void)shmctl(id, IPC_RMID, NULL);
		plant(p, "planted in System V memory");
	}
	p = map(MAP_PRIVATE | MAP_ANONYMOUS, -1);
	plant(p, "planted, then protected");
	(void)mprotect(p, 8 * PAGE, PROT_NONE);
	p = map(MAP_PRIVATE | MAP_ANONYMOUS, -1);
	plant(p, "planted, not for dumps");
	(void)madvise(p, 8 * PAGE, MADV_DONTDUMP);
	p = map(MAP_PRIVATE | MAP_ANONYMOUS, -1);
	plant(p, "planted where code may run");
	(void)mprotect(p, 8 * PAGE, PROT_READ | PROT_WRITE | PROT_EXEC);
}

int main(void)
{
	char *heap = malloc(1 << 16);
	pthread_t t;

	setvbuf(stdout, NULL, _IOLBF, 0);
	tell(in_data);
	tell(strcpy(heap, "planted on the heap"));
	plant_maps();
	pthread_barrier_init(&barrier, NULL, THREADS + 1);
	for (intptr_t i = 0; i < THREADS; i++)
		if (pthread_create(&t, NULL, work, (void *)i) != 0)
			return 1;
	pthread_barrier_wait(&barrier);
	printf("ready\n");
	wait_deep(DEEP);
	return 0;
}
