/* SPDX-License-Identifier: Apache-2.0 */
/* signer - the engine's side of signing. */
#include "signer.h"
#include "io.h"
#include "own.h"
#include "run.h"
#include "sign.h"
#include "wire.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

enum { SUMS_MAX = 512 << 20 };

/*
 * OpenSSL has a copy of the key while it signs, and a worker that may read the target's memory
 * may read ours: it stands still meanwhile.
 */
static int sign_alone(struct run *r, const void *p, size_t n, uint8_t *sig, struct err *e)
{
	int rc;

	if (r->reader)
		(void)worker_pause(r->reader);
	rc = sign_bytes(r->key, p, n, sig, e);
	if (r->reader)
		worker_resume(r->reader);
	return rc;
}

/* A seal's line begins with what only we decide: version, run and number. */
static int sign_seal(struct run *r, const char *line, size_t n, uint8_t *sig, struct err *e)
{
	char want[160];
	int len = snprintf(want, sizeof(want),
		"{\"seal\":1,\"run\":\"%s\",\"seq\":%llu,\"offset\":", r->run_id,
		(unsigned long long)r->seals);

	if (n < (size_t)len || memcmp(line, want, (size_t)len) != 0 || memchr(line, '\n', n))
		return err_set(e, EPROTO, "the writer asked for a seal that is not the next one");
	r->seals++;
	return sign_alone(r, line, n, sig, e);
}

/* A copy that is ours alone: a text that changes while it is signed gives the key away, since
 * Ed25519 reads it twice. */
static int copy_sums(const struct run *r, int from, uint64_t n, struct err *e)
{
	own_fd int to = io_spool(r->spool_dir, e);
	char block[65536];
	int rc = to < 0 ? to : 0;

	for (uint64_t off = 0; rc == 0 && off < n;) {
		size_t want = n - off < sizeof(block) ? (size_t)(n - off) : sizeof(block);

		if (io_pread(from, block, want, (off_t)off) != (ssize_t)want)
			return err_set(e, EPROTO, "SHA256SUMS is shorter than the writer says");
		rc = io_pwrite(to, block, want, (off_t)off);
		if (rc < 0)
			return err_set(e, -rc, "copy SHA256SUMS: %s", strerror(-rc));
		off += want;
	}
	return rc < 0 ? rc : take_fd(&to);
}

/* Nothing that begins like this is a seal, or the line beside a bundle. */
static bool is_sums(const char *p, uint64_t n)
{
	static const char first[] = "  begin.json\n";
	size_t hex = HASH_HEX - 1, len = sizeof(first) - 1;

	return n >= hex + len && strspn(p, "0123456789abcdef") == hex &&
	       !memcmp(p + hex, first, len) && p[n - 1] == '\n';
}

static int sign_sums(struct run *r, int fd, uint64_t n, uint8_t *sig, struct err *e)
{
	own_fd int copy = -1;
	void *p;
	int rc;

	if (r->sums_signed || !n || n > SUMS_MAX)
		return err_set(
			e, EPROTO, "the writer asked to sign something else than SHA256SUMS");
	copy = copy_sums(r, fd, n, e);
	if (copy < 0)
		return copy;
	p = mmap(NULL, n, PROT_READ, MAP_PRIVATE, copy, 0);
	if (p == MAP_FAILED)
		return err_errno(e, "map SHA256SUMS");
	rc = is_sums(p, n) ? 0
			   : err_set(e, EPROTO, "what the writer wants signed is no SHA256SUMS");
	r->sums_signed = true;
	if (rc == 0)
		rc = sign_alone(r, p, n, sig, e);
	(void)munmap(p, n);
	return rc;
}

int signer_serve(struct run *r, struct err *e)
{
	struct wire_msg m, answer = {.type = WIRE_SIGNED};
	own_fd int fd = -1;
	uint8_t sig[SEAL_SIG];
	const char *line;
	size_t n;
	int rc = wire_recv(r->sign_sock, &m, &fd, false, e);

	if (rc == 0) { /* that it ended is seen on the control socket */
		own_fd_(&r->sign_sock);
		r->sign_sock = -1;
	}
	if (rc == -EAGAIN || rc == 0)
		return 0;
	if (rc < 0)
		return rc;
	line = wire_part(&m, 0, &n);
	if (m.type != WIRE_SIGN)
		return err_set(e, EPROTO, "the writer sent message %u to be signed", m.type);
	rc = fd >= 0 ? sign_sums(r, fd, m.a, sig, e) : sign_seal(r, line, n, sig, e);
	if (rc < 0)
		return rc;
	wire_put(&answer, 0, sig, sizeof(sig));
	return wire_send(r->sign_sock, &answer, -1, e);
}
