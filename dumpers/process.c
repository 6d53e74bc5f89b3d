/* SPDX-License-Identifier: Apache-2.0 */
/* process - the dossier of every process of the target, and their tree. */
#include "dossier.h"
#include "dumper.h"
#include "forest.h"
#include "io.h"
#include "jsonw.h"
#include "own.h"
#include "procfs.h"
#include "proctree.h"
#include "redact.h"
#include "sink.h"
#include "target.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The capability that lets one follow map_files since Linux 5.9. */
#ifndef CAP_CHECKPOINT_RESTORE
#define CAP_CHECKPOINT_RESTORE 40
#endif

enum {
	ROUNDS_MAX = 5, /* of looking for processes born meanwhile */
	JOURNAL_MAX = SINK_NOTES / 8,
	PASS_SHIFT = 32,
	PASS_TREE = DOSSIER_PASSES, /* steps beside the passes, in item numbers */
	ESTIMATE_ONE = 64 << 10,    /* bytes of one dossier without content, as measured */
};
static const uint64_t stalled_mark = 1ULL << 63;

enum option {
	MAX_PROCESSES,
	MAX_THREADS,
	MAX_FDS,
	SMAPS,
	ENVIRON,
	SECRET_WORDS,
	EXE,
	DELETED_FILE,
	DELETED_TOTAL,
};

static const char *const smaps_words[] = {"none", "rollup", "full", NULL};
static const char *const environ_words[] = {"none", "redacted", "full", NULL};
static const char *const exe_words[] = {"never", "hash", "evidence", "always", NULL};

static const struct dumper_option options[] = {
	[MAX_PROCESSES] = {"max_processes", OPTION_COUNT, "16384",
		"processes with a dossier; more are one gap", NULL},
	[MAX_THREADS] = {"max_threads", OPTION_COUNT, "4096",
		"threads listed of one process; 0: none", NULL},
	[MAX_FDS] = {"max_fds", OPTION_COUNT, "262144", "descriptors listed of one process", NULL},
	[SMAPS] = {"smaps", OPTION_WORD, "rollup",
		"memory figures that walk all page tables: full is smaps and numa_maps",
		smaps_words},
	[ENVIRON] = {"environ", OPTION_WORD, "redacted",
		"environment: redacted has digests for values that look secret", environ_words},
	[SECRET_WORDS] = {"secret_words", OPTION_LIST, REDACT_WORDS,
		"words in a variable's name that make its value secret", NULL},
	[EXE] = {"exe", OPTION_WORD, "evidence",
		"bytes of programs: evidence is those deleted, in memory, or outside the image",
		exe_words},
	[DELETED_FILE] = {"deleted_file", OPTION_SIZE, "256M",
		"content of one program or deleted file; 0: none", NULL},
	[DELETED_TOTAL] = {"deleted_total", OPTION_SIZE, "2G", "content of all of them", NULL},
	{0},
};

/* What was begun, in the dumper's notes: a restarted worker neither sends a member twice nor
 * walks into the same trap. */
struct journal {
	int fd;
	uint64_t *begun; /* sorted, of earlier lives */
	size_t count, next;
};

struct job {
	const struct dump *dump;
	struct sink *out;
	struct proctree tree;
	struct dossier_run run;
	struct journal journal;
};

