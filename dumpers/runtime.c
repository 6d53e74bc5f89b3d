/* SPDX-License-Identifier: Apache-2.0 */
/* runtime - what the container runtime itself says of the target: its configuration and
 * state files, the image's configuration, and what we made of them. */
#include "dumper.h"

#include "buf.h"
#include "censor.h"
#include "io.h"
#include "jsonw.h"
#include "jsonx.h"
#include "own.h"
#include "redact.h"
#include "sink.h"
#include "target.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	STATE_MAX = 8 << 20, /* of one file: the tree of its values must fit in memory too */
	MEMBER_MAX = 160,
};

enum { OPT_REDACT, OPT_SECRET_WORDS };

static const struct dumper_option options[] = {
	[OPT_REDACT] = {"redact", OPTION_BOOL, "true",
		"digests in place of values that look secret", NULL},
	[OPT_SECRET_WORDS] = {"secret_words", OPTION_LIST, REDACT_WORDS,
		"words in a name that make its value secret", NULL},
	{0},
};

static int gone(struct err *e)
{
	return err_set(e, EPIPE, "the writer is gone");
}

/* ---- one file ---- */

/* A file's text into the bundle, redacted where it is JSON. */
static int send_text(
	const struct dump *d, const char *member, struct buf *text, struct sink *out, struct err *e)
{
	size_t first = strspn(buf_str(text), " \t\r\n");
	bool json = first < text->len && strchr("{[", text->data[first]);
	bool redact = json && d->options[OPT_REDACT].b;

	return censor_send(out, member, text, redact ? d->options[OPT_SECRET_WORDS].list : NULL, e);
}

/* No runtime gives a file of its state two names: somebody else may have, to a file of the host. */
static int read_state(const struct dump *d, const char *path, struct buf *text, struct err *e)
{
	own_fd int fd = io_open_in(d->host_fd, path, O_RDONLY, e);
	struct stat st;
	int rc;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return err_errno(e, "stat %s", path);
	if (!S_ISREG(st.st_mode))
		return err_set(e, EINVAL, "%s: not a regular file", path);
	if (st.st_nlink > 1)
		return err_set(e, EMLINK, "it has other names: it may be any file of the host");
	rc = io_read_all(fd, text, e);
	return rc < 0 ? err_wrap(e, rc, "%s", path) : 0;
}

/* A file of the host, by its path. -ENOENT when there is none: the caller knows if that is a gap.
 */
static int send_file(
	const struct dump *d, const char *path, const char *member, struct sink *out, struct err *e)
{
	own_buf struct buf text = BUF_INIT(STATE_MAX);
	struct err why = ERR_INIT;
	int rc;

	rc = read_state(d, path, &text, &why);
	if (rc == 0)
		return send_text(d, member, &text, out, e);
	if (rc == -ENOENT || rc == -ENOTDIR)
		return err_set(e, ENOENT, "%s", why.text);
	rc = sink_gapf(out,
		rc == -EFBIG	? GAP_OVER_BUDGET
		: rc == -EMLINK ? GAP_REFUSED
				: GAP_UNREADABLE,
		member, &why, "/%s", path);
	return rc < 0 ? gone(e) : 0;
}

/* ---- the state files ---- */

/* runtime/LABEL, in our alphabet; "-2" and so on where two have one label. */
static void name_member(const struct target *t, unsigned i, char ret[MEMBER_MAX])
{
	unsigned same = 1;
	size_t n;

	for (unsigned j = 0; j < i; j++)
		same += !strcmp(t->state[j].label, t->state[i].label);
	n = (size_t)snprintf(ret, MEMBER_MAX, "runtime/");
	for (const char *p = t->state[i].label; *p && n < MEMBER_MAX - 16; p++) {
		bool plain = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') ||
			     (*p >= '0' && *p <= '9') || *p == '-' || *p == '_' ||
			     (*p == '.' && ret[n - 1] != '/' && ret[n - 1] != '.') ||
			     (*p == '/' && ret[n - 1] != '/' && p[1]);
		ret[n++] = plain ? *p : '_';
	}
	ret[n] = '\0';
	if (same > 1)
		snprintf(ret + n, MEMBER_MAX - n, "-%u", same);
}

