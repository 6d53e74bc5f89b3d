/* SPDX-License-Identifier: Apache-2.0 */
/* The engine's side of a capture, with stand-ins for the worker that captures. */
#include "unit.h"

#include "conductor.h"
#include "dumper.h"
#include "freezekit.h"
#include "io.h"
#include "journal.h"
#include "jsonw.h"
#include "memory.h"
#include "now.h"
#include "own.h"
#include "profile.h"
#include "run.h"
#include "sink.h"
#include "wire.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define MS 1000000ULL
#define LET_GO_BEFORE (4940 * MS) /* the end of the longest freeze, 5 s */

/* With a sanitizer's shadow a worker does not fit its limit of memory. */
#ifdef __SANITIZE_ADDRESS__
enum { SANITIZED = 1 };
#else
enum { SANITIZED = 0 };
#endif

/* What the stand-ins look at: they are forked from here. */
static struct freezekit kit;

struct fixture {
	struct engine_request rq;
	struct run r;
	int writer; /* the other end of the engine's control socket */
};

static bool set_up(struct fixture *f, enum freezer_kind kind)
{
	struct err e = ERR_INIT;
	int pair[2];

	if (SANITIZED || freezekit_up(&kit, kind))
		return true;
	*f = (struct fixture){
		.rq = {.max_freeze_ns = 5000 * MS, .stage = 1 << 20, .max_size = 0},
	};
	assert_int_equal(wire_pair(pair, &e), 0);
	f->writer = pair[1];
	f->r = (struct run){
		.rq = &f->rq,
		.target = kit.t,
		.control = pair[0],
		.sign_sock = -1,
		.spool_dir = -1,
		.host = {.at = kit.host},
		.log = BUF_INIT(1 << 20),
		.memory = MEMORY_INIT,
		.started_ns = now_ns(),
		.deadline_ns = now_ns() + 60000 * MS,
	};
	(void)fcntl(pair[0], F_SETFL, O_NONBLOCK);
	for (int i = 0; i < TARGET_FDS; i++)
		kit.t->fd[i] = -1;
	assert_int_equal(profile_load("standard", &f->r.profile, &e), 0);
	return false;
}

static void tear_down(struct fixture *f)
{
	memory_done(&f->r.memory);
	profile_free(f->r.profile);
	buf_done(&f->r.log);
	(void)close(f->r.control);
	(void)close(f->writer);
	freezekit_down(&kit);
}

#define FIXTURE(f, kind)                                                                      \
	struct fixture f;                                                                     \
	struct err e = ERR_INIT;                                                              \
	if (set_up(&(f), kind)) {                                                             \
		unit_skip("no cgroup of this kind can be made here, or not with this build"); \
		return;                                                                       \
	}

/* The only gap there is: its kind, where and why in text; -1: none. */
static int take_gap(struct fixture *f, char *text, size_t size)
{
	struct wire_msg m, other;
	char where[64], why[256];

	if (wire_recv(f->writer, &m, NULL, false, NULL) != 1)
		return -1;
	assert_int_equal(m.type, WIRE_GAP);
	wire_string(&m, 1, where, sizeof(where));
	wire_string(&m, 2, why, sizeof(why));
	snprintf(text, size, "%s: %s", where, why);
	assert_int_equal(wire_recv(f->writer, &other, NULL, false, NULL), -EAGAIN);
	return (int)m.a;
}

/* ---- stand-ins: each answers as mem/capture.h says, up to where it goes wrong */

static void say_all(const struct capture_job *j, struct capture_msg m)
{
	(void)!send(j->sock, &m, sizeof(m), 0);
}

static void say(const struct capture_job *j, enum capture_step step, uint64_t a, uint64_t b)
{
	say_all(j, (struct capture_msg){.step = step, .a = a, .b = b});
}

static struct capture_msg hear(const struct capture_job *j)
{
	struct capture_msg m = {0};

	(void)!recv(j->sock, &m, sizeof(m), 0);
	return m;
}

/* Says in COPIED and DONE how it was held, and whether the target stood still; in DONE, that its
 * threads were let go 60 ms after the start. */
static int good(const struct capture_job *j, struct err *e)
{
	struct capture_msg go;
	uint64_t seen;

	(void)e;
	say(j, CAPTURE_READY, 4096, 1);
	go = hear(j);
	if (go.step != CAPTURE_GO || j->stage_fd < 0 || j->table_fd < 0)
		return -EPROTO;
	seen = go.a << 1 | freezekit_stands_still(&kit);
	say(j, CAPTURE_COPIED, seen, 0);
	if (hear(j).step != CAPTURE_THAWED)
		return -EPROTO;
	say_all(j, (struct capture_msg){.step = CAPTURE_DONE,
			   .a = 3,
			   .b = 1,
			   .c = go.b - LET_GO_BEFORE,
			   .staged = seen});
	return 0;
}