static int by_value(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static int journal_add(struct journal *j, uint64_t item, struct err *e)
{
	int rc;

	if (j->fd < 0)
		return 0;
	if (j->next == JOURNAL_MAX)
		return err_set(e, ENOSPC, "the journal is full");
	rc = io_pwrite(j->fd, &item, sizeof(item), (off_t)(8 * j->next));
	if (rc < 0)
		return err_set(e, -rc, "write the journal");
	j->next++;
	return 0;
}

static bool journal_has(const struct journal *j, uint64_t item)
{
	return j->count && bsearch(&item, j->begun, j->count, sizeof(item), by_value);
}

static int journal_open(struct journal *j, const struct dump *d, struct err *e)
{
	ssize_t n;
	int rc;

	*j = (struct journal){.fd = d->spool_fd};
	if (!d->resume.again)
		return 0;
	if (j->fd < 0)
		return err_set(e, EBADF, "no notes of what was read before");
	j->begun = malloc(SINK_NOTES);
	if (!j->begun)
		return err_set(e, ENOMEM, "no memory");
	n = io_pread(j->fd, j->begun, SINK_NOTES, 0);
	if (n < 0)
		return err_set(e, (int)-n, "read the journal");
	while (j->next < (size_t)n / 8 && j->begun[j->next])
		j->next++;
	j->count = j->next;
	rc = journal_add(j, stalled_mark | d->resume.item, e);
	if (rc == 0)
		j->begun[j->count++] = stalled_mark | d->resume.item;
	qsort(j->begun, j->count, 8, by_value);
	return rc;
}

static uint64_t item_of(unsigned pass, pid_t pid)
{
	return (uint64_t)(pass + 1) << PASS_SHIFT | (uint64_t)pid;
}

/* One pass over one process, unless it was begun before a restart. */
static int read_one(struct job *job, unsigned i, enum dossier_pass pass, struct err *e)
{
	struct proctree_row *r = &job->tree.rows[i];
	uint64_t item = item_of(pass, r->pid);
	int rc = 0;

	if (journal_has(&job->journal, stalled_mark | item))
		r->flags |= PROC_STALLED;
	if (r->flags & PROC_GONE || (r->flags & PROC_STALLED && pass != DOSSIER_TEXT))
		return 0; /* what takes the locks of its memory would stall again: the gap is made
			   */
	job->run.item = item;
	job->run.quiet = journal_has(&job->journal, item);
	if (job->run.quiet && pass != DOSSIER_QUICK)
		return 0;
	if (!job->run.quiet)
		rc = journal_add(&job->journal, item, e);
	sink_item(job->out, item);
	return rc < 0 ? rc : dossier_read(&job->run, i, pass, e);
}

static int read_all(struct job *job, unsigned from, enum dossier_pass pass, struct err *e)
{
	int rc = 0;

	for (unsigned i = from; rc == 0 && i < job->tree.count; i++)
		rc = read_one(job, i, pass, e);
	return rc;
}

/* The first texts of all, and of those born while that was done, until there are none. */
static int read_quick(struct job *job, struct err *e)
{
	unsigned from = 0, added = 1;
	int rc = 0;

	for (unsigned round = 0; rc == 0 && added && round < ROUNDS_MAX; round++) {
		rc = read_all(job, from, DOSSIER_QUICK, e);
		from = job->tree.count;
		added = 0;
		if (rc == 0)
			rc = proctree_scan(&job->tree, &added, e);
	}
	if (rc == 0 && added)
		rc = read_all(job, from, DOSSIER_QUICK, e);
	return rc;
}

static int lost(struct err *e)
{
	return err_set(e, EPIPE, "the writer is gone");
}

static int write_tree(struct job *job, struct err *e)
{
	uint64_t item = item_of(PASS_TREE, 0);
	int rc;

	proctree_link(&job->tree);
	if (journal_has(&job->journal, item))
		return 0;
	rc = journal_add(&job->journal, item, e);
	for (unsigned i = 0; rc == 0 && i < job->tree.count; i++) {
		const struct proctree_row *r = &job->tree.rows[i];

		if (r->flags & PROC_ENTERED &&
			dossier_finding(&job->run,
				"process %d (%s): entered from outside: its parent %d is none of "
				"the target's",
				(int)r->pid, r->comm, (int)r->ppid) < 0)
			rc = lost(e);
	}
	if (rc == 0 && job->tree.left_out &&
		sink_gapf(job->out, GAP_OVER_BUDGET, "process/tree.json", NULL, "%u processes",
			job->tree.left_out) < 0)
		rc = lost(e);
	return rc == 0 ? forest_write(&job->tree, job->out, "process/tree.json", e) : rc;
}

static void write_changed(struct job *job, struct jsonw *w, const char *key, unsigned flag)
{
	jsonw_open_array(w, key);
	for (unsigned i = 0; i < job->tree.count; i++) {
		const struct proctree_row *r = &job->tree.rows[i];

		if (!(r->flags & flag))
			continue;
		jsonw_open(w, NULL);
		jsonw_i64(w, "pid", r->pid);
		jsonw_i64(w, "ppid", r->ppid);
		jsonw_str(w, "comm", r->comm);
		jsonw_time(w, "start", procfs_start_time(r->start_ticks));
		jsonw_close(w);
		buf_addc(w->out, '\n');
	}
	jsonw_close_array(w);
}

/* Who came and went while we read; those who came get their first texts read. */
static int write_changes(struct job *job, struct err *e)
{
	own_buf struct buf b = BUF_INIT(16 << 20);
	struct jsonw w = JSONW(&b);
	unsigned ended = proctree_ended(&job->tree), from = job->tree.count, born;
	int rc = proctree_scan(&job->tree, &born, e);

	if (rc == 0)
		rc = read_all(job, from, DOSSIER_QUICK, e);
	if (rc < 0)
		return rc;
	jsonw_open(&w, NULL);
	write_changed(job, &w, "born", PROC_NEW);
	write_changed(job, &w, "ended", PROC_ENDED);
	write_changed(job, &w, "ended_before_read", PROC_GONE);
	jsonw_u64(&w, "born_after_tree", born);
	jsonw_close(&w);
	buf_addc(&b, '\n');
	rc = buf_check(&b, e);
	if (rc == 0 && (ended || born) &&
		sink_finding(job->out, "%u processes ended and %u were born during the collection",
			ended, born) < 0)
		rc = lost(e);
	return rc == 0 ? sink_blob(job->out, "process/changes.json", b.data, b.len, e) : rc;
}

/* The engine's gap has only the number of the item; and the writer still waits for the rest of the
 * member that was being sent. */
static int tell_stall(struct job *job, struct err *e)
{
	const struct dumper_resume *resume = &job->dump->resume;
	unsigned pass = (unsigned)(resume->item >> PASS_SHIFT) - 1;
	const char *member = resume->member[0] ? resume->member : NULL;
	struct err why = ERR_INIT;
	int rc = 0;

	if (!resume->again)
		return 0;
	(void)err_set(&why, ETIMEDOUT, "did not answer: left out");
	if (pass < DOSSIER_PASSES &&
		sink_gapf(job->out, GAP_STALLED, member, &why, "process %u: %s",
			(unsigned)resume->item, dossier_pass_names[pass]) < 0)
		rc = lost(e);
	return rc == 0 && member ? sink_end(job->out, e) : rc;
}

static int passes(struct job *job, struct err *e)
{
	int rc = tell_stall(job, e);

	if (rc == 0)
		rc = read_quick(job, e);
	if (rc == 0)
		rc = write_tree(job, e);
	for (unsigned pass = DOSSIER_TEXT; rc == 0 && pass < DOSSIER_PASSES; pass++)
		rc = read_all(job, 0, pass, e);
	return rc == 0 ? write_changes(job, e) : rc;
}

static struct dossier_policy policy_of(const struct dump *d)
{
	const union option_value *o = d->options;
	uint64_t room = d->max_bytes < o[DELETED_TOTAL].u ? d->max_bytes : o[DELETED_TOTAL].u;

	return (struct dossier_policy){
		.max_threads = o[MAX_THREADS].u,
		.max_fds = o[MAX_FDS].u,
		.smaps = (enum dossier_smaps)o[SMAPS].u,
		.environ = (enum dossier_environ)o[ENVIRON].u,
		.secret_words = o[SECRET_WORDS].list,
		.exe = (enum dossier_exe)o[EXE].u,
		.file_max = o[DELETED_FILE].u,
		.files_max = room,
	};
}

static int run(const struct dump *d, struct sink *out, struct err *e)
{
	uint64_t max = d->options[MAX_PROCESSES].u;
	struct job job = {.dump = d, .out = out};
	int rc = journal_open(&job.journal, d, e);

	if (rc == 0)
		rc = proctree_init(&job.tree, d->target, d->proc_fd,
			max < PROCTREE_MAX ? (unsigned)max : PROCTREE_MAX, e);
	if (rc == 0)
		rc = dossier_begin(&job.run, d, out, &job.tree, e);
	if (rc == 0) {
		job.run.policy = policy_of(d);
		rc = passes(&job, e);
	}
	dossier_end(&job.run);
	proctree_done(&job.tree);
	free(job.journal.begun);
	return rc;
}

/* The texts of one process hardly differ in size; only the maps do, and a number suffices. */
static int estimate(const struct dump *d, struct dump_estimate *ret, struct err *e)
{
	uint64_t max = d->options[MAX_PROCESSES].u;

	(void)e;
	*ret = (struct dump_estimate){0};
	ret->items = d->target->members < max ? d->target->members : max;
	ret->bytes = ret->items * ESTIMATE_ONE;
	snprintf(ret->touches, sizeof(ret->touches),
		"nothing is changed; reading maps takes each process's memory lock for moments");
	return 0;
}

static const char *const prefixes[] = {"process/", NULL};

const struct dumper dumper_process = {
	.name = "process",
	.summary = "processes: tree, threads, descriptors, maps, programs, deleted files",
	.prefixes = prefixes,
	.needs = NEED_RUNNING,
	.caps = DUMPER_CAP(CAP_SYS_PTRACE) | DUMPER_CAP(CAP_DAC_READ_SEARCH) |
		DUMPER_CAP(CAP_SYS_ADMIN) | DUMPER_CAP(CAP_CHECKPOINT_RESTORE),
	.resumes = true,
	.options = options,
	.run = run,
	.estimate = estimate,
};
