/* SPDX-License-Identifier: Apache-2.0 */
/* crijson - a runtime's answers as JSON. */
#include "crijson.h"
#include "jsonx.h"
#include "own.h"

#include <string.h>

enum { SECOND = 1000000000 };

static void put(struct jsonw *w, const char *key, struct protobuf_text t)
{
	jsonw_bytes(w, key, t.n ? t.p : "", t.n);
}

static void put_time(struct jsonw *w, const char *key, int64_t ns)
{
	if (ns > 0)
		jsonw_time(w, key, (struct timespec){ns / SECOND, ns % SECOND});
	else
		jsonw_null(w, key);
}

static void put_word(struct jsonw *w, const char *key, const char *word, int64_t number)
{
	if (word)
		jsonw_str(w, key, word);
	else
		jsonw_i64(w, key, number);
}

static const char *word_of(const char *const *words, size_t n, int32_t number)
{
	return number >= 0 && (size_t)number < n ? words[number] : NULL;
}

#define WORD_OF(words, number) word_of((words), sizeof(words) / sizeof((words)[0]), (number))

const char *crijson_pod_state(int32_t state)
{
	static const char *const words[] = {"ready", "not ready"};

	return WORD_OF(words, state);
}

const char *crijson_state(int32_t state)
{
	static const char *const words[] = {"created", "running", "exited", "unknown"};

	return WORD_OF(words, state);
}

static void put_namespace(struct jsonw *w, const char *key, int32_t which)
{
	static const char *const words[] = {"pod", "container", "node", "target"};

	put_word(w, key, WORD_OF(words, which), which);
}

/* What is JSON itself stands in it as such. */
static void put_value(struct jsonw *w, const char *key, struct protobuf_text t, bool json)
{
	own_json json_t *inner = NULL;

	if (json && t.n && (t.p[0] == '{' || t.p[0] == '['))
		inner = jsonx_parse(t.p, t.n, NULL);
	if (inner)
		jsonw_raw(w, key, t.p, t.n);
	else
		put(w, key, t);
}

static int put_pairs(
	struct jsonw *w, const char *key, struct protobuf_list l, bool json, struct err *e)
{
	struct cri_pair p;
	int rc;

	jsonw_open(w, key);
	while ((rc = cri_next_pair(&l, &p, e)) > 0) {
		own_free char *name = strndup(p.key.n ? p.key.p : "", p.key.n);

		put_value(w, name ? name : "", p.value, json);
	}
	jsonw_close(w);
	return rc;
}

static void put_texts(struct jsonw *w, const char *key, struct protobuf_list l)
{
	struct protobuf_text t;

	jsonw_open_array(w, key);
	while (protobuf_next(&l, &t))
		put(w, NULL, t);
	jsonw_close_array(w);
}

static int put_ips(struct jsonw *w, struct protobuf_list l, struct err *e)
{
	struct protobuf_text ip;
	int rc;

	jsonw_open_array(w, "more_ips");
	while ((rc = cri_next_ip(&l, &ip, e)) > 0)
		put(w, NULL, ip);
	jsonw_close_array(w);
	return rc;
}

static int put_mounts(struct jsonw *w, struct protobuf_list l, struct err *e)
{
	struct cri_mount m;
	int rc;

	jsonw_open_array(w, "mounts");
	while ((rc = cri_next_mount(&l, &m, e)) > 0) {
		jsonw_open(w, NULL);
		put(w, "container_path", m.container_path);
		put(w, "host_path", m.host_path);
		jsonw_bool(w, "read_only", m.read_only);
		jsonw_i64(w, "propagation", m.propagation);
		jsonw_close(w);
	}
	jsonw_close_array(w);
	return rc;
}

void crijson_version(struct jsonw *w, const struct cri_version *v)
{
	put(w, "runtime", v->runtime);
	put(w, "version", v->version);
	put(w, "api_version", v->api);
}

static void put_pod(struct jsonw *w, const struct cri_pod *p)
{
	put(w, "id", p->id);
	put(w, "name", p->name);
	put(w, "namespace", p->space);
	put(w, "uid", p->uid);
	jsonw_u64(w, "attempt", p->attempt);
	put_word(w, "state", crijson_pod_state(p->state), p->state);
	put_time(w, "created", p->created);
	put(w, "handler", p->handler);
	put(w, "ip", p->ip);
	jsonw_open(w, "namespaces");
	put_namespace(w, "network", p->network);
	put_namespace(w, "pid", p->pid);
	put_namespace(w, "ipc", p->ipc);
	jsonw_close(w);
}

int crijson_pod(struct jsonw *w, const struct cri_pod *p, struct err *e)
{
	int rc;

	jsonw_open(w, NULL);
	put_pod(w, p);
	rc = put_ips(w, p->more_ips, e);
	if (rc == 0)
		rc = put_pairs(w, "labels", p->labels, false, e);
	if (rc == 0)
		rc = put_pairs(w, "annotations", p->annotations, false, e);
	if (rc == 0)
		rc = put_pairs(w, "info", p->info, true, e);
	jsonw_close(w);
	return rc;
}

static void put_container(struct jsonw *w, const struct cri_container *k)
{
	put(w, "id", k->id);
	put(w, "name", k->name);
	jsonw_u64(w, "attempt", k->attempt);
	put_word(w, "state", crijson_state(k->state), k->state);
	put_time(w, "created", k->created);
	put_time(w, "started", k->started);
	put_time(w, "finished", k->finished);
	jsonw_i64(w, "exit_code", k->exit_code);
	put(w, "reason", k->reason);
	put(w, "message", k->message);
	put(w, "image", k->image);
	put(w, "image_ref", k->image_ref);
	put(w, "image_id", k->image_id);
	put(w, "log_path", k->log_path);
}

int crijson_container(struct jsonw *w, const struct cri_container *k, struct err *e)
{
	int rc;

	jsonw_open(w, NULL);
	put_container(w, k);
	rc = put_mounts(w, k->mounts, e);
	if (rc == 0)
		rc = put_pairs(w, "labels", k->labels, false, e);
	if (rc == 0)
		rc = put_pairs(w, "annotations", k->annotations, false, e);
	if (rc == 0)
		rc = put_pairs(w, "info", k->info, true, e);
	jsonw_close(w);
	return rc;
}

int crijson_image(struct jsonw *w, const struct cri_image *i, struct err *e)
{
	int rc;

	jsonw_open(w, NULL);
	put(w, "id", i->id);
	put_texts(w, "tags", i->tags);
	put_texts(w, "digests", i->digests);
	put(w, "user", i->user);
	jsonw_u64(w, "size", i->size);
	jsonw_bool(w, "pinned", i->pinned);
	rc = put_pairs(w, "info", i->info, true, e);
	jsonw_close(w);
	return rc;
}

void crijson_mount(struct jsonw *w, const struct cri_snapshot_mount *m)
{
	jsonw_open(w, NULL);
	put(w, "type", m->type);
	put(w, "source", m->source);
	put(w, "target", m->target);
	put_texts(w, "options", m->options);
	jsonw_close(w);
}
