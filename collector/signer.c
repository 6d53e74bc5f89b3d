/* SPDX-License-Identifier: Apache-2.0 */
/* signer - the engine's side of signing. */
#include "signer.h"
#include "own.h"
#include "run.h"
#include "sign.h"
#include "wire.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

/* A seal's line begins with what only we decide: version, run and number. */
static int sign_seal(struct run *r, const char *line, size_t n, uint8_t *sig, struct err *e)
{
	char want[160];
	int len = snprintf(want, sizeof(want), "{\"seal\":1,\"run\":\"%s\",\"seq\":%llu,\"offset\":",
		r->run_id, (unsigned long long)r->seals);

	if (n < (size_t)len || memcmp(line, want, (size_t)len) != 0 || memchr(line, '\n', n))
		return err_set(e, EPROTO, "the writer asked for a seal that is not the next one");
	r->seals++;
	return sign_bytes(r->key, line, n, sig, e);
}

static int sign_file(struct run *r, int fd, uint64_t n, uint8_t *sig, struct err *e)
{
	struct stat st;
	void *p;
	int rc;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || !n || (uint64_t)st.st_size != n)
		return err_set(e, EPROTO, "the writer asked to sign something else than SHA256SUMS");
	p = mmap(NULL, n, PROT_READ, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		return err_errno(e, "map SHA256SUMS");
	rc = sign_bytes(r->key, p, n, sig, e);
	(void)munmap(p, n);
	return rc;
}

int signer_serve(struct run *r, struct err *e)
{
	struct wire_msg m, answer = { .type = WIRE_SIGNED };
	own_fd int fd = -1;
	uint8_t sig[SEAL_SIG];
	const char *line;
	size_t n;
	int rc = wire_recv(r->sign_sock, &m, &fd, false, e);

	if (rc == -EAGAIN || rc == 0)
		return 0; /* the writer's end is seen on the control socket */
	if (rc < 0)
		return rc;
	line = wire_part(&m, 0, &n);
	if (m.type != WIRE_SIGN)
		return err_set(e, EPROTO, "the writer sent message %u to be signed", m.type);
	rc = fd >= 0 ? sign_file(r, fd, m.a, sig, e) : sign_seal(r, line, n, sig, e);
	if (rc < 0)
		return rc;
	wire_put(&answer, 0, sig, sizeof(sig));
	return wire_send(r->sign_sock, &answer, -1, e);
}
