/* SPDX-License-Identifier: Apache-2.0 */
/* memjson - memory/PID.json. */
#include "memjson.h"
#include "elfnotes.h"
#include "jsonw.h"
#include "mempieces.h"
#include "memtally.h"
#include "memwalk.h"
#include "own.h"
#include "procjson.h"
#include "sink.h"

#include <elf.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
	RUNS_AT_ONCE = 4096, /* of one mapping, before they leave memory */
	NOTES_MAX = 16,	     /* of a process that become gaps of their own */
	FINDINGS_MAX = 200,  /* of the run */
};
static const uint64_t json_max = 1ULL << 40; /* the table itself is bounded */

struct doc {
	const struct memjson *job;
	struct sink_text text;
	struct jsonw w;
	struct mempieces pieces;
	struct memtally tally;
	/* the mapping and the piece that are not written yet */
	bool in_map, map_kept, kernels, in_thread, registers;
	struct mem_map map;
	struct mempiece piece;
	unsigned runs;
	uint64_t notes;
};

static void comma_row(struct doc *d)
{
	buf_addc(d->w.out, '\n');
	(void)sink_text_row(&d->text);
}

/* ---- the process */

static void write_core(struct doc *d)
{
	const struct elfcore *c = d->job->plan;
	struct jsonw *w = &d->w;

	jsonw_str(w, "core", d->job->core);
	if (!d->job->core) {
		jsonw_str(w, "no_core", d->job->why);
		return;
	}
	jsonw_u64(w, "core_bytes", c->size);
	jsonw_u64(w, "segments", c->segments);
	jsonw_u64(w, "zero_bytes_written", c->bridged);
	if (c->foreign)
		jsonw_str(w, "registers", "left out: a 32-bit program in a 64-bit core");
}

/* ---- threads and notes */

static void close_thread(struct doc *d)
{
	if (!d->in_thread)
		return;
	jsonw_bool(&d->w, "registers", d->registers);
	jsonw_close(&d->w);
	comma_row(d);
	d->in_thread = false;
}

static int on_thread(void *arg, const struct mem_thread *t, uint64_t at, struct err *e)
{
	struct doc *d = arg;
	char state[2] = {t->state, '\0'};
	struct jsonw *w = &d->w;

	(void)at;
	(void)e;
	close_thread(d);
	jsonw_open(w, NULL);
	jsonw_i64(w, "tid", t->tid);
	jsonw_i64(w, "ns_tid", t->ns_tid);
	procjson_text(w, "comm", t->comm, sizeof(t->comm));
	jsonw_str(w, "state", state);
	jsonw_i64(w, "signal", t->cursig);
	jsonw_hex(w, "pending", t->sigpend);
	jsonw_hex(w, "blocked", t->sighold);
	d->in_thread = true;
	d->registers = false;
	return 0;
}

static int on_regs(void *arg, const struct mem_regs *r, struct err *e)
{
	struct doc *d = arg;

	(void)e;
	if (r->head.type == MEM_REGS && r->note == NT_PRSTATUS)
		d->registers |= elfcore_takes(d->job->plan, r);
	return 0;
}

static int tell_note(struct doc *d, const struct mem_note *n)
{
	const struct mem_proc *p = &d->job->plan->proc;
	enum gap_kind kind = n->kind < GAP_KINDS ? (enum gap_kind)n->kind : GAP_UNREADABLE;
	struct err why;

	(void)err_set(&why, n->error, "%s", (const char *)mem_tail(&n->head));
	return sink_gapf(d->job->out, kind, NULL, &why, "process %d: %.32s", p->pid, n->where);
}

