/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_version - taphos version: what this binary is made of. */
#include "buf.h"
#include "command.h"
#include "jsonw.h"
#include "say.h"
#include "version.h"

#include <archive.h>
#include <gnu/libc-version.h>
#include <jansson.h>
#include <openssl/crypto.h>
#include <seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/capability.h>
#include <zlib.h>
#include <zstd.h>

enum { OPTION_JSON };
enum { VERSION_MAX = 64 * 1024, LIBRARIES = 8 };

static const struct option_def options[] = {
	[OPTION_JSON] = OPTIONS_JSON,
	{0},
};

struct library {
	const char *name;
	char version[32];
};

/* Asked of the linked code, except where it cannot tell. None of these initialises anything. */
static void libraries(struct library ret[LIBRARIES])
{
	const struct scmp_version *seccomp = seccomp_version();
	int archive = archive_version_number();
	struct library *l = ret;

	l->name = "libarchive";
	snprintf(l++->version, 32, "%d.%d.%d", archive / 1000000, archive / 1000 % 1000,
		archive % 1000);
	l->name = "libseccomp";
	snprintf(l++->version, 32, "%u.%u.%u", seccomp->major, seccomp->minor, seccomp->micro);
	l->name = "openssl";
	snprintf(l++->version, 32, "%s", OpenSSL_version(OPENSSL_VERSION_STRING));
	l->name = "jansson";
	snprintf(l++->version, 32, "%s", jansson_version_str());
	l->name = "zlib";
	snprintf(l++->version, 32, "%s", zlibVersion());
	l->name = "zstd";
	snprintf(l++->version, 32, "%s", ZSTD_versionString());
	l->name = "libcap"; /* has no such function */
	snprintf(l++->version, 32, "%d.%d", LIBCAP_MAJOR, LIBCAP_MINOR);
	l->name = "glibc";
	snprintf(l++->version, 32, "%s", gnu_get_libc_version());
}

static void print_json(struct buf *out, const char *build_id, const struct library *l)
{
	struct jsonw w = JSONW(out);

	jsonw_open(&w, NULL);
	jsonw_str(&w, "version", version_string());
	jsonw_str(&w, "build_id", build_id);
	jsonw_open(&w, "libraries");
	for (size_t i = 0; i < LIBRARIES; i++)
		jsonw_str(&w, l[i].name, l[i].version);
	jsonw_close(&w);
	jsonw_close(&w);
	buf_addc(out, '\n');
}

static enum exit_code run(const struct invocation *in)
{
	own_buf struct buf out = BUF_INIT(VERSION_MAX);
	struct library l[LIBRARIES] = {0};
	char build_id[VERSION_BUILD_ID];

	version_build_id(build_id);
	libraries(l);
	if (in->option[OPTION_JSON].on) {
		print_json(&out, build_id, l);
		return say_result(&out, EXIT_COMPLETE);
	}
	buf_addf(&out, "taphos %s\nbuild id %s\n", version_string(),
		build_id[0] ? build_id : "none");
	for (size_t i = 0; i < LIBRARIES; i++)
		buf_addf(&out, "%s %s\n", l[i].name, l[i].version);
	return say_result(&out, EXIT_COMPLETE);
}

const struct command cmd_version = {
	.name = "version",
	.summary = "show version, build id and libraries",
	.options = options,
	.run = run,
};
