/* SPDX-License-Identifier: Apache-2.0 */
/* kubechain - from the files of a container up to the owner of its pod. */
#include "kubechain.h"

#include "buf.h"
#include "jsonx.h"
#include "kubepod.h"
#include "text.h"

#include <stdio.h>
#include <string.h>

void kubechain_text(json_t *to, const char *key, const char *text)
{
	own_buf struct buf plain = BUF_INIT(8 * TARGET_PATH);

	if (text_is_utf8(text, strlen(text)))
		buf_adds(&plain, text);
	else
		text_escape(&plain, text, strlen(text));
	if (*text)
		(void)json_object_set_new(to, key, json_string(buf_str(&plain)));
}

static void add_link(json_t *chain, const char *is, json_t *v)
{
	json_t *link = json_object();

	kubechain_text(link, "is", is);
	(void)json_object_update(link, v);
	json_decref(v);
	(void)json_array_append_new(chain, link);
}

static void link_target(json_t *chain, const struct target *t)
{
	json_t *files = json_object(), *image = json_object(), *process = json_object();
	json_t *container = json_object();
	char folder[64];

	snprintf(folder, sizeof(folder), "process/%d/", (int)t->pid);
	kubechain_text(files, "changed_below", t->upper_path);
	kubechain_text(files, "member", "filesystem/diff.jsonl");
	kubechain_text(image, "name", t->image);
	kubechain_text(image, "digest", t->image_digest);
	(void)json_object_set_new(process, "pid", json_integer(t->pid));
	(void)json_object_set_new(process, "processes", json_integer(t->members));
	kubechain_text(process, "member", t->running ? folder : "");
	kubechain_text(container, "id", t->id);
	kubechain_text(container, "name", t->pod_container);
	kubechain_text(container, "runtime", target_runtime_names[t->runtime]);
	kubechain_text(container, "state", t->state_text);
	kubechain_text(container, "sandbox", t->sandbox_id);
	add_link(chain, "files", files);
	add_link(chain, "image", image);
	add_link(chain, "process", process);
	add_link(chain, "container", container);
}

/* Of a whole pod: by the server's word, each with its folder in the bundle. */
static void link_containers(json_t *chain, const json_t *pod)
{
	json_t *all = kubepod_containers(pod), *at;
	char folder[512];
	size_t i;

	json_array_foreach(all, i, at)
	{
		snprintf(folder, sizeof(folder), "containers/%.400s/", jsonx_text_key(at, "name"));
		kubechain_text(at, "member", folder);
		add_link(chain, "container", json_incref(at));
	}
	json_decref(all);
}

json_t *kubechain_make(
	const struct target *t, const json_t *pod, const json_t *owners, const json_t *nodes)
{
	json_t *chain = json_array(), *self = json_object(), *at;
	size_t i;

	if (t->id[0])
		link_target(chain, t);
	else
		link_containers(chain, pod);
	kubechain_text(self, "namespace", t->pod_namespace);
	kubechain_text(self, "name", t->pod_name);
	kubechain_text(self, "uid", t->pod_uid);
	kubechain_text(self, "member", pod ? "kubernetes/pod.json" : "");
	add_link(chain, "pod", self);
	json_array_foreach(owners, i, at)
	{
		add_link(chain, "owner", json_copy(at));
	}
	json_array_foreach(nodes, i, at)
	{
		add_link(chain, "node", json_pack("{s:O?}", "name", json_object_get(at, "name")));
	}
	return chain;
}