static int on_note(void *arg, const struct mem_note *n, struct err *e)
{
	struct doc *d = arg;
	struct jsonw *w = &d->w;

	jsonw_open(w, NULL);
	jsonw_str(w, "kind",
		n->kind == MEM_REMARK
			? "remark"
			: sink_gap_names[n->kind < GAP_KINDS ? n->kind : GAP_UNREADABLE]);
	procjson_text(w, "where", n->where, sizeof(n->where));
	jsonw_i64(w, "errno", n->error);
	jsonw_str(w, "reason", mem_tail(&n->head));
	jsonw_close(w);
	comma_row(d);
	if (n->kind == MEM_REMARK)
		return 0;
	if (d->notes++ < NOTES_MAX && tell_note(d, n) < 0)
		return err_set(e, EPIPE, "the writer is gone");
	return 0;
}

/* ---- mappings */

static void write_piece(struct doc *d)
{
	const struct mempiece *p = &d->piece;
	enum gap_kind gap = memtally_loss_of(&d->map, p);
	struct jsonw *w = &d->w;

	if (p->start == p->end)
		return;
	memtally_piece(&d->tally, &d->map, d->kernels, p);
	jsonw_open(w, NULL);
	jsonw_hex(w, "start", p->start);
	jsonw_hex(w, "end", p->end);
	jsonw_str(w, "fate", mem_fates[p->fate]);
	if (p->flags & MEM_WAS_SWAPPED)
		jsonw_bool(w, "swapped", true);
	if (p->flags & MEM_WAS_LIVE)
		jsonw_bool(w, "live", true);
	if (p->error)
		jsonw_i64(w, "errno", p->error);
	if (gap != GAP_KINDS)
		jsonw_str(w, "gap", sink_gap_names[gap]);
	if (p->fate == MEM_ELSEWHERE)
		jsonw_u64(w, "pid", p->elsewhere);
	jsonw_close(w);
	d->piece.start = d->piece.end = 0;
	if (++d->runs % RUNS_AT_ONCE == 0)
		d->map_kept |= sink_text_row(&d->text);
}

static int on_piece(void *arg, const struct mempiece *p)
{
	struct doc *d = arg;
	struct mempiece *last = &d->piece;

	if (last->start < last->end && last->end == p->start && last->fate == p->fate &&
		last->flags == p->flags && last->error == p->error &&
		last->elsewhere == p->elsewhere) {
		last->end = p->end;
		return 0;
	}
	write_piece(d);
	*last = *p;
	return 0;
}

/* When rows are dropped in the middle of a mapping its brackets close all the same. */
static void close_map(struct doc *d)
{
	if (!d->in_map)
		return;
	write_piece(d);
	d->map_kept |= sink_text_row(&d->text);
	jsonw_close_array(&d->w);
	jsonw_close(&d->w);
	buf_addc(d->w.out, '\n');
	if (d->map_kept)
		sink_text_keep(&d->text);
	else
		(void)sink_text_row(&d->text);
	d->in_map = false;
}

static void write_flags(struct jsonw *w, uint32_t flags)
{
	static const struct {
		uint32_t bit;
		const char *name;
	} names[] = {
		{MEM_DONTDUMP, "dontdump"},
		{MEM_UFFD, "userfaultfd"},
		{MEM_HUGETLB, "hugetlb"},
		{MEM_IO, "io"},
	};

	jsonw_open_array(w, "flags");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (flags & names[i].bit)
			jsonw_str(w, NULL, names[i].name);
	jsonw_close_array(w);
}

