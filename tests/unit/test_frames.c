/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "buf.h"
#include "io.h"
#include "own.h"
#include "press.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#define ZSTD_STATIC_LINKING_ONLY
#include <zstd.h>

enum { MIB = 1 << 20 };

/* The bundle so far. */
static struct buf content(const struct press *p)
{
	struct buf b = BUF_INIT(64 * MIB);

	lseek(p->out, 0, SEEK_SET);
	assert_int_equal(io_read_all(p->out, &b, NULL), 0);
	return b;
}

/* Calls back for each seal; returns the bytes that the frames decompress to. */
static size_t walk(const struct buf *b, struct buf *tar, unsigned *ret_seals, bool *ret_final)
{
	struct seal s = {0}, prev = {0};
	size_t region = 0;

	*ret_seals = 0;
	for (size_t at = 0; at < b->len;) {
		size_t n = ZSTD_findFrameCompressedSize(b->data + at, b->len - at), line;
		uint8_t sig[SEAL_SIG], digest[HASH_LEN];
		struct err e = ERR_INIT;

		assert_false(ZSTD_isError(n));
		if (!ZSTD_isSkippableFrame(b->data + at, n)) {
			unsigned long long size = ZSTD_getFrameContentSize(b->data + at, n);
			void *room = buf_room(tar, size);

			assert_in_range(size, 1, 4 * MIB);
			assert_non_null(room);
			assert_int_equal(ZSTD_decompress(room, size, b->data + at, n), size);
			tar->len += size;
			at += n;
			continue;
		}
		prev = s;
		assert_int_equal(
			seal_parse(b->data + at + SEAL_HEAD, n - SEAL_HEAD, &s, sig, &line, &e), 0);
		assert_int_equal(sign_verify(s.signer, b->data + at + SEAL_HEAD, line, sig, &e), 0);
		assert_int_equal(s.seq, *ret_seals);
		assert_int_equal(s.offset, region);
		assert_int_equal(s.length, at - region);
		assert_int_equal(s.tar_offset, prev.tar_offset + prev.tar_length);
		assert_int_equal(s.tar_offset + s.tar_length, tar->len);
		hash_of(b->data, at, digest);
		assert_memory_equal(digest, s.sha256, HASH_LEN);
		at += n;
		region = at;
		++*ret_seals;
	}
	*ret_final = s.final;
	return tar->len;
}

static void frames_and_seals_are_in_order(void **state)
{
	own_buf struct buf tar = BUF_INIT(64 * MIB);
	own_free unsigned char *in = malloc(13 * MIB);
	struct frames_result result;
	struct err e = ERR_INIT;
	struct press p;
	unsigned seals;
	bool final;

	(void)state;
	for (size_t i = 0; i < 13 * MIB; i++)
		in[i] = (unsigned char)(i * i >> 7);
	press_open(&p, -1, 0);
	assert_int_equal(frames_add(p.frames, in, 1, NULL, &e), 0);
	assert_int_equal(frames_seal(p.frames, &e), 0);
	assert_int_equal(frames_seal(p.frames, &e), 0); /* nothing new: no seal */
	assert_int_equal(frames_add(p.frames, in + 1, 9 * MIB, NULL, &e), 0);
	assert_int_equal(frames_unsealed(p.frames), 9 * MIB);
	assert_int_equal(frames_seal(p.frames, &e), 0);
	assert_int_equal(frames_unsealed(p.frames), 0);
	assert_int_equal(frames_drain(p.frames, &e), 0);
	assert_int_equal(p.signed_seals, 2);
	assert_int_equal(frames_add(p.frames, in + 1 + 9 * MIB, 4 * MIB - 1, NULL, &e), 0);
	assert_int_equal(frames_finish(p.frames, &result, &e), 0);
	{
		own_buf struct buf b = content(&p);
		char hex[HASH_HEX];
		uint8_t digest[HASH_LEN];

		assert_int_equal(result.bytes, b.len);
		hash_of(b.data, b.len, digest);
		hash_hex(digest, hex);
		assert_string_equal(result.sha256, hex);
		assert_int_equal(walk(&b, &tar, &seals, &final), 13 * MIB);
	}
	assert_memory_equal(tar.data, in, 13 * MIB);
	assert_int_equal(seals, 3);
	assert_true(final);
	press_done(&p);
}

