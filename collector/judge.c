/* SPDX-License-Identifier: Apache-2.0 */
/* judge - has a bundle verified by a worker. */
#include "judge.h"

#include "buf.h"
#include "io.h"
#include "names.h"
#include "own.h"
#include "sign.h"
#include "text.h"
#include "worker.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	WORKER_MEMORY = 96 << 20,
	PIECE = 32 << 10, /* of bytes, in one message */
	MESSAGE_MAX = 64 << 10,
	BEGIN_MAX = 1 << 20,
};

enum type {
	MSG_MEMBER,
	MSG_BEGIN,
	MSG_BEGIN_END,
	MSG_FINDING,
	MSG_GAP,
	MSG_DUMPER,
	MSG_SEALED,
	MSG_UNSEALED,
	MSG_REPORT,
	MSG_ERROR
};

struct head {
	uint32_t type, length;
};

/* ---- in the worker */

static int send_message(enum type type, const void *p, size_t n, struct err *e)
{
	struct head h = {type, (uint32_t)n};
	int rc = io_write(STDOUT_FILENO, &h, sizeof(h));

	if (rc == 0)
		rc = io_write(STDOUT_FILENO, p, n);
	return rc < 0 ? err_set(e, -rc, "answer") : 0;
}

static int send_pieces(enum type type, const char *p, size_t n, struct err *e)
{
	int rc = 0;

	for (size_t at = 0; at < n && rc == 0; at += PIECE)
		rc = send_message(type, p + at, n - at < PIECE ? n - at : PIECE, e);
	return rc;
}

static int tell_member(void *arg, const struct verify_member *m, struct err *e)
{
	(void)arg;
	return send_message(MSG_MEMBER, m, sizeof(*m), e);
}

static int tell_begin(void *arg, const char *text, size_t n, struct err *e)
{
	int rc = send_pieces(MSG_BEGIN, text, n, e);

	(void)arg;
	return rc < 0 ? rc : send_message(MSG_BEGIN_END, "", 0, e);
}

static int tell_finding(void *arg, const char *text, size_t n, struct err *e)
{
	(void)arg;
	return send_message(MSG_FINDING, text, n < PIECE ? n : PIECE, e);
}

static int tell_gap(void *arg, const char *text, size_t n, struct err *e)
{
	(void)arg;
	return send_message(MSG_GAP, text, n < PIECE ? n : PIECE, e);
}

static int tell_dumper(void *arg, const struct manifest_dumper *d, struct err *e)
{
	(void)arg;
	return send_message(MSG_DUMPER, d, sizeof(*d), e);
}

static int tell_bytes(void *arg, const void *p, size_t n, bool sealed, struct err *e)
{
	(void)arg;
	return send_pieces(sealed ? MSG_SEALED : MSG_UNSEALED, p, n, e);
}

static int work(void *arg)
{
	const struct judge_request *rq = ((struct verify_request *)arg)->arg;
	const struct verify_ops ops = {
		.member = rq->ops && rq->ops->member ? tell_member : NULL,
		.begin = rq->ops && rq->ops->begin ? tell_begin : NULL,
		.finding = rq->ops && rq->ops->finding ? tell_finding : NULL,
		.gap = rq->ops && rq->ops->gap ? tell_gap : NULL,
		.dumper = rq->ops && rq->ops->dumper ? tell_dumper : NULL,
		.bytes = tell_bytes,
	};
	struct verify_request v = *(struct verify_request *)arg;
	struct verify_report report;
	struct err e = ERR_INIT;

	v.ops = &ops;
	if (verify_run(&v, &report, &e) < 0)
		return send_message(MSG_ERROR, &e, sizeof(e), NULL) < 0;
	return send_message(MSG_REPORT, &report, sizeof(report), NULL) < 0;
}

/* ---- here */

struct judge {
	const struct judge_request *rq;
	struct buf in;	  /* the message so far */
	struct buf begin; /* begin.json so far */
	bool reported;
	struct verify_report report;
	struct err failure; /* the worker's, or of a callback */
};

static bool ends(const char *text, size_t size)
{
	return memchr(text, '\0', size) != NULL;
}

/* A name that is none is the worker's lie: the file cannot make it say so. */
static bool is_name(const char *name)
{
	return ends(name, VERIFY_NAME) && names_is_safe(name);
}

static bool report_is_sound(const struct verify_report *r)
{
	return (unsigned)r->verdict < VERIFY_VERDICTS && (unsigned)r->tail < TAIL_KINDS &&
	       ends(r->run, sizeof(r->run)) && (!r->has_seal || seal_run_is_valid(r->run)) &&
	       ends(r->cut, sizeof(r->cut)) && (!r->cut[0] || is_name(r->cut)) &&
	       ends(r->bad_member, sizeof(r->bad_member)) && ends(r->reason, sizeof(r->reason)) &&
	       ends(r->manifest.verdict, sizeof(r->manifest.verdict)) &&
	       ends(r->manifest.reason, sizeof(r->manifest.reason));
}

