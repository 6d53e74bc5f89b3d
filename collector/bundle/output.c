/* SPDX-License-Identifier: Apache-2.0 */
/* output - the bundle's file. */
#include "output.h"
#include "buf.h"
#include "frames.h"
#include "io.h"
#include "wire.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct output {
	int fd, sign_sock;
	bool regular;	  /* can be flushed */
	bool alone;	  /* was empty: all of it is ours */
	struct seal seal; /* the next one */
	uint64_t bytes;
	struct hash *all;
};

int output_open(const struct frames_opts *o, struct output **ret, struct err *e)
{
	struct output *out = calloc(1, sizeof(*out));
	struct stat st;

	if (!out)
		return err_set(e, ENOMEM, "no memory");
	out->fd = o->fd;
	out->sign_sock = o->sign_sock;
	out->regular = fstat(o->fd, &st) == 0 && S_ISREG(st.st_mode);
	out->alone = out->regular && st.st_size == 0;
	snprintf(out->seal.run, sizeof(out->seal.run), "%s", o->run);
	memcpy(out->seal.signer, o->signer, SEAL_KEY);
	out->all = hash_new();
	if (!out->all) {
		output_free(out);
		return err_set(e, ENOMEM, "no memory");
	}
	*ret = out;
	return 0;
}

static int put(struct output *o, const void *p, size_t n, struct err *e)
{
	int rc = io_write(o->fd, p, n);

	if (rc < 0) {
		errno = -rc;
		return err_errno(e, "write the bundle");
	}
	hash_add(o->all, p, n);
	/* Starts the disk now, so that the flush before the seal finds little to do. */
	if (o->regular)
		(void)sync_file_range(o->fd, (off_t)o->bytes, (off_t)n, SYNC_FILE_RANGE_WRITE);
	o->bytes += n;
	return 0;
}

int output_frame(struct output *o, const void *p, size_t n, size_t tar_len, struct err *e)
{
	int rc = n ? put(o, p, n, e) : 0;

	if (rc < 0)
		return rc;
	o->seal.length += n;
	o->seal.tar_length += tar_len;
	return 0;
}

static int flush(struct output *o, struct err *e)
{
	int rc;

	if (!o->regular || fdatasync(o->fd) == 0)
		return 0;
	rc = err_errno(e, "flush the bundle");
	/* Final: the kernel may drop the pages it is about, and zeros between two frames look like
	 * damage. What was sealed is there; what follows is worth nothing. */
	if (o->alone)
		(void)!ftruncate(o->fd, (off_t)o->seal.offset);
	return rc;
}

static int ask_signature(struct output *o, const struct buf *line, uint8_t *ret, struct err *e)
{
	struct wire_msg m = {.type = WIRE_SIGN};
	size_t n;
	int rc;

	wire_put(&m, 0, line->data, line->len);
	rc = wire_send(o->sign_sock, &m, -1, e);
	if (rc == 0)
		rc = wire_recv(o->sign_sock, &m, NULL, true, e);
	if (rc == 0)
		return err_set(e, EPIPE, "the signer is gone");
	if (rc < 0)
		return rc;
	if (m.type != WIRE_SIGNED || (wire_part(&m, 0, &n), n != SEAL_SIG))
		return err_set(e, EPERM, "the signer refused");
	memcpy(ret, wire_part(&m, 0, &n), SEAL_SIG);
	return 0;
}

static void next_seal(struct output *o, const struct buf *frame)
{
	hash_of(frame->data + SEAL_HEAD, frame->len - SEAL_HEAD, o->seal.prev);
	o->seal.seq++;
	o->seal.offset = o->bytes;
	o->seal.length = 0;
	o->seal.tar_offset += o->seal.tar_length;
	o->seal.tar_length = 0;
}

int output_seal(struct output *o, bool final, struct err *e)
{
	own_buf struct buf line = BUF_INIT(SEAL_PAYLOAD_MAX);
	own_buf struct buf frame = BUF_INIT(SEAL_PAYLOAD_MAX + SEAL_HEAD);
	uint8_t sig[SEAL_SIG];
	struct timespec boot;
	int rc = 0;

	if (o->seal.length || final)
		rc = flush(o, e);
	if (rc < 0 || (!o->seal.length && !final))
		return rc;
	clock_gettime(CLOCK_REALTIME, &o->seal.wall);
	clock_gettime(CLOCK_BOOTTIME, &boot);
	o->seal.boot_ns = (uint64_t)boot.tv_sec * 1000000000ULL + (uint64_t)boot.tv_nsec;
	o->seal.final = final;
	hash_peek(o->all, o->seal.sha256);
	seal_render(&o->seal, &line);
	rc = buf_check(&line, e);
	if (rc == 0)
		rc = ask_signature(o, &line, sig, e);
	if (rc < 0)
		return rc;
	seal_frame(line.data, line.len, sig, &frame);
	rc = buf_check(&frame, e);
	if (rc == 0)
		rc = put(o, frame.data, frame.len, e);
	if (rc == 0)
		next_seal(o, &frame);
	return rc == 0 && final ? flush(o, e) : rc;
}

void output_result(struct output *o, struct frames_result *ret)
{
	uint8_t digest[HASH_LEN];

	hash_end(o->all, digest);
	hash_hex(digest, ret->sha256);
	ret->bytes = o->bytes;
}

void output_free(struct output *o)
{
	if (!o)
		return;
	hash_free(o->all);
	free(o);
}
