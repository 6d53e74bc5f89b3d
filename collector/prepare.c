/* SPDX-License-Identifier: Apache-2.0 */
/* prepare - what comes before the first byte. */
#include "prepare.h"
#include "caps.h"
#include "conductor.h"
#include "dumper.h"
#include "locate.h"
#include "now.h"
#include "ns.h"
#include "own.h"
#include "peers.h"
#include "places.h"
#include "profile.h"
#include "run.h"
#include "sign.h"
#include "sink.h"
#include "start.h"
#include "text.h"
#include "wire.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>

#define SECOND 1000000000ULL

enum { RESOLVE_S = 20, MOUNTS_S = 2, DESCRIPTORS = 65536 };

/* "20260131T100000Z-" and 16 hex digits. */
static int make_run_id(struct run *r, struct err *e)
{
	own_buf struct buf wall = BUF_INIT(64), id = BUF_INIT(sizeof(r->run_id) - 1);
	unsigned char random[8];

	if (getrandom(random, sizeof(random), 0) != sizeof(random))
		return err_errno(e, "random bytes");
	clock_gettime(CLOCK_REALTIME, &r->started);
	text_time(&wall, r->started);
	for (const char *p = buf_str(&wall); *p && *p != '.'; p++)
		if (*p != '-' && *p != ':')
			buf_addc(&id, *p);
	buf_adds(&id, "Z-");
	text_hex(&id, random, sizeof(random));
	snprintf(r->run_id, sizeof(r->run_id), "%s", buf_str(&id));
	return buf_check(&id, e);
}

static void set_clocks(struct run *r)
{
	uint64_t span = r->rq->deadline_ns, reserve = 2 * SECOND;

	if (reserve > span / 10)
		reserve = span / 10;
	r->started_ns = now_ns();
	r->deadline_ns = r->started_ns + span - reserve; /* the rest is for the last seal */
}

/* Hundreds of layers and mounts. No more: before Linux 5.9 a worker closes them one by one. */
static void set_descriptors(void)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l) == 0) {
		l.rlim_cur = l.rlim_max < DESCRIPTORS ? l.rlim_max : DESCRIPTORS;
		(void)setrlimit(RLIMIT_NOFILE, &l);
	}
}

static enum exit_code load(struct run *r, struct err *e)
{
	const char *name = r->rq->profile ? r->rq->profile : "standard";
	int rc = hash_setup(e);

	if (rc == 0 && profile_load(name, &r->profile, e) < 0)
		return EXIT_USAGE;
	if (rc == 0)
		rc = make_run_id(r, e);
	if (rc == 0)
		rc = r->rq->key ? sign_load(r->rq->key, &r->key, e) : sign_generate(&r->key, e);
	if (rc < 0)
		return EXIT_FAILED;
	sign_public(r->key, r->signer);
	return EXIT_COMPLETE;
}

static enum exit_code check_permission(struct err *e)
{
	const uint64_t needed = DUMPER_CAP(CAP_SYS_PTRACE) | DUMPER_CAP(CAP_DAC_READ_SEARCH);

	return caps_require(needed, e) < 0 ? EXIT_NOT_PERMITTED : EXIT_COMPLETE;
}

static enum exit_code find_target(struct run *r, struct buf *candidates, struct err *e)
{
	int rc = host_open(r->rq->host_root, &r->host, e);

	if (rc == 0)
		rc = places_find(r, now_ns() + RESOLVE_S * SECOND, candidates, e);
	switch (rc) {
	case 0:
		break;
	case -ENOENT:
	case -ENOTUNIQ:
	case -ESRCH:
		return EXIT_NOT_FOUND;
	case -EPERM:
	case -EACCES:
		return EXIT_NOT_PERMITTED;
	case -EINVAL:
		return EXIT_USAGE;
	default:
		return EXIT_FAILED;
	}
	if (!r->target->host_namespaces || r->rq->force)
		return EXIT_COMPLETE;
	(void)err_set(e, EINVAL,
		"the target runs in the host's own namespaces: this would collect the host; "
		"--force does it all the same");
	return EXIT_USAGE;
}

enum exit_code prepare(struct run *r, struct buf *candidates, struct err *e)
{
	enum exit_code code;

	r->host = HOST_INIT;
	r->root_clone = -1;
	r->api_fd = -1;
	r->daemon.fd = -1;
	r->peers_fd = peers_new(NULL); /* without it nobody is named */
	r->memory = MEMORY_INIT;
	set_clocks(r);
	set_descriptors();
	r->sealed_start = start_is_sealed();
	r->progress.stage = "resolve";
	run_show(r);
	code = load(r, e);
	if (code == EXIT_COMPLETE)
		code = check_permission(e);
	return code == EXIT_COMPLETE ? find_target(r, candidates, e) : code;
}

int prepare_clones(struct run *r, struct err *e)
{
	struct place *p = &r->place[r->here];
	int rc = locate_mounts(
		r->target, now_ns() + MOUNTS_S * SECOND, &p->mount_fd, &p->root_clone, e);

	places_stand(r, r->here);
	return rc;
}

void prepare_upper(struct target *t)
{
	own_fd int clone = t->fd[TFD_UPPER] < 0 ? -1 : ns_clone_directory(t->fd[TFD_UPPER], NULL);

	if (clone < 0)
		return;
	own_fd_(&t->fd[TFD_UPPER]);
	t->fd[TFD_UPPER] = take_fd(&clone);
}

static int prepare_place(struct run *r, struct err *e)
{
	struct err why = ERR_INIT;
	const struct target *t = r->target;

	prepare_upper(r->target);
	if (t->fd[TFD_MNTNS] < 0)
		return 0;
	if (!r->sealed_start)
		return conductor_gap(r, WIRE_ENGINE, GAP_REFUSED, "private clones of the mounts",
			"we do not run from a sealed copy, so no namespace of the target is "
			"entered",
			e);
	if (prepare_clones(r, &why) < 0)
		return conductor_gap(r, WIRE_ENGINE, GAP_UNREADABLE, "private clones of the mounts",
			why.text, e);
	return 0;
}

int prepare_mounts(struct run *r, struct err *e)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < r->places; i++) {
		rc = places_enter(r, i, e);
		if (rc == 0)
			rc = prepare_place(r, e);
	}
	return rc == 0 ? places_enter(r, 0, e) : rc;
}

void prepare_done(struct run *r)
{
	own_fd_(&r->api_fd);
	own_fd_(&r->daemon.fd);
	own_fd_(&r->peers_fd);
	memory_done(&r->memory);
	places_done(r);
	host_close(&r->host);
	sign_free(r->key);
	profile_free(r->profile);
	buf_done(&r->log);
}
