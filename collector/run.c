/* SPDX-License-Identifier: Apache-2.0 */
/* run - one collection while it runs. */
#include "run.h"
#include "jsonw.h"
#include "now.h"

#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* Of which a text of any bytes is the most. */
enum { LOG_LINE = 8192 };

static volatile sig_atomic_t stop;

static void on_signal(int sig)
{
	(void)sig;
	stop = 1;
}

void run_catch_signals(void)
{
	/* RESETHAND: whoever asks twice means it */
	static const int stopping[] = {SIGINT, SIGTERM, SIGHUP};
	struct sigaction sa = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND}, before;

	for (size_t i = 0; i < sizeof(stopping) / sizeof(stopping[0]); i++)
		/* one that is ignored (nohup, a script's background job) stays so */
		if (sigaction(stopping[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN)
			(void)sigaction(stopping[i], &sa, NULL);
}

bool run_stopped(void)
{
	return stop;
}

int run_spool_dir(void)
{
	const char *dir = getenv("TMPDIR");

	return open(dir && *dir ? dir : "/var/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

uint64_t run_wall_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000000000ULL + (uint64_t)t.tv_nsec;
}

/* What a slow core hashes in a second. */
enum { FILL_MIB_S = 512 };

uint64_t run_fill_ns(uint64_t mib)
{
	return mib * (1000000000ULL / FILL_MIB_S);
}

uint64_t run_fill_bytes(const struct run *r)
{
	uint64_t now = now_ns();

	return now < r->deadline_ns ? (r->deadline_ns - now) / (1000000000ULL / FILL_MIB_S) << 20
				    : 0;
}

enum {
	ITEM_S = 5, /* without a sign of life, while the writer is not the reason */
	ITEM_LEAST_S = 1,
	ITEM_PARTS = 4, /* of the time that is left: no item may have more than one */
};

uint64_t run_item_ns(uint64_t now, uint64_t until_ns)
{
	uint64_t second = 1000000000ULL, part = now < until_ns ? (until_ns - now) / ITEM_PARTS : 0;

	if (part < ITEM_LEAST_S * second)
		return ITEM_LEAST_S * second;
	return part < ITEM_S * second ? part : ITEM_S * second;
}

const char *run_folder(const struct run *r)
{
	return r->here < r->places ? r->place[r->here].folder : "";
}

void run_stage(struct run *r, const char *name)
{
	snprintf(r->stage, sizeof(r->stage), "%s%s", run_folder(r), name);
	r->progress.stage = *run_folder(r) ? r->stage : name;
}

void run_show(struct run *r)
{
	r->progress.elapsed_ms = (now_ns() - r->started_ns) / 1000000;
	if (r->rq->progress)
		r->rq->progress(&r->progress, r->rq->progress_arg);
}

void run_log(struct run *r, const char *level, const char *event, const char *fmt, ...)
{
	own_buf struct buf line = BUF_INIT(LOG_LINE);
	struct jsonw w = JSONW(&line);
	struct timespec now;
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (r->log_left_out || r->log.len + 2 * LOG_LINE > r->log.max) {
		r->log_left_out++;
		return;
	}
	clock_gettime(CLOCK_REALTIME, &now);
	jsonw_open(&w, NULL);
	jsonw_time(&w, "time", now);
	jsonw_u64(&w, "elapsed_us", (now_ns() - r->started_ns) / 1000);
	jsonw_str(&w, "level", level);
	jsonw_str(&w, "event", event);
	jsonw_str(&w, "text", text);
	jsonw_close(&w);
	buf_addc(&line, '\n');
	buf_add(&r->log, line.data, line.len);
}

void run_log_end(struct run *r)
{
	uint64_t n = r->log_left_out;

	if (!n)
		run_log(r, "info", "end", "all dumpers have ended");
	else
		buf_addf(&r->log,
			"{\"level\":\"warn\",\"event\":\"end\",\"text\":\"%llu lines were left "
			"out\"}\n",
			(unsigned long long)n);
}
