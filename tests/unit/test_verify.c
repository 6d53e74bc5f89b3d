/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "io.h"
#include "cases.h"
#include "kit.h"
#include "own.h"
#include "verdict.h"
#include "verify.h"
#include "zframe.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct seen {
	unsigned members, findings, gaps, dumpers, begins;
	uint64_t sealed, unsealed; /* bytes of the wanted member */
};

static int on_member(void *arg, const struct verify_member *m, struct err *e)
{
	(void)m;
	(void)e;
	((struct seen *)arg)->members++;
	return 0;
}

static int on_begin(void *arg, const char *text, size_t n, struct err *e)
{
	(void)e;
	assert_int_equal(strlen(text), n);
	((struct seen *)arg)->begins++;
	return 0;
}

static int on_finding(void *arg, const char *text, size_t n, struct err *e)
{
	(void)e;
	assert_memory_equal(text, "a \x1b[31mfinding", n);
	((struct seen *)arg)->findings++;
	return 0;
}

static int on_gap(void *arg, const char *text, size_t n, struct err *e)
{
	(void)e;
	assert_int_equal(n, sizeof("unreadable: \0") - 1);
	assert_memory_equal(text, "unreadable: \0", n);
	((struct seen *)arg)->gaps++;
	return 0;
}

static int on_dumper(void *arg, const struct manifest_dumper *d, struct err *e)
{
	(void)e;
	assert_string_equal(d->name, "kit");
	assert_string_equal(d->status, "skipped");
	assert_string_equal(d->reason, "it does not run");
	((struct seen *)arg)->dumpers++;
	return 0;
}

static int on_bytes(void *arg, const void *p, size_t n, bool sealed, struct err *e)
{
	struct seen *s = arg;

	(void)p;
	(void)e;
	*(sealed ? &s->sealed : &s->unsealed) += n;
	return 0;
}

/* Two empty files for the verifier, kept over all calls. */
static int spool[2];

static struct verify_report verify_fd(
	int fd, const uint8_t *key, const char *want, struct seen *seen)
{
	static const struct verify_ops ops = {
		on_member, on_begin, on_finding, on_gap, on_dumper, on_bytes};
	struct verify_request rq = {.fd = fd,
		.spool_fd = spool[0],
		.sums_fd = spool[1],
		.trusted = key,
		.want = want,
		.ops = &ops,
		.arg = seen};
	struct verify_report r;
	struct err e = ERR_INIT;

	*seen = (struct seen){0};
	if (verify_run(&rq, &r, &e) < 0)
		fail_msg("verify_run: %s", e.text);
	return r;
}

static struct verify_report verify(const void *p, size_t n, const uint8_t *key, struct seen *seen)
{
	static int fd = -1;

	if (fd < 0)
		fd = io_spool(-1, NULL);
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(io_pwrite(fd, p, n, 0), 0);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return verify_fd(fd, key, NULL, seen);
}

static struct verify_report verify_piped(const struct buf *b, struct seen *seen)
{
	struct verify_report r;
	int ends[2];

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_true(fcntl(ends[1], F_SETPIPE_SZ, 1 << 20) >= 0);
	assert_int_equal(io_write(ends[1], buf_str(b), b->len), 0);
	close(ends[1]);
	r = verify_fd(ends[0], NULL, NULL, seen);
	close(ends[0]);
	return r;
}

static void check(const struct bundle_case *c, const struct verify_report *r)
{
	char text[1024];

	snprintf(text, sizeof(text), "%s %s", r->bad_member, r->reason);
	if (r->verdict != c->verdict || verdict_exit(r) != c->exit)
		fail_msg("%s: %s (%s), exit %d", c->name, verify_verdict_names[r->verdict], text,
			verdict_exit(r));
	if (c->says && !strstr(text, c->says))
		fail_msg("%s: '%s' does not say '%s'", c->name, text, c->says);
}

static void check_all(struct kit *k, const struct bundle_case *c, bool pipe)
{
	struct seen seen;

	for (; c->name; c++) {
		struct verify_report r;

		kit_reset(k);
		c->make(k);
		r = pipe ? verify_piped(&k->out, &seen)
			 : verify(buf_str(&k->out), k->out.len, NULL, &seen);
		check(c, &r);
		assert_false(r.trusted);
	}
}