static int take_member(struct judge *j, const char *p, size_t n, struct err *e)
{
	struct verify_member m;

	if (n != sizeof(m))
		return -EPROTO;
	memcpy(&m, p, sizeof(m));
	if (!is_name(m.name) || !j->rq->ops || !j->rq->ops->member)
		return -EPROTO;
	return j->rq->ops->member(j->rq->arg, &m, e);
}

static int take_dumper(struct judge *j, const char *p, size_t n, struct err *e)
{
	struct manifest_dumper d;

	if (n != sizeof(d))
		return -EPROTO;
	memcpy(&d, p, sizeof(d));
	if (!ends(d.name, sizeof(d.name)) || !ends(d.status, sizeof(d.status)) ||
		!ends(d.reason, sizeof(d.reason)) || !ends(d.folder, sizeof(d.folder)) ||
		!j->rq->ops || !j->rq->ops->dumper)
		return -EPROTO;
	return j->rq->ops->dumper(j->rq->arg, &d, e);
}

static int take_report(struct judge *j, const char *p, size_t n)
{
	if (n != sizeof(j->report))
		return -EPROTO;
	memcpy(&j->report, p, sizeof(j->report));
	j->reported = true;
	return report_is_sound(&j->report) ? 0 : -EPROTO;
}

static int take_error(struct judge *j, const char *p, size_t n)
{
	struct err e;

	if (n != sizeof(e))
		return -EPROTO;
	memcpy(&e, p, sizeof(e));
	if (!ends(e.text, sizeof(e.text)) || e.code <= 0)
		return -EPROTO;
	j->failure = e;
	return -ECANCELED;
}

static int take_message(struct judge *j, enum type type, const char *p, size_t n, struct err *e)
{
	const struct verify_ops none = {0}, *ops = j->rq->ops ? j->rq->ops : &none;

	switch (type) {
	case MSG_MEMBER:
		return take_member(j, p, n, e);
	case MSG_BEGIN:
		return buf_add(&j->begin, p, n) < 0 ? -EPROTO : 0;
	case MSG_BEGIN_END:
		return ops->begin ? ops->begin(j->rq->arg, buf_str(&j->begin), j->begin.len, e)
				  : -EPROTO;
	case MSG_FINDING:
		return ops->finding ? ops->finding(j->rq->arg, p, n, e) : -EPROTO;
	case MSG_GAP:
		return ops->gap ? ops->gap(j->rq->arg, p, n, e) : -EPROTO;
	case MSG_DUMPER:
		return take_dumper(j, p, n, e);
	case MSG_SEALED:
	case MSG_UNSEALED:
		return ops->bytes ? ops->bytes(j->rq->arg, p, n, type == MSG_SEALED, e) : -EPROTO;
	case MSG_REPORT:
		return take_report(j, p, n);
	case MSG_ERROR:
		return take_error(j, p, n);
	default:
		return -EPROTO;
	}
}

/* The whole messages in j->in. */
static int take_messages(struct judge *j)
{
	size_t at = 0;
	int rc = 0;

	while (rc == 0 && j->in.len - at >= sizeof(struct head)) {
		struct head h;

		memcpy(&h, j->in.data + at, sizeof(h));
		if (h.length > MESSAGE_MAX || j->reported)
			return -EPROTO;
		if (j->in.len - at - sizeof(h) < h.length)
			break;
		rc = take_message(j, h.type, j->in.data + at + sizeof(h), h.length, &j->failure);
		at += sizeof(h) + h.length;
	}
	if (at)
		memmove(j->in.data, j->in.data + at, j->in.len - at);
	j->in.len -= at;
	return rc;
}

static int take(const void *p, size_t n, void *arg)
{
	struct judge *j = arg;

	return buf_add(&j->in, p, n) < 0 ? -EPROTO : take_messages(j);
}

static int run_worker(struct judge *j, const struct verify_request *v, struct err *e)
{
	const int keep[] = {v->fd, v->spool_fd, v->sums_fd};
	struct worker_spec spec = {.name = "taphos-verify",
		.main = work,
		.arg = (void *)(uintptr_t)v,
		.filter = FILTER_PARSER,
		.netns_fd = -1,
		.mntns_fd = -1,
		.keep = keep,
		.keeps = 3,
		.memory = WORKER_MEMORY};
	int rc = worker_pipe(&spec, UINT64_MAX, take, j, e);

	if (j->failure.code) {
		if (e)
			*e = j->failure;
		return -j->failure.code;
	}
	if (rc < 0)
		return rc;
	return j->reported ? 0 : err_set(e, EPROTO, "the verifier ended without an answer");
}

