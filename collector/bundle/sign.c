/* SPDX-License-Identifier: Apache-2.0 */
/* sign - Ed25519 keys, signatures, fingerprints (OpenSSL). */
#include "sign.h"

#include "buf.h"
#include "io.h"
#include "own.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
	PEM_MAX = 16384, /* a key file: RSA keys must fit, to be named for what they are */
	PEM_TEXT = 192,	 /* an Ed25519 key as PEM, either half */
};

/* What stands before the 32 bytes of a key: PKCS #8 and SubjectPublicKeyInfo (RFC 8410). */
static const uint8_t der_private[] = {0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b,
	0x65, 0x70, 0x04, 0x22, 0x04, 0x20};
static const uint8_t der_public[] = {
	0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00};

/*
 * A key is its seed, on a page of its own: locked, left out of core dumps, and
 * empty in every child process, so that a worker never holds it. OpenSSL's own
 * copy lives for the length of one signature and is wiped by it: whoever may read
 * our memory must stand still meanwhile.
 */
struct sign_key {
	uint8_t *seed; /* plain, or a page that /proc/PID/mem does not show either */
	uint8_t plain[SEAL_KEY];
	uint8_t public[SEAL_KEY];
	bool here; /* false in a child */
};

static void free_pkey(EVP_PKEY **p)
{
	EVP_PKEY_free(*p);
}

static void free_md(EVP_MD_CTX **c)
{
	EVP_MD_CTX_free(*c);
}

#define own_pkey __attribute__((cleanup(free_pkey)))
#define own_md __attribute__((cleanup(free_md)))

/*
 * Memory that nobody can read through the kernel: a worker that reads the target's processes
 * may read the engine's. Linux 5.14, unless it is switched off. A child does not have it.
 */
static uint8_t *secret_alloc(void)
{
#ifdef SYS_memfd_secret
	own_fd int fd = (int)syscall(SYS_memfd_secret, O_CLOEXEC);
	void *p = MAP_FAILED;

	if (fd >= 0 && ftruncate(fd, SEAL_KEY) == 0)
		p = mmap(NULL, SEAL_KEY, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p != MAP_FAILED && madvise(p, SEAL_KEY, MADV_DONTFORK) == 0)
		return p;
	if (p != MAP_FAILED)
		(void)munmap(p, SEAL_KEY);
#endif
	return NULL;
}

static struct sign_key *key_alloc(void)
{
	struct sign_key *k =
		mmap(NULL, sizeof(*k), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (k == MAP_FAILED)
		return NULL;
	/* each as far as it goes: RLIMIT_MEMLOCK may be 0 */
	(void)mlock(k, sizeof(*k));
	(void)madvise(k, sizeof(*k), MADV_DONTDUMP);
	(void)madvise(k, sizeof(*k), MADV_WIPEONFORK);
	k->here = true;
	k->seed = secret_alloc();
	if (!k->seed)
		k->seed = k->plain;
	return k;
}

void sign_free(struct sign_key *k)
{
	if (!k)
		return;
	if (k->here)
		OPENSSL_cleanse(k->seed, SEAL_KEY);
	if (k->here && k->seed != k->plain)
		(void)munmap(k->seed, SEAL_KEY);
	(void)munmap(k, sizeof(*k));
}

static void free_key(struct sign_key **k)
{
	sign_free(*k);
}

#define own_key __attribute__((cleanup(free_key)))

/* The half that OpenSSL computes. */
static int derive_public(struct sign_key *k, struct err *e)
{
	own_pkey EVP_PKEY *p =
		EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, k->seed, SEAL_KEY);
	size_t n = sizeof(k->public);

	if (!p || EVP_PKEY_get_raw_public_key(p, k->public, &n) != 1 || n != sizeof(k->public))
		return err_set(e, EIO, "OpenSSL cannot use an Ed25519 key");
	return 0;
}

int sign_generate(struct sign_key **ret, struct err *e)
{
	own_key struct sign_key *k = key_alloc();
	int rc;

	if (!k)
		return err_set(e, ENOMEM, "no memory for a key");
	if (getrandom(k->seed, SEAL_KEY, 0) != SEAL_KEY)
		return err_errno(e, "random numbers for a key");
	rc = derive_public(k, e);
	if (rc < 0)
		return rc;
	*ret = take_ptr(k);
	return 0;
}

void sign_public(const struct sign_key *k, uint8_t ret[SEAL_KEY])
{
	memcpy(ret, k->public, SEAL_KEY);
}

int sign_bytes(
	const struct sign_key *k, const void *p, size_t n, uint8_t ret[SEAL_SIG], struct err *e)
{
	own_pkey EVP_PKEY *key = NULL;
	own_md EVP_MD_CTX *c = NULL;
	size_t len = SEAL_SIG;

	if (!k->here)
		return err_set(e, EPERM, "the key stayed in the process that loaded it");
	key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, k->seed, SEAL_KEY);
	c = EVP_MD_CTX_new();
	if (!key || !c || EVP_DigestSignInit(c, NULL, NULL, NULL, key) != 1 ||
		EVP_DigestSign(c, ret, &len, p, n) != 1 || len != SEAL_SIG)
		return err_set(e, EIO, "OpenSSL cannot sign");
	return 0;
}