static int send_states(const struct dump *d, struct sink *out, struct err *e)
{
	const struct target *t = d->target;

	for (unsigned i = 0; i < t->states && i < TARGET_STATES; i++) {
		char member[MEMBER_MAX];
		struct err why = ERR_INIT;
		int rc;

		name_member(t, i, member);
		sink_item(out, i);
		rc = send_file(d, t->state[i].path, member, out, &why);
		if (rc == -ENOENT)
			rc = sink_gapf(out, GAP_VANISHED, member, &why, "/%s", t->state[i].path);
		if (rc < 0)
			return err_set(e, -rc, "%s", why.text);
	}
	return 0;
}

/* ---- the image ---- */

/* "sha256:HEX" or "...@sha256:HEX" to its 64 digits; NULL when it is none. */
static const char *digest_hex(const char *digest)
{
	const char *at = strstr(digest, "sha256:");
	const char *hex = at ? at + 7 : digest;

	return strspn(hex, "0123456789abcdef") == 64 && !hex[64] ? hex : NULL;
}

/* The directory of an engine: what stands before 'mark' in a path. */
static bool root_before(const char *path, const char *mark, char ret[TARGET_PATH])
{
	const char *at = strstr(path, mark);

	if (!at || (size_t)(at - path) >= TARGET_PATH)
		return false;
	snprintf(ret, TARGET_PATH, "%.*s", (int)(at - path), path);
	return true;
}

static const struct target_file *find_state(const struct target *t, const char *label)
{
	for (unsigned i = 0; i < t->states && i < TARGET_STATES; i++)
		if (!strcmp(t->state[i].label, label))
			return &t->state[i];
	return NULL;
}

static json_t *parse_file(const struct dump *d, const char *path)
{
	own_buf struct buf text = BUF_INIT(STATE_MAX);

	if (io_read_file(d->host_fd, path, &text, NULL) < 0)
		return NULL;
	return jsonx_parse(buf_str(&text), text.len, NULL);
}

static int send_image_file(
	const struct dump *d, const char *path, const char *member, struct sink *out, struct err *e)
{
	struct err why = ERR_INIT;
	int rc = send_file(d, path, member, out, &why);

	/* its absence loses nothing that was this container's own */
	return rc < 0 && rc != -ENOENT ? err_set(e, -rc, "%s", why.text) : 0;
}

static bool is_word(const char *s)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-");

	return n && !s[n];
}

/* docker: config.v2.json names the image by the digest of its configuration. */
static int send_docker_image(const struct dump *d, struct sink *out, struct err *e)
{
	const struct target_file *f = find_state(d->target, "config.v2.json");
	own_json json_t *config = f ? parse_file(d, f->path) : NULL;
	const char *hex = digest_hex(jsonx_text(config, "Image"));
	const char *driver = jsonx_text(config, "Driver");
	char root[TARGET_PATH], path[2 * TARGET_PATH];

	if (!f || !hex || !is_word(driver) || !root_before(f->path, "/containers/", root))
		return 0;
	snprintf(path, sizeof(path), "%s/image/%s/imagedb/content/sha256/%s", root, driver, hex);
	return send_image_file(d, path, "runtime/image-config.json", out, e);
}

/* containerd: the image's digest is of an index or a manifest in the content store. */
static int send_containerd_image(const struct dump *d, struct sink *out, struct err *e)
{
	static const char store[] = "io.containerd.content.v1.content/blobs/sha256";
	const struct target *t = d->target;
	const char *hex = digest_hex(t->image_digest);
	char root[TARGET_PATH] = "/var/lib/containerd", path[2 * TARGET_PATH];
	int rc;

	if (!hex || t->runtime == RUNTIME_DOCKER)
		return 0;
	(void)root_before(t->upper_path, "/io.containerd.snapshotter", root);
	snprintf(path, sizeof(path), "%s/%s/%s", root + (root[0] == '/'), store, hex);
	rc = send_image_file(d, path, "runtime/image-manifest.json", out, e);
	if (rc == 0) {
		own_json json_t *manifest = parse_file(d, path);
		const char *config = digest_hex(jsonx_text(manifest, "config.digest"));

		if (!config)
			return 0;
		snprintf(path, sizeof(path), "%s/%s/%s", root + (root[0] == '/'), store, config);
		rc = send_image_file(d, path, "runtime/image-config.json", out, e);
	}
	return rc;
}