static int on_map(void *arg, const struct mem_map *m, struct err *e)
{
	const char perms[] = {m->flags & MEM_R ? 'r' : '-', m->flags & MEM_W ? 'w' : '-',
		m->flags & MEM_X ? 'x' : '-', m->flags & MEM_MAY_SHARE ? 's' : 'p', '\0'};
	const char *name = mem_tail(&m->head);
	struct doc *d = arg;
	struct jsonw *w = &d->w;
	char dev[32];

	(void)e;
	close_map(d);
	memtally_map(&d->tally, m);
	mempieces_map(&d->pieces);
	d->map = *m;
	d->kernels = *name == '[';
	d->in_map = true;
	d->map_kept = false;
	snprintf(dev, sizeof(dev), "%" PRIu32 ":%" PRIu32, m->dev_major, m->dev_minor);
	jsonw_open(w, NULL);
	jsonw_hex(w, "start", m->start);
	jsonw_hex(w, "end", m->end);
	jsonw_str(w, "perms", perms);
	jsonw_str(w, "kind", mem_kinds[m->kind]);
	write_flags(w, m->flags);
	if (m->ino || *name == '/') {
		jsonw_hex(w, "offset", m->offset);
		jsonw_str(w, "dev", dev);
		jsonw_u64(w, "ino", m->ino);
	}
	jsonw_bytes(w, "name", name, m->name_len);
	jsonw_open_array(w, "runs");
	return 0;
}

static int on_run(
	void *arg, const struct mem_map *m, const struct mem_run *r, uint64_t at, struct err *e)
{
	struct doc *d = arg;

	(void)at;
	(void)e;
	memtally_run(&d->tally, m, r);
	return mempieces_of(&d->pieces, r, on_piece, d);
}

/* ---- what follows from them */

static void write_totals(struct doc *d)
{
	const struct memtally *t = &d->tally;
	struct jsonw *w = &d->w;
	uint64_t listed = 0;

	jsonw_open(w, "totals");
	jsonw_u64(w, "mappings", t->maps);
	jsonw_u64(w, "mapped", t->mapped);
	for (unsigned i = 0; i < MEM_FATES; i++) {
		jsonw_u64(w, mem_fates[i], t->bytes[i]);
		listed += t->bytes[i];
	}
	jsonw_u64(w, "unlisted", t->mapped - listed);
	jsonw_u64(w, "of_dumped_live", t->live);
	jsonw_u64(w, "swapped", t->swapped);
	jsonw_u64(w, "threads", d->job->plan->threads);
	jsonw_u64(w, "threads_without_registers", d->job->plan->bare);
	jsonw_close(w);
}

static void write_signs(struct doc *d)
{
	const struct memtally *t = &d->tally;
	struct jsonw *w = &d->w;

	jsonw_open_array(w, "findings");
	sink_text_keep(&d->text);
	for (unsigned i = 0; i < t->kept; i++) {
		jsonw_open(w, NULL);
		jsonw_str(w, "kind", memsign_names[t->sign[i].sign]);
		jsonw_hex(w, "start", t->sign[i].start);
		if (t->sign[i].end > t->sign[i].start)
			jsonw_hex(w, "end", t->sign[i].end);
		jsonw_bool(w, "executable", t->sign[i].exec);
		jsonw_close(w);
		comma_row(d);
	}
	jsonw_close_array(w);
	jsonw_open(w, "finding_counts");
	for (unsigned i = 0; i < MEMSIGNS; i++)
		jsonw_u64(w, memsign_names[i], t->signs[i]);
	jsonw_close(w);
}

static int tell_losses(struct doc *d, struct err *e)
{
	const struct mem_proc *p = &d->job->plan->proc;
	int rc = 0;

	for (unsigned k = 0; rc == 0 && k < GAP_KINDS; k++) {
		const struct memtally_loss *loss = &d->tally.loss[k];
		struct err why = ERR_INIT;

		/* where no content was asked for, what is not there is no loss */
		if (!loss->pieces || (!d->job->core && k == GAP_NOT_PRESENT))
			continue;
		if (loss->error)
			(void)err_set(&why, loss->error, "read its memory");
		rc = sink_gapf(d->job->out, (enum gap_kind)k, d->job->core,
			loss->error ? &why : NULL,
			"process %d: %" PRIu64 " bytes in %" PRIu64 " places, the first at %" PRIx64
			"-%" PRIx64,
			p->pid, loss->bytes, loss->pieces, loss->first, loss->end);
	}
	if (rc == 0 && d->notes > NOTES_MAX)
		rc = sink_gapf(d->job->out, GAP_UNREADABLE, NULL, NULL,
			"process %d: %" PRIu64 " more notes are in its JSON", p->pid,
			d->notes - NOTES_MAX);
	return rc < 0 ? err_set(e, EPIPE, "the writer is gone") : 0;
}

