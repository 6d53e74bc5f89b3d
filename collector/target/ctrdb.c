/* SPDX-License-Identifier: Apache-2.0 */
/* ctrdb - what containerd's own databases say. */
#include "ctrdb.h"
#include "bolt.h"
#include "hostfs.h"
#include "node.h"
#include "record.h"
#include "spec.h"

#include <stdio.h>
#include <string.h>

#define SEP BOLT_SEP

static int open_meta(const struct node *node, const char *data, struct bolt *ret, struct err *e)
{
	char path[2 * TARGET_PATH];

	snprintf(path, sizeof(path), "%s/io.containerd.metadata.v1.bolt/meta.db", data);
	return bolt_open(ret, node->host.root_fd, path, e);
}

struct walk {
	const struct bolt *db;
	struct container_ref ref;
	runtime_each *each;
	void *arg;
};

static int each_id(const char *name, void *arg)
{
	struct walk *w = arg;

	if (!runtime_id_is_sane(name))
		return 0;
	(void)RECORD_TEXT(w->ref.id, name);
	return w->each(&w->ref, w->arg);
}

static int each_namespace(const char *name, void *arg)
{
	struct walk *w = arg;
	char path[2 * TARGET_ID];
	int rc;

	if (!runtime_id_is_sane(name) || !strcmp(name, "version"))
		return 0;
	(void)RECORD_TEXT(w->ref.runtime_namespace, name);
	snprintf(path, sizeof(path), "v1" SEP "%s" SEP "containers", name);
	rc = bolt_each(w->db, path, each_id, w);
	return rc > 0 ? rc : 0; /* a namespace without containers */
}

int ctrdb_list(const struct node *node, const char *data, const struct container_ref *like,
	runtime_each *each, void *arg, struct err *e)
{
	own_bolt struct bolt db = BOLT_INIT;
	struct walk w = {&db, *like, each, arg};
	struct err gone = ERR_INIT;
	int rc = open_meta(node, data, &db, &gone);

	(void)e;
	if (rc < 0)
		return 0;
	(void)RECORD_TEXT(w.ref.dir, data);
	rc = bolt_each(&db, "v1", each_namespace, &w);
	return rc > 0 ? rc : 0;
}

/* --- one container --- */

struct field {
	const char *name; /* below its bucket */
	char *text;
	size_t size;
};

static void take_fields(const struct bolt *db, struct container *c)
{
	const struct field fields[] = {
		{"image", c->image, sizeof(c->image)},
		{"runtime" SEP "name", c->oci_runtime, sizeof(c->oci_runtime)},
		{"labels" SEP "nerdctl/name", c->name, sizeof(c->name)},
		{"labels" SEP "io.kubernetes.container.name", c->pod_container,
			sizeof(c->pod_container)},
		{"labels" SEP "io.kubernetes.pod.name", c->pod_name, sizeof(c->pod_name)},
		{"labels" SEP "io.kubernetes.pod.namespace", c->pod_namespace,
			sizeof(c->pod_namespace)},
		{"labels" SEP "io.kubernetes.pod.uid", c->pod_uid, sizeof(c->pod_uid)},
	};

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		char path[2 * TARGET_ID + 128];

		snprintf(path, sizeof(path), "v1" SEP "%s" SEP "containers" SEP "%s" SEP "%s",
			c->ref.runtime_namespace, c->ref.id, fields[i].name);
		if (!fields[i].text[0])
			bolt_text(db, path, fields[i].text, fields[i].size);
	}
	if (!c->name[0])
		(void)RECORD_TEXT(c->name, c->pod_container);
}

static void take_digest(const struct bolt *db, struct container *c)
{
	char path[TARGET_TEXT + TARGET_ID + 64];

	snprintf(path, sizeof(path), "v1" SEP "%s" SEP "images" SEP "%s" SEP "target" SEP "digest",
		c->ref.runtime_namespace, c->image);
	if (c->image[0] && !c->image_digest[0])
		bolt_text(db, path, c->image_digest, sizeof(c->image_digest));
}

/* A number as Go's binary.PutUvarint writes it. */
static bool read_uvarint(const struct bolt *db, const char *path, uint64_t *ret)
{
	own_buf struct buf b = BUF_INIT(10);
	uint64_t v = 0;

	if (bolt_get(db, path, &b) < 0)
		return false;
	for (size_t i = 0; i < b.len; i++) {
		v |= (uint64_t)(b.data[i] & 0x7f) << (7 * i);
		if (!(b.data[i] & 0x80)) {
			*ret = v;
			return true;
		}
	}
	return false;
}

struct snapshots {
	struct bolt db;
	char dir[TARGET_PATH]; /* .../snapshots */
};

/* The directory of a snapshot and the name of its parent. */
static bool find_snapshot(const struct snapshots *s, const char *name, char dir[TARGET_PATH],
	char parent[TARGET_TEXT])
{
	char path[2 * TARGET_TEXT];
	uint64_t id;

	snprintf(path, sizeof(path), "v1" SEP "snapshots" SEP "%s" SEP "id", name);
	if (!read_uvarint(&s->db, path, &id))
		return false;
	snprintf(path, sizeof(path), "v1" SEP "snapshots" SEP "%s" SEP "parent", name);
	bolt_text(&s->db, path, parent, TARGET_TEXT);
	return (size_t)snprintf(dir, TARGET_PATH, "%s/%llu", s->dir, (unsigned long long)id) <
	       TARGET_PATH;
}

