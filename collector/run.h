/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* run - one collection while it runs: what the engine's files share. */
#include "engine.h"
#include "buf.h"
#include "dumper.h"
#include "host.h"
#include "memory.h"
#include "seal.h"
#include "target.h"
#include "worker.h"

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct profile;
struct sign_key;
struct publish;

/* One of the targets of a run: the only one, or a pod and its containers. */
enum place_kind { PLACE_ALONE, PLACE_POD, PLACE_CONTAINER, PLACE_SANDBOX };

enum { RUN_FOLDER = 96, RUN_LOST = 8 };

/* A container of the pod that could not be looked at. */
struct place_lost {
	char where[2 * TARGET_ID];
	char why[256];
};

struct place {
	enum place_kind kind;
	struct target *target;
	char folder[RUN_FOLDER]; /* of its members: "" or "containers/web/" */
	int *mount_fd;		 /* as in struct run */
	int root_clone;
};

struct run {
	const struct engine_request *rq;
	struct profile *profile;
	struct host host;
	struct place *place; /* [0]: the only target, or the pod as a whole */
	size_t places, here;
	const struct target **all; /* of places, without the pod as a whole */
	size_t alls;
	struct place_lost lost[RUN_LOST];
	size_t losts; /* may be more than there is room for */
	/* of place[here]: */
	struct target *target;
	int *mount_fd;	/* [target->mounts] */
	int root_clone; /* the target's root without the mounts in it, -1: none */
	char run_id[64];
	struct sign_key *key;
	uint8_t signer[SEAL_KEY];
	uint64_t seals; /* signed so far */

	struct timespec started;
	uint64_t started_ns, deadline_ns; /* CLOCK_MONOTONIC */
	bool sums_signed;
	bool sealed_start; /* we run from a sealed memfd */
	bool daemon_lost;  /* the runtime was asked for a layer in vain */

	struct publish *publish;
	int spool_dir; /* -1: memory */
	struct worker writer;
	uint64_t reserve;      /* bytes that stay free on the disk of spool_dir */
	struct worker *reader; /* the dumper's worker that runs, NULL */
	int control, sign_sock;
	struct err output_error; /* the writer's last words; code 0: none */

	struct engine_progress progress;
	char stage[RUN_FOLDER + 32]; /* progress.stage of a container of several */
	uint64_t mib_to_come;	     /* of the open member */
	struct memory memory;
	int peers_fd;		   /* whom the target is connected with; -1 */
	int api_fd;		   /* while the dumper runs that asks an API server; else -1 */
	struct dump_daemon daemon; /* while the dumper runs that asks it; else fd is -1 */
	unsigned abandoned;	   /* workers stuck in the kernel */
	const char *interrupted;   /* why the run was cut short, NULL */
	struct buf log;
	uint64_t log_left_out; /* lines there was no room for */
};

/* A directory for spool files when there is no output directory: $TMPDIR, or /var/tmp. -1: none. */
int run_spool_dir(void);
/* How long a dumper that is to end at until_ns may give no sign of life. */
uint64_t run_item_ns(uint64_t now, uint64_t until_ns);
/* How long the writer may need to fill so much of a member with zeros, and how many bytes it can
 * fill until the deadline. */
uint64_t run_fill_ns(uint64_t mib);
uint64_t run_fill_bytes(const struct run *r);
uint64_t run_wall_ns(void); /* CLOCK_REALTIME */
/* What is done now, in place[here]. name: a string that stays. */
void run_stage(struct run *r, const char *name);
const char *run_folder(const struct run *r); /* of place[here] */
void run_show(struct run *r);		     /* calls the progress callback */
/* One line of collector/log.jsonl. */
void run_log(struct run *r, const char *level, const char *event, const char *fmt, ...)
	printf_like(4, 5);

/* Its last line, which says when some were left out. */
void run_log_end(struct run *r);

/* SIGINT, SIGTERM, SIGHUP set it; the second one ends the process. */
void run_catch_signals(void);
bool run_stopped(void);
