/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * dossier - everything about one process, in five passes from the most volatile
 * and smallest to bulk, so that one process that does not answer costs no more than
 * its own later passes. All reads are relative to one descriptor of /proc/PID whose start
 * time was compared, and is compared again afterwards.
 */
#include "buf.h"
#include "dumper.h"
#include "err.h"
#include "proctree.h"

#include <stdbool.h>
#include <stdint.h>

struct sink;
struct fsmap;
struct relics;

enum dossier_pass {
	DOSSIER_QUICK, /* stat, status, cgroup, links: no locks of its memory; fills the row */
	DOSSIER_ARGV,  /* cmdline, which needs that lock; fills the row */
	DOSSIER_TEXT,  /* the other small texts, threads.json, fds.json, ns.json, info.json */
	DOSSIER_MAPS,  /* environ, maps: what takes the locks of its memory */
	DOSSIER_FILES, /* bytes of exe and of deleted files; files.json */
	DOSSIER_PASSES
};

extern const char *const dossier_pass_names[DOSSIER_PASSES]; /* "its maps": they were read */

enum dossier_smaps { SMAPS_NONE, SMAPS_ROLLUP, SMAPS_FULL };
enum dossier_environ { ENVIRON_NONE, ENVIRON_REDACTED, ENVIRON_FULL };
enum dossier_exe { EXE_NEVER, EXE_HASH, EXE_EVIDENCE, EXE_ALWAYS };

struct dossier_policy {
	uint64_t max_threads, max_fds; /* per process */
	enum dossier_smaps smaps;
	enum dossier_environ environ;
	enum dossier_exe exe;
	uint64_t file_max, files_max; /* bytes of content: of one file, of all */
	const char *const *secret_words;
};

enum { DOSSIER_NAMESPACES = 8 };
extern const char *const dossier_ns_names[DOSSIER_NAMESPACES];

enum {
	DOSSIER_ELSEWHERE = 256,
	DOSSIER_VANISHED = 64, /* that many have a gap each; the rest are counted in 'vanished' */
};

/* What the dossiers of a run share. */
struct dossier_run {
	const struct dump *dump;
	struct sink *out;
	struct proctree *tree;
	struct dossier_policy policy;
	uint64_t item; /* for sink_item() */
	bool quiet;    /* read to fill rows only: the members were sent before a restart */
	bool hurry;    /* no second look at what takes the locks of its memory */
	unsigned findings, vanished;
	uint64_t ns_host[DOSSIER_NAMESPACES], ns_init[DOSSIER_NAMESPACES];
	struct buf text, json; /* one read, one document: kept to be used again */
	struct fsmap *mounts;  /* of the mount namespace mounts_ns */
	uint64_t mounts_ns;
	struct relics *relics;
	uint64_t elsewhere[DOSSIER_ELSEWHERE]; /* mount namespaces whose mounts were told */
	unsigned elsewhere_count;
};

/* Keeps dump, out and tree. */
int dossier_begin(struct dossier_run *run, const struct dump *dump, struct sink *out,
	struct proctree *tree, struct err *e) must_check;
void dossier_end(struct dossier_run *run);

/*
 * One pass over the process of tree->rows[row]. Losses become gaps; a process that ended
 * gets PROC_GONE and one gap, or is counted. Negative only when the sink is gone.
 */
int dossier_read(struct dossier_run *run, unsigned row, enum dossier_pass pass, struct err *e)
	must_check;

/* A finding, up to a limit for the whole run (the files hold them all). */
int dossier_finding(struct dossier_run *run, const char *fmt, ...) printf_like(2, 3) must_check;
