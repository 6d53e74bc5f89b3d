/* SPDX-License-Identifier: Apache-2.0 */
/* rawtext - the files of /proc/PID that are copied as they are. */
#include "rawtext.h"
#include "own.h"
#include "procfs.h"
#include "redact.h"
#include "sink.h"
#include "subject.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

enum flag {
	BIG = 1 << 0,	 /* streamed */
	ROLLUP = 1 << 1, /* walks all page tables: by option */
	FULL = 1 << 2,	 /* the same, and long */
	SECRET = 1 << 3, /* the environment */
	ZOMBIE = 1 << 4, /* says something of a zombie too */
};

static void take_status(struct proctree_row *row, const struct buf *text)
{
	const char *p, *inside = "";
	uint64_t v;
	size_t len;

	if (procfs_field_u64(buf_str(text), "Uid", 10, &v) == 0)
		row->uid = (unsigned)v;
	if (procfs_field_u64(buf_str(text), "TracerPid", 10, &v) == 0)
		row->tracer = (pid_t)v;
	if (row->tracer)
		row->flags |= PROC_TRACED;
	p = procfs_field(buf_str(text), "NStgid", &len); /* the host's first, its own last */
	row->levels = 0;
	for (size_t i = 0, n; p && i < len; i += n + 1) {
		n = strcspn(p + i, "\t\n");
		inside = p + i;
		row->levels++;
	}
	row->nspid = (pid_t)strtol(inside, NULL, 10);
}

static void take_argv(struct proctree_row *row, const struct buf *text)
{
	size_t n = text->len < PROCTREE_TEXT ? text->len : PROCTREE_TEXT;

	free(row->argv);
	row->argv = malloc(n + 1);
	row->argv_len = row->argv ? n : 0;
	if (row->argv && n)
		memcpy(row->argv, text->data, n);
}

static const struct raw {
	const char *name;
	enum dossier_pass pass;
	unsigned flags;
	uint64_t max; /* of the big ones */
	void (*take)(struct proctree_row *row, const struct buf *text);
} raws[] = {
	{"stat", DOSSIER_QUICK, ZOMBIE, 0, NULL},
	{"status", DOSSIER_QUICK, ZOMBIE, 0, take_status},
	{"cmdline", DOSSIER_ARGV, 0, 0, take_argv},
	{"cgroup", DOSSIER_QUICK, ZOMBIE, 0, NULL},
	{"statm", DOSSIER_TEXT, 0, 0, NULL},
	{"limits", DOSSIER_TEXT, 0, 0, NULL},
	{"io", DOSSIER_TEXT, 0, 0, NULL},
	{"sched", DOSSIER_TEXT, 0, 0, NULL},
	{"schedstat", DOSSIER_TEXT, 0, 0, NULL},
	{"wchan", DOSSIER_TEXT, 0, 0, NULL},
	{"stack", DOSSIER_TEXT, 0, 0, NULL},
	{"syscall", DOSSIER_TEXT, 0, 0, NULL},
	{"oom_score", DOSSIER_TEXT, 0, 0, NULL},
	{"oom_score_adj", DOSSIER_TEXT, 0, 0, NULL},
	{"oom_adj", DOSSIER_TEXT, 0, 0, NULL},
	{"uid_map", DOSSIER_TEXT, 0, 0, NULL},
	{"gid_map", DOSSIER_TEXT, 0, 0, NULL},
	{"projid_map", DOSSIER_TEXT, 0, 0, NULL},
	{"setgroups", DOSSIER_TEXT, 0, 0, NULL},
	{"loginuid", DOSSIER_TEXT, 0, 0, NULL},
	{"sessionid", DOSSIER_TEXT, 0, 0, NULL},
	{"personality", DOSSIER_TEXT, 0, 0, NULL},
	{"autogroup", DOSSIER_TEXT, 0, 0, NULL},
	{"timens_offsets", DOSSIER_TEXT, 0, 0, NULL},
	{"timers", DOSSIER_TEXT, 0, 0, NULL},
	{"coredump_filter", DOSSIER_TEXT, 0, 0, NULL},
	{"cpuset", DOSSIER_TEXT, 0, 0, NULL},
	{"attr/current", DOSSIER_TEXT, 0, 0, NULL},
	{"attr/exec", DOSSIER_TEXT, 0, 0, NULL},
	{"attr/prev", DOSSIER_TEXT, 0, 0, NULL},
	{"arch_status", DOSSIER_TEXT, 0, 0, NULL},
	{"patch_state", DOSSIER_TEXT, 0, 0, NULL},
	{"auxv", DOSSIER_TEXT, 0, 0, NULL},
	{"mountinfo", DOSSIER_TEXT, BIG, 64 << 20, NULL},
	{"mounts", DOSSIER_TEXT, BIG, 64 << 20, NULL},
	{"environ", DOSSIER_MAPS, SECRET, 0, NULL},
	{"maps", DOSSIER_MAPS, BIG, 64 << 20, NULL},
	{"smaps_rollup", DOSSIER_MAPS, ROLLUP, 0, NULL},
	{"numa_maps", DOSSIER_MAPS, BIG | FULL, 64 << 20, NULL},
	{"smaps", DOSSIER_MAPS, BIG | FULL, 256 << 20, NULL},
};

