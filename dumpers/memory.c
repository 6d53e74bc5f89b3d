/* SPDX-License-Identifier: Apache-2.0 */
/* memory - the memory of every process of the target, as ELF cores. */
#include "dumper.h"
#include "mapped.h"
#include "memcore.h"
#include "memfiles.h"
#include "memjson.h"
#include "memwalk.h"
#include "jsonw.h"
#include "now.h"
#include "own.h"
#include "procfs.h"
#include "sink.h"
#include "target.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The capability that lets one follow map_files since Linux 5.9. */
#ifndef CAP_CHECKPOINT_RESTORE
#define CAP_CHECKPOINT_RESTORE 40
#endif

enum option { MAX_PROCESS, MAX_TOTAL, KINDS, MAPS_ONLY };

/* Those that capture (collector/mem/capture.h) obeys; maps_only is for both. */
static const struct dumper_option options[] = {
	[MAX_PROCESS] = {"max_process", OPTION_SIZE, "64G", "bytes dumped of one process", NULL},
	[MAX_TOTAL] = {"max_total", OPTION_SIZE, "256G", "bytes dumped in all", NULL},
	[KINDS] = {"kinds", OPTION_LIST,
		"anonymous,private_file,shared_file,shared_memory,deleted_file,special",
		"kinds of mappings with content", NULL},
	[MAPS_ONLY] = {"maps_only", OPTION_BOOL, "false",
		"what is mapped and present: no content, no registers, no freeze", NULL},
	{0},
};

enum { FITS = 4 }; /* tries to fit what --max-size leaves */
enum { NAME = 64, PIDS_MAX = 32768, FILES_JSON = 256 << 20 };

struct job {
	const struct dump *dump;
	struct sink *out;
	struct memscan scan;
	struct memlog log;
	struct memcore core;
	int32_t *pids; /* done */
	unsigned count, findings;
	uint64_t dumped; /* bytes of memory in the cores so far */
};

struct one {
	struct elfcore plan;
	unsigned entry;
	char core[NAME], json[NAME];
	const char *why; /* no core */
};

/* A restart finds a member half sent: cores go on, the rest ends here, short. */
static int end_other_member(struct job *job, struct err *e)
{
	const struct dumper_resume *resume = &job->dump->resume;
	size_t n = strlen(resume->member);

	if (!resume->again || !n || (n > 5 && !strcmp(resume->member + n - 5, ".core")))
		return 0;
	return sink_end(job->out, e);
}

static bool is_open(const struct job *job, const char *member)
{
	return job->dump->resume.again && !strcmp(job->dump->resume.member, member);
}

static int send_core(struct job *job, struct one *x, struct err *e)
{
	uint16_t state = job->log.entries[x->entry].what;
	int rc;

	if (state & MEMLOG_CORE) /* all of it was sent; was it closed? */
		return is_open(job, x->core) ? sink_end(job->out, e) : 0;
	rc = memlog_mark(&job->log, x->entry, MEMLOG_BEGUN, e);
	return rc == 0 ? memcore_send(&job->core, x->core, &x->plan, x->entry, e) : rc;
}

static int send_json(struct job *job, struct one *x, struct err *e)
{
	struct memjson j = {
		.out = job->out,
		.scan = &job->scan,
		.log = &job->log,
		.plan = &x->plan,
		.entry = x->entry,
		.core = x->why ? NULL : x->core,
		.why = x->why,
		.findings = &job->findings,
	};
	int rc;

	if (job->log.entries[x->entry].what & MEMLOG_JSON)
		return 0;
	/* before it is sent: a member cannot be begun twice */
	rc = memlog_mark(&job->log, x->entry, MEMLOG_JSON, e);
	return rc == 0 ? memjson_send(&j, x->json, e) : rc;
}

/* By the profile. Whoever captured keeps to it as well. */
static uint64_t allowed(const struct job *job)
{
	const union option_value *o = job->dump->options;
	uint64_t left = o[MAX_TOTAL].u > job->dumped ? o[MAX_TOTAL].u - job->dumped : 0;

	if (now_late(job->dump->until_ns))
		return 0; /* registers, and what is mapped */
	return left < o[MAX_PROCESS].u ? left : o[MAX_PROCESS].u;
}

