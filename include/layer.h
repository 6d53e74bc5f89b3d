/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * layer - a directory tree of the target as evidence: an OCI layer (tar), a row
 * for each name (JSON lines) and a bodyfile for timelines.
 *
 * Two passes. The first walks the tree depth first by (directory, name), reads
 * metadata only and writes it to the spool; memory is the same for ten names
 * and ten million. The second reads the content of what was planned, so that the
 * sizes of all members are known before they begin: a file that is gone or
 * shorter by then is filled with zeros and becomes a gap. Other file systems
 * below the tree are never entered, links never followed, and nothing but
 * regular files and directories is opened.
 */
#include "err.h"

#include <stdbool.h>
#include <stdint.h>

struct dumper_resume;
struct sink;

enum layer_form {
	LAYER_PLAIN,	    /* a directory; with lower layers: compared with them */
	LAYER_OVERLAY,	    /* overlayfs' upper directory */
	LAYER_FUSE_OVERLAY, /* fuse-overlayfs' one */
};

enum layer_content {
	LAYER_NAMES,  /* metadata only */
	LAYER_HASHES, /* and the SHA-256 of each file */
	LAYER_FILES,  /* and the files */
};

struct layer_job {
	uint64_t number;  /* of this job among those of a dumper run; below 2^16 */
	int root_fd;	  /* O_PATH directory */
	const int *lower; /* O_PATH directories, topmost first */
	unsigned lowers;
	enum layer_form form;
	bool user_xattrs; /* the overlay was mounted with userxattr: user.overlay.* is overlayfs'
			     own */
	bool no_trusted;  /* we may not see trusted.* attributes: whiteouts may be missing */
	enum layer_content content;
	uint64_t max_file, max_total; /* bytes of content, of one file and of all */
	uint64_t max_entries;
	uint64_t max_bytes;	    /* of all members together */
	const char *const *include; /* path prefixes, NULL-terminated; NULL: everything */
	const char *const *exclude;
	/* Member names; NULL: not made. aside: files that a layer cannot hold (path too long,
	 * a name that means a whiteout), named by the "id" of their rows. */
	const char *tar, *aside, *rows, *bodyfile;
	const char *bodyfile_prefix; /* of paths in the bodyfile: "" or "/mount/point" */
	int spool_fd;
	uint64_t
		until_ns; /* as dump->until_ns: no more names and no more content then; 0: no end */
	const struct dumper_resume *resume; /* of a worker that stalled in this job; NULL: none */
};

struct layer_stats {
	uint64_t entries, files, bytes; /* bytes of content that were planned */
	uint64_t added, modified, deleted;
	bool cut; /* a limit ended the walk */
};

/* Losses of content become gaps; an error means that nothing more can be done. */
int layer_collect(const struct layer_job *job, struct sink *out, struct layer_stats *ret,
	struct err *e) must_check;
/* The first pass alone. */
int layer_estimate(const struct layer_job *job, struct layer_stats *ret, struct err *e) must_check;
/*
 * The item (sink_item) of a job as such, for what its dumper does before
 * layer_collect(): that counts on from it. And the job of any item.
 */
uint64_t layer_item(uint64_t number);
uint64_t layer_job_of(uint64_t item);
