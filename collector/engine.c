/* SPDX-License-Identifier: Apache-2.0 */
/* engine - runs a collection from target to sealed bundle. */
#include "engine.h"
#include "apiserver.h"
#include "caps.h"
#include "capture.h"
#include "conductor.h"
#include "crisocket.h"
#include "describe.h"
#include "dumper.h"
#include "effects.h"
#include "io.h"
#include "job.h"
#include "layerask.h"
#include "now.h"
#include "outplace.h"
#include "own.h"
#include "places.h"
#include "prepare.h"
#include "profile.h"
#include "publish.h"
#include "run.h"
#include "runtimes.h"
#include "sign.h"
#include "text.h"
#include "wire.h"
#include "writer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#define SECOND 1000000000ULL

enum {
	LOG_MAX = 1 << 20,
	BEGIN_MAX = 1 << 20,
	ZSTD_LEVEL = 1,
	FINISH_PATIENCE_S = 120,
};

const char *const engine_freezes[] = {"auto", "always", "never", NULL};

static int open_output(struct run *r, struct err *e)
{
	char label[64], name[200];
	int rc;

	describe_label(r, label, sizeof(label));
	snprintf(name, sizeof(name), "taphos-%s-%s.tar.zst", label, r->run_id);
	rc = publish_open(r->rq->output, name, &r->publish, e);
	if (rc < 0)
		return rc;
	rc = r->rq->force ? 0 : outplace_check(r, publish_dir(r->publish), e);
	if (rc < 0) {
		publish_discard(r->publish);
		return rc;
	}
	r->spool_dir = publish_dir(r->publish);
	if (r->spool_dir < 0)
		r->spool_dir = run_spool_dir();
	r->reserve = r->rq->force ? 0 : outplace_reserve(&r->host, r->spool_dir);
	return 0;
}

static int start_writer(struct run *r, struct err *e)
{
	struct writer_spec w = {
		.out_fd = publish_fd(r->publish),
		.level = ZSTD_LEVEL,
		.max_bytes = r->rq->max_size,
		.reserve = publish_streams(r->publish) ? 0 : r->reserve,
	};
	int control[2], sign[2], rc, keep[3 + LEDGER_LISTS];
	struct worker_spec spec = {
		.name = "taphos-writer",
		.main = writer_main,
		.arg = &w,
		.filter = FILTER_WRITER,
		.netns_fd = -1,
		.mntns_fd = -1,
		.keep = keep,
		.keeps = 3 + LEDGER_LISTS,
	};

	snprintf(w.run, sizeof(w.run), "%s", r->run_id);
	memcpy(w.signer, r->signer, SEAL_KEY);
	rc = wire_pair(control, e);
	if (rc == 0)
		rc = wire_pair(sign, e);
	for (int i = 0; rc >= 0 && i < LEDGER_LISTS; i++)
		rc = keep[3 + i] = w.spool[i] = io_spool(r->spool_dir, e);
	if (rc < 0)
		return rc;
	w.control = keep[0] = control[1];
	w.sign_sock = keep[1] = sign[1];
	keep[2] = w.out_fd;
	r->control = control[0];
	r->sign_sock = sign[0];
	/* whatever the writer does, the engine never waits in a send */
	(void)fcntl(r->control, F_SETFL, O_NONBLOCK);
	(void)fcntl(r->sign_sock, F_SETFL, O_NONBLOCK);
	rc = worker_start(&spec, &r->writer, e);
	for (size_t i = 0; i < 3 + LEDGER_LISTS; i++)
		if (keep[i] != w.out_fd)
			own_fd_(&keep[i]);
	return rc;
}

/* What of the node could not be looked at is a gap like any other. */
static int note_runtimes(
	struct run *r, const struct programs *p, const struct err *why, struct err *e)
{
	int rc = 0;

	if (why->code)
		rc = conductor_gap(r, WIRE_ENGINE, GAP_UNREADABLE, "the host's container runtimes",
			why->text, e);
	if (rc == 0 && p->truncated)
		rc = conductor_gap(r, WIRE_ENGINE, GAP_OVER_BUDGET, "the host's container runtimes",
			"more programs, or longer paths, than are kept", e);
	return rc;
}