static int slow(const struct capture_job *j, struct err *e)
{
	(void)e;
	say(j, CAPTURE_READY, 0, 0);
	(void)hear(j);
	for (;;) {
		atomic_fetch_add(&j->watch->beat, 1);
		(void)poll(NULL, 0, 10);
	}
	return 0;
}

static int dies(const struct capture_job *j, struct err *e)
{
	(void)e;
	say(j, CAPTURE_READY, 0, 0);
	(void)hear(j);
	_exit(7);
}

static int babbles(const struct capture_job *j, struct err *e)
{
	(void)e;
	say(j, CAPTURE_READY, 0, 0);
	(void)hear(j);
	say(j, CAPTURE_DONE, 0, 0);
	return slow(j, e);
}

static int fails(const struct capture_job *j, struct err *e)
{
	(void)j;
	return err_set(e, EIO, "no such luck");
}

static int some_live(const struct capture_job *j, struct err *e)
{
	(void)e;
	say(j, CAPTURE_READY, 0, 0);
	(void)hear(j);
	/* time was up in the middle of the first process: nothing is finished yet */
	say(j, CAPTURE_COPIED, 0, 0);
	(void)hear(j);
	say_all(j, (struct capture_msg){.step = CAPTURE_DONE, .a = 1, .staged = 1000, .live = 500});
	return 0;
}

/* Is at a process when its time is over; another worker, which goes on, is not. */
static int gets_stuck(const struct capture_job *j, struct err *e)
{
	struct capture_msg go;

	j->watch->item = j->again ? 0 : journal_item(CAPTURE_LISTS, 4711);
	if (!j->again)
		return slow(j, e);
	say(j, CAPTURE_READY, 4096, 2);
	go = hear(j);
	if (go.a != HOLD_NONE || !j->late || j->stage_fd >= 0 || freezekit_stands_still(&kit))
		return -EPROTO;
	say(j, CAPTURE_COPIED, 0, 0);
	(void)hear(j);
	say_all(j, (struct capture_msg){.step = CAPTURE_DONE, .staged = 1000});
	return 0;
}

/* Gives no sign of life from the first process it looks at; without that it ends well. */
static int never_comes_back(const struct capture_job *j, struct err *e)
{
	if (j->skips == 1 && j->skip[0].pid == 4711 && j->skip[0].work == CAPTURE_PREPARES)
		return good(j, e);
	j->watch->item = journal_item(CAPTURE_PREPARES, 4711);
	(void)poll(NULL, 0, -1);
	return 0;
}

/* Shows signs of life, and is not ready as long as it may prepare. */
static int never_ready_with_all(const struct capture_job *j, struct err *e)
{
	j->watch->item = journal_item(CAPTURE_PREPARES, 4711);
	if (j->unprepared)
		return good(j, e);
	for (;;) {
		atomic_fetch_add(&j->watch->beat, 1);
		(void)poll(NULL, 0, 10);
	}
	return 0;
}

static int takes_its_time(const struct capture_job *j, struct err *e)
{
	(void)e;
	say(j, CAPTURE_READY, 0, 0);
	(void)hear(j);
	(void)poll(NULL, 0, 300);
	say(j, CAPTURE_COPIED, 1000, 0);
	(void)hear(j);
	say(j, CAPTURE_DONE, 1, 0);
	return 0;
}

/* ---- */

static void one_capture(enum freezer_kind kind)
{
	char text[400];

	FIXTURE(f, kind);
	assert_int_equal(memory_capture(&f.r, 0, good, &e), 0);
	assert_true(freezekit_counts(&kit));
	assert_int_equal(take_gap(&f, text, sizeof(text)), -1);
	assert_string_equal(f.r.memory.method, freezer_names[kind]);
	assert_int_equal(f.r.memory.staged, HOLD_CGROUP << 1 | 1);
	assert_int_equal(f.r.memory.threads, 3);
	assert_int_equal(f.r.memory.threads_missed, 1);
	assert_in_range(memory_held_ns(&f.r.memory), 60 * MS, 1000 * MS);
	assert_true(f.r.memory.frozen_ns >= f.r.memory.requested_ns);
	assert_true(f.r.memory.fd[MEMORY_TABLE] >= 0);
	assert_int_equal(f.r.memory.stage_bytes, 1 << 20);
	tear_down(&f);
}

