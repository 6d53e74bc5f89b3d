/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* engine - runs a collection from target to sealed bundle; knows dumpers[] and
 * nothing else of them. Prints nothing: progress goes to a callback. */
#include "err.h"
#include "exit.h"
#include "target.h"

#include <stdbool.h>
#include <stdint.h>

struct buf;

/* What the person sees while it runs. Text is ours and printable. */
struct engine_progress {
	const char *stage;	/* "resolve", a dumper's name, "seal" */
	unsigned step, steps;	/* which of how many dumpers */
	uint64_t bytes;		/* of members so far */
	uint64_t planned_bytes; /* of the open member, 0 unknown */
	uint64_t artifacts, gaps;
	uint64_t elapsed_ms;
	bool stage_done;    /* this stage has ended; 'status' says how */
	const char *status; /* "ok", "partial", "failed", "skipped" */
};

enum freeze_mode { FREEZE_AUTO, FREEZE_ALWAYS, FREEZE_NEVER };
extern const char *const engine_freezes[]; /* their words, NULL-terminated */

#define STAGE_AUTO UINT64_MAX

struct engine_request {
	struct target_selector selector;
	const char *container; /* of a pod (SELECT_POD, SELECT_POD_UID): only this one; NULL: all */
	const char *profile;   /* name or path; NULL: "standard" */
	const char *output;    /* file, directory, "-"; NULL: the current directory */
	const char *key;       /* PEM private key; NULL: one for this run */
	const char *case_id, *operator_name;
	const char *host_root;	 /* NULL: found by itself */
	uint64_t deadline_ns;	 /* from start to the last seal */
	uint64_t max_size;	 /* of all members, bytes; 0: no limit */
	enum freeze_mode freeze; /* while memory is copied */
	uint64_t max_freeze_ns;
	uint64_t stage;		/* bytes of memory to copy to, or STAGE_AUTO */
	bool memory_maps;	/* of memory, what is mapped alone */
	const char *kubeconfig; /* NULL: the service account of the pod we run in, if any */
	bool no_api;		/* no API server is asked */
	const char *cri_socket; /* on the host; NULL: where the runtime listens usually */
	bool no_cri;		/* no daemon of a container runtime is asked */
	bool force;		/* also a target on the host's own namespaces */
	int argc;
	char *const *argv;
	void (*progress)(const struct engine_progress *p, void *arg); /* may be NULL */
	void *progress_arg;
};

struct engine_result {
	char bundle[TARGET_PATH]; /* path as given plus name, "-" when streamed */
	char run_id[64];
	char pod[2 * TARGET_ID]; /* "NAMESPACE/POD" where a whole pod was collected, "" */
	unsigned containers;	 /* of it, without its sandboxes; 1 otherwise */
	char sha256[65];	 /* of the bundle as written */
	char signer[65];	 /* public key's SHA-256 fingerprint, hex */
	bool run_key;		 /* the key was made for this run */
	const char *verdict;	 /* "complete", "partial", "interrupted" */
	uint64_t artifacts, gaps, findings;
	uint64_t bytes; /* of the bundle as written */
	uint64_t duration_ms;
	uint64_t frozen_us; /* for how long the target stood still */
};

/*
 * Returns an exit code. On anything but COMPLETE and PARTIAL, e says why in one
 * line with what to do; on PARTIAL it says so where the output was lost or is not
 * all there, and is empty otherwise. 'candidates' (may be NULL) then holds one line for each
 * container an ambiguous name fits. result is filled as far as things went:
 * bundle is "" when there is none.
 */
enum exit_code engine_collect(const struct engine_request *rq, struct engine_result *ret,
	struct buf *candidates, struct err *e) must_check;

/* 'taphos plan': the same up to the first byte read, one JSON object into out. */
enum exit_code engine_plan(const struct engine_request *rq, struct buf *out, struct buf *candidates,
	struct err *e) must_check;
