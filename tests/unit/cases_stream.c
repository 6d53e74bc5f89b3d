/* SPDX-License-Identifier: Apache-2.0 */
/* cases_stream - bundles whose frames or seals are not as they should be. */
#include "cases.h"

#include "own.h"

#include <stdlib.h>
#include <string.h>

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void swap_seq(struct seal *s)
{
	s->seq += s->seq == 1;
}

static void wrong_prev(struct seal *s)
{
	s->prev[3] ^= s->seq == 1;
}

static void wrong_range(struct seal *s)
{
	s->tar_length += s->seq == 1;
}

static void wrong_offset(struct seal *s)
{
	s->offset += s->seq == 1;
}

static void other_run(struct seal *s)
{
	if (s->seq == 1)
		s->run[0] = '3';
}

static void good(struct kit *k)
{
	kit_small(k);
}

static void partial(struct kit *k)
{
	k->verdict = "partial";
	kit_small(k);
}

static void interrupted_run(struct kit *k)
{
	k->verdict = "interrupted";
	kit_small(k);
}

static void empty(struct kit *k)
{
	(void)k;
}

static void zeros(struct kit *k)
{
	memset(buf_room(&k->out, 70000), 0, 70000);
	k->out.len = 70000;
}

static void two_frames_a_seal(struct kit *k)
{
	kit_begin_json(k);
	kit_frame(k);
	kit_member(k, "a", "x", 1);
	kit_frame(k);
	kit_seal(k, false);
	kit_finish(k);
}

static void empty_final_seal(struct kit *k)
{
	kit_begin_json(k);
	kit_manifest(k);
	kit_sums(k);
	kit_sig(k);
	kit_signer(k);
	kit_end(k);
	kit_frame(k);
	kit_seal(k, false);
	kit_seal(k, true);
}

static void seal_over_nothing(struct kit *k)
{
	kit_begin_json(k);
	kit_frame(k);
	kit_seal(k, false);
	kit_seal(k, false);
	kit_finish(k);
}

static void no_final(struct kit *k)
{
	kit_begin_json(k);
	kit_frame(k);
	kit_seal(k, false);
}

static void cut_member(struct kit *k)
{
	char text[2048] = "";

	kit_begin_json(k);
	kit_member(k, "logs/0", text, sizeof(text));
	k->tar.len -= 1024;
	kit_frame(k);
	kit_seal(k, false);
}

static void zeros_after_seal(struct kit *k)
{
	no_final(k);
	memset(buf_room(&k->out, 5000), 0, 5000);
	k->out.len += 5000;
}

static void zeros_in_frame(struct kit *k)
{
	no_final(k);
	kit_member(k, "a", "xyz", 3);
	kit_frame(k);
	memset(k->out.data + k->out.len - 30, 0, 30);
	memset(buf_room(&k->out, 5000), 0, 5000);
	k->out.len += 5000;
}

static void zeros_in_seal(struct kit *k)
{
	no_final(k);
	kit_member(k, "a", "xyz", 3);
	kit_frame(k);
	kit_seal(k, false);
	memset(k->out.data + k->out.len - 30, 0, 30);
	memset(buf_room(&k->out, 5000), 0, 5000);
	k->out.len += 5000;
}

static void junk_after_seal(struct kit *k)
{
	no_final(k);
	buf_adds(&k->out, "junk behind the seal");
}

static void zeros_then_junk(struct kit *k)
{
	zeros_after_seal(k);
	buf_adds(&k->out, "x");
}

static void junk_after_final(struct kit *k)
{
	kit_small(k);
	buf_addc(&k->out, 'x');
}

static void zeros_after_final(struct kit *k)
{
	kit_small(k);
	buf_add(&k->out, "\0\0\0\0\0\0\0\0", 8);
}

static void two_bundles(struct kit *k)
{
	own_buf struct buf first = BUF_INIT(1 << 20);

	kit_small(k);
	buf_add(&first, k->out.data, k->out.len);
	buf_add(&k->out, first.data, first.len);
}