static int put_begin(struct run *r, struct err *e)
{
	own_buf struct buf b = BUF_INIT(BEGIN_MAX);
	own_free struct programs *runtimes = calloc(1, sizeof(*runtimes));
	struct err why = ERR_INIT;
	int rc;

	if (!runtimes)
		return err_set(e, ENOMEM, "no memory");
	(void)!runtimes_find(&r->host.at, runtimes, &why);
	rc = describe_begin(r, runtimes, &b, e);
	if (rc == 0)
		rc = conductor_put(r, "begin.json", b.data, b.len, e);
	return rc < 0 ? rc : note_runtimes(r, runtimes, &why, e);
}

static int note_missing_caps(struct run *r, size_t i, struct err *e)
{
	uint64_t missing = dumpers[i]->caps & ~caps_effective();
	char names[256], why[320];

	if (!missing)
		return 0;
	caps_names(missing, names, sizeof(names));
	snprintf(why, sizeof(why), "running without %s: what needs it is missing", names);
	return conductor_gap(r, i, GAP_REFUSED, "capabilities", why, e);
}

/* What could not be read of it the dumper says; here is only what went wrong on the way. */
static int find_api(struct run *r, size_t i, struct err *e)
{
	struct err why = ERR_INIT;

	r->api_fd = apiserver_open(r, &why);
	return r->api_fd < 0 ? conductor_gap(r, i, GAP_UNREADABLE, "the API server", why.text, e)
			     : 0;
}

static void close_api(struct run *r)
{
	own_fd_(&r->api_fd);
	r->api_fd = -1;
}

/* 1: it was connected. 0: a gap says why not. */
static int find_daemon(struct run *r, size_t i, struct err *e)
{
	struct err why = ERR_INIT;
	int rc = crisocket_open(r, &r->daemon, &why);

	if (rc == 0)
		return 1;
	rc = conductor_gap(r, i,
		rc == -ENOENT	? GAP_NOT_PRESENT
		: rc == -EAGAIN ? GAP_STALLED
				: GAP_UNREADABLE,
		"the container runtime's daemon", why.text, e);
	return rc < 0 ? rc : conductor_skip(r, i, "failed", why.text, e);
}

static int ask_daemon(struct run *r, size_t i, struct err *e)
{
	int rc = find_daemon(r, i, e);

	if (rc > 0)
		rc = conductor_run(r, i, e);
	own_fd_(&r->daemon.fd);
	r->daemon.fd = -1;
	return rc;
}

static int run_dumper(struct run *r, size_t i, struct err *e)
{
	bool loss;
	const char *reason = job_obstacle(r, dumpers[i], &loss);
	int rc;

	r->progress.step++;
	run_stage(r, dumpers[i]->name);
	r->progress.stage_done = false;
	run_show(r);
	if (r->interrupted) {
		rc = conductor_gap(r, i, GAP_OVER_BUDGET, "the whole dumper", r->interrupted, e);
		return rc < 0 ? rc : conductor_skip(r, i, "failed", r->interrupted, e);
	}
	if (reason && !loss)
		return conductor_skip(r, i, "skipped", reason, e);
	if (reason) {
		rc = conductor_gap(r, i,
			reason == r->memory.refused ? GAP_REFUSED : GAP_NOT_PRESENT,
			"the whole dumper", reason, e);
		return rc < 0 ? rc : conductor_skip(r, i, "failed", reason, e);
	}
	rc = note_missing_caps(r, i, e);
	if (rc == 0 && dumpers[i]->needs & NEED_API)
		rc = find_api(r, i, e);
	if (rc == 0)
		rc = dumpers[i]->needs & NEED_CRI ? ask_daemon(r, i, e) : conductor_run(r, i, e);
	close_api(r);
	if (dumpers[i]->needs & NEED_MEMORY)
		memory_done(&r->memory);
	return rc;
}

/* Of all containers what is most volatile first. */
static int run_in_places(struct run *r, size_t i, struct err *e)
{
	int rc = 0;

	for (size_t k = 0; rc == 0 && k < r->places; k++) {
		if (!places_wants(&r->place[k], dumpers[i]))
			continue;
		rc = places_enter(r, k, e);
		if (rc == 0 && dumpers[i]->needs & NEED_ROOTFS)
			rc = layerask(r, e);
		if (rc == 0)
			rc = run_dumper(r, i, e);
	}
	return rc;
}

