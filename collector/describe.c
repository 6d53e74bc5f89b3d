/* SPDX-License-Identifier: Apache-2.0 */
/* describe - the engine's own members. */
#include "describe.h"
#include "caps.h"
#include "io.h"
#include "jsonw.h"
#include "own.h"
#include "profile.h"
#include "run.h"
#include "runtimes.h"
#include "sign.h"
#include "text.h"
#include "version.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/timex.h>
#include <sys/utsname.h>

static void own_digest(struct jsonw *w)
{
	own_fd int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	own_hash struct hash *h = hash_new();
	char block[65536];
	uint8_t digest[HASH_LEN];
	ssize_t n = -1;

	while (fd >= 0 && h && (n = io_read(fd, block, sizeof(block))) > 0)
		hash_add(h, block, (size_t)n);
	if (n != 0) {
		jsonw_null(w, "sha256");
		return;
	}
	hash_end(h, digest);
	jsonw_hexbytes(w, "sha256", digest, sizeof(digest));
}

static void tool(const struct run *r, struct jsonw *w)
{
	char id[VERSION_BUILD_ID];

	version_build_id(id);
	jsonw_open(w, "tool");
	jsonw_str(w, "name", "taphos");
	jsonw_str(w, "version", version_string());
	jsonw_str(w, "build_id", id);
	own_digest(w);
	jsonw_bool(w, "sealed_memfd", r->sealed_start);
	jsonw_close(w);
}

static void target_fields(const struct target *t, struct jsonw *w)
{
	jsonw_str(w, "runtime", target_runtime_names[t->runtime]);
	jsonw_str(w, "id", t->id);
	jsonw_str(w, "name", t->name);
	jsonw_str(w, "runtime_namespace", t->runtime_namespace);
	jsonw_str(w, "image", t->image);
	jsonw_str(w, "image_digest", t->image_digest);
	jsonw_bool(w, "running", t->running);
	jsonw_str(w, "state", t->state_text);
	jsonw_i64(w, "pid", t->pid);
	if (t->pid)
		jsonw_u64(w, "start_ticks", t->start_ticks);
	jsonw_u64(w, "members", t->members);
	jsonw_str(w, "pod_namespace", t->pod_namespace);
	jsonw_str(w, "pod_name", t->pod_name);
	jsonw_str(w, "pod_uid", t->pod_uid);
	jsonw_str(w, "pod_container", t->pod_container);
	jsonw_str(w, "rootfs", target_rootfs_names[t->rootfs]);
}

/* Of a pod, whose evidence lies where. */
static void containers(const struct run *r, bool whole, struct jsonw *w)
{
	jsonw_open_array(w, "containers");
	for (size_t i = 1; i < r->places; i++) {
		const struct place *p = &r->place[i];

		jsonw_open(w, NULL);
		jsonw_bytes(w, "folder", p->folder, strlen(p->folder) - 1);
		jsonw_bool(w, "sandbox", p->kind == PLACE_SANDBOX);
		if (whole) {
			target_fields(p->target, w);
		} else {
			jsonw_str(w, "id", p->target->id);
			jsonw_bool(w, "running", p->target->running);
		}
		jsonw_close(w);
	}
	jsonw_close_array(w);
}

static void describe(const struct run *r, bool whole, struct jsonw *w)
{
	jsonw_open(w, "target");
	target_fields(r->target, w);
	if (r->places > 1)
		containers(r, whole, w);
	jsonw_close(w);
}

void describe_target(const struct run *r, struct jsonw *w)
{
	describe(r, true, w);
}

static void host_file(struct jsonw *w, const char *key, int dirfd, const char *path)
{
	own_buf struct buf b = BUF_INIT(8192);

	if (io_read_file(dirfd, path, &b, NULL) < 0) {
		jsonw_null(w, key);
		return;
	}
	while (b.len && isspace((unsigned char)b.data[b.len - 1]))
		b.len--;
	jsonw_bytes(w, key, b.data, b.len);
}