/* What the bundle may still take, without what the file has beside memory. */
static int fit(struct job *job, struct one *x, uint64_t at, struct err *e)
{
	uint64_t sent = sink_total(job->out), max = job->dump->max_bytes, beside;
	uint64_t room = max > sent ? max - sent : 0;
	int index = memlog_proc(&job->log, at, allowed(job), e), rc;
	struct memlog_entry *entry;

	if (index < 0)
		return index;
	x->entry = (unsigned)index;
	entry = &job->log.entries[index];
	rc = elfcore_plan(&x->plan, &job->scan, at, entry->start, e);
	if (rc < 0 || entry->what & MEMLOG_BEGUN || x->plan.size <= room)
		return rc;
	/* each mapping that is cut has one more segment */
	for (unsigned i = 0; rc == 0 && x->plan.size > room && entry->start; i++) {
		beside = x->plan.size - x->plan.load;
		entry->start = room > beside && i < FITS ? room - beside : 0;
		rc = elfcore_plan(&x->plan, &job->scan, at, entry->start, e);
	}
	return rc < 0 ? rc : memlog_keep(&job->log, x->entry, e);
}

static bool is_known(struct job *job, int32_t pid)
{
	if (pid <= 0)
		return true;
	for (unsigned i = 0; i < job->count; i++)
		if (job->pids[i] == pid)
			return true;
	if (job->count < PIDS_MAX)
		job->pids[job->count++] = pid;
	return false;
}

static int lost(struct job *job, const struct one *x, enum gap_kind kind, const struct err *why,
	struct err *e)
{
	if (sink_gapf(job->out, kind, NULL, why, "memory of process %d", x->plan.proc.pid) < 0)
		return err_set(e, EPIPE, "the writer is gone");
	return 0;
}

static int one_process(struct job *job, uint64_t at, struct err *e)
{
	struct one x = {.why = NULL};
	struct err why = ERR_INIT;
	int rc;

	sink_item(job->out, at);
	rc = fit(job, &x, at, &why);
	if (rc == -ENOSPC || rc == -EBADMSG)
		return lost(job, &x, rc == -ENOSPC ? GAP_OVER_BUDGET : GAP_REFUSED, &why, e);
	if (rc < 0)
		return err_set(e, -rc, "%s", why.text);
	if (is_known(job, x.plan.proc.pid)) {
		(void)err_set(&why, EEXIST, "its number is none, or was there before");
		return lost(job, &x, GAP_REFUSED, &why, e);
	}
	snprintf(x.core, sizeof(x.core), "memory/%d.core", x.plan.proc.pid);
	snprintf(x.json, sizeof(x.json), "memory/%d.json", x.plan.proc.pid);
	if (job->dump->options[MAPS_ONLY].b)
		x.why = "maps_only";
	else if (!x.plan.dumped && x.plan.threads == x.plan.bare)
		x.why = x.plan.proc.memory_of ? "no registers were captured"
					      : "no content and no registers were captured";
	if (!x.why)
		job->dumped += x.plan.dumped;
	rc = x.why ? 0 : send_core(job, &x, e);
	return rc == 0 ? send_json(job, &x, e) : rc;
}

static int all_processes(struct job *job, struct err *e)
{
	uint64_t at = 0, next;
	int rc = 0;

	while (rc == 0 && at < job->scan.end) {
		rc = memwalk_skip(&job->scan, at, &next, e);
		if (rc == 0)
			rc = one_process(job, at, e);
		if (rc == 0 && !next)
			break;
		at = next;
	}
	return rc;
}

/* ---- the files that are mapped */

static const uint64_t file_item = 1ULL << 63; /* above every offset in the table */

/* The record at an offset, if it is what it was. */
static const void *record(struct job *job, uint64_t at, enum mem_type type)
{
	const struct mem_head *h;

	job->scan.at = at;
	return memscan_next(&job->scan, &h, NULL) == 1 && h->type == type ? h : NULL;
}

