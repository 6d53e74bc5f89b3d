/* SPDX-License-Identifier: Apache-2.0 */
/* cases_members - bundles whose members are not as they should be. */
#include "cases.h"

#include <string.h>

static void other_folder(struct kit *k)
{
	k->folder_run = "20260131T100000Z-0123456789abcde0";
	kit_small(k);
}

static void begin_not_first(struct kit *k)
{
	kit_member(k, "a", "x", 1);
	kit_begin_json(k);
	kit_finish(k);
}

static void no_begin(struct kit *k)
{
	kit_member(k, "a", "x", 1);
	kit_finish(k);
}

static void extra_member(struct kit *k)
{
	kit_begin_json(k);
	kit_unlisted(k, "a", "x", 1);
	kit_finish(k);
}

static void not_in_sums(struct kit *k)
{
	size_t n;

	kit_begin_json(k);
	n = k->sums.len;
	kit_member(k, "a", "x", 1);
	k->sums.len = n;
	kit_finish(k);
}

static void listed_not_there(struct kit *k)
{
	kit_begin_json(k);
	kit_frame(k);
	kit_member(k, "a", "x", 1);
	buf_clear(&k->tar);
	kit_finish(k);
}

static void listed_in_sums_only(struct kit *k)
{
	kit_begin_json(k);
	buf_adds(&k->sums, "ff000000000000000000000000000000"
			   "00000000000000000000000000000000  ghost\n");
	kit_finish(k);
}

static void member_twice(struct kit *k)
{
	kit_begin_json(k);
	kit_member(k, "a", "x", 1);
	kit_member(k, "a", "y", 1);
	kit_finish(k);
}

static void wrong_digest(struct kit *k)
{
	kit_begin_json(k);
	kit_member(k, "a", "x", 1);
	k->tar.data[k->tar.len - 512] = 'y';
	kit_finish(k);
}

static void wrong_sum(struct kit *k)
{
	kit_begin_json(k);
	kit_member(k, "a", "x", 1);
	k->sums.data[k->sums.len - 10] ^= 1;
	kit_finish(k);
}

static void sums_in_other_order(struct kit *k)
{
	own_buf struct buf first = BUF_INIT(4096);

	kit_begin_json(k);
	buf_add(&first, k->sums.data, k->sums.len);
	buf_clear(&k->sums);
	kit_member(k, "a", "x", 1);
	buf_add(&k->sums, first.data, first.len);
	kit_finish(k);
}

static void sums_changed_after_signing(struct kit *k)
{
	kit_begin_json(k);
	kit_manifest(k);
	kit_sums(k);
	k->sums.data[0] ^= 1;
	kit_sig(k);
	kit_signer(k);
	kit_end(k);
	kit_frame(k);
	kit_seal(k, true);
}

static void no_sums(struct kit *k)
{
	kit_begin_json(k);
	kit_manifest(k);
	kit_end(k);
	kit_frame(k);
	kit_seal(k, true);
}

static void no_signer(struct kit *k)
{
	kit_begin_json(k);
	kit_manifest(k);
	kit_sums(k);
	kit_sig(k);
	kit_end(k);
	kit_frame(k);
	kit_seal(k, true);
}

static void no_manifest(struct kit *k)
{
	kit_begin_json(k);
	kit_sums(k);
	kit_sig(k);
	kit_signer(k);
	kit_end(k);
	kit_frame(k);
	kit_seal(k, true);
}

static void no_end(struct kit *k)
{
	kit_begin_json(k);
	kit_manifest(k);
	kit_sums(k);
	kit_sig(k);
	kit_signer(k);
	kit_frame(k);
	kit_seal(k, true);
}

static void member_after_end(struct kit *k)
{
	kit_begin_json(k);
	kit_end(k);
	kit_finish(k);
}

static void padded_end(struct kit *k)
{
	size_t n;

	kit_begin_json(k);
	kit_manifest(k);
	kit_sums(k);
	kit_sig(k);
	kit_signer(k);
	kit_end(k);
	n = 10240 - k->tar.len % 10240;
	memset(buf_room(&k->tar, n), 0, n);
	k->tar.len += n;
	kit_frame(k);
	kit_seal(k, true);
}

static void padded_too_long(struct kit *k)
{
	padded_end(k);
	kit_reset(k);
	kit_begin_json(k);
	kit_manifest(k);
	kit_sums(k);
	kit_sig(k);
	kit_signer(k);
	kit_end(k);
	memset(buf_room(&k->tar, 20480), 0, 20480);
	k->tar.len += 20480;
	kit_frame(k);
	kit_seal(k, true);
}

static void named(struct kit *k, const char *path)
{
	kit_begin_json(k);
	kit_file(k, path, "x", 1);
	kit_finish(k);
}

static void name_absolute(struct kit *k)
{
	named(k, "/etc/passwd");
}

static void name_dotdot(struct kit *k)
{
	named(k, "taphos-" KIT_RUN "/../x");
}

static void name_outside(struct kit *k)
{
	named(k, "x");
}

static void name_newline(struct kit *k)
{
	named(k, "taphos-" KIT_RUN "/a\nb");
}

static void name_dash(struct kit *k)
{
	named(k, "taphos-" KIT_RUN "/-rf");
}

static void name_folder(struct kit *k)
{
	named(k, "taphos-" KIT_RUN "/");
}