static void host(const struct run *r, const struct programs *runtimes, struct jsonw *w)
{
	struct timex tx = {0};
	struct timespec boot;
	struct utsname u;

	jsonw_open(w, "host");
	if (uname(&u) == 0) {
		jsonw_str(w, "hostname", u.nodename);
		jsonw_str(w, "kernel", u.release);
		jsonw_str(w, "kernel_build", u.version);
		jsonw_str(w, "machine", u.machine);
	}
	host_file(w, "machine_id", r->host.at.root_fd, "etc/machine-id");
	host_file(w, "boot_id", r->host.at.proc_fd, "sys/kernel/random/boot_id");
	host_file(w, "os_release", r->host.at.root_fd, "usr/lib/os-release");
	jsonw_str(w, "host_root", r->host.root);
	runtimes_render(w, runtimes);
	jsonw_open(w, "clock");
	jsonw_time(w, "wall", r->started);
	clock_gettime(CLOCK_BOOTTIME, &boot);
	jsonw_u64(w, "boot_ns", (uint64_t)boot.tv_sec * 1000000000ULL + (uint64_t)boot.tv_nsec);
	jsonw_bool(w, "synchronised", adjtimex(&tx) >= 0 && !(tx.status & STA_UNSYNC));
	jsonw_i64(w, "max_error_us", tx.maxerror);
	jsonw_close(w);
	jsonw_close(w);
}

static void signer(const struct run *r, struct jsonw *w)
{
	char fingerprint[HASH_HEX];

	sign_fingerprint(r->signer, fingerprint);
	jsonw_open(w, "signer");
	jsonw_str(w, "algorithm", "Ed25519");
	jsonw_hexbytes(w, "public_key", r->signer, sizeof(r->signer));
	jsonw_str(w, "fingerprint", fingerprint);
	jsonw_bool(w, "made_for_this_run", !r->rq->key);
	jsonw_close(w);
}

static void how_run(const struct run *r, struct jsonw *w)
{
	char caps[2048];

	caps_names(caps_effective(), caps, sizeof(caps));
	jsonw_open_array(w, "argv");
	for (int i = 0; i < r->rq->argc; i++)
		jsonw_str(w, NULL, r->rq->argv[i]);
	jsonw_close_array(w);
	jsonw_str(w, "capabilities", caps);
	jsonw_str(w, "case", r->rq->case_id);
	jsonw_str(w, "operator", r->rq->operator_name);
	jsonw_u64(w, "deadline_ms", (r->deadline_ns - r->started_ns) / 1000000);
	jsonw_u64(w, "max_size", r->rq->max_size);
	jsonw_str(w, "freeze", engine_freezes[r->rq->freeze]);
	jsonw_u64(w, "max_freeze_ms", r->rq->max_freeze_ns / 1000000);
	jsonw_bool(w, "memory_maps", r->rq->memory_maps);
	jsonw_bool(w, "forced", r->rq->force);
	jsonw_open(w, "profile");
	jsonw_str(w, "name", profile_name(r->profile));
	jsonw_str(w, "text", profile_text(r->profile));
	jsonw_close(w);
}

int describe_begin(
	const struct run *r, const struct programs *runtimes, struct buf *out, struct err *e)
{
	struct jsonw w = JSONW(out);

	jsonw_open(&w, NULL);
	jsonw_str(&w, "format", "taphos/1");
	jsonw_str(&w, "run_id", r->run_id);
	jsonw_time(&w, "started", r->started);
	tool(r, &w);
	how_run(r, &w);
	describe_target(r, &w);
	host(r, runtimes, &w);
	signer(r, &w);
	jsonw_close(&w);
	buf_addc(out, '\n');
	return buf_check(out, e);
}

static int manifest_fields(const struct run *r, bool whole, struct buf *out, struct err *e)
{
	own_buf struct buf object = BUF_INIT(out->max);
	struct jsonw w = JSONW(&object);
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	jsonw_open(&w, NULL);
	jsonw_str(&w, "run_id", r->run_id);
	jsonw_time(&w, "started", r->started);
	jsonw_time(&w, "ended", now);
	jsonw_str(&w, "case", r->rq->case_id);
	jsonw_str(&w, "profile", profile_name(r->profile));
	tool(r, &w);
	if (whole)
		describe(r, false, &w);
	jsonw_close(&w);
	if (buf_check(&object, e) < 0)
		return -ENOSPC;
	buf_add(out, object.data + 1, object.len - 2); /* without the braces */
	return buf_check(out, e);
}

int describe_manifest_fields(const struct run *r, struct buf *out, struct err *e)
{
	/* Names of nothing but escapes may be too long to say twice: begin.json has them. */
	return manifest_fields(r, true, out, NULL) == 0 ? 0 : manifest_fields(r, false, out, e);
}

void describe_label(const struct run *r, char *ret, unsigned size)
{
	const struct target *t = r->target;
	unsigned n = 0;

	bool pod = r->places > 1;
	unsigned max = pod ? 40 : 12;

	for (const char *p = pod ? t->pod_name : t->id; *p && n < max && n + 1 < size; p++, n++)
		ret[n] = isalnum((unsigned char)*p) || (n && *p == '-') ? *p : '_';
	ret[n] = '\0';
	if (!n)
		snprintf(ret, size, "pid%d", (int)t->pid);
}
