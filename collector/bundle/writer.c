/* SPDX-License-Identifier: Apache-2.0 */
/* writer - the process that owns the bundle's file. */
#include "writer.h"
#include "buf.h"
#include "dumper.h"
#include "frames.h"
#include "intake.h"
#include "names.h"
#include "now.h"
#include "own.h"
#include "pack.h"
#include "sign.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum {
	SEAL_BYTES = 32 << 20, /* of tar between seals */
	SEAL_AGE_MS = 1000,
	POLL_MS = 100,
	PROGRESS_MS = 50,
};

struct writer {
	const struct writer_spec *spec;
	struct frames *frames;
	struct pack *pack;
	struct ledger ledger;
	struct intake in;
	uint64_t sealed_ms, told_ms, told_bytes;
	bool finished;
};

static uint64_t now_ms(void)
{
	return now_ns() / 1000000;
}

static uint64_t bytes_so_far(const struct writer *w)
{
	return w->ledger.member_bytes + (w->in.open && !w->in.discard ? w->in.done : 0);
}

static int tell_progress(struct writer *w, struct err *e)
{
	struct wire_msg m = {.type = WIRE_PROGRESS, .a = bytes_so_far(w)};
	uint64_t left;

	w->told_ms = now_ms();
	w->told_bytes = m.a;
	m.b = w->ledger.artifacts;
	m.c = w->ledger.gaps;
	m.d = w->in.open ? w->in.size : 0;
	left = w->in.open && !w->in.discard ? (w->in.size - w->in.done) >> 20 : 0;
	m.kind = left < UINT32_MAX ? (uint32_t)left : UINT32_MAX;
	return wire_send(w->spec->control, &m, -1, e);
}

static int tell_sometimes(void *arg, struct err *e)
{
	struct writer *w = arg;

	if (bytes_so_far(w) == w->told_bytes || now_ms() - w->told_ms < PROGRESS_MS)
		return 0;
	return tell_progress(w, e);
}

static void drop_channel(struct writer *w)
{
	if (w->in.shared)
		(void)munmap(w->in.shared, sizeof(*w->in.shared));
	if (w->in.sock >= 0)
		(void)close(w->in.sock);
	w->in.shared = NULL;
	w->in.sock = -1;
}