int sign_verify(const uint8_t key[SEAL_KEY], const void *p, size_t n, const uint8_t sig[SEAL_SIG],
	struct err *e)
{
	own_pkey EVP_PKEY *k = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, key, SEAL_KEY);
	own_md EVP_MD_CTX *c = EVP_MD_CTX_new();
	int good;

	if (!k || !c || EVP_DigestVerifyInit(c, NULL, NULL, NULL, k) != 1)
		return err_set(e, EIO, "OpenSSL cannot verify");
	good = EVP_DigestVerify(c, sig, SEAL_SIG, p, n);
	ERR_clear_error();
	return good == 1 ? 0 : err_set(e, EBADMSG, "the signature does not fit");
}

void sign_fingerprint(const uint8_t key[SEAL_KEY], char ret[HASH_HEX])
{
	uint8_t digest[HASH_LEN];

	hash_of(key, SEAL_KEY, digest);
	hash_hex(digest, ret);
}

/* The file's text into ret (PEM_MAX bytes, a string). */
static int read_pem(const char *path, bool private, char *ret, struct err *e)
{
	own_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_errno(e, "key %s", path);
	if (!S_ISREG(st.st_mode))
		return err_set(e, EINVAL, "key %s: not a regular file", path);
	if (private && st.st_uid != geteuid() && st.st_uid != 0)
		return err_set(e, EPERM, "key %s belongs to user %u: 'chown root %s'", path,
			(unsigned)st.st_uid, path);
	if (private && (st.st_mode & 077))
		return err_set(e, EPERM, "key %s can be read or written by others: 'chmod 600 %s'",
			path, path);
	n = io_read(fd, ret, PEM_MAX);
	if (n < 0)
		return err_set(e, (int)-n, "key %s: %s", path, strerror((int)-n));
	if (n == PEM_MAX)
		return err_set(e, EINVAL, "key %s: too large to be a key", path);
	ret[n] = '\0';
	return 0;
}

static int no_password(char *text, int size, int writing, void *arg)
{
	(void)text;
	(void)size;
	(void)writing;
	(void)arg;
	return -1;
}

/* Any PEM key; NULL: none. The buffers on the way are wiped by OpenSSL. */
static EVP_PKEY *parse_pem(const char *text, bool private)
{
	BIO *bio = BIO_new_mem_buf(text, -1);
	const unsigned char *at;
	unsigned char *der = NULL;
	EVP_PKEY *k = NULL;
	long len = 0;

	if (bio && !private)
		k = PEM_read_bio_PUBKEY(bio, NULL, no_password, NULL);
	else if (bio && PEM_bytes_read_bio_secmem(&der, &len, NULL, PEM_STRING_EVP_PKEY, bio,
				no_password, NULL) == 1) {
		at = der;
		k = d2i_AutoPrivateKey(NULL, &at, len);
	}
	OPENSSL_secure_clear_free(der, (size_t)len);
	BIO_free(bio);
	ERR_clear_error();
	return k;
}

/* Says what a text is that parse_pem could not use. */
static int refuse_pem(const char *path, const char *text, struct err *e)
{
	if (strstr(text, "ENCRYPTED"))
		return err_set(e, EINVAL,
			"key %s has a password: take it off with "
			"'openssl pkey -in %s -out NEW'",
			path, path);
	if (strstr(text, "-----BEGIN OPENSSH"))
		return err_set(
			e, EINVAL, "key %s is an OpenSSH key: make one with 'taphos keygen'", path);
	if (strstr(text, "-----BEGIN PUBLIC KEY") || strstr(text, "-----BEGIN CERT"))
		return err_set(
			e, EINVAL, "key %s is a public one: to sign takes the private key", path);
	return err_set(e, EINVAL, "key %s: not a PEM key: make one with 'taphos keygen'", path);
}

static int refuse_type(const char *path, const EVP_PKEY *k, struct err *e)
{
	const char *type = EVP_PKEY_get0_type_name(k);

	return err_set(e, EINVAL,
		"%s is an %s key: taphos signs with Ed25519, make one with 'taphos keygen'", path,
		type ? type : "unknown");
}

static int load(const char *path, char *text, struct sign_key *k, struct err *e)
{
	own_pkey EVP_PKEY *p = NULL;
	size_t n = SEAL_KEY;
	int rc;

	rc = read_pem(path, true, text, e);
	if (rc < 0)
		return rc;
	p = parse_pem(text, true);
	if (!p)
		return refuse_pem(path, text, e);
	if (EVP_PKEY_get_id(p) != EVP_PKEY_ED25519)
		return refuse_type(path, p, e);
	if (EVP_PKEY_get_raw_private_key(p, k->seed, &n) != 1 || n != SEAL_KEY)
		return err_set(e, EIO, "key %s: OpenSSL cannot use it", path);
	return derive_public(k, e);
}