/* It, or two of the same process: then it is the process that holds the lock of its mappings. */
static bool did_not_answer(const struct job *job, const struct memfiles *f, unsigned i)
{
	const struct memlog_entry *entry;
	unsigned at = 0, others = 0;

	while ((entry = memlog_next(&job->log, 0, MEMLOG_FILE, &at))) {
		if (entry->start == i)
			return true;
		others +=
			entry->start < f->count && f->files[entry->start].proc == f->files[i].proc;
	}
	return others > 1;
}

/* One row; 'why' as mapped_write(). */
static void write_file(struct job *job, struct mapped *m, const struct memfiles *all, unsigned i,
	struct jsonw *w, struct err *why)
{
	const struct memfile *f = &all->files[i];
	struct mapped_file file = {.item = file_item | i, .ino = f->ino};
	const struct mem_proc *p = record(job, f->proc, MEM_PROC);
	const struct mem_map *map;
	char dev[32];

	if (p) {
		file.pid = p->pid;
		file.start_ticks = p->start_ticks;
	}
	map = record(job, f->map, MEM_MAP);
	file.start = map ? map->start : 0;
	file.end = map ? map->end : 0;
	file.name = map ? mem_tail(&map->head) : "";
	snprintf(dev, sizeof(dev), "%u:%u", f->dev_major, f->dev_minor);
	jsonw_bytes(w, "name", file.name, strlen(file.name));
	jsonw_str(w, "dev", dev);
	jsonw_u64(w, "ino", f->ino);
	jsonw_i64(w, "pid", file.pid);
	jsonw_hex(w, "start", file.start);
	jsonw_u64(w, "mappings", f->mappings);
	jsonw_u64(w, "with_pages_left_out", f->left_out);
	if (did_not_answer(job, all, i)) {
		(void)err_set(why, ETIMEDOUT, "did not answer");
	} else if (now_late(job->dump->until_ns)) {
		(void)err_set(why, ENOSPC, "no time left");
	} else {
		mapped_write(m, &file, w, why);
		return;
	}
	jsonw_str(w, "not_read", why->text);
}

struct missing {
	uint64_t n;
	struct err why; /* of the first */
};

static int write_files(struct job *job, struct memfiles *f, struct mapped *m, struct err *e)
{
	own_sink_text struct sink_text text;
	struct jsonw w = JSONW(&text.rows);
	struct missing missing[GAP_KINDS] = {0};
	int rc = 0;

	sink_text_begin(&text, job->out, FILES_JSON);
	jsonw_open(&w, NULL);
	jsonw_open_array(&w, "files");
	sink_text_keep(&text);
	for (unsigned i = 0; i < f->count; i++) {
		struct err why = ERR_INIT;
		struct missing *x;

		jsonw_open(&w, NULL);
		write_file(job, m, f, i, &w, &why);
		jsonw_close(&w);
		buf_addc(&text.rows, '\n');
		(void)sink_text_row(&text);
		x = &missing[why.code == ETIMEDOUT ? GAP_STALLED : sink_gap_of(why.code)];
		if (why.code && f->files[i].left_out && !x->n++)
			x->why = why;
	}
	jsonw_close_array(&w);
	jsonw_u64(&w, "not_listed", f->more);
	jsonw_close(&w);
	buf_addc(&text.rows, '\n');
	sink_text_keep(&text);
	for (unsigned k = 0; rc == 0 && k < GAP_KINDS; k++)
		if (missing[k].n)
			rc = sink_gapf(job->out, (enum gap_kind)k, "memory/files.json",
				&missing[k].why, "digests of %llu files",
				(unsigned long long)missing[k].n);
	if (rc == 0 && f->more)
		rc = sink_gapf(job->out, GAP_OVER_BUDGET, "memory/files.json", NULL,
			"%llu mappings of more files", (unsigned long long)f->more);
	if (rc < 0)
		return err_set(e, EPIPE, "the writer is gone");
	return sink_text_end(&text, "memory/files.json", e);
}