static void missing_seal(struct kit *k)
{
	size_t at;

	kit_begin_json(k);
	kit_frame(k);
	at = k->out.len;
	kit_seal(k, false);
	k->out.len = at;
	kit_finish(k);
}

static void missing_region(struct kit *k)
{
	size_t from, to;

	kit_begin_json(k);
	kit_frame(k);
	kit_seal(k, false);
	from = k->out.len;
	kit_member(k, "a", "x", 1);
	kit_frame(k);
	kit_seal(k, false);
	to = k->out.len;
	kit_finish(k);
	memmove(k->out.data + from, k->out.data + to, k->out.len - to);
	k->out.len -= to - from;
}

static void seal_twice(struct kit *k)
{
	size_t at;

	kit_begin_json(k);
	kit_frame(k);
	at = k->out.len;
	kit_seal(k, false);
	buf_add(&k->out, k->out.data + at, k->out.len - at);
}

static void mended(struct kit *k, void (*mend)(struct seal *s))
{
	k->mend = mend;
	kit_small(k);
}

static void seal_seq(struct kit *k)
{
	mended(k, swap_seq);
}

static void seal_prev(struct kit *k)
{
	mended(k, wrong_prev);
}

static void seal_range(struct kit *k)
{
	mended(k, wrong_range);
}

static void seal_offset(struct kit *k)
{
	mended(k, wrong_offset);
}

static void seal_run(struct kit *k)
{
	mended(k, other_run);
}

static void other_key(struct kit *k)
{
	struct sign_key *first = k->key, *second = NULL;

	must(sign_generate(&second, NULL) == 0);
	kit_begin_json(k);
	kit_frame(k);
	kit_seal(k, false);
	k->key = second;
	sign_public(second, k->seal.signer);
	kit_finish(k);
	k->key = first;
	sign_free(second);
}

static void forged_signer(struct kit *k)
{
	struct sign_key *first = k->key, *second = NULL;

	must(sign_generate(&second, NULL) == 0);
	kit_begin_json(k);
	kit_frame(k);
	kit_seal(k, false);
	k->key = second; /* but the seals still name the first */
	kit_finish(k);
	k->key = first;
	sign_free(second);
}

static void zstd_bomb(struct kit *k)
{
	enum { N = 5 << 20 };
	void *to = buf_room(&k->out, 1 << 20);
	own_free char *p = calloc(1, N);

	(void)to;
	kit_begin_json(k);
	kit_frame(k);
	kit_seal(k, false);
	/* 5 MiB in one frame: more than allowed */
	k->out.len += kit_compress(k->out.data + k->out.len, 1 << 20, p, N);
	kit_seal(k, false);
}

static void no_checksum(struct kit *k)
{
	k->no_checksum = true;
	kit_small(k);
}

static void no_size(struct kit *k)
{
	k->no_size = true;
	kit_small(k);
}

static void foreign_tar(struct kit *k)
{
	kit_file(k, "etc/hosts", "x", 1);
	kit_end(k);
	buf_add(&k->out, k->tar.data, k->tar.len);
}

static void foreign_zst(struct kit *k)
{
	kit_file(k, "etc/hosts", "x", 1);
	kit_end(k);
	kit_frame(k);
}

static void foreign_skippable(struct kit *k)
{
	buf_add(&k->out, "\x50\x2a\x4d\x18\x04\0\0\0abcd", 12);
}

static void bit_rot(struct kit *k)
{
	kit_small(k);
	k->out.data[k->out.len / 2] ^= 4;
}

static void garbage_frame(struct kit *k)
{
	kit_begin_json(k);
	kit_frame(k);
	k->out.data[k->out.len - 20] ^= 4; /* and then signed */
	kit_seal(k, false);
}