static void test_frozen(void **state)
{
	(void)state;
	one_capture(FREEZER_V2);
	one_capture(FREEZER_V1);
}

static void test_paused_before(void **state)
{
	own_freezer struct freezer theirs = FREEZER_INIT;

	(void)state;
	FIXTURE(f, FREEZER_V2);
	assert_int_equal(freezer_open(&kit.host, kit.t, &theirs, &e), 0);
	assert_int_equal(freezer_freeze(&theirs, now_ns() + 2000 * MS, &e), 0);
	assert_int_equal(memory_capture(&f.r, 0, good, &e), 0);
	assert_true(freezekit_stands_still(&kit));
	assert_true(f.r.memory.theirs);
	assert_int_equal(f.r.memory.staged, HOLD_CGROUP << 1 | 1);
	assert_int_equal(memory_held_ns(&f.r.memory), 0);
	assert_int_equal(freezer_thaw(FREEZER_V2, theirs.state_fd, &e), 0);
	tear_down(&f);
}

static _Atomic unsigned *turn; /* 1: the worker has begun; 2: somebody else has done his part */

static int waits_for_another(const struct capture_job *j, struct err *e)
{
	*turn = 1;
	for (unsigned i = 0; i < 5000 && *turn != 2; i++)
		(void)poll(NULL, 0, 1);
	return good(j, e);
}

/* Pauses the target when the engine has opened its freezer, or lets it go. */
static pid_t start_another(bool pauses)
{
	pid_t pid;
	int rc;

	turn = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(turn, MAP_FAILED);
	assert_int_equal(freezer_open(&kit.host, kit.t, &kit.f, NULL), 0);
	if (!pauses)
		assert_int_equal(freezer_freeze(&kit.f, now_ns() + 2000 * MS, NULL), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid)
		return pid;
	for (unsigned i = 0; i < 5000 && *turn != 1; i++)
		(void)poll(NULL, 0, 1);
	rc = pauses ? freezer_freeze(&kit.f, now_ns() + 2000 * MS, NULL)
		    : freezer_thaw(kit.f.kind, kit.f.state_fd, NULL);
	*turn = 2;
	_exit(rc < 0);
}