static void every_case_gets_its_verdict(void **state)
{
	check_all(*state, cases_stream, false);
	check_all(*state, cases_members, false);
}

/* A pipe cannot be read twice. */
static void a_pipe_gets_the_same_verdict(void **state)
{
	check_all(*state, cases_stream, true);
	check_all(*state, cases_members, true);
}

static void a_cut_is_never_sealed_and_never_bad(void **state)
{
	struct kit *k = *state;
	struct seen seen;
	uint64_t sealed = 0;

	kit_reset(k);
	kit_small(k);
	for (size_t n = 0; n < k->out.len; n++) {
		struct verify_report r = verify(k->out.data, n, k->seal.signer, &seen);

		if (r.verdict != (r.seals ? VERIFY_INTERRUPTED : VERIFY_NOTHING))
			fail_msg("cut at %zu: %s %s", n, verify_verdict_names[r.verdict], r.reason);
		assert_int_equal(verdict_exit(&r), 3);
		assert_int_equal(r.file_bytes, n);
		assert_true(r.sealed_bytes >= sealed && r.sealed_bytes <= n);
		sealed = r.sealed_bytes;
	}
	assert_true(sealed > 0);
}

/* Every bit, or a sample where each call is slow. */
#ifdef __SANITIZE_ADDRESS__
enum { FLIP_STEP = 13 };
#else
enum { FLIP_STEP = 1 };
#endif

static void no_flip_goes_unseen(void **state)
{
	struct kit *k = *state;
	struct seen seen;

	kit_reset(k);
	kit_small(k);
	for (size_t bit = 0; bit < 8 * k->out.len; bit += FLIP_STEP) {
		struct verify_report r;

		k->out.data[bit / 8] ^= (char)(1 << bit % 8);
		r = verify(k->out.data, k->out.len, NULL, &seen);
		if (r.verdict != VERIFY_BAD || !r.bad_has_offset || r.bad_offset >= k->out.len)
			fail_msg("bit %zu of byte %zu: %s %s at %llu", bit % 8, bit / 8,
				verify_verdict_names[r.verdict], r.reason,
				(unsigned long long)r.bad_offset);
		k->out.data[bit / 8] ^= (char)(1 << bit % 8);
	}
}

static void the_key_decides(void **state)
{
	struct kit *k = *state;
	uint8_t other[SEAL_KEY];
	struct verify_report r;
	struct seen seen;

	kit_reset(k);
	kit_small(k);
	r = verify(k->out.data, k->out.len, k->seal.signer, &seen);
	assert_int_equal(r.verdict, VERIFY_SEALED);
	assert_true(r.trusted);
	memcpy(other, k->seal.signer, SEAL_KEY);
	other[0] ^= 1;
	r = verify(k->out.data, k->out.len, other, &seen);
	assert_int_equal(r.verdict, VERIFY_BAD);
	assert_false(r.trusted);
	assert_non_null(strstr(r.reason, "another key"));
	assert_int_equal(seen.members, 0); /* nothing of it was looked at */
}

static void says_what_is_in_it(void **state)
{
	static const char text[2048];
	struct kit *k = *state;
	struct verify_report r;
	struct seen seen;

	kit_reset(k);
	k->verdict = "partial";
	kit_small(k);
	r = verify(k->out.data, k->out.len, NULL, &seen);
	assert_int_equal(seen.members, 7);
	assert_int_equal(seen.begins, 1);
	assert_int_equal(seen.findings, 1);
	assert_int_equal(seen.gaps, 1);
	assert_int_equal(seen.dumpers, 1);
	assert_int_equal(r.members, 7);
	assert_int_equal(r.manifest.artifacts, 3);
	assert_int_equal(r.manifest.gaps, 1);
	assert_int_equal(r.manifest.gap_count[GAP_UNREADABLE], 1);
	assert_string_equal(r.manifest.verdict, "partial");
	assert_string_equal(r.run, KIT_RUN);
	kit_reset(k);
	kit_begin_json(k);
	kit_member(k, "logs/0", text, sizeof(text));
	k->tar.len -= 1024;
	kit_frame(k);
	kit_seal(k, false);
	r = verify(k->out.data, k->out.len, NULL, &seen);
	assert_string_equal(r.cut, "logs/0");
	assert_int_equal(r.cut_size, 2048);
	assert_int_equal(r.cut_done, 1024);
	assert_int_equal(r.members, 1);
}

