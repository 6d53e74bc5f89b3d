/* SPDX-License-Identifier: Apache-2.0 */
/* memory_render - what was done to hold the target still, as JSON. */
#include "jsonw.h"
#include "memory.h"

uint64_t memory_held_ns(const struct memory *m)
{
	uint64_t until = m->let_go_ns > m->thawed_ns ? m->let_go_ns : m->thawed_ns;

	return m->requested_ns && until > m->requested_ns ? until - m->requested_ns : 0;
}

static void render_time(struct jsonw *w, const char *key, uint64_t ns)
{
	if (ns)
		jsonw_u64(w, key, ns / 1000);
	else
		jsonw_null(w, key);
}

void memory_render_how(const struct memory *m, struct jsonw *w)
{
	jsonw_str(w, "method", m->method);
	jsonw_str(w, "cgroup", m->cgroup[0] ? m->cgroup : NULL);
	jsonw_bool(w, "frozen_before", m->theirs);
	jsonw_str(w, "why", m->why[0] ? m->why : NULL);
}

static void render_hold(const struct memory *m, struct jsonw *w)
{
	jsonw_open(w, "hold");
	memory_render_how(m, w);
	/* CLOCK_MONOTONIC, as in the rows of each process */
	render_time(w, "requested_us", m->requested_ns);
	render_time(w, "frozen_us", m->frozen_ns);
	render_time(w, "thawed_us", m->thawed_ns);
	render_time(w, "let_go_us", m->let_go_ns);
	jsonw_u64(w, "held_us", (memory_held_ns(m) + 999) / 1000);
	jsonw_close(w);
}

void memory_render(const struct memory *m, struct jsonw *w)
{
	if (!m->done) {
		jsonw_null(w, "memory");
		return;
	}
	jsonw_open(w, "memory");
	render_hold(m, w);
	jsonw_u64(w, "stage_bytes", m->stage_bytes);
	jsonw_u64(w, "spill_bytes", m->spill_bytes);
	jsonw_u64(w, "present_bytes", m->present);
	jsonw_u64(w, "staged_bytes", m->staged);
	jsonw_u64(w, "live_bytes", m->live);
	jsonw_u64(w, "threads", m->threads);
	jsonw_u64(w, "threads_missed", m->threads_missed);
	jsonw_close(w);
}