/* Until the failure shows; it must, soon, and stay the same. */
static void assert_fails(struct press *p, int code, const char *text)
{
	own_free char *zeros = calloc(1, MIB);
	struct frames_result result;
	struct err e = ERR_INIT;
	int rc = 0;

	for (int i = 0; rc == 0 && i < 64; i++) {
		rc = frames_add(p->frames, zeros, MIB, NULL, &e);
		if (rc == 0)
			rc = frames_seal(p->frames, &e);
	}
	assert_int_equal(rc, -code);
	assert_non_null(strstr(e.text, text));
	assert_int_equal(frames_failed(p->frames, &e), -code);
	assert_int_equal(frames_seal(p->frames, &e), -code);
	assert_int_equal(frames_drain(p->frames, &e), -code);
	assert_int_equal(frames_finish(p->frames, &result, &e), -code);
	assert_int_equal(frames_add(p->frames, zeros, 1, NULL, NULL), -code);
}

static void a_full_output(void **state)
{
	struct press p;

	(void)state;
	press_open(&p, open("/dev/full", O_WRONLY | O_CLOEXEC), 0);
	assert_fails(&p, ENOSPC, "No space left");
	assert_int_equal(p.signed_seals, 0);
	press_done(&p);
}

static void a_reader_that_went_away(void **state)
{
	struct press p;
	int ends[2];

	(void)state;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	close(ends[0]);
	signal(SIGPIPE, SIG_IGN);
	press_open(&p, ends[1], 0);
	assert_fails(&p, EPIPE, "Broken pipe");
	press_done(&p);
}

static void a_pipe_that_does_not_block(void **state)
{
	own_buf struct buf got = BUF_INIT(64 * MIB), tar = BUF_INIT(64 * MIB);
	struct frames_result result;
	struct err e = ERR_INIT;
	unsigned char in[256];
	struct press p;
	unsigned seals;
	bool final;
	int ends[2];

	(void)state;
	assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
	(void)fcntl(ends[0], F_SETFL, 0);
	assert_true(fcntl(ends[1], F_SETPIPE_SZ, 4096) >= 4096);
	press_open(&p, ends[1], 0);
	for (int i = 0; i < 2000; i++) {
		for (size_t k = 0; k < sizeof(in); k++)
			in[k] = (unsigned char)rand();
		assert_int_equal(frames_add(p.frames, in, sizeof(in), NULL, &e), 0);
	}
	assert_int_equal(frames_seal(p.frames, &e), 0);
	while (got.len < 512000) { /* it waits for us now */
		char *room = buf_room(&got, 65536);
		ssize_t n = read(ends[0], room, 65536);

		assert_true(n > 0);
		got.len += (size_t)n;
	}
	assert_int_equal(frames_failed(p.frames, &e), 0);
	(void)fcntl(ends[0], F_SETPIPE_SZ, MIB);
	assert_int_equal(frames_finish(p.frames, &result, &e), 0);
	while (got.len < result.bytes) {
		char *room = buf_room(&got, 65536);
		ssize_t n = read(ends[0], room, 65536);

		assert_true(n > 0);
		got.len += (size_t)n;
	}
	assert_int_equal(walk(&got, &tar, &seals, &final), 512000);
	close(ends[0]);
	press_done(&p);
}

static void a_signer_that_goes_away(void **state)
{
	own_buf struct buf tar = BUF_INIT(64 * MIB);
	struct press p;
	unsigned seals;
	bool final;

	(void)state;
	press_open(&p, -1, 3);
	assert_fails(&p, EPIPE, "the signer is gone");
	{
		own_buf struct buf b = content(&p);

		/* what was sealed before is whole */
		(void)walk(&b, &tar, &seals, &final);
		assert_int_equal(seals, 2);
		assert_false(final);
	}
	press_done(&p);
}

/* A member above 8 GiB needs a size that no ustar header holds. */
static void a_header_of_a_large_member(void **state)
{
	own_buf struct buf tar = BUF_INIT(64 * MIB);
	struct err e = ERR_INIT;
	struct press p;
	unsigned seals;
	bool final;

	(void)state;
	press_open(&p, -1, 0);
	assert_int_equal(pack_begin(p.pack, "large", 9ULL << 30, &e), 0);
	assert_int_equal(pack_add(p.pack, "x", 1, NULL, &e), 0);
	assert_int_equal(frames_seal(p.frames, &e), 0);
	assert_int_equal(frames_drain(p.frames, &e), 0);
	{
		own_buf struct buf b = content(&p);

		(void)walk(&b, &tar, &seals, &final);
	}
	assert_int_equal(tar.data[156], 'x');
	assert_non_null(memmem(tar.data, tar.len, "size=9663676416\n", 16));
	press_done(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_and_seals_are_in_order),
		cmocka_unit_test(a_full_output),
		cmocka_unit_test(a_reader_that_went_away),
		cmocka_unit_test(a_pipe_that_does_not_block),
		cmocka_unit_test(a_signer_that_goes_away),
		cmocka_unit_test(a_header_of_a_large_member),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