int sign_load(const char *path, struct sign_key **ret, struct err *e)
{
	own_key struct sign_key *k = key_alloc();
	char text[PEM_MAX + 1];
	int rc;

	if (!k)
		return err_set(e, ENOMEM, "no memory for a key");
	rc = load(path, text, k, e);
	OPENSSL_cleanse(text, sizeof(text));
	if (rc == 0)
		*ret = take_ptr(k);
	return rc;
}

static int load_public(const char *path, char *text, uint8_t ret[SEAL_KEY], struct err *e)
{
	own_pkey EVP_PKEY *p = NULL;
	size_t n = SEAL_KEY;
	int rc;

	rc = read_pem(path, false, text, e);
	if (rc < 0)
		return rc;
	p = parse_pem(text, false);
	if (!p)
		p = parse_pem(text, true);
	if (!p)
		return err_set(e, EINVAL, "key %s: not a public key in PEM", path);
	if (EVP_PKEY_get_id(p) != EVP_PKEY_ED25519)
		return refuse_type(path, p, e);
	if (EVP_PKEY_get_raw_public_key(p, ret, &n) != 1 || n != SEAL_KEY)
		return err_set(e, EIO, "key %s: OpenSSL cannot use it", path);
	return 0;
}

int sign_load_public(const char *path, uint8_t ret[SEAL_KEY], struct err *e)
{
	char text[PEM_MAX + 1];
	int rc = load_public(path, text, ret, e);

	OPENSSL_cleanse(text, sizeof(text));
	return rc;
}

/* "-----BEGIN LABEL KEY-----" and what follows, of head and the 32 bytes behind it. */
static int render_pem(
	const char *label, const uint8_t *head, size_t n, const uint8_t *key, struct buf *out)
{
	uint8_t der[sizeof(der_private) + SEAL_KEY];

	memcpy(der, head, n);
	memcpy(der + n, key, SEAL_KEY);
	buf_addf(out, "-----BEGIN %s KEY-----\n", label);
	text_base64(out, der, n + SEAL_KEY);
	buf_addf(out, "\n-----END %s KEY-----\n", label);
	OPENSSL_cleanse(der, sizeof(der));
	return out->failed ? -ENOSPC : 0;
}

int sign_public_pem(const uint8_t key[SEAL_KEY], char *ret, size_t size, struct err *e)
{
	own_buf struct buf b = BUF_INIT(PEM_TEXT);

	if (render_pem("PUBLIC", der_public, sizeof(der_public), key, &b) < 0 || b.len >= size)
		return err_set(e, ENOSPC, "no room for a key");
	memcpy(ret, b.data, b.len + 1);
	return 0;
}

/* A new file; nothing is left of one that could not be written whole. */
static int write_new(const char *path, mode_t mode, const struct buf *text, struct err *e)
{
	own_fd int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	int rc;

	if (fd < 0)
		return err_errno(e, "create %s", path);
	rc = fchmod(fd, mode) < 0 ? -errno : io_write(fd, text->data, text->len);
	if (rc == 0 && fsync(fd) < 0)
		rc = -errno;
	if (close(take_fd(&fd)) < 0 && rc == 0)
		rc = -errno;
	if (rc == 0)
		return 0;
	(void)unlink(path);
	return err_set(e, -rc, "write %s: %s", path, strerror(-rc));
}

static int save_private(const struct sign_key *k, const char *path, struct err *e)
{
	own_buf struct buf pem = BUF_INIT(PEM_TEXT);
	int rc;

	/* room first: a buffer that grows leaves copies behind */
	if (!buf_room(&pem, PEM_TEXT) ||
		render_pem("PRIVATE", der_private, sizeof(der_private), k->seed, &pem) < 0)
		rc = err_set(e, ENOMEM, "no memory for a key");
	else
		rc = write_new(path, 0600, &pem, e);
	if (pem.data)
		OPENSSL_cleanse(pem.data, pem.cap);
	return rc;
}

int sign_save(const struct sign_key *k, const char *path, struct err *e)
{
	own_buf struct buf pem = BUF_INIT(PEM_TEXT), name = BUF_INIT(65536);
	int rc;

	if (!k->here)
		return err_set(e, EPERM, "the key stayed in the process that loaded it");
	buf_addf(&name, "%s.pub", path);
	render_pem("PUBLIC", der_public, sizeof(der_public), k->public, &pem);
	if (name.failed || pem.failed)
		return err_set(e, ENOMEM, "no memory for a key");
	rc = save_private(k, path, e);
	if (rc < 0)
		return rc;
	rc = write_new(buf_str(&name), 0644, &pem, e);
	if (rc < 0)
		(void)unlink(path);
	return rc;
}