/* podman and CRI-O: containers/storage names the image's configuration by the base64 of its key. */
static int send_storage_image(const struct dump *d, struct sink *out, struct err *e)
{
	const struct target *t = d->target;
	const char *hex = digest_hex(t->image_digest);
	own_buf struct buf name = BUF_INIT(256);
	char root[TARGET_PATH], path[2 * TARGET_PATH], key[80];
	const char *at = root;
	bool found;
	int rc;

	/* state files lie under the run root as well, where there are no images */
	found = hex && root_before(t->upper_path, "/overlay/", root);
	for (unsigned i = 0; hex && !found && i < t->states && i < TARGET_STATES; i++)
		found = root_before(t->state[i].path, "/overlay-containers/", root);
	if (!found)
		return 0;
	at += root[0] == '/';
	snprintf(key, sizeof(key), "sha256:%.64s", hex);
	text_base64(&name, key, strlen(key));
	snprintf(path, sizeof(path), "%s/overlay-images/%s/manifest", at, hex);
	rc = send_image_file(d, path, "runtime/image-manifest.json", out, e);
	if (rc < 0)
		return rc;
	snprintf(path, sizeof(path), "%s/overlay-images/%s/=%s", at, hex, buf_str(&name));
	return send_image_file(d, path, "runtime/image-config.json", out, e);
}

/* ---- what we made of it ---- */

static void put_identity(struct jsonw *w, const struct target *t)
{
	jsonw_str(w, "id", t->id);
	jsonw_str(w, "name", t->name);
	jsonw_str(w, "runtime", target_runtime_names[t->runtime]);
	jsonw_str(w, "runtime_namespace", t->runtime_namespace);
	jsonw_str(w, "oci_runtime", t->oci_runtime);
	jsonw_str(w, "state", t->state_text);
	jsonw_bool(w, "running", t->running);
	jsonw_bool(w, "host_namespaces", t->host_namespaces);
	jsonw_str(w, "image", t->image);
	jsonw_str(w, "image_digest", t->image_digest);
	jsonw_str(w, "pod_namespace", t->pod_namespace);
	jsonw_str(w, "pod_name", t->pod_name);
	jsonw_str(w, "pod_uid", t->pod_uid);
	jsonw_str(w, "pod_container", t->pod_container);
	jsonw_str(w, "sandbox_id", t->sandbox_id);
}

static void put_process(struct jsonw *w, const struct target *t)
{
	jsonw_i64(w, "pid", t->pid);
	jsonw_u64(w, "start_ticks", t->start_ticks);
	jsonw_u64(w, "members", t->members);
	jsonw_open(w, "namespaces");
	jsonw_u64(w, "pid", t->ns_pid);
	jsonw_u64(w, "mnt", t->ns_mnt);
	jsonw_u64(w, "net", t->ns_net);
	jsonw_u64(w, "user", t->ns_user);
	jsonw_u64(w, "ipc", t->ns_ipc);
	jsonw_u64(w, "uts", t->ns_uts);
	jsonw_u64(w, "cgroup", t->ns_cgroup);
	jsonw_close(w);
	jsonw_str(w, "cgroup_v2", t->cgroup_v2);
	jsonw_str(w, "cgroup_v1", t->cgroup_v1);
}

static void put_rootfs(struct jsonw *w, const struct target *t)
{
	jsonw_open(w, "rootfs");
	jsonw_str(w, "kind", target_rootfs_names[t->rootfs]);
	jsonw_str(w, "note", t->rootfs_note);
	jsonw_str(w, "upper", t->upper_path);
	jsonw_u64(w, "lowers", t->lowers);
	jsonw_bool(w, "lowers_complete", t->lowers_complete);
	jsonw_u64(w, "layer_bytes", t->layer_bytes);
	jsonw_close(w);
}