/* ---- files */

static int open_bundle(const char *path, struct err *e)
{
	own_fd int fd = -1;
	struct stat st;

	/* the worker's 0 to 2 are /dev/null */
	fd = strcmp(path, "-") ? open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY)
			       : fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
	if (fd < 0)
		return err_errno(e, "%s", path);
	if (fstat(fd, &st) < 0)
		return err_errno(e, "%s", path);
	if (S_ISDIR(st.st_mode))
		return err_set(e, EISDIR, "%s is a directory: name the bundle in it", path);
	return take_fd(&fd);
}

/* An unnamed file where temporary ones go. */
static int open_spool(struct err *e)
{
	const char *tmp = getenv("TMPDIR");
	own_fd int dir = open(tmp && *tmp ? tmp : "/var/tmp", O_PATH | O_DIRECTORY | O_CLOEXEC);

	return io_spool(dir, e);
}

/* The file PATH.SUFFIX into b; false: there is none to be read. */
static bool read_beside(const char *path, const char *suffix, struct buf *b)
{
	own_buf struct buf name = BUF_INIT(1 << 16);
	own_fd int fd = -1;

	buf_addf(&name, "%s%s", path, suffix);
	fd = name.failed ? -1 : open(buf_str(&name), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	return fd >= 0 && io_read_all(fd, b, NULL) == 0;
}

static void refuse(struct verify_report *r, const char *why)
{
	r->verdict = VERIFY_BAD;
	r->bad_has_offset = false;
	r->bad_member[0] = '\0';
	snprintf(r->reason, sizeof(r->reason), "%s", why);
}

/* A copy that lost its end is still what the seals say; one that did not must be the file. */
static void check_beside(const char *path, struct verify_report *r, char *note)
{
	own_buf struct buf sum = BUF_INIT(8192), sig = BUF_INIT(SEAL_SIG);
	char hex[HASH_HEX];

	if (!strcmp(path, "-") || r->verdict == VERIFY_BAD || !r->has_seal ||
		!read_beside(path, ".sha256", &sum))
		return;
	if (read_beside(path, ".sig", &sig) &&
		(sig.len != SEAL_SIG || sign_verify(r->signer, buf_str(&sum), sum.len,
						(const uint8_t *)sig.data, NULL) < 0)) {
		refuse(r, "the .sig beside it is not the signer's");
		return;
	}
	hash_hex(r->file_sha256, hex);
	if (sum.len > 2 * HASH_LEN && !memcmp(sum.data, hex, 2 * HASH_LEN) &&
		sum.data[2 * HASH_LEN] == ' ')
		return;
	if (r->verdict == VERIFY_SEALED)
		refuse(r, "the .sha256 beside it is of another file");
	else
		snprintf(note, JUDGE_NOTE,
			"the .sha256 beside it is of another file: the end was "
			"lost after the run");
}

int judge_trust(struct judge_request *rq, const char *path, uint8_t key[SEAL_KEY], struct err *e)
{
	int rc = hash_setup(e);

	if (rc == 0 && path)
		rc = sign_load_public(path, key, e);
	rq->trusted = rc == 0 && path ? key : NULL;
	return rc;
}

int judge_run(const struct judge_request *rq, struct verify_report *ret, char ret_note[JUDGE_NOTE],
	struct err *e)
{
	own_fd int fd = open_bundle(rq->path, e), spool = -1, sums = -1;
	struct judge j = {.rq = rq,
		.in = BUF_INIT(2 * MESSAGE_MAX + sizeof(struct head)),
		.begin = BUF_INIT(BEGIN_MAX)};
	struct verify_request v = {
		.trusted = rq->trusted, .want = rq->want, .arg = (void *)(uintptr_t)rq};
	char note[JUDGE_NOTE] = "";
	int rc;

	if (fd < 0)
		return fd;
	v.fd = fd;
	v.spool_fd = spool = open_spool(e);
	v.sums_fd = sums = spool < 0 ? spool : open_spool(e);
	if (sums < 0)
		return sums;
	rc = run_worker(&j, &v, e);
	buf_done(&j.in);
	buf_done(&j.begin);
	if (rc < 0)
		return err_wrap(e, rc, "%s", rq->path);
	check_beside(rq->path, &j.report, note);
	*ret = j.report;
	if (ret_note)
		memcpy(ret_note, note, sizeof(note));
	return 0;
}