/* The shared memory comes right behind the socket: what the worker says waits for it. */
static int map_channel(struct writer *w, struct err *e)
{
	struct wire_msg m;
	own_fd int fd = -1;
	int rc = wire_recv(w->spec->control, &m, &fd, true, e);
	void *p;

	if (rc <= 0 || m.type != WIRE_CHANNEL_DATA || fd < 0)
		return err_set(e, EPROTO, "the engine gave a channel no memory");
	p = mmap(NULL, sizeof(struct wire_shared), PROT_READ, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		return err_errno(e, "map a channel");
	w->in.shared = p;
	return 0;
}

static int on_channel(struct writer *w, const struct wire_msg *m, int fd, struct err *e)
{
	size_t n = 0;

	while (dumpers[n])
		n++;
	drop_channel(w);
	if (fd < 0 || (m->kind >= n && m->kind != WIRE_ENGINE))
		return err_set(e, EPROTO, "the engine named no channel");
	if (w->in.open && m->kind != w->in.dumper)
		return err_set(e, EPROTO, "a member of another channel is open");
	w->in.sock = fd;
	w->in.dumper = m->kind;
	w->in.ended = false;
	w->in.code = 0;
	w->in.why[0] = '\0';
	w->in.row = m->kind == WIRE_ENGINE ? NULL : ledger_row(&w->ledger, dumpers[m->kind]->name);
	return map_channel(w, e);
}

/* The engine closes a channel: after its end, or because its worker is stuck or dead. */
static int on_close(struct writer *w, const struct wire_msg *m, struct err *e)
{
	struct wire_msg answer = {.type = WIRE_CLOSED, .kind = w->in.dumper};
	bool keep = m->kind == 1 && w->in.open;
	char why[160];
	int rc = 0;

	wire_string(m, 0, why, sizeof(why));
	if (keep)
		wire_puts(&answer, 0, intake_member(&w->in));
	else
		rc = intake_cut(&w->in, GAP_STALLED, why, e);
	if (rc < 0)
		return rc;
	wire_put(&answer, 1, w->in.why, strlen(w->in.why));
	answer.code = w->in.ended ? w->in.code : ECANCELED;
	answer.d = keep ? w->in.done : 0;
	if (w->in.dumper != WIRE_ENGINE) {
		const struct ledger_dumper *d = ledger_row(&w->ledger, dumpers[w->in.dumper]->name);

		answer.a = d->artifacts;
		answer.b = d->bytes;
		answer.c = d->gaps;
	}
	drop_channel(w);
	if (w->in.dumper == WIRE_ENGINE && w->ledger.artifacts == 1)
		rc = frames_seal(w->frames, e); /* who we are is sealed before anything is read */
	if (rc == 0)
		rc = tell_progress(w, e);
	return rc < 0 ? rc : wire_send(w->spec->control, &answer, -1, e);
}

/* A gap the engine saw: a stalled worker, a dumper that could not start. b: one that the dumper
 * was to name itself; when it made that many, each is named. */
static void on_engine_gap(struct writer *w, const struct wire_msg *m)
{
	struct ledger_gap g = {.kind = (enum gap_kind)m->a, .code = m->code};
	char member[INTAKE_MEMBER + 1], why[256];

	struct ledger_dumper *d =
		m->kind == WIRE_ENGINE ? NULL : ledger_row(&w->ledger, dumpers[m->kind]->name);

	if (m->a >= GAP_KINDS || (m->b && d && d->stalled >= m->b))
		return;
	wire_string(m, 0, member, sizeof(member));
	wire_string(m, 2, why, sizeof(why));
	g.dumper = m->kind == WIRE_ENGINE ? "engine" : dumpers[m->kind]->name;
	g.member = member;
	g.where = wire_part(m, 1, &g.where_len);
	g.why = why;
	ledger_gap(&w->ledger, &g);
	if (d)
		d->gaps += sink_gap_is_loss(g.kind);
}

/* What a dumper has found is sealed behind it: the volatile comes first, the bulk last. */
static int on_status(struct writer *w, const struct wire_msg *m, struct err *e)
{
	struct ledger_dumper *d;

	if (m->kind == WIRE_ENGINE)
		return 0;
	d = ledger_row(&w->ledger, dumpers[m->kind]->name);
	d->started_ns = m->a;
	d->ended_ns = m->b;
	wire_string(m, 0, d->status, sizeof(d->status));
	wire_string(m, 1, d->reason, sizeof(d->reason));
	return frames_unsealed(w->frames) ? frames_seal(w->frames, e) : 0;
}

struct counting {
	struct pack *pack; /* NULL: only count */
	struct hash *hash;
	uint64_t bytes;
};

static int put_piece(const void *p, size_t n, void *arg, struct err *e)
{
	struct counting *c = arg;

	c->bytes += n;
	if (!c->pack)
		return 0;
	return pack_add(c->pack, p, n, c->hash, e);
}

static int put_manifest(struct writer *w, const char *fields, const char *reason, struct err *e)
{
	struct counting c = {.hash = w->in.hash};
	uint8_t digest[HASH_LEN];
	int rc = ledger_flush(&w->ledger, e);

	if (rc == 0)
		rc = ledger_manifest(&w->ledger, fields, reason, put_piece, &c, e);
	if (rc == 0)
		rc = pack_begin(w->pack, "manifest.json", c.bytes, e);
	c.pack = w->pack;
	if (rc == 0)
		rc = ledger_manifest(&w->ledger, fields, reason, put_piece, &c, e);
	if (rc == 0)
		rc = pack_end(w->pack, e);
	hash_end(w->in.hash, digest);
	ledger_sum(&w->ledger, "manifest.json", digest);
	return rc == 0 ? ledger_flush(&w->ledger, e) : rc;
}

static int put_file(struct writer *w, const char *name, const void *p, size_t n, struct err *e)
{
	int rc = pack_begin(w->pack, name, n, e);

	if (rc == 0)
		rc = pack_add(w->pack, p, n, NULL, e);
	return rc == 0 ? pack_end(w->pack, e) : rc;
}

static int sign_sums(struct writer *w, uint8_t sig[SEAL_SIG], struct err *e)
{
	struct wire_msg m = {.type = WIRE_SIGN, .a = w->ledger.bytes[LEDGER_SUMS]};
	size_t n;
	int rc = wire_send(w->spec->sign_sock, &m, w->ledger.fd[LEDGER_SUMS], e);

	if (rc == 0)
		rc = wire_recv(w->spec->sign_sock, &m, NULL, true, e);
	if (rc == 0)
		return err_set(e, EPIPE, "the signer is gone");
	if (rc < 0)
		return rc;
	if (m.type != WIRE_SIGNED || (wire_part(&m, 0, &n), n != SEAL_SIG))
		return err_set(e, EPERM, "the signer refused");
	memcpy(sig, wire_part(&m, 0, &n), SEAL_SIG);
	return 0;
}

static int put_sums(struct writer *w, struct err *e)
{
	uint64_t n = w->ledger.bytes[LEDGER_SUMS];
	char *sums = mmap(NULL, n, PROT_READ, MAP_SHARED, w->ledger.fd[LEDGER_SUMS], 0);
	int rc;

	if (sums == MAP_FAILED)
		return err_errno(e, "map SHA256SUMS");
	rc = put_file(w, "SHA256SUMS", sums, n, e);
	(void)munmap(sums, n);
	return rc;
}

static int finish_stream(struct writer *w, const char *fields, const char *reason, struct err *e)
{
	uint8_t sig[SEAL_SIG];
	char pem[256];
	int rc = put_manifest(w, fields, reason, e);

	/* A pause before the end of all: sealing here first makes the manifest survive. */
	if (rc == 0)
		rc = frames_seal(w->frames, e);
	if (rc == 0) /* the signing socket is the sealing thread's until it has nothing to do */
		rc = frames_drain(w->frames, e);
	if (rc == 0)
		rc = sign_sums(w, sig, e);
	if (rc == 0)
		rc = put_sums(w, e);
	if (rc == 0)
		rc = put_file(w, "SHA256SUMS.sig", sig, sizeof(sig), e);
	if (rc == 0)
		rc = sign_public_pem(w->spec->signer, pem, sizeof(pem), e);
	if (rc == 0)
		rc = put_file(w, "signer.pem", pem, strlen(pem), e);
	return rc == 0 ? pack_finish(w->pack, e) : rc;
}

static int on_finish(struct writer *w, const struct wire_msg *m, struct err *e)
{
	struct wire_msg answer = {.type = WIRE_FINISHED};
	struct frames_result result;
	char reason[256], fields[WIRE_TEXT + 1];
	int rc;

	wire_string(m, 0, reason, sizeof(reason));
	wire_string(m, 1, fields, sizeof(fields));
	rc = finish_stream(w, fields, reason, e);
	if (rc == 0)
		rc = frames_finish(w->frames, &result, e);
	if (rc < 0)
		return rc;
	w->finished = true;
	answer.a = result.bytes;
	answer.b = w->ledger.artifacts;
	answer.c = w->ledger.gaps;
	answer.d = w->ledger.findings;
	wire_puts(&answer, 0, result.sha256);
	wire_puts(&answer, 1, ledger_verdict(&w->ledger, reason));
	return wire_send(w->spec->control, &answer, -1, e);
}

/* What follows is about another of the run's targets. */
static int on_place(struct writer *w, const struct wire_msg *m, struct err *e)
{
	char folder[LEDGER_FOLDER + 1];

	wire_string(m, 0, folder, sizeof(folder));
	if (w->in.open || w->in.shared)
		return err_set(e, EPROTO, "the engine left a target with its channel open");
	return ledger_enter(&w->ledger, folder, e);
}

static int on_control(struct writer *w, const struct wire_msg *m, int *fd, struct err *e)
{
	const char *text;
	size_t n;

	switch (m->type) {
	case WIRE_CHANNEL:
		return on_channel(w, m, take_fd(fd), e);
	case WIRE_PLACE:
		return on_place(w, m, e);
	case WIRE_CLOSE:
		return on_close(w, m, e);
	case WIRE_GAP:
		on_engine_gap(w, m);
		return 0;
	case WIRE_FINDING:
		text = wire_part(m, 0, &n);
		ledger_finding(&w->ledger, "engine", text, n);
		return 0;
	case WIRE_STATUS:
		return on_status(w, m, e);
	case WIRE_FINISH:
		return on_finish(w, m, e);
	default:
		return err_set(e, EPROTO, "the engine sent message %u", m->type);
	}
}

/* Seals what is there when it is much, or old. */
static int seal_in_time(struct writer *w, struct err *e)
{
	uint64_t now = now_ms(), n = frames_unsealed(w->frames);

	if (!n)
		w->sealed_ms = now;
	if (n < SEAL_BYTES && now - w->sealed_ms < SEAL_AGE_MS)
		return frames_failed(w->frames, e);
	w->sealed_ms = now;
	return frames_seal(w->frames, e);
}

static int hear_worker(struct writer *w, struct err *e)
{
	struct err why = ERR_INIT;
	struct wire_msg m;
	int rc = wire_recv(w->in.sock, &m, NULL, false, &why);

	if (rc == -EAGAIN)
		return 0;
	if (rc > 0 && w->in.shared) {
		rc = intake_message(&w->in, &m, e);
		if (rc < 0 || !w->in.ended)
			return rc;
	}
	/* It has ended, was cut off or talks nonsense. Closing here ends one that waits for us; the
	 * engine sees that and closes the channel. */
	(void)close(w->in.sock);
	w->in.sock = -1;
	return 0;
}

static int turn(struct writer *w, struct err *e)
{
	struct pollfd p[2] = {
		{.fd = w->spec->control, .events = POLLIN},
		{.fd = w->in.sock, .events = POLLIN},
	};
	struct wire_msg m;
	int rc;

	if (poll(p, 2, POLL_MS) < 0 && errno != EINTR)
		return err_errno(e, "poll");
	/* What a worker said before it ended comes before the engine's word about it. */
	for (int i = 0; i < 64 && w->in.sock >= 0 && p[1].revents; i++) {
		rc = hear_worker(w, e);
		if (rc < 0)
			return rc;
		if (poll(&p[1], 1, 0) <= 0)
			break;
	}
	if (p[0].revents && !(w->in.sock >= 0 && p[1].revents & POLLIN)) {
		own_fd int fd = -1;

		rc = wire_recv(w->spec->control, &m, &fd, false, e);
		if (rc == 0)
			return err_set(e, EPIPE, "the engine is gone");
		if (rc > 0)
			rc = on_control(w, &m, &fd, e);
		if (rc < 0 && rc != -EAGAIN)
			return rc;
	}
	if (w->finished)
		return 0;
	rc = seal_in_time(w, e);
	return rc == 0 ? tell_sometimes(w, e) : rc;
}

static int open_all(struct writer *w, struct err *e)
{
	struct frames_opts o = {
		.fd = w->spec->out_fd,
		.sign_sock = w->spec->sign_sock,
		.level = w->spec->level,
		.run = w->spec->run,
	};
	char folder[128];
	int rc;

	memcpy(o.signer, w->spec->signer, SEAL_KEY);
	snprintf(folder, sizeof(folder), "taphos-%s", w->spec->run);
	rc = ledger_open(&w->ledger, w->spec->spool, e);
	if (rc == 0)
		rc = frames_open(&o, &w->frames, e);
	if (rc == 0)
		rc = pack_open(w->frames, folder, &w->pack, e);
	if (rc < 0)
		return rc;
	w->in.sock = -1;
	w->in.pack = w->pack;
	w->in.ledger = &w->ledger;
	w->in.max_bytes = w->spec->max_bytes;
	w->in.disk_fd = w->spec->out_fd;
	w->in.reserve = w->spec->reserve;
	w->in.alive = tell_sometimes;
	w->in.alive_arg = w;
	w->in.names = names_new();
	w->in.hash = hash_new();
	if (!w->in.names || !w->in.hash)
		return err_set(e, ENOMEM, "no memory");
	return 0;
}

static void close_all(struct writer *w)
{
	drop_channel(w);
	pack_free(w->pack);
	frames_free(w->frames);
	ledger_done(&w->ledger);
	names_free(w->in.names);
	hash_free(w->in.hash);
}

int writer_main(void *arg)
{
	struct writer w = {.spec = arg, .in = {.sock = -1}};
	struct err why = ERR_INIT;
	int rc = open_all(&w, &why);

	while (rc == 0 && !w.finished)
		rc = turn(&w, &why);
	if (rc < 0) {
		struct wire_msg m = {.type = WIRE_FAILED, .code = -rc};

		wire_puts(&m, 0, why.text);
		(void)!wire_send(w.spec->control, &m, -1, NULL);
	}
	close_all(&w);
	return rc < 0;
}
