/* SPDX-License-Identifier: Apache-2.0 */
/* process - the dossier of every process of the target, and their tree. */
#include "dossier.h"
#include "dumper.h"
#include "forest.h"
#include "journal.h"
#include "jsonw.h"
#include "now.h"
#include "own.h"
#include "procfs.h"
#include "proctree.h"
#include "redact.h"
#include "sink.h"
#include "target.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <time.h>

/* The capability that lets one follow map_files since Linux 5.9. */
#ifndef CAP_CHECKPOINT_RESTORE
#define CAP_CHECKPOINT_RESTORE 40
#endif

enum {
	ROUNDS_MAX = 5, /* of looking for processes born meanwhile */
	CROWD = 256,	/* so many may be a storm */
	ELDERS = 16,	/* read whole before all others, when there is a hurry */
	STALLS_MAX = 24,
	WAITING_MAX = 8, /* the same, from where on who waits in the kernel is not asked */
	STEP_TREE = DOSSIER_PASSES, /* beside the passes, in item numbers */
	STEP_LOOK,
	ESTIMATE_ONE = 64 << 10, /* bytes of one dossier without content, as measured */
};
#define SECOND 1000000000ULL
#define ARGV_NS SECOND /* for what all processes were started with */

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

struct job {
	const struct dump *dump;
	struct sink *out;
	struct proctree tree;
	struct dossier_run run;
	struct journal journal;
	unsigned unasked; /* after so many others had stalled */
};

/* When one part of the time that is left is over. */
static uint64_t share(const struct job *job, unsigned parts)
{
	uint64_t now = now_ns(), until = job->dump->until_ns;

	if (!until)
		return UINT64_MAX;
	return until > now ? now + (until - now) / parts : now;
}

/* Who forks holds the lock of its memory, and holds it for seconds when thousands fork. */
static bool takes_locks(enum dossier_pass pass)
{
	return pass == DOSSIER_ARGV || pass == DOSSIER_MAPS || pass == DOSSIER_FILES;
}

static bool waits_now(const struct job *job, const struct proctree_row *r)
{
	own_fd int fd = procfs_open_pid(job->dump->proc_fd, r->pid, NULL);

	return fd >= 0 && procfs_waits(fd);
}

static bool is_left_out(struct job *job, const struct proctree_row *r, enum dossier_pass pass)
{
	if (r->flags & PROC_GONE)
		return true;
	if (r->flags & PROC_STALLED && pass != DOSSIER_TEXT)
		return true; /* would stall again: the gap is made */
	if (!takes_locks(pass) || job->journal.stalls < WAITING_MAX)
		return false;
	if (job->journal.stalls <= STALLS_MAX && !waits_now(job, r))
		return false;
	job->unasked += pass == DOSSIER_MAPS && !job->run.quiet;
	return true;
}

/* One pass over one process, unless it was done, or begun before a restart. */
static int read_one(struct job *job, unsigned i, enum dossier_pass pass, struct err *e)
{
	struct proctree_row *r = &job->tree.rows[i];
	uint64_t item = journal_item(pass, r->pid);
	int rc = 0;

	if (r->passed & 1U << pass)
		return 0;
	if (journal_stalled(&job->journal, item))
		r->flags |= PROC_STALLED;
	job->run.item = item;
	job->run.quiet = journal_has(&job->journal, item);
	r->passed |= 1U << pass;
	if (is_left_out(job, r, pass) || (job->run.quiet && pass > DOSSIER_ARGV))
		return 0;
	if (!job->run.quiet)
		rc = journal_add(&job->journal, item, e);
	sink_item(job->out, item);
	return rc < 0 ? rc : dossier_read(&job->run, i, pass, e);
}

/* The same with what comes before it, where there was no time for that. */
static int catch_up(struct job *job, unsigned i, enum dossier_pass pass, struct err *e)
{
	int rc = read_one(job, i, DOSSIER_QUICK, e);

	if (rc == 0 && pass > DOSSIER_TEXT &&
		!journal_has(&job->journal, journal_item(DOSSIER_ARGV, job->tree.rows[i].pid)))
		rc = read_one(job, i, DOSSIER_ARGV, e);
	return rc == 0 ? read_one(job, i, pass, e) : rc;
}