static int run_dumpers(struct run *r, struct err *e)
{
	int rc = 0;

	for (size_t i = 0; dumpers[i]; i++)
		for (size_t k = 0; k < r->places && profile_enabled(r->profile, i); k++)
			r->progress.steps += places_wants(&r->place[k], dumpers[i]);
	for (size_t i = 0; rc == 0 && dumpers[i]; i++)
		if (profile_enabled(r->profile, i))
			rc = run_in_places(r, i, e);
	return rc == 0 ? places_enter(r, 0, e) : rc;
}

static int put_findings_here(struct run *r, struct err *e)
{
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < r->target->findings; i++) {
		struct wire_msg m = {.type = WIRE_FINDING, .kind = WIRE_ENGINE};

		wire_puts(&m, 0, r->target->finding[i]);
		rc = conductor_tell(r, &m, -1, e);
	}
	if (rc == 0 && r->target->truncated)
		rc = conductor_gap(r, WIRE_ENGINE, GAP_OVER_BUDGET, "the target's tables",
			"more members, mounts, layers or logs than are kept", e);
	return rc;
}

static int put_findings(struct run *r, struct err *e)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < r->losts && i < RUN_LOST; i++)
		rc = conductor_gap(
			r, WIRE_ENGINE, GAP_UNREADABLE, r->lost[i].where, r->lost[i].why, e);
	if (rc == 0 && r->losts > RUN_LOST)
		rc = conductor_gap(r, WIRE_ENGINE, GAP_UNREADABLE, "more containers of the pod",
			"they could not be looked at either", e);
	for (size_t i = 0; rc == 0 && i < r->places; i++) {
		rc = places_enter(r, i, e);
		if (rc == 0)
			rc = put_findings_here(r, e);
	}
	return rc == 0 ? places_enter(r, 0, e) : rc;
}

static int put_own_members(struct run *r, const struct effects *before, struct err *e)
{
	own_buf struct buf b = BUF_INIT(BEGIN_MAX);
	struct effects after;
	bool measured = effects_measure(r, &after, NULL) == 0;
	int rc = effects_render(r, before, measured ? &after : NULL, &b, e);

	if (rc == 0)
		rc = conductor_put(r, "collector/effects.json", b.data, b.len, e);
	run_log_end(r);
	return rc < 0 ? rc : conductor_put(r, "collector/log.jsonl", r->log.data, r->log.len, e);
}

static int finish(struct run *r, struct engine_result *ret, struct err *e)
{
	own_buf struct buf fields = BUF_INIT(WIRE_TEXT - 300);
	struct wire_msg m = {.type = WIRE_FINISH}, done;
	uint8_t digest[HASH_LEN];
	char verdict[16];
	int rc = describe_manifest_fields(r, &fields, e);

	if (rc < 0)
		return rc;
	wire_puts(&m, 0, r->interrupted ? r->interrupted : "");
	wire_puts(&m, 1, buf_str(&fields));
	rc = conductor_tell(r, &m, -1, e);
	if (rc == 0)
		rc = conductor_await(r, WIRE_FINISHED, FINISH_PATIENCE_S * SECOND, &done, e);
	if (rc < 0)
		return rc;
	ret->bytes = done.a;
	ret->artifacts = done.b;
	ret->gaps = done.c;
	ret->findings = done.d;
	wire_string(&done, 0, ret->sha256, sizeof(ret->sha256));
	wire_string(&done, 1, verdict, sizeof(verdict));
	ret->verdict = !strcmp(verdict, "complete")  ? "complete"
		       : !strcmp(verdict, "partial") ? "partial"
						     : "interrupted";
	if (text_unhex(ret->sha256, digest, sizeof(digest)) < 0)
		return err_set(e, EPROTO, "the writer named no digest");
	return publish_finish(r->publish, ret->sha256, r->key, e);
}

