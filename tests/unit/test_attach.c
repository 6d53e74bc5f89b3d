/* SPDX-License-Identifier: Apache-2.0 */
/* test_attach - binding to a live process, and never to a later one of its number. */
#include "unit.h"

#include "attach.h"
#include "buf.h"
#include "fakeproc.h"
#include "own.h"
#include "procfs.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

struct world {
	struct target_host host;
	struct target *t;
	pid_t child;
	uint64_t ticks;
};

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct procfs_stat st;

	if (!w)
		return -1;
	w->host.root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	w->host.proc_fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	w->t = calloc(1, sizeof(*w->t));
	w->child = fork();
	if (!w->child) {
		pause();
		_exit(0);
	}
	own_fd int fd = procfs_open_pid(w->host.proc_fd, w->child, NULL);

	if (!w->t || fd < 0 || procfs_read_stat(fd, &st, NULL) < 0)
		return -1;
	w->ticks = st.start_ticks;
	attach_reset(w->t);
	*state = w;
	return 0;
}

static void end_child(struct world *w)
{
	if (!w->child)
		return;
	kill(w->child, SIGKILL);
	waitpid(w->child, NULL, 0);
	w->child = 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	end_child(w);
	attach_close(w->t);
	close(w->host.root_fd);
	close(w->host.proc_fd);
	free(w->t);
	free(w);
	return 0;
}

static void opens_all_of_it(void **state)
{
	struct world *w = *state;

	assert_int_equal(attach_process(&w->host, w->t, w->child, w->ticks, NULL), 0);
	assert_true(w->t->fd[TFD_PROC] >= 0 && w->t->fd[TFD_NETNS] >= 0);
	assert_true(w->t->fd[TFD_MNTNS] >= 0 && w->t->fd[TFD_ROOT] >= 0);
	assert_int_equal(w->t->start_ticks, w->ticks);
	assert_true(w->t->ns_pid && w->t->ns_mnt && w->t->ns_user);
	assert_true(w->t->host_namespaces);
}

static void refuses_another_start_time(void **state)
{
	struct world *w = *state;
	struct err e = ERR_INIT;

	assert_int_equal(attach_process(&w->host, w->t, w->child, w->ticks + 1, &e), -ESRCH);
	assert_non_null(strstr(e.text, "another one by now"));
	for (unsigned i = 0; i < TARGET_FDS; i++)
		assert_int_equal(w->t->fd[i], -1);
	assert_int_equal(w->t->pid, 0);
}

static void reads_nothing_after_its_end(void **state)
{
	struct world *w = *state;
	own_buf struct buf b = BUF_INIT(1 << 16);

	assert_int_equal(attach_process(&w->host, w->t, w->child, 0, NULL), 0);
	assert_int_equal(attach_read(w->t, "cgroup", &b, NULL), 0);
	end_child(w);
	buf_clear(&b);
	assert_true(attach_read(w->t, "cgroup", &b, NULL) < 0);
	assert_int_equal(b.len, 0);
}

/* A /proc that numbers others than we do: our own number must not be taken for one of its. */
static void no_pidfd_by_anothers_number(void **state)
{
	struct world *w = *state;
	struct target_host host = w->host;
	struct fakeproc proc;

	fakeproc_init(&proc);
	fakeproc_add(&proc, &(struct fakeproc_row){w->child, 1, 5, "x", "0::/\n", "/", NULL});
	host.proc_fd = proc.fd;
	assert_int_equal(attach_process(&host, w->t, w->child, 5, NULL), 0);
	assert_int_equal(w->t->fd[TFD_PIDFD], -1);
	fakeproc_done(&proc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(opens_all_of_it, setup, teardown),
		cmocka_unit_test_setup_teardown(refuses_another_start_time, setup, teardown),
		cmocka_unit_test_setup_teardown(reads_nothing_after_its_end, setup, teardown),
		cmocka_unit_test_setup_teardown(no_pidfd_by_anothers_number, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