static int lost(struct err *e)
{
	return err_set(e, EPIPE, "the writer is gone");
}

static int tell_cut(struct job *job, enum dossier_pass pass, struct err *e)
{
	struct err why = ERR_INIT;
	unsigned n = 0;

	for (unsigned i = 0; i < job->tree.count; i++) {
		const struct proctree_row *r = &job->tree.rows[i];

		n += !(r->flags & PROC_GONE) && !(r->passed & 1U << pass) &&
		     !journal_has(&job->journal, journal_item(pass, r->pid));
	}
	(void)err_set(&why, ETIME, "the time of this dumper was over");
	if (n && sink_gapf(job->out, GAP_OVER_BUDGET, NULL, &why, "%u processes: %s", n,
			 dossier_pass_names[pass]) < 0)
		return lost(e);
	return 0;
}

/* The first of them by age; all of one pass. */
static int read_oldest(struct job *job, unsigned from, unsigned count, enum dossier_pass pass,
	uint64_t until, struct err *e)
{
	own_free unsigned *order = proctree_by_age(&job->tree, from);
	unsigned n = job->tree.count - from;
	int rc = 0;

	if (!order)
		return err_set(e, ENOMEM, "no memory");
	for (unsigned i = 0; rc == 0 && i < n && i < count && now_ns() < until; i++)
		rc = catch_up(job, order[i], pass, e);
	return rc;
}

/* The first texts of all, and of those born while that was done, until there are none. */
static int read_quick(struct job *job, struct err *e)
{
	uint64_t until = share(job, 4);
	unsigned from = 0, added = 1;
	int rc = 0;

	proctree_census(&job->tree);
	for (unsigned round = 0; rc == 0 && added && round < ROUNDS_MAX; round++) {
		rc = read_oldest(job, from, UINT_MAX, DOSSIER_QUICK, until, e);
		from = job->tree.count;
		added = 0;
		if (rc == 0)
			rc = proctree_scan(&job->tree, &added, e);
	}
	job->tree.unsettled = added;
	if (rc == 0 && added)
		rc = read_oldest(job, from, UINT_MAX, DOSSIER_QUICK, until, e);
	job->run.hurry |= added || now_ns() >= until;
	return rc;
}

/* Where there may not be time for everybody: who was there first tells where the others
 * come from, and is there longest. */
static int read_elders(struct job *job, unsigned count, struct err *e)
{
	uint64_t until = share(job, 2);
	int rc = 0;

	if (count > 1) /* what takes no lock first */
		rc = read_oldest(job, 0, count, DOSSIER_TEXT, until, e);
	for (unsigned pass = DOSSIER_ARGV; rc == 0 && pass < DOSSIER_PASSES; pass++)
		rc = read_oldest(job, 0, count, pass, until, e);
	return rc;
}

/* What processes were started with, which the table shows: it does not wait for more than one of
 * them to let go of its lock. */
static int read_argv(struct job *job, struct err *e)
{
	uint64_t until = share(job, 8), most = now_ns() + ARGV_NS;
	int rc = 0;

	until = until < most ? until : most;
	if (job->journal.stalls) {
		job->run.hurry = true;
		return 0;
	}
	rc = read_oldest(job, 0, UINT_MAX, DOSSIER_ARGV, until, e);
	job->run.hurry |= now_ns() >= until;
	return rc;
}

static int read_rest(struct job *job, struct err *e)
{
	uint64_t until = share(job, 1);
	int rc = 0;

	for (unsigned pass = DOSSIER_TEXT; rc == 0 && pass < DOSSIER_PASSES; pass++)
		rc = read_oldest(job, 0, UINT_MAX, pass, until, e);
	for (unsigned pass = DOSSIER_QUICK; rc == 0 && pass < DOSSIER_PASSES; pass++)
		rc = tell_cut(job, pass, e);
	return rc;
}