static void typed(struct kit *k, char type)
{
	kit_begin_json(k);
	k->type = type;
	kit_member(k, "a", "", 0);
	kit_finish(k);
}

static void member_symlink(struct kit *k)
{
	typed(k, '2');
}

static void member_folder(struct kit *k)
{
	typed(k, '5');
}

static void member_longname(struct kit *k)
{
	typed(k, 'L');
}

static void pax_global(struct kit *k)
{
	typed(k, 'g');
}

static void paxed(struct kit *k, const char *records)
{
	kit_begin_json(k);
	k->pax = records;
	kit_member(k, "a", "x", 1);
	kit_finish(k);
}

static void pax_good(struct kit *k)
{
	paxed(k, "10 size=1\n20 mtime=1769853600\n"
		 "51 path=taphos-" KIT_RUN "/a\n");
}

static void pax_linkpath(struct kit *k)
{
	paxed(k, "14 linkpath=x\n");
}

static void pax_path_outside(struct kit *k)
{
	paxed(k, "20 path=/etc/passwd\n");
}

static void pax_broken(struct kit *k)
{
	paxed(k, "99 size=1\n");
}

static void pax_twice(struct kit *k)
{
	paxed(k, "10 size=1\n10 size=1\n");
}

static void pax_bomb(struct kit *k)
{
	static char text[5000];

	memset(text, 'x', sizeof(text) - 1);
	memcpy(text, "4999 mtime=", 11);
	text[sizeof(text) - 2] = '\n';
	paxed(k, text);
}

const struct bundle_case cases_members[] = {
	{"padded_end", padded_end, VERIFY_SEALED, EXIT_COMPLETE, NULL},
	{"pax_good", pax_good, VERIFY_SEALED, EXIT_COMPLETE, NULL},
	{"other_folder", other_folder, VERIFY_BAD, EXIT_BAD, "outside the folder"},
	{"begin_not_first", begin_not_first, VERIFY_BAD, EXIT_BAD, "out of its place"},
	{"no_begin", no_begin, VERIFY_BAD, EXIT_BAD, "out of its place"},
	{"extra_member", extra_member, VERIFY_BAD, EXIT_BAD, "does not list"},
	{"not_in_sums", not_in_sums, VERIFY_BAD, EXIT_BAD, "does not list"},
	{"listed_not_there", listed_not_there, VERIFY_BAD, EXIT_BAD, "listed in manifest.json"},
	{"listed_in_sums_only", listed_in_sums_only, VERIFY_BAD, EXIT_BAD, "ghost"},
	{"member_twice", member_twice, VERIFY_BAD, EXIT_BAD, "second member"},
	{"wrong_digest", wrong_digest, VERIFY_BAD, EXIT_BAD, "another SHA-256"},
	{"wrong_sum", wrong_sum, VERIFY_BAD, EXIT_BAD, "another SHA-256"},
	{"sums_in_other_order", sums_in_other_order, VERIFY_BAD, EXIT_BAD, "SHA256SUMS"},
	{"sums_changed_after_signing", sums_changed_after_signing, VERIFY_BAD, EXIT_BAD,
		"SHA256SUMS.sig"},
	{"no_sums", no_sums, VERIFY_BAD, EXIT_BAD, "SHA256SUMS"},
	{"no_signer", no_signer, VERIFY_BAD, EXIT_BAD, "signer.pem"},
	{"no_manifest", no_manifest, VERIFY_BAD, EXIT_BAD, "out of its place"},
	{"no_end", no_end, VERIFY_BAD, EXIT_BAD, "has no end"},
	{"member_after_end", member_after_end, VERIFY_BAD, EXIT_BAD, "behind its end"},
	{"padded_too_long", padded_too_long, VERIFY_BAD, EXIT_BAD, "too many zeros"},
	{"name_absolute", name_absolute, VERIFY_BAD, EXIT_BAD, "outside the folder"},
	{"name_dotdot", name_dotdot, VERIFY_BAD, EXIT_BAD, "not safe"},
	{"name_outside", name_outside, VERIFY_BAD, EXIT_BAD, "outside the folder"},
	{"name_newline", name_newline, VERIFY_BAD, EXIT_BAD, "not safe"},
	{"name_dash", name_dash, VERIFY_BAD, EXIT_BAD, "not safe"},
	{"name_folder", name_folder, VERIFY_BAD, EXIT_BAD, "not safe"},
	{"member_symlink", member_symlink, VERIFY_BAD, EXIT_BAD, "not a regular file"},
	{"member_folder", member_folder, VERIFY_BAD, EXIT_BAD, "not a regular file"},
	{"member_longname", member_longname, VERIFY_BAD, EXIT_BAD, "not a regular file"},
	{"pax_global", pax_global, VERIFY_BAD, EXIT_BAD, "not a regular file"},
	{"pax_linkpath", pax_linkpath, VERIFY_BAD, EXIT_BAD, "another kind"},
	{"pax_path_outside", pax_path_outside, VERIFY_BAD, EXIT_BAD, "outside the folder"},
	{"pax_broken", pax_broken, VERIFY_BAD, EXIT_BAD, "another kind"},
	{"pax_twice", pax_twice, VERIFY_BAD, EXIT_BAD, "another kind"},
	{"pax_bomb", pax_bomb, VERIFY_BAD, EXIT_BAD, "another size"},
	{0},
};