static int all_files(struct job *job, struct err *e)
{
	const struct dumper_resume *resume = &job->dump->resume;
	struct memlog_entry stalled = {.kind = MEMLOG_FILE, .start = resume->item & ~file_item};
	own_memfiles struct memfiles files = {0};
	own_mapped struct mapped m = {.pid_fd = -1};
	int rc = 0;

	if (is_open(job, "memory/files.json")) /* it was ended above */
		return 0;
	if (resume->again && resume->item & file_item)
		rc = memlog_add(&job->log, &stalled, e);
	if (rc == 0)
		rc = memfiles_list(&files, &job->scan, e);
	if (rc == 0)
		rc = mapped_init(&m, job->dump, job->out, e);
	return rc == 0 ? write_files(job, &files, &m, e) : rc;
}

/* Behind the last whole process: the worker that captured ended in the middle of one. */
static int tell_rest(struct job *job, struct err *e)
{
	off_t end = lseek(job->scan.fd, 0, SEEK_END);

	if (end < 0 || (uint64_t)end <= job->scan.end)
		return 0;
	if (sink_gapf(job->out, GAP_STALLED, NULL, NULL,
		    "processes that were not listed to the end: the table of memory breaks off") <
		0)
		return err_set(e, EPIPE, "the writer is gone");
	return 0;
}

static int start(struct job *job, struct err *e)
{
	const struct dump *d = job->dump;
	int rc;

	if (d->memory_fd[0] < 0)
		return err_set(e, ENODATA, "the memory was not captured");
	job->pids = calloc(PIDS_MAX, sizeof(*job->pids));
	if (!job->pids || memcore_init(&job->core, d, job->out, &job->scan, &job->log) < 0)
		return err_set(e, ENOMEM, "no memory");
	rc = memlog_open(&job->log, d->spool_fd, d->resume.again, e);
	return rc == 0 ? memscan_open(&job->scan, d->memory_fd[0], e) : rc;
}

static int run(const struct dump *d, struct sink *out, struct err *e)
{
	struct job job = {.dump = d,
		.out = out,
		.scan = MEMSCAN_INIT,
		.core = {.live = MEMLIVE_INIT, .object = MEMOBJECT_INIT}};
	int rc = start(&job, e);

	if (rc == 0)
		rc = end_other_member(&job, e);
	if (rc == 0)
		rc = all_processes(&job, e);
	if (rc == 0)
		rc = tell_rest(&job, e);
	if (rc == 0)
		rc = all_files(&job, e);
	memcore_done(&job.core);
	memscan_done(&job.scan);
	memlog_done(&job.log);
	free(job.pids);
	return rc;
}

static int estimate(const struct dump *d, struct dump_estimate *ret, struct err *e)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), max = d->options[MAX_TOTAL].u;

	(void)e;
	*ret = (struct dump_estimate){0};
	for (unsigned i = 0; i < d->target->members; i++) {
		const struct target_member *m = &d->target->member[i];
		own_fd int fd = procfs_open_pid(d->proc_fd, m->pid, NULL);
		struct procfs_stat st;

		if (fd < 0 || procfs_read_stat(fd, &st, NULL) < 0 ||
			st.start_ticks != m->start_ticks)
			continue;
		ret->items++;
		ret->bytes += st.rss_pages * page;
	}
	if (ret->bytes > max)
		ret->bytes = max;
	if (d->options[MAPS_ONLY].b)
		ret->bytes = 0;
	snprintf(ret->touches, sizeof(ret->touches),
		"all processes stand still while pages are copied, milliseconds for each GiB; "
		"pages in swap come back in");
	return 0;
}

static const char *const prefixes[] = {"memory/", NULL};

const struct dumper dumper_memory = {
	.name = "memory",
	.summary = "memory: an ELF core of each process, and what is mapped",
	.prefixes = prefixes,
	.needs = NEED_RUNNING | NEED_MEMORY,
	.caps = DUMPER_CAP(CAP_SYS_PTRACE) | DUMPER_CAP(CAP_DAC_READ_SEARCH) |
		DUMPER_CAP(CAP_SYS_ADMIN) | DUMPER_CAP(CAP_CHECKPOINT_RESTORE) |
		DUMPER_CAP(CAP_FOWNER),
	.resumes = true,
	.options = options,
	.run = run,
	.estimate = estimate,
};