static void take_overlay(const struct snapshots *s, const char *name, struct container *c)
{
	char dir[TARGET_PATH], parent[TARGET_TEXT], next[TARGET_TEXT];
	size_t used = 0;

	if (!find_snapshot(s, name, dir, next) ||
		(size_t)snprintf(c->upper, sizeof(c->upper), "%s/fs", dir) >= sizeof(c->upper)) {
		c->upper[0] = '\0';
		return;
	}
	for (int depth = 0; next[0] && depth < TARGET_LOWERS; depth++) {
		int n;

		memcpy(parent, next, sizeof(parent));
		if (!find_snapshot(s, parent, dir, next))
			return;
		n = snprintf(
			c->lower + used, sizeof(c->lower) - used, "%s%s/fs", used ? ":" : "", dir);
		if (n < 0 || (size_t)n >= sizeof(c->lower) - used) {
			c->lower[used] = '\0';
			return;
		}
		used += (size_t)n;
	}
}

/* A copy of its parent, which is a copy of all that lies below. */
static void take_native(const struct snapshots *s, const char *name, struct container *c)
{
	char dir[TARGET_PATH], parent[TARGET_TEXT], next[TARGET_TEXT];

	if (!find_snapshot(s, name, dir, parent))
		return;
	if (!c->rootfs[0])
		(void)RECORD_TEXT(c->rootfs, dir);
	if (parent[0] && find_snapshot(s, parent, dir, next))
		(void)RECORD_TEXT(c->lower, dir);
}

static void take_snapshot(
	const struct node *node, const char *data, const struct bolt *db, struct container *c)
{
	char path[TARGET_PATH + 4 * TARGET_ID], key[TARGET_TEXT], name[TARGET_TEXT];
	struct snapshots s = {.db = BOLT_INIT};

	snprintf(path, sizeof(path), "v1" SEP "%s" SEP "containers" SEP "%s" SEP "snapshotter",
		c->ref.runtime_namespace, c->ref.id);
	bolt_text(db, path, c->driver, sizeof(c->driver));
	snprintf(path, sizeof(path), "v1" SEP "%s" SEP "containers" SEP "%s" SEP "snapshotKey",
		c->ref.runtime_namespace, c->ref.id);
	bolt_text(db, path, key, sizeof(key));
	if (!runtime_id_is_sane(c->driver) || !key[0])
		return;
	snprintf(path, sizeof(path), "v1" SEP "%s" SEP "snapshots" SEP "%s" SEP "%s" SEP "name",
		c->ref.runtime_namespace, c->driver, key);
	bolt_text(db, path, name, sizeof(name));
	snprintf(path, sizeof(path), "%s/io.containerd.snapshotter.v1.%s/metadata.db", data,
		c->driver);
	if (name[0] && bolt_open(&s.db, node->host.root_fd, path, NULL) == 0 &&
		(size_t)snprintf(s.dir, sizeof(s.dir),
			"%s/io.containerd.snapshotter.v1.%s/snapshots", data,
			c->driver) < sizeof(s.dir)) {
		if (!strcmp(c->driver, "overlayfs"))
			take_overlay(&s, name, c);
		else if (!strcmp(c->driver, "native"))
			take_native(&s, name, c);
	}
	bolt_close(&s.db);
}

/* protobuf's Any: field 1 names the type, field 2 holds the bytes: JSON here. */
static bool find_any_value(const struct buf *any, const char **ret, size_t *ret_len)
{
	size_t at = 0;

	while (at < any->len) {
		unsigned char tag = (unsigned char)any->data[at++];
		uint64_t len = 0;

		if ((tag & 7) != 2)
			return false;
		for (unsigned shift = 0; at < any->len && shift < 63; shift += 7) {
			unsigned char c = (unsigned char)any->data[at++];

			len |= (uint64_t)(c & 0x7f) << shift;
			if (!(c & 0x80))
				break;
		}
		if (len > any->len - at)
			return false;
		if (tag >> 3 == 2) {
			*ret = any->data + at;
			*ret_len = (size_t)len;
			return true;
		}
		at += (size_t)len;
	}
	return false;
}

static json_t *read_spec(const struct bolt *db, const struct container *c)
{
	own_buf struct buf any = BUF_INIT(JSONX_MAX);
	char path[2 * TARGET_ID + 64];
	const char *text;
	size_t len;

	snprintf(path, sizeof(path), "v1" SEP "%s" SEP "containers" SEP "%s" SEP "spec",
		c->ref.runtime_namespace, c->ref.id);
	if (bolt_get(db, path, &any) < 0 || !find_any_value(&any, &text, &len))
		return NULL;
	return jsonx_parse(text, len, NULL);
}

json_t *ctrdb_spec(const struct node *node, const char *data, const struct container *c)
{
	own_bolt struct bolt db = BOLT_INIT;

	return open_meta(node, data, &db, NULL) < 0 ? NULL : read_spec(&db, c);
}

bool ctrdb_describe(const struct node *node, const char *data, struct container *c)
{
	own_bolt struct bolt db = BOLT_INIT;

	if (open_meta(node, data, &db, NULL) < 0)
		return false;
	own_json json_t *spec = read_spec(&db, c);

	if (!spec)
		return false;
	take_fields(&db, c);
	take_digest(&db, c);
	take_snapshot(node, data, &db, c);
	spec_describe(spec, c);
	return true;
}