/* Whoever captured has said why; if not, this does. */
static int tell_threads(struct doc *d, struct err *e)
{
	const struct elfcore *c = d->job->plan;
	const char *why = c->foreign ? ": a 32-bit program beyond 4 GiB" : "";

	if (!d->job->core || !c->bare || d->notes)
		return 0;
	if (sink_gapf(d->job->out, c->foreign ? GAP_REFUSED : GAP_UNREADABLE, d->job->core, NULL,
		    "process %d: registers of %" PRIu64 " of %" PRIu64 " threads%s", c->proc.pid,
		    c->bare, c->threads, why) < 0)
		return err_set(e, EPIPE, "the writer is gone");
	return 0;
}

static int tell_signs(struct doc *d, struct err *e)
{
	const struct mem_proc *p = &d->job->plan->proc;
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < MEMSIGNS; i++)
		if (d->tally.signs[i] && (*d->job->findings)++ < FINDINGS_MAX)
			rc = sink_finding(d->job->out,
				"process %d (%.16s): %s: %" PRIu64 ", the first at %" PRIx64,
				p->pid, p->comm, memsign_words[i], d->tally.signs[i],
				d->tally.first_sign[i]);
	return rc < 0 ? err_set(e, EPIPE, "the writer is gone") : 0;
}

/* ---- the document */

static int write_array(struct doc *d, const char *key, const struct memwalk_ops *ops, struct err *e)
{
	int rc;

	jsonw_open_array(&d->w, key);
	sink_text_keep(&d->text);
	rc = memwalk(d->job->scan, d->job->plan->at, ops, d, e);
	close_thread(d);
	close_map(d);
	jsonw_close_array(&d->w);
	sink_text_keep(&d->text);
	return rc;
}

static int write_doc(struct doc *d, struct err *e)
{
	static const struct memwalk_ops notes = {.note = on_note};
	static const struct memwalk_ops threads = {.thread = on_thread, .regs = on_regs};
	static const struct memwalk_ops maps = {.map = on_map, .run = on_run};
	int rc;

	memtally_log(&d->tally, d->job->log, d->job->plan->at);
	jsonw_open(&d->w, NULL);
	procjson_write(&d->w, &d->job->plan->proc);
	write_core(d);
	rc = write_array(d, "notes", &notes, e);
	if (rc == 0)
		rc = write_array(d, "threads", &threads, e);
	if (rc == 0)
		rc = write_array(d, "mappings", &maps, e);
	write_totals(d);
	write_signs(d);
	jsonw_close(&d->w);
	buf_addc(d->w.out, '\n');
	sink_text_keep(&d->text);
	return rc;
}

static int send_doc(struct doc *d, const char *member, struct err *e)
{
	int rc = write_doc(d, e);

	if (rc == 0)
		rc = tell_losses(d, e);
	if (rc == 0)
		rc = tell_threads(d, e);
	if (rc == 0)
		rc = tell_signs(d, e);
	return rc == 0 ? sink_text_end(&d->text, member, e) : rc;
}

int memjson_send(const struct memjson *j, const char *member, struct err *e)
{
	own_free struct doc *d = calloc(1, sizeof(*d));
	int rc;

	if (!d)
		return err_set(e, ENOMEM, "no memory");
	d->job = j;
	sink_text_begin(&d->text, j->out, json_max);
	d->w = JSONW(&d->text.rows);
	rc = mempieces_open(&d->pieces, j->log, j->plan, j->entry);
	rc = rc < 0 ? err_set(e, -rc, "no memory") : send_doc(d, member, e);
	mempieces_done(&d->pieces);
	sink_text_done(&d->text);
	return rc;
}