const struct bundle_case cases_stream[] = {
	{"good", good, VERIFY_SEALED, EXIT_COMPLETE, NULL},
	{"partial", partial, VERIFY_SEALED, EXIT_PARTIAL, NULL},
	{"interrupted_run", interrupted_run, VERIFY_SEALED, EXIT_PARTIAL, NULL},
	{"two_frames_a_seal", two_frames_a_seal, VERIFY_SEALED, EXIT_COMPLETE, NULL},
	{"empty_final_seal", empty_final_seal, VERIFY_SEALED, EXIT_COMPLETE, NULL},
	{"no_final", no_final, VERIFY_INTERRUPTED, EXIT_PARTIAL, NULL},
	{"cut_member", cut_member, VERIFY_INTERRUPTED, EXIT_PARTIAL, NULL},
	{"zeros_after_seal", zeros_after_seal, VERIFY_INTERRUPTED, EXIT_PARTIAL, NULL},
	{"zeros_in_frame", zeros_in_frame, VERIFY_INTERRUPTED, EXIT_PARTIAL, NULL},
	{"zeros_in_seal", zeros_in_seal, VERIFY_INTERRUPTED, EXIT_PARTIAL, NULL},
	{"empty", empty, VERIFY_NOTHING, EXIT_PARTIAL, NULL},
	{"zeros", zeros, VERIFY_NOTHING, EXIT_PARTIAL, NULL},
	{"junk_after_seal", junk_after_seal, VERIFY_BAD, EXIT_BAD, "neither a frame nor a seal"},
	{"zeros_then_junk", zeros_then_junk, VERIFY_BAD, EXIT_BAD, "neither a frame nor a seal"},
	{"junk_after_final", junk_after_final, VERIFY_BAD, EXIT_BAD, "behind the final seal"},
	{"zeros_after_final", zeros_after_final, VERIFY_BAD, EXIT_BAD, "behind the final seal"},
	{"two_bundles", two_bundles, VERIFY_BAD, EXIT_BAD, "behind the final seal"},
	{"missing_seal", missing_seal, VERIFY_BAD, EXIT_BAD, "out of its place"},
	{"missing_region", missing_region, VERIFY_BAD, EXIT_BAD, "out of its place"},
	{"seal_twice", seal_twice, VERIFY_BAD, EXIT_BAD, "out of its place"},
	{"seal_over_nothing", seal_over_nothing, VERIFY_BAD, EXIT_BAD, "over nothing"},
	{"seal_seq", seal_seq, VERIFY_BAD, EXIT_BAD, "out of its place"},
	{"seal_prev", seal_prev, VERIFY_BAD, EXIT_BAD, "out of its place"},
	{"seal_offset", seal_offset, VERIFY_BAD, EXIT_BAD, "out of its place"},
	{"seal_range", seal_range, VERIFY_BAD, EXIT_BAD, "range of the tar"},
	{"seal_run", seal_run, VERIFY_BAD, EXIT_BAD, "another run"},
	{"other_key", other_key, VERIFY_BAD, EXIT_BAD, "another signer"},
	{"forged_signer", forged_signer, VERIFY_BAD, EXIT_BAD, "signature does not fit"},
	{"zstd_bomb", zstd_bomb, VERIFY_BAD, EXIT_BAD, "more content"},
	{"no_checksum", no_checksum, VERIFY_BAD, EXIT_BAD, "not a frame of a bundle"},
	{"no_size", no_size, VERIFY_BAD, EXIT_BAD, "not a frame of a bundle"},
	{"foreign_tar", foreign_tar, VERIFY_BAD, EXIT_BAD, "neither a frame nor a seal"},
	{"foreign_zst", foreign_zst, VERIFY_BAD, EXIT_BAD, "not a taphos bundle"},
	{"foreign_skippable", foreign_skippable, VERIFY_BAD, EXIT_BAD,
		"neither a frame nor a seal"},
	{"bit_rot", bit_rot, VERIFY_BAD, EXIT_BAD, "not those that were sealed"},
	{"garbage_frame", garbage_frame, VERIFY_BAD, EXIT_BAD, "does not decompress"},
	{0},
};
