/* SPDX-License-Identifier: Apache-2.0 */
/* intake - what one worker sends, checked against what it may send now. */
#include "intake.h"
#include "dumper.h"
#include "names.h"
#include "pack.h"
#include "ledger.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>

enum {
	WHY = 256,
	MEMBERS_MAX = 1500000 - 16, /* docs/BUNDLE.md; a few are the engine's */
	CREDIT_MS = 250,
};
#define MEMBER_SIZE_MAX (1ULL << 44) /* ext4's largest file: what a cut one is padded to */

static const char *dumper_name(const struct intake *in)
{
	return in->dumper == WIRE_ENGINE ? "engine" : dumpers[in->dumper]->name;
}

static struct ledger_dumper *row(struct intake *in)
{
	if (in->dumper == WIRE_ENGINE)
		return &in->nobody;
	if (!in->row)
		in->row = ledger_row(in->ledger, dumper_name(in));
	return in->row;
}

/* What the engine adds lies beside the folders. */
static const char *folder(const struct intake *in)
{
	return in->dumper == WIRE_ENGINE ? "" : in->ledger->folder;
}

const char *intake_member(const struct intake *in)
{
	return in->member + (in->open ? strlen(folder(in)) : 0);
}

/* A member's name, in its folder. false: too long. */
static bool full_name(
	const struct intake *in, const struct wire_msg *m, char ret[INTAKE_MEMBER + 1])
{
	size_t len, at = strlen(folder(in));

	(void)wire_part(m, 0, &len);
	if (!len || len > INTAKE_MEMBER - at)
		return false;
	memcpy(ret, folder(in), at);
	wire_string(m, 0, ret + at, INTAKE_MEMBER + 1 - at);
	return true;
}

static void add_gap(
	struct intake *in, enum gap_kind kind, const char *member, const char *why, int code)
{
	struct ledger_gap g = {
		.kind = kind,
		.dumper = dumper_name(in),
		.member = member,
		.where = "",
		.code = code,
		.why = why,
	};

	ledger_gap(in->ledger, &g);
	row(in)->gaps++;
}

/* The worker spoke out of turn: it may be in the target's hands. */
static int break_off(struct intake *in, const char *what, struct err *e)
{
	char why[WHY];

	snprintf(why, sizeof(why), "the worker broke the protocol (%s) and was cut off", what);
	in->ended = true;
	in->code = EPROTO;
	snprintf(in->why, sizeof(in->why), "%s", why);
	add_gap(in, GAP_REFUSED, in->open ? in->member : "", why, EPROTO);
	return in->open ? intake_cut(in, GAP_REFUSED, why, e) : 0;
}

/* Of what was compressed less is written; so much would be at most. */
static bool disk_is_full(const struct intake *in)
{
	struct statvfs fs;
	uint64_t have;

	if (!in->reserve || fstatvfs(in->disk_fd, &fs) < 0)
		return false;
	have = (uint64_t)fs.f_bavail * fs.f_frsize;
	return have < in->reserve || have - in->reserve < in->size;
}

static const char *too_large(const struct intake *in)
{
	if (in->size > MEMBER_SIZE_MAX)
		return "larger than any file system allows";
	if (in->max_bytes && in->dumper != WIRE_ENGINE &&
		(in->size > in->max_bytes || in->ledger->member_bytes > in->max_bytes - in->size))
		return "the bundle's --max-size";
	if (in->dumper != WIRE_ENGINE && disk_is_full(in))
		return "what is to stay free on the disk the kubelet watches";
	return NULL;
}

static int on_begin(struct intake *in, const struct wire_msg *m, struct err *e)
{
	static const char *const engine_prefixes[] = {"begin.json", "collector/", NULL};
	const char *const *prefixes =
		in->dumper == WIRE_ENGINE ? engine_prefixes : dumpers[in->dumper]->prefixes;
	struct err why = ERR_INIT;
	bool full = in->dumper != WIRE_ENGINE && in->ledger->artifacts >= MEMBERS_MAX;

	if (in->open || !full_name(in, m, in->member))
		return break_off(in, "begin", e);
	if (!full && names_take_in(in->names, folder(in), in->member + strlen(folder(in)), prefixes,
			     &why) < 0)
		return break_off(in, why.text, e);
	in->open = true;
	in->partial = false;
	in->size = m->a;
	in->done = 0;
	clock_gettime(CLOCK_REALTIME, &in->started);
	in->discard = full ? "more members than a bundle may have" : too_large(in);
	return in->discard ? 0 : pack_begin(in->pack, in->member, in->size, e);
}

static int take(struct intake *in, const void *p, size_t n, struct err *e)
{
	in->done += n;
	return in->discard ? 0 : pack_add(in->pack, p, n, in->hash, e);
}