static void another(enum freezer_kind kind, bool pauses)
{
	char text[400];
	bool still;
	pid_t pid;
	int status;

	FIXTURE(f, kind);
	pid = start_another(pauses);
	assert_int_equal(memory_capture(&f.r, 0, waits_for_another, &e), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	still = freezekit_stands_still(&kit);
	assert_int_equal(freezer_thaw(kind, kit.f.state_fd, &e), 0);
	assert_int_equal(still, pauses);
	assert_int_equal(f.r.memory.theirs, pauses);
	assert_int_equal(f.r.memory.staged, HOLD_CGROUP << 1 | 1);
	assert_int_equal(memory_held_ns(&f.r.memory) == 0, pauses);
	assert_int_equal(take_gap(&f, text, sizeof(text)), -1);
	(void)munmap(turn, 4096);
	tear_down(&f);
}

static void test_paused_meanwhile(void **state)
{
	(void)state;
	another(FREEZER_V2, true);
	another(FREEZER_V1, true);
}

static void test_let_go_meanwhile(void **state)
{
	(void)state;
	another(FREEZER_V2, false);
	another(FREEZER_V1, false);
}

static void test_no_cgroup(void **state)
{
	own_buf struct buf b = BUF_INIT(4096);
	struct jsonw w = JSONW(&b);

	(void)state;
	FIXTURE(f, FREEZER_V2);
	kit.t->cgroup_v2[0] = '\0';
	f.rq.freeze = FREEZE_ALWAYS;
	assert_int_equal(memory_capture(&f.r, 0, good, &e), 0);
	assert_int_equal(f.r.memory.staged, HOLD_PTRACE << 1);
	assert_string_equal(f.r.memory.method, "ptrace");
	assert_non_null(strstr(f.r.memory.why, "no cgroup of its own"));
	assert_int_equal(memory_held_ns(&f.r.memory), 60 * MS);
	jsonw_open(&w, NULL);
	memory_render(&f.r.memory, &w);
	jsonw_close(&w);
	assert_non_null(
		strstr(buf_str(&b), "{\"memory\":{\"hold\":{\"method\":\"ptrace\",\"cgroup\":null,"
				    "\"frozen_before\":false,\"why\":\"it has no cgroup"));
	tear_down(&f);
}

static void test_never(void **state)
{
	char text[400];

	(void)state;
	FIXTURE(f, FREEZER_V2);
	f.rq.freeze = FREEZE_NEVER;
	assert_int_equal(memory_capture(&f.r, 0, good, &e), 0);
	assert_int_equal(f.r.memory.staged, HOLD_NONE << 1);
	assert_int_equal(take_gap(&f, text, sizeof(text)), -1);
	assert_int_equal(memory_held_ns(&f.r.memory), 0);
	tear_down(&f);
}

static void test_too_slow(void **state)
{
	char text[400];

	(void)state;
	FIXTURE(f, FREEZER_V2);
	f.rq.max_freeze_ns = 100 * MS;
	assert_int_equal(memory_capture(&f.r, 0, slow, &e), 0);
	assert_true(freezekit_counts(&kit));
	assert_in_range(memory_held_ns(&f.r.memory), 590 * MS, 1500 * MS);
	assert_int_equal(take_gap(&f, text, sizeof(text)), GAP_STALLED);
	assert_string_equal(f.r.memory.refused, ""); /* what is in the table is used */
	tear_down(&f);
}

static void test_too_slow_by_ptrace(void **state)
{
	char text[400];

	(void)state;
	FIXTURE(f, FREEZER_V2);
	kit.t->cgroup_v2[0] = '\0';
	f.rq.max_freeze_ns = 100 * MS;
	assert_int_equal(memory_capture(&f.r, 0, slow, &e), 0);
	assert_in_range(memory_held_ns(&f.r.memory), 590 * MS, 1500 * MS);
	assert_int_equal(take_gap(&f, text, sizeof(text)), GAP_STALLED);
	tear_down(&f);
}

static void test_another_goes_on(void **state)
{
	char text[400];

	(void)state;
	FIXTURE(f, FREEZER_V2);
	f.rq.max_freeze_ns = 100 * MS;
	assert_int_equal(memory_capture(&f.r, 0, gets_stuck, &e), 0);
	assert_true(freezekit_counts(&kit));
	assert_in_range(memory_held_ns(&f.r.memory), 590 * MS, 1500 * MS);
	assert_int_equal(take_gap(&f, text, sizeof(text)), GAP_STALLED);
	assert_non_null(strstr(text, "registers: "));
	assert_int_equal(f.r.memory.staged, 1000);
	assert_string_equal(f.r.memory.refused, "");
	tear_down(&f);
}

static void test_stuck_before_ready(void **state)
{
	char text[400];

	(void)state;
	FIXTURE(f, FREEZER_V2);
	assert_int_equal(memory_capture(&f.r, 0, never_comes_back, &e), 0);
	assert_int_equal(f.r.memory.staged, HOLD_CGROUP << 1 | 1);
	assert_true(memory_held_ns(&f.r.memory) > 0);
	assert_int_equal(take_gap(&f, text, sizeof(text)), -1);
	tear_down(&f);
}

/* Without preparation it is captured, long before the deadline, and nobody is left out. */
static void test_not_ready_in_time(void **state)
{
	uint64_t start = now_ns();
	char text[400];

	(void)state;
	FIXTURE(f, FREEZER_V2);
	f.r.deadline_ns = start + 4000 * MS;
	assert_int_equal(memory_capture(&f.r, 0, never_ready_with_all, &e), 0);
	assert_int_equal(f.r.memory.staged, HOLD_CGROUP << 1 | 1);
	assert_true(now_ns() < f.r.deadline_ns);
	assert_null(f.r.interrupted);
	assert_int_equal(take_gap(&f, text, sizeof(text)), -1);
	tear_down(&f);
}

/* It runs while it is listed, and there is no end to that: the others have their time. */
static void test_listing_without_end(void **state)
{
	char text[400];

	(void)state;
	FIXTURE(f, FREEZER_V2);
	f.rq.freeze = FREEZE_NEVER;
	f.r.deadline_ns = now_ns() + 12000 * MS;
	assert_int_equal(memory_capture(&f.r, 0, slow, &e), 0);
	assert_null(f.r.interrupted);
	assert_true(now_ns() + 4000 * MS < f.r.deadline_ns);
	assert_int_equal(take_gap(&f, text, sizeof(text)), GAP_STALLED);
	tear_down(&f);
}

static void test_worker_dies(void **state)
{
	char text[400];

	(void)state;
	FIXTURE(f, FREEZER_V2);
	assert_int_equal(memory_capture(&f.r, 0, dies, &e), 0);
	assert_true(freezekit_counts(&kit));
	assert_in_range(memory_held_ns(&f.r.memory), 1, 500 * MS);
	assert_int_equal(take_gap(&f, text, sizeof(text)), GAP_UNREADABLE);
	assert_string_equal(text, "capture: the capture worker ended: exit 7");
	tear_down(&f);
}

static void test_worker_babbles(void **state)
{
	char text[400];

	(void)state;
	FIXTURE(f, FREEZER_V2);
	assert_int_equal(memory_capture(&f.r, 0, babbles, &e), 0);
	assert_true(freezekit_counts(&kit));
	assert_int_equal(take_gap(&f, text, sizeof(text)), GAP_UNREADABLE);
	assert_non_null(strstr(text, "out of turn"));
	tear_down(&f);
}

static void test_never_ready(void **state)
{
	char text[400];

	(void)state;
	FIXTURE(f, FREEZER_V2);
	assert_int_equal(memory_capture(&f.r, 0, fails, &e), 0);
	assert_int_equal(memory_held_ns(&f.r.memory), 0);
	assert_int_equal(take_gap(&f, text, sizeof(text)), GAP_UNREADABLE);
	assert_non_null(strstr(f.r.memory.refused, "could not be captured"));
	assert_non_null(strstr(f.r.memory.refused, "no such luck"));
	tear_down(&f);
}

static void test_what_is_live_is_said(void **state)
{
	char text[400];

	(void)state;
	FIXTURE(f, FREEZER_V2);
	assert_int_equal(memory_capture(&f.r, 0, some_live, &e), 0);
	assert_int_equal(take_gap(&f, text, sizeof(text)), GAP_CHANGED);
	assert_non_null(strstr(text, "500 bytes"));
	assert_int_equal(f.r.memory.staged, 1000);
	tear_down(&f);
}

/* Another process thaws it while it is copied. */
static pid_t start_meddler(void)
{
	own_freezer struct freezer f = FREEZER_INIT;
	pid_t pid;

	assert_int_equal(freezer_open(&kit.host, kit.t, &f, NULL), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid)
		return pid;
	for (unsigned i = 0; i < 5000 && !freezer_holds(&f); i++)
		(void)poll(NULL, 0, 1);
	(void)poll(NULL, 0, 100); /* the engine has seen it frozen */
	_exit(freezer_thaw(f.kind, f.state_fd, NULL) < 0);
}

static void somebody_thaws(enum freezer_kind kind)
{
	char text[400];
	pid_t meddler;
	int status;

	FIXTURE(f, kind);
	meddler = start_meddler();
	assert_int_equal(memory_capture(&f.r, 0, takes_its_time, &e), 0);
	assert_int_equal(waitpid(meddler, &status, 0), meddler);
	assert_int_equal(status, 0);
	assert_int_equal(take_gap(&f, text, sizeof(text)), GAP_CHANGED);
	assert_non_null(strstr(text, "somebody else thawed it"));
	tear_down(&f);
}

static void test_thawed_by_another(void **state)
{
	(void)state;
	somebody_thaws(FREEZER_V2);
	somebody_thaws(FREEZER_V1);
}

static void test_deadline(void **state)
{
	char text[400];

	(void)state;
	FIXTURE(f, FREEZER_V2);
	f.r.deadline_ns = now_ns() + 200 * MS;
	assert_int_equal(memory_capture(&f.r, 0, slow, &e), 0);
	assert_true(freezekit_counts(&kit));
	assert_in_range(memory_held_ns(&f.r.memory), 1, 500 * MS);
	assert_int_equal(take_gap(&f, text, sizeof(text)), GAP_OVER_BUDGET);
	assert_string_equal(f.r.interrupted, "the deadline was reached");
	tear_down(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_frozen),
		cmocka_unit_test(test_paused_before),
		cmocka_unit_test(test_paused_meanwhile),
		cmocka_unit_test(test_let_go_meanwhile),
		cmocka_unit_test(test_no_cgroup),
		cmocka_unit_test(test_never),
		cmocka_unit_test(test_too_slow),
		cmocka_unit_test(test_too_slow_by_ptrace),
		cmocka_unit_test(test_another_goes_on),
		cmocka_unit_test(test_stuck_before_ready),
		cmocka_unit_test(test_not_ready_in_time),
		cmocka_unit_test(test_listing_without_end),
		cmocka_unit_test(test_worker_dies),
		cmocka_unit_test(test_worker_babbles),
		cmocka_unit_test(test_never_ready),
		cmocka_unit_test(test_what_is_live_is_said),
		cmocka_unit_test(test_thawed_by_another),
		cmocka_unit_test(test_deadline),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