static void gives_a_members_bytes(void **state)
{
	struct kit *k = *state;
	own_fd int fd = io_spool(-1, NULL);
	static char big[9 << 20];
	struct seen seen;

	kit_reset(k);
	k->level = -5;
	kit_begin_json(k);
	for (size_t i = 0; i < sizeof(big); i++)
		big[i] = (char)(i * i >> 7);
	kit_member(k, "big", big, sizeof(big));
	k->tar.len -= 6 << 20;
	kit_frame(k);
	kit_seal(k, false);
	memset(buf_room(&k->tar, 6 << 20), 0, 6 << 20);
	k->tar.len += 6 << 20;
	kit_frame(k);
	assert_int_equal(io_pwrite(fd, k->out.data, k->out.len, 0), 0);
	assert_int_equal(verify_fd(fd, NULL, "big", &seen).verdict, VERIFY_INTERRUPTED);
	assert_int_equal(seen.sealed, 3 << 20);
	assert_int_equal(seen.unsealed, 6 << 20);
	kit_finish(k);
	assert_int_equal(io_pwrite(fd, k->out.data, k->out.len, 0), 0);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	assert_int_equal(
		verify_fd(fd, NULL, "big", &seen).verdict, VERIFY_BAD); /* not those bytes */
	assert_int_equal(seen.sealed, 9 << 20);
}

/* For scripts: DIR/NAME.tar.zst of every case, DIR/list: "NAME VERDICT EXIT", DIR/key.pem */
static int write_cases(const char *dir, FILE *list, struct kit *k, const struct bundle_case *c)
{
	char path[512];

	for (; c->name; c++) {
		own_fd int fd = -1;

		kit_reset(k);
		c->make(k);
		snprintf(path, sizeof(path), "%s/%s.tar.zst", dir, c->name);
		fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
		if (fd < 0 || io_write(fd, buf_str(&k->out), k->out.len) < 0)
			return 1;
		fprintf(list, "%s %s %d\n", c->name, verify_verdict_names[c->verdict], c->exit);
	}
	return 0;
}

static int write_all(const char *dir, struct kit *k)
{
	char path[512], pem[160];
	own_fd int fd = -1;
	FILE *list;
	int rc;

	snprintf(path, sizeof(path), "%s/list", dir);
	list = fopen(path, "we");
	if (!list)
		return 1;
	rc = write_cases(dir, list, k, cases_stream);
	rc = rc ? rc : write_cases(dir, list, k, cases_members);
	if (sign_public_pem(k->seal.signer, pem, sizeof(pem), NULL) < 0)
		rc = 1;
	snprintf(path, sizeof(path), "%s/key.pem", dir);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0 || io_write(fd, pem, strlen(pem)) < 0)
		rc = 1;
	return fclose(list) ? 1 : rc;
}

int main(int argc, char **argv)
{
	struct kit kit;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_prestate(every_case_gets_its_verdict, &kit),
		cmocka_unit_test_prestate(a_pipe_gets_the_same_verdict, &kit),
		cmocka_unit_test_prestate(a_cut_is_never_sealed_and_never_bad, &kit),
		cmocka_unit_test_prestate(no_flip_goes_unseen, &kit),
		cmocka_unit_test_prestate(the_key_decides, &kit),
		cmocka_unit_test_prestate(says_what_is_in_it, &kit),
		cmocka_unit_test_prestate(gives_a_members_bytes, &kit),
	};
	int rc;

	if (hash_setup(NULL) < 0)
		return 1;
	spool[0] = io_spool(-1, NULL);
	spool[1] = io_spool(-1, NULL);
	kit_open(&kit);
	rc = argc == 3 && !strcmp(argv[1], "--write") ? write_all(argv[2], &kit)
						      : cmocka_run_group_tests(tests, NULL, NULL);
	kit_done(&kit);
	return rc;
}
