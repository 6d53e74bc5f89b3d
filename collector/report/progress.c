/* SPDX-License-Identifier: Apache-2.0 */
/* progress - what a run tells while it runs. */
#include "progress.h"
#include "buf.h"
#include "engine.h"
#include "io.h"
#include "term.h"
#include "text.h"

#include <inttypes.h>
#include <poll.h>
#include <string.h>

enum { REDRAW_MS = 100, BAR_MAX = 30, LINE_MAX_BYTES = 4096 };

#define ERASE_LINE "\r\033[K"

void progress_init(struct progress *p, int fd)
{
	*p = (struct progress){.fd = fd};
	p->live = fd >= 0 && term_is_live(fd);
	p->colour = fd >= 0 && term_has_colour(fd);
}

/* A terminal stopped with ^S or a pipe nobody reads must not hold up the run: what does not
 * go out at once is left out. Lines are shorter than PIPE_BUF, so poll's answer holds. */
static bool put(const struct progress *p, const struct buf *line)
{
	struct pollfd ready = {.fd = p->fd, .events = POLLOUT};

	if (poll(&ready, 1, 0) != 1 || !(ready.revents & POLLOUT))
		return false;
	return io_write(p->fd, buf_str(line), line->len) == 0;
}

void progress_time(struct buf *out, uint64_t ms)
{
	if (ms < 60000)
		buf_addf(out, "%" PRIu64 ".%" PRIu64 " s", ms / 1000, ms % 1000 / 100);
	else
		buf_addf(out, "%" PRIu64 " min %" PRIu64 " s", ms / 60000, ms / 1000 % 60);
}

static void count(struct buf *out, uint64_t n, const char *what)
{
	if (n)
		buf_addf(out, ", %" PRIu64 " %s%s", n, what, n == 1 ? "" : "s");
}

static void bar(struct buf *out, unsigned done, unsigned of, unsigned width)
{
	unsigned full = of ? width * (done < of ? done : of) / of : 0;

	buf_addc(out, '[');
	for (unsigned i = 0; i < width; i++)
		buf_addc(out, i < full ? '=' : i == full ? '>' : ' ');
	buf_adds(out, "] ");
}

void progress_bar(struct buf *out, const struct engine_progress *now, unsigned width)
{
	own_buf struct buf text = BUF_INIT(LINE_MAX_BYTES);
	unsigned columns = width > 40 ? (width - 40) / 2 : 0;

	if (columns > BAR_MAX)
		columns = BAR_MAX;
	if (now->steps)
		buf_addf(&text, "%u/%u ", now->step, now->steps);
	buf_addf(&text, "%s, ", now->stage);
	text_size(&text, now->bytes);
	if (now->planned_bytes) {
		buf_adds(&text, " (this one ");
		text_size(&text, now->planned_bytes);
		buf_addc(&text, ')');
	}
	count(&text, now->gaps, "gap");
	buf_adds(&text, ", ");
	progress_time(&text, now->elapsed_ms);
	if (columns >= 8) {
		bar(out, now->step, now->steps, columns);
		width -= columns + 3;
	}
	term_cell(out, buf_str(&text), width);
}

void progress_stage(struct buf *out, const struct progress *p, const struct engine_progress *now)
{
	if (now->steps && now->step)
		buf_addf(out, "[%u/%u] ", now->step, now->steps);
	buf_addf(out, "%s: %s", now->stage, now->status ? now->status : "done");
	count(out, now->artifacts - p->before.artifacts, "artifact");
	if (now->bytes > p->before.bytes) {
		buf_adds(out, ", ");
		text_size(out, now->bytes - p->before.bytes);
	}
	count(out, now->gaps - p->before.gaps, "gap");
	buf_adds(out, ", ");
	progress_time(out, now->elapsed_ms - p->before.elapsed_ms);
}

static void end_stage(struct progress *p, const struct engine_progress *now)
{
	own_buf struct buf line = BUF_INIT(LINE_MAX_BYTES);
	bool good = !now->status || !strcmp(now->status, "ok") || !strcmp(now->status, "skipped");

	/* On a terminal the bar is enough; what went wrong stays. */
	if (!p->live || !good) {
		if (p->drawn)
			buf_adds(&line, ERASE_LINE);
		progress_stage(&line, p, now);
		buf_addc(&line, '\n');
		if (put(p, &line))
			p->drawn = false;
	}
	p->before.bytes = now->bytes;
	p->before.artifacts = now->artifacts;
	p->before.gaps = now->gaps;
	p->before.elapsed_ms = now->elapsed_ms;
}

void progress_show(const struct engine_progress *now, void *arg)
{
	own_buf struct buf line = BUF_INIT(LINE_MAX_BYTES);
	struct progress *p = arg;

	if (p->fd < 0)
		return;
	if (now->stage_done)
		end_stage(p, now);
	if (!p->live || (p->drawn && now->elapsed_ms < p->last_ms + REDRAW_MS))
		return;
	buf_adds(&line, ERASE_LINE);
	/* One column stays free: some terminals wrap when the last one is written. */
	progress_bar(&line, now, term_width(p->fd) - 1);
	if (put(p, &line)) {
		p->drawn = true;
		p->last_ms = now->elapsed_ms;
	}
}

void progress_done(struct progress *p)
{
	own_buf struct buf line = BUF_INIT(LINE_MAX_BYTES);

	if (!p->drawn)
		return;
	buf_adds(&line, ERASE_LINE);
	(void)put(p, &line);
	p->drawn = false;
}