static int collect_into(struct run *r, struct engine_result *ret, struct err *e)
{
	struct effects before;
	bool measured = false;
	size_t memory;
	int rc = start_writer(r, e);

	if (rc == 0)
		rc = put_begin(r, e);
	if (rc == 0)
		rc = put_findings(r, e);
	if (rc == 0) {
		measured = r->target->running && effects_measure(r, &before, NULL) == 0;
		if (memory_is_wanted(r, &memory))
			rc = memory_capture(r, memory, capture_run, e);
	}
	if (rc == 0)
		rc = prepare_mounts(r, e);
	places_share_mounts(r);
	if (rc == 0)
		rc = run_dumpers(r, e);
	r->progress.stage = "seal";
	r->progress.stage_done = false;
	run_show(r);
	if (rc == 0)
		rc = put_own_members(r, measured ? &before : NULL, e);
	if (rc == 0)
		rc = finish(r, ret, e);
	return rc;
}

/* The output was lost on the way: what was sealed before stays, and verifies. */
static enum exit_code output_lost(struct run *r, struct engine_result *ret, int rc, struct err *e)
{
	char how[96];

	conductor_last_words(r);
	if (r->output_error.code)
		rc = err_set(e, r->output_error.code, "%s", r->output_error.text);
	else if (r->writer.pid && worker_ended(&r->writer) && r->writer.status) {
		worker_describe(&r->writer, how, sizeof(how));
		rc = err_set(e, EPIPE, "the writer ended: %s", how);
	}
	ret->verdict = "interrupted";
	if (r->seals < 2) {
		publish_discard(r->publish);
		ret->bundle[0] = '\0';
		(void)err_wrap(e, rc, "nothing was collected");
		return EXIT_FAILED;
	}
	(void)err_wrap(e, rc, "the bundle is cut short and verifies up to its last seal");
	snprintf(ret->bundle, sizeof(ret->bundle), "%s", publish_path(r->publish));
	return EXIT_PARTIAL;
}

static enum exit_code conclude(struct run *r, struct engine_result *ret, int rc, struct err *e)
{
	ret->run_key = !r->rq->key;
	ret->containers = places_count(r);
	if (r->places > 1)
		snprintf(ret->pod, sizeof(ret->pod), "%s/%s", r->place[0].target->pod_namespace,
			r->place[0].target->pod_name);
	snprintf(ret->run_id, sizeof(ret->run_id), "%s", r->run_id);
	sign_fingerprint(r->signer, ret->signer);
	ret->duration_ms = (now_ns() - r->started_ns) / 1000000;
	ret->frozen_us = (memory_held_ns(&r->memory) + 999) / 1000;
	if (rc < 0 && !publish_is_whole(r->publish))
		return output_lost(r, ret, rc, e);
	snprintf(ret->bundle, sizeof(ret->bundle), "%s", publish_path(r->publish));
	if (rc < 0) {
		(void)err_wrap(e, rc, "the bundle is whole, but");
		return EXIT_PARTIAL;
	}
	*e = ERR_INIT; /* what went wrong on the way is a gap */
	return strcmp(ret->verdict, "complete") ? EXIT_PARTIAL : EXIT_COMPLETE;
}

static void close_run(struct run *r)
{
	own_fd_(&r->control);
	own_fd_(&r->sign_sock);
	if (r->writer.pid)
		(void)worker_kill(&r->writer);
	publish_free(r->publish);
	prepare_done(r);
}

enum exit_code engine_collect(const struct engine_request *rq, struct engine_result *ret,
	struct buf *candidates, struct err *e)
{
	struct run r = {
		.rq = rq,
		.control = -1,
		.sign_sock = -1,
		.spool_dir = -1,
		.log = BUF_INIT(LOG_MAX),
	};
	enum exit_code code;
	int rc;

	*ret = (struct engine_result){.verdict = ""};
	run_catch_signals();
	code = prepare(&r, candidates, e);
	if (code == EXIT_COMPLETE && open_output(&r, e) < 0)
		code = EXIT_FAILED;
	if (code == EXIT_COMPLETE) {
		rc = collect_into(&r, ret, e);
		code = conclude(&r, ret, rc, e);
	}
	close_run(&r);
	return code;
}