static void put_mounts(struct jsonw *w, const struct target *t)
{
	char dev[32];

	jsonw_open_array(w, "mounts");
	for (unsigned i = 0; i < t->mounts && i < TARGET_MOUNTS; i++) {
		const struct target_mount *m = &t->mount[i];

		jsonw_open(w, NULL);
		jsonw_str(w, "kind", target_mount_names[m->kind]);
		jsonw_str(w, "point", m->point);
		jsonw_str(w, "source", m->source);
		jsonw_str(w, "type", m->type);
		jsonw_u64(w, "id", m->id);
		snprintf(dev, sizeof(dev), "%u:%u", m->major, m->minor);
		jsonw_str(w, "device", dev);
		jsonw_bool(w, "covered", m->covered);
		jsonw_close(w);
		buf_addc(w->out, '\n');
	}
	jsonw_close_array(w);
}

static void put_files(
	struct jsonw *w, const char *key, const struct target_file *f, unsigned n, unsigned max)
{
	jsonw_open_array(w, key);
	for (unsigned i = 0; i < n && i < max; i++) {
		jsonw_open(w, NULL);
		jsonw_str(w, "label", f[i].label);
		jsonw_str(w, "path", f[i].path);
		jsonw_close(w);
	}
	jsonw_close_array(w);
}

static int send_target(const struct dump *d, struct sink *out, struct err *e)
{
	const struct target *t = d->target;
	own_buf struct buf b = BUF_INIT(STATE_MAX);
	struct jsonw w = JSONW(&b);
	int rc;

	jsonw_open(&w, NULL);
	put_identity(&w, t);
	put_process(&w, t);
	put_rootfs(&w, t);
	put_mounts(&w, t);
	put_files(&w, "logs", t->log, t->logs, TARGET_LOGS);
	put_files(&w, "states", t->state, t->states, TARGET_STATES);
	jsonw_open_array(&w, "findings");
	for (unsigned i = 0; i < t->findings && i < TARGET_FINDINGS; i++)
		jsonw_str(&w, NULL, t->finding[i]);
	jsonw_close_array(&w);
	jsonw_bool(&w, "truncated", t->truncated);
	jsonw_close(&w);
	buf_addc(&b, '\n');
	rc = buf_check(&b, e);
	return rc < 0 ? rc : sink_blob(out, "runtime/target.json", b.data, b.len, e);
}

static int run(const struct dump *d, struct sink *out, struct err *e)
{
	const struct target *t = d->target;
	int rc = send_target(d, out, e);

	if (rc == 0)
		rc = send_states(d, out, e);
	if (rc == 0)
		rc = send_docker_image(d, out, e);
	if (rc == 0 && (t->runtime == RUNTIME_PODMAN || t->runtime == RUNTIME_CRIO))
		return send_storage_image(d, out, e);
	return rc == 0 ? send_containerd_image(d, out, e) : rc;
}

static int estimate(const struct dump *d, struct dump_estimate *ret, struct err *e)
{
	const struct target *t = d->target;

	(void)e;
	ret->items = 1;
	ret->bytes = 16384;
	for (unsigned i = 0; i < t->states && i < TARGET_STATES; i++) {
		own_fd int fd = io_open_in(d->host_fd, t->state[i].path, O_PATH, NULL);
		struct stat st;

		if (fd < 0 || fstatat(fd, "", &st, AT_EMPTY_PATH) < 0)
			continue;
		ret->items++;
		ret->bytes += (uint64_t)st.st_size;
	}
	snprintf(ret->touches, sizeof(ret->touches), "nothing: files of the runtime on the host");
	return 0;
}

static const char *const prefixes[] = {"runtime/", NULL};

const struct dumper dumper_runtime = {
	.name = "runtime",
	.summary =
		"the runtime's configuration and state of the container, its image's configuration",
	.prefixes = prefixes,
	.caps = DUMPER_CAP(CAP_DAC_READ_SEARCH),
	.options = options,
	.run = run,
	.estimate = estimate,
};
