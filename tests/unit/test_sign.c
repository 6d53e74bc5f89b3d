/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "buf.h"
#include "io.h"
#include "own.h"
#include "sign.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[] = "/tmp/test_sign.XXXXXX";

/* RFC 8032, 7.1, test 2 */
static const char rfc_public[] = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c";
static const char rfc_sig[] = "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
			      "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00";
static const char rfc_pem[] = "-----BEGIN PRIVATE KEY-----\n"
			      "MC4CAQAwBQYDK2VwBCIEIEzNCJso/5banbbDRuwRTg9bijGfNaumJNqM9u1PuKb7\n"
			      "-----END PRIVATE KEY-----\n";

static const char *in_dir(const char *name)
{
	static char path[2][128];
	static int turn;

	turn = !turn;
	snprintf(path[turn], sizeof(path[turn]), "%s/%s", dir, name);
	return path[turn];
}

static void put(const char *name, const char *text, mode_t mode)
{
	own_fd int fd = open(in_dir(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(io_write(fd, text, strlen(text)), 0);
	assert_int_equal(fchmod(fd, mode), 0);
}

static void slurp(const char *name, struct buf *b)
{
	own_fd int fd = open(in_dir(name), O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(io_read_all(fd, b, NULL), 0);
}

static void signs_as_the_rfc_does(void **state)
{
	uint8_t want[SEAL_SIG], got[SEAL_SIG], public[SEAL_KEY], want_public[SEAL_KEY];
	struct sign_key *k = NULL;

	(void)state;
	put("rfc", rfc_pem, 0600);
	assert_int_equal(sign_load(in_dir("rfc"), &k, NULL), 0);
	assert_int_equal(text_unhex(rfc_sig, want, sizeof(want)), 0);
	assert_int_equal(text_unhex(rfc_public, want_public, sizeof(want_public)), 0);
	sign_public(k, public);
	assert_memory_equal(public, want_public, SEAL_KEY);
	assert_int_equal(sign_bytes(k, "\x72", 1, got, NULL), 0);
	assert_memory_equal(got, want, SEAL_SIG);
	assert_int_equal(sign_verify(public, "\x72", 1, got, NULL), 0);
	assert_int_equal(sign_verify(public, "\x73", 1, got, NULL), -EBADMSG);
	got[0] ^= 1;
	assert_int_equal(sign_verify(public, "\x72", 1, got, NULL), -EBADMSG);
	got[0] ^= 1;
	public[5] ^= 1;
	assert_int_equal(sign_verify(public, "\x72", 1, got, NULL), -EBADMSG);
	sign_free(k);
}

static void a_saved_key_comes_back(void **state)
{
	struct sign_key *k = NULL, *back = NULL;
	uint8_t a[SEAL_KEY], b[SEAL_KEY];
	char pem[160], print[HASH_HEX];
	own_buf struct buf file = BUF_INIT(4096);
	struct err e = ERR_INIT;
	struct stat st;

	(void)state;
	assert_int_equal(sign_generate(&k, NULL), 0);
	assert_int_equal(sign_save(k, in_dir("new"), &e), 0);
	assert_int_equal(stat(in_dir("new"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(stat(in_dir("new.pub"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0644);
	assert_int_equal(sign_load(in_dir("new"), &back, &e), 0);
	sign_public(k, a);
	sign_public(back, b);
	assert_memory_equal(a, b, SEAL_KEY);
	assert_int_equal(sign_load_public(in_dir("new.pub"), b, &e), 0);
	assert_memory_equal(a, b, SEAL_KEY);
	assert_int_equal(sign_load_public(in_dir("new"), b, &e), 0);
	assert_memory_equal(a, b, SEAL_KEY);
	assert_int_equal(sign_public_pem(a, pem, sizeof(pem), &e), 0);
	slurp("new.pub", &file);
	assert_string_equal(buf_str(&file), pem);
	sign_fingerprint(a, print);
	assert_int_equal(strlen(print), 64);
	/* never overwritten, and what was there stays */
	assert_true(sign_save(k, in_dir("new"), &e) < 0);
	assert_int_equal(stat(in_dir("new"), &st), 0);
	assert_int_equal(unlink(in_dir("new")), 0);
	assert_true(sign_save(k, in_dir("new"), &e) < 0); /* .pub is in the way */
	assert_int_equal(stat(in_dir("new"), &st), -1);
	sign_free(k);
	sign_free(back);
}

static void a_child_does_not_hold_the_key(void **state)
{
	struct sign_key *k = NULL;
	uint8_t sig[SEAL_SIG];
	int status;
	pid_t pid;

	(void)state;
	if (unit_emulated())
		unit_skip("qemu-user has no MADV_WIPEONFORK");
	assert_int_equal(sign_generate(&k, NULL), 0);
	pid = fork();
	if (!pid)
		_exit(sign_bytes(k, "x", 1, sig, NULL) == -EPERM ? 0 : 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(sign_bytes(k, "x", 1, sig, NULL), 0);
	sign_free(k);
}

static void refuse(const char *name, const char *says)
{
	struct sign_key *k = NULL;
	struct err e = ERR_INIT;

	assert_true(sign_load(in_dir(name), &k, &e) < 0);
	if (!strstr(e.text, says))
		fail_msg("'%s' does not say '%s'", e.text, says);
	assert_null(k);
}

static void says_what_is_wrong_with_a_key(void **state)
{
	uint8_t public[SEAL_KEY];
	struct err e = ERR_INIT;

	(void)state;
	refuse("none", "No such file");
	put("open", rfc_pem, 0640);
	refuse("open", "chmod 600");
	put("rsa",
		"-----BEGIN PRIVATE KEY-----\n"
		"MIIBVgIBADANBgkqhkiG9w0BAQEFAASCAUAwggE8AgEAAkEAxFEzwMsfl3UHQfqY\n"
		"aAUpENoFOBxKLR6e/QYxXDRGEJkJxYdWGDfkCTSqXRb8uZ13h5SPVUUc+BBMu9l2\n"
		"-----END PRIVATE KEY-----\n",
		0600);
	refuse("rsa", "not a PEM key");
	put("x25519",
		"-----BEGIN PRIVATE KEY-----\n"
		"MC4CAQAwBQYDK2VuBCIEIEzNCJso/5banbbDRuwRTg9bijGfNaumJNqM9u1PuKb7\n"
		"-----END PRIVATE KEY-----\n",
		0600);
	refuse("x25519", "is an X25519 key: taphos signs with Ed25519");
	put("locked",
		"-----BEGIN ENCRYPTED PRIVATE KEY-----\nMC4C\n"
		"-----END ENCRYPTED PRIVATE KEY-----\n",
		0600);
	refuse("locked", "has a password");
	put("ssh", "-----BEGIN OPENSSH PRIVATE KEY-----\nMC4C\n", 0600);
	refuse("ssh", "OpenSSH");
	put("pub", "-----BEGIN PUBLIC KEY-----\n", 0600);
	refuse("pub", "public one");
	put("empty", "", 0600);
	refuse("empty", "not a PEM key");
	assert_int_equal(mkfifo(in_dir("fifo"), 0600), 0);
	refuse("fifo", "not a regular file");
	assert_true(sign_load_public(in_dir("empty"), public, &e) < 0);
	assert_true(sign_load_public(in_dir("x25519"), public, &e) < 0);
	assert_non_null(strstr(e.text, "X25519"));
	put("other", rfc_pem, 0600);
	if (geteuid() == 0 && chown(in_dir("other"), 12345, 0) == 0)
		refuse("other", "belongs to user 12345");
}

/* All that a run does with keys, for strace to look at. */
static int work(void)
{
	uint8_t sig[SEAL_SIG], public[SEAL_KEY];
	struct sign_key *k = NULL;
	struct err e = ERR_INIT;
	int rc;

	rc = sign_generate(&k, &e);
	rc = rc ? rc : sign_bytes(k, "x", 1, sig, &e);
	if (rc == 0) {
		sign_public(k, public);
		rc = sign_verify(public, "x", 1, sig, &e);
	}
	sign_free(k);
	rc = rc ? rc : sign_load(getenv("TEST_KEY"), &k, &e);
	rc = rc ? rc : sign_load_public(getenv("TEST_KEY"), public, &e);
	return rc ? 1 : 0;
}

static void trace(const char *conf)
{
	own_buf struct buf seen = BUF_INIT(1 << 20);
	char self[256] = "";
	int status;
	pid_t pid;

	if (unit_emulated())
		unit_skip("strace cannot run a foreign program");
	assert_true(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0);
	pid = fork();
	if (!pid) {
		setenv("TEST_KEY", in_dir("rfc"), 1);
		setenv("ASAN_OPTIONS", "detect_leaks=0", 1); /* it cannot work under strace */
		if (conf)
			setenv("OPENSSL_CONF", conf, 1);
		else
			unsetenv("OPENSSL_CONF");
		execlp("strace", "strace", "-f", "-e", "trace=openat,open,openat2", "-o",
			in_dir("trace"), self, "--work", (char *)NULL);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		unit_skip("no strace here");
	assert_int_equal(status, 0);
	slurp("trace", &seen);
	assert_non_null(strstr(buf_str(&seen), "/rfc"));
	assert_null(strstr(buf_str(&seen), ".cnf"));
	assert_null(strstr(buf_str(&seen), "ossl-modules"));
}

static void openssl_reads_no_configuration(void **state)
{
	(void)state;
	put("evil.cnf",
		"openssl_conf = x\n[x]\nproviders = p\n[p]\nevil = e\n[e]\n"
		"module = /tmp/evil.so\nactivate = 1\n",
		0644);
	put("rfc", rfc_pem, 0600);
	trace(NULL);
	trace(in_dir("evil.cnf"));
}

static int teardown(void **state)
{
	static const char *const names[] = {"rfc", "new", "new.pub", "open", "rsa", "x25519",
		"locked", "ssh", "pub", "empty", "fifo", "other", "evil.cnf", "trace"};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		(void)unlink(in_dir(names[i]));
	return rmdir(dir);
}

/* /proc/PID/mem shows what a process has to whoever may trace it. */
static void a_key_cannot_be_read_from_outside(void **state)
{
	own_fd int probe = (int)syscall(SYS_memfd_secret, 0);
	struct sign_key *k = NULL;
	char line[512];
	bool secret = false;
	FILE *f;

	(void)state;
	if (probe < 0)
		unit_skip("no memfd_secret");
	assert_int_equal(sign_generate(&k, NULL), 0);
	f = fopen("/proc/self/maps", "r");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		secret |= strstr(line, "/secretmem") != NULL;
	fclose(f);
	sign_free(k);
	assert_true(secret);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_key_cannot_be_read_from_outside),
		cmocka_unit_test(signs_as_the_rfc_does),
		cmocka_unit_test(a_saved_key_comes_back),
		cmocka_unit_test(a_child_does_not_hold_the_key),
		cmocka_unit_test(says_what_is_wrong_with_a_key),
		cmocka_unit_test(openssl_reads_no_configuration),
	};

	if (hash_setup(NULL) < 0)
		return 1;
	if (argc > 1 && !strcmp(argv[1], "--work"))
		return work();
	if (!mkdtemp(dir))
		return 1;
	return cmocka_run_group_tests(tests, NULL, teardown);
}
