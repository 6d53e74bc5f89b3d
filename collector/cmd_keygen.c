/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_keygen - taphos keygen: an Ed25519 key pair for signing bundles. */
#include "buf.h"
#include "command.h"
#include "hash.h"
#include "jsonw.h"
#include "own.h"
#include "say.h"
#include "sign.h"
#include "text.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

enum { OPTION_OUTPUT, OPTION_JSON };
enum { PATH_MAX_BYTES = 4096, RESULT_MAX = 64 * 1024 };

static const struct option_def options[] = {
	/* OPT_LINE: TAPHOS_OUTPUT is where bundles go. */
	[OPTION_OUTPUT] = {.name = "output",
		.letter = 'o',
		.kind = OPT_FILE,
		.flags = OPT_LINE,
		.metavar = "FILE",
		.def = "taphos.key",
		.help = "the private key goes to FILE, the public one to FILE.pub"},
	[OPTION_JSON] = OPTIONS_JSON,
	{0},
};

static void free_key(struct sign_key **k)
{
	sign_free(*k);
}

static int make_key(const char *path, uint8_t ret_public[SEAL_KEY], struct err *e)
{
	__attribute__((cleanup(free_key))) struct sign_key *key = NULL;
	int rc = hash_setup(e);

	if (!rc)
		rc = sign_generate(&key, e);
	if (!rc)
		rc = sign_save(key, path, e);
	if (!rc)
		sign_public(key, ret_public);
	return rc;
}

static void print_json(
	struct buf *out, const char *path, const char *public_path, const char *fingerprint)
{
	struct jsonw w = JSONW(out);

	jsonw_open(&w, NULL);
	jsonw_str(&w, "key", path);
	jsonw_str(&w, "public", public_path);
	jsonw_str(&w, "fingerprint", fingerprint);
	jsonw_close(&w);
	buf_addc(out, '\n');
}

static void print_text(
	struct buf *out, const char *path, const char *public_path, const char *fingerprint)
{
	buf_adds(out, "private key  ");
	text_escape(out, path, strlen(path));
	buf_adds(out, "\npublic key   ");
	text_escape(out, public_path, strlen(public_path));
	buf_addf(out, "\nfingerprint  %s\n", fingerprint);
}

static enum exit_code run(const struct invocation *in)
{
	own_buf struct buf out = BUF_INIT(RESULT_MAX), public_path = BUF_INIT(PATH_MAX_BYTES);
	const char *path = in->option[OPTION_OUTPUT].text;
	uint8_t public[SEAL_KEY];
	char fingerprint[HASH_HEX];
	struct err e = ERR_INIT;

	if (make_key(path, public, &e) < 0) {
		say(e.code == EEXIST ? "%s: nothing was changed; name another file with --output"
				     : "%s",
			e.text);
		return EXIT_FAILED;
	}
	sign_fingerprint(public, fingerprint);
	buf_addf(&public_path, "%s.pub", path);
	if (in->option[OPTION_JSON].on)
		print_json(&out, path, buf_str(&public_path), fingerprint);
	else
		print_text(&out, path, buf_str(&public_path), fingerprint);
	return say_result(&out, EXIT_COMPLETE);
}

const struct command cmd_keygen = {
	.name = "keygen",
	.summary = "make an Ed25519 key pair",
	.details = "Neither file may exist yet. Keep the private key away from the nodes that you "
		   "collect from when you can; the public one goes to whoever verifies.",
	.options = options,
	.run = run,
};