/* False: the worker does not read what it is told. Only an honest one that is slow waits. */
static bool give_credit(struct intake *in, uint64_t slot)
{
	struct wire_msg credit = {.type = WIRE_CREDIT, .a = slot};
	struct pollfd p = {.fd = in->sock, .events = POLLOUT};

	for (int i = 0; i < 2; i++) {
		if (wire_send(in->sock, &credit, -1, NULL) != -EAGAIN)
			return true; /* a dead worker needs none */
		(void)poll(&p, 1, CREDIT_MS);
	}
	return false;
}

static int on_data(struct intake *in, const struct wire_msg *m, struct err *e)
{
	int rc = 0;

	if (m->a >= WIRE_SLOTS || m->b > WIRE_SLOT || m->c > WIRE_SLOT - m->b ||
		(m->c && !in->open) || m->c > (in->open ? in->size - in->done : 0))
		return break_off(in, "data", e);
	if (m->c)
		rc = take(in, in->shared->slot[m->a] + m->b, m->c, e);
	if (rc == 0 && m->kind && !give_credit(in, m->a))
		return break_off(in, "credits not taken", e);
	return rc;
}

static int pad(struct intake *in, struct err *e)
{
	static const unsigned char zeros[65536];
	int rc = 0;

	if (in->discard) /* of whatever size: nothing is written */
		in->done = in->size;
	while (rc == 0 && in->done < in->size) {
		uint64_t left = in->size - in->done;

		rc = take(in, zeros, left < sizeof(zeros) ? (size_t)left : sizeof(zeros), e);
		if (rc == 0 && in->alive)
			rc = in->alive(in->alive_arg, e);
	}
	return rc;
}

static int close_member(struct intake *in, struct err *e)
{
	struct ledger_artifact a = {
		.name = in->member,
		.dumper = dumper_name(in),
		.size = in->size,
		.partial = in->partial,
		.started = in->started,
	};
	int rc;

	in->open = false;
	if (in->discard) {
		add_gap(in, GAP_OVER_BUDGET, in->member, in->discard, 0);
		return 0;
	}
	rc = pack_end(in->pack, e);
	hash_end(in->hash, a.sha256);
	clock_gettime(CLOCK_REALTIME, &a.ended);
	ledger_artifact(in->ledger, &a);
	row(in)->artifacts++;
	row(in)->bytes += in->size;
	return rc;
}

int intake_cut(struct intake *in, enum gap_kind kind, const char *why, struct err *e)
{
	char text[WHY];
	int rc;

	if (!in->open)
		return 0;
	snprintf(text, sizeof(text), "%s: zeros from byte %llu on", why,
		(unsigned long long)in->done);
	add_gap(in, kind, in->member, text, 0);
	in->partial = true;
	rc = in->discard ? 0 : pad(in, e);
	return rc == 0 ? close_member(in, e) : rc;
}

static int on_end(struct intake *in, struct err *e)
{
	if (!in->open)
		return break_off(in, "end", e);
	if (in->done < in->size)
		return intake_cut(in, GAP_CHANGED, "shorter than announced", e);
	return close_member(in, e);
}

static int on_gap(struct intake *in, const struct wire_msg *m, struct err *e)
{
	struct ledger_gap g = {.dumper = dumper_name(in), .code = m->code};
	char member[INTAKE_MEMBER + 1], why[WHY];

	if (m->kind >= GAP_KINDS)
		return break_off(in, "gap", e);
	g.kind = (enum gap_kind)m->kind;
	if (!full_name(in, m, member))
		member[0] = '\0';
	wire_string(m, 2, why, sizeof(why));
	g.member = member;
	g.where = wire_part(m, 1, &g.where_len);
	g.why = why;
	ledger_gap(in->ledger, &g);
	row(in)->gaps += sink_gap_is_loss(g.kind);
	row(in)->stalled += g.kind == GAP_STALLED;
	if (in->open && sink_gap_is_loss(g.kind) && !strcmp(member, in->member))
		in->partial = true;
	return 0;
}

static int on_finding(struct intake *in, const struct wire_msg *m)
{
	size_t n;
	const char *text = wire_part(m, 0, &n);

	ledger_finding(in->ledger, dumper_name(in), text, n);
	return 0;
}

static int on_done(struct intake *in, const struct wire_msg *m, struct err *e)
{
	in->ended = true;
	in->code = m->code;
	wire_string(m, 0, in->why, sizeof(in->why));
	return intake_cut(in, GAP_UNREADABLE, "the dumper ended in the middle of it", e);
}

int intake_message(struct intake *in, const struct wire_msg *m, struct err *e)
{
	if (in->ended)
		return 0;
	switch (m->type) {
	case WIRE_BEGIN:
		return on_begin(in, m, e);
	case WIRE_DATA:
		return on_data(in, m, e);
	case WIRE_END:
		return on_end(in, e);
	case WIRE_GAP:
		return on_gap(in, m, e);
	case WIRE_FINDING:
		return on_finding(in, m);
	case WIRE_DONE:
		return on_done(in, m, e);
	default:
		return break_off(in, "message", e);
	}
}
