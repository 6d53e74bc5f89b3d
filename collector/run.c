/* SPDX-License-Identifier: Apache-2.0 */
/* run - one collection while it runs. */
#include "run.h"
#include "jsonw.h"

#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static volatile sig_atomic_t stop;

static void on_signal(int sig)
{
	(void)sig;
	stop = 1;
}

void run_catch_signals(void)
{
	/* RESETHAND: whoever asks twice means it */
	struct sigaction sa = { .sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND };

	(void)sigaction(SIGINT, &sa, NULL);
	(void)sigaction(SIGTERM, &sa, NULL);
	(void)sigaction(SIGHUP, &sa, NULL);
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

static uint64_t ns_of(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000ULL + (uint64_t)t.tv_nsec;
}

uint64_t run_now_ns(void)
{
	return ns_of(CLOCK_MONOTONIC);
}

uint64_t run_wall_ns(void)
{
	return ns_of(CLOCK_REALTIME);
}

void run_show(struct run *r)
{
	r->progress.elapsed_ms = (run_now_ns() - r->started_ns) / 1000000;
	if (r->rq->progress)
		r->rq->progress(&r->progress, r->rq->progress_arg);
}

void run_log(struct run *r, const char *level, const char *event, const char *fmt, ...)
{
	struct jsonw w = JSONW(&r->log);
	struct timespec now;
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	clock_gettime(CLOCK_REALTIME, &now);
	jsonw_open(&w, NULL);
	jsonw_time(&w, "time", now);
	jsonw_u64(&w, "elapsed_us", (run_now_ns() - r->started_ns) / 1000);
	jsonw_str(&w, "level", level);
	jsonw_str(&w, "event", event);
	jsonw_str(&w, "text", text);
	jsonw_close(&w);
	buf_addc(&r->log, '\n');
}