static int write_tree(struct job *job, struct err *e)
{
	uint64_t item = journal_item(STEP_TREE, 0);
	int rc;

	proctree_link(&job->tree);
	if (journal_has(&job->journal, item))
		return 0;
	rc = journal_add(&job->journal, item, e);
	for (unsigned i = 0; rc == 0 && i < job->tree.count; i++) {
		struct proctree_row *r = &job->tree.rows[i];

		if (journal_stalled(&job->journal, journal_item(DOSSIER_ARGV, r->pid)))
			r->flags |= PROC_STALLED;
		if (!(r->passed & 1U << DOSSIER_QUICK))
			r->flags |= PROC_UNREAD;
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

/* What is counted and not told one by one. */
static int tell_many(struct job *job, struct err *e)
{
	struct err why = ERR_INIT;

	if (job->run.vanished > DOSSIER_VANISHED &&
		sink_gapf(job->out, GAP_VANISHED, NULL, NULL,
			"%u processes in all ended before or while they were read: "
			"process/changes.json",
			job->run.vanished) < 0)
		return lost(e);
	(void)err_set(&why, ETIMEDOUT, "too many others did not answer");
	if (job->unasked && sink_gapf(job->out, GAP_STALLED, NULL, &why, "%u processes: %s",
				    job->unasked, dossier_pass_names[DOSSIER_MAPS]) < 0)
		return lost(e);
	return 0;
}

/* Who came and went while we read; those who came get their first texts read. */
static int write_changes(struct job *job, struct err *e)
{
	own_buf struct buf b = BUF_INIT(16 << 20);
	struct jsonw w = JSONW(&b);
	unsigned ended = proctree_ended(&job->tree), from = job->tree.count, born;
	int rc = proctree_scan(&job->tree, &born, e);

	if (rc == 0)
		rc = read_oldest(job, from, UINT_MAX, DOSSIER_QUICK, share(job, 1), e);
	if (rc == 0)
		rc = tell_many(job, e);
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

static void describe_item(const struct dump *d, uint64_t item, char *ret, size_t size)
{
	unsigned step = journal_step(item);

	(void)d;
	if (step < DOSSIER_PASSES)
		snprintf(ret, size, "process %d: %s", (int)journal_pid(item),
			dossier_pass_names[step]);
	else if (step == STEP_TREE)
		snprintf(ret, size, "the tree");
	else if (step == STEP_LOOK)
		snprintf(ret, size, "looking for processes");
}

/* The engine's gap does not name the member that was being sent, for the rest of which the writer
 * still waits. */
static int tell_stall(struct job *job, struct err *e)
{
	const struct dumper_resume *resume = &job->dump->resume;
	const char *member = resume->member[0] ? resume->member : NULL;
	struct err why = ERR_INIT;
	char where[64] = "";
	int rc = 0;

	if (!resume->again)
		return 0;
	(void)err_set(&why, ETIMEDOUT, "did not answer: left out");
	describe_item(job->dump, resume->item, where, sizeof(where));
	if (where[0] && sink_gapf(job->out, GAP_STALLED, member, &why, "%s", where) < 0)
		rc = lost(e);
	return rc == 0 && member ? sink_end(job->out, e) : rc;
}

static int passes(struct job *job, struct err *e)
{
	int rc = tell_stall(job, e);

	if (rc == 0)
		rc = read_quick(job, e);
	if (rc == 0 && (job->run.hurry || job->tree.count > CROWD))
		rc = read_elders(job, 1, e);
	if (rc == 0)
		rc = read_argv(job, e);
	if (rc == 0)
		rc = write_tree(job, e);
	if (rc == 0 && job->run.hurry)
		rc = read_elders(job, ELDERS, e);
	if (rc == 0)
		rc = read_rest(job, e);
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
		job.tree.out = out;
		job.tree.item = journal_item(STEP_LOOK, 0);
		sink_item(out, job.tree.item);
		job.run.policy = policy_of(d);
		rc = passes(&job, e);
	}
	dossier_end(&job.run);
	proctree_done(&job.tree);
	journal_done(&job.journal);
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
	.describe = describe_item,
	.estimate = estimate,
};