static bool wanted(const struct subject *s, const struct raw *r, enum dossier_pass pass)
{
	const struct dossier_policy *policy = &s->run->policy;

	if (r->pass != pass || ((r->flags & SECRET) && policy->environ == ENVIRON_NONE))
		return false;
	if ((r->flags & ROLLUP && policy->smaps < SMAPS_ROLLUP) ||
		(r->flags & FULL && policy->smaps < SMAPS_FULL))
		return false;
	return (r->flags & ZOMBIE) || !(s->row->flags & PROC_ZOMBIE);
}

static int copy_big(struct subject *s, const struct raw *r, struct err *e)
{
	own_fd int fd = openat(s->live, r->name, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return subject_lost(s, r->name, errno, e);
	return sink_copy(s->run->out, subject_member(s, r->name).text, fd, r->max, e);
}

/* The values that look secret are digests then, and a gap says so. */
static int copy_environ(struct subject *s, struct err *e)
{
	struct dossier_run *run = s->run;
	struct err why;
	size_t hidden;

	if (run->policy.environ == ENVIRON_FULL)
		return subject_send(s, "environ", &run->text, e);
	buf_clear(&run->json);
	hidden = redact_environ(
		&run->json, buf_str(&run->text), run->text.len, run->policy.secret_words);
	if (hidden) {
		err_set(&why, 0, "values that look secret are digests; option environ: full");
		if (sink_gapf(run->out, GAP_BY_PROFILE, subject_member(s, "environ").text, &why,
			    "%zu values", hidden) < 0)
			return err_set(e, EPIPE, "the writer is gone");
	}
	return subject_send(s, "environ", &run->json, e);
}

static int copy_one(struct subject *s, const struct raw *r, struct err *e)
{
	int rc;

	if (r->flags & BIG)
		return copy_big(s, r, e);
	rc = subject_text(s, r->name, e);
	if (rc <= 0)
		return rc;
	if (r->take)
		r->take(s->row, &s->run->text);
	if (r->flags & SECRET)
		return copy_environ(s, e);
	return subject_send(s, r->name, &s->run->text, e);
}

int rawtext_copy(struct subject *s, enum dossier_pass pass, struct err *e)
{
	for (size_t i = 0; !s->gone && i < sizeof(raws) / sizeof(raws[0]); i++) {
		int rc;

		if (!wanted(s, &raws[i], pass))
			continue;
		sink_item(s->run->out, s->run->item);
		rc = copy_one(s, &raws[i], e);
		if (rc < 0)
			return rc;
	}
	return 0;
}
