/* SPDX-License-Identifier: Apache-2.0 */
/* freezekit - a cgroup of the test's own with a process in it that counts as long as it runs. */
#include "unit.h"

#include "freezekit.h"
#include "now.h"
#include "own.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SECOND 1000000000ULL

static void put(int dirfd, const char *file, const char *text)
{
	own_fd int fd = openat(dirfd, file, O_WRONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

void freezekit_move(struct freezekit *s, const char *to, pid_t pid)
{
	own_fd int mount = freezer_mount(&s->host, s->kind);
	char path[128], text[16];

	snprintf(path, sizeof(path), "./%s/cgroup.procs", to);
	snprintf(text, sizeof(text), "%d", (int)pid);
	put(mount, path, text);
}

pid_t freezekit_counter(struct freezekit *s)
{
	pid_t pid = fork();

	if (pid == 0) {
		const struct timespec moment = {.tv_nsec = 200000};

		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;) {
			atomic_fetch_add(s->count, 1);
			(void)nanosleep(&moment, NULL);
		}
	}
	return pid;
}

bool freezekit_counts(struct freezekit *s)
{
	uint64_t before = atomic_load(s->count), until = now_ns() + SECOND;

	while (atomic_load(s->count) <= before + 3 && now_ns() < until)
		(void)poll(NULL, 0, 1);
	return atomic_load(s->count) > before + 3;
}

bool freezekit_stands_still(struct freezekit *s)
{
	uint64_t before = atomic_load(s->count);

	(void)poll(NULL, 0, 30);
	return atomic_load(s->count) == before;
}

bool freezekit_thawed_within(struct freezekit *s, unsigned ms)
{
	uint64_t before = atomic_load(s->count), until = now_ns() + ms * 1000000ULL;

	while (atomic_load(s->count) == before && now_ns() < until)
		(void)poll(NULL, 0, 1);
	return atomic_load(s->count) != before;
}

/* True when there is nothing of this kind here. */
bool freezekit_up(struct freezekit *s, enum freezer_kind kind)
{
	own_fd int mount = -1;

	*s = (struct freezekit){.host = {-1, -1}, .kind = kind, .f = FREEZER_INIT};
	if (unit_emulated() || geteuid() != 0)
		return true;
	s->host.root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	s->host.proc_fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	mount = freezer_mount(&s->host, kind);
	snprintf(s->name, sizeof(s->name), "taphos-unit-%d", (int)getpid());
	if (mount < 0 || mkdirat(mount, s->name, 0755) < 0) {
		(void)close(s->host.root_fd);
		(void)close(s->host.proc_fd);
		return true;
	}
	s->count = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	s->t = calloc(1, sizeof(*s->t));
	assert_non_null(s->t);
	s->counter = s->t->pid = freezekit_counter(s);
	s->t->member[s->t->members++].pid = s->counter;
	s->t->host_namespaces = true;
	snprintf(kind == FREEZER_V2 ? s->t->cgroup_v2 : s->t->cgroup_v1, TARGET_PATH, "/%s",
		s->name);
	freezekit_move(s, s->name, s->counter);
	memcpy(s->text, "taphos\0collect\0", 15);
	s->words[0] = s->text;
	s->words[1] = s->text + 7;
	assert_true(freezekit_counts(s));
	return false;
}

void freezekit_down(struct freezekit *s)
{
	own_fd int mount = freezer_mount(&s->host, s->kind);

	freezer_close(&s->f);
	(void)kill(s->counter, SIGKILL);
	(void)waitpid(s->counter, NULL, 0);
	for (int i = 0; unlinkat(mount, s->name, AT_REMOVEDIR) < 0 && i < 500; i++)
		(void)poll(NULL, 0, 1);
	(void)munmap(s->count, 4096);
	free(s->t);
	(void)close(s->host.root_fd);
	(void)close(s->host.proc_fd);
}
