/* SPDX-License-Identifier: Apache-2.0 */
/* cricheck - what a runtime says against what its files and the kernel say. */
#include "cricheck.h"
#include "criids.h"
#include "crijson.h"

#include <inttypes.h>
#include <string.h>

enum { SHOWN = 128 };

#define SHOW(t) (int)((t).n < SHOWN ? (t).n : SHOWN), (t).n ? (t).p : ""

/* A name of which one side may know nothing. */
static int compare(struct sink *out, struct protobuf_text id, const char *what,
	struct protobuf_text daemon, const char *files)
{
	if (!files[0] || criids_is(daemon, files))
		return 0;
	return sink_finding(out, "%.*s: its %s is '%.*s' by the runtime's word, '%s' by its files",
		SHOW(id), what, SHOW(daemon), files);
}

static int compare_pid(
	struct sink *out, const struct target *t, struct protobuf_text id, uint64_t pid)
{
	if (!pid || t->pid <= 0 || pid == (uint64_t)t->pid)
		return 0;
	return sink_finding(out,
		"%.*s: its first process is %" PRIu64 " by the runtime's word, %d on the node",
		SHOW(id), pid, (int)t->pid);
}

static int compare_running(
	struct sink *out, const struct target *t, struct protobuf_text id, bool runs)
{
	if (runs == t->running)
		return 0;
	return sink_finding(out, "%.*s: %s by the runtime's word, but it %s when it was looked at",
		SHOW(id), runs ? "runs" : "does not run", t->running ? "ran" : "did not");
}

int cricheck_pod(struct sink *out, const struct target *t, const struct cri_pod *p, uint64_t pid)
{
	int rc;

	if (!t)
		return p->state != CRI_POD_READY
			       ? 0
			       : sink_finding(out,
					 "%.*s: a sandbox that runs by the runtime's word alone",
					 SHOW(p->id));
	rc = compare_running(out, t, p->id, p->state == CRI_POD_READY);
	if (rc == 0)
		rc = compare_pid(out, t, p->id, pid);
	if (rc == 0)
		rc = compare(out, p->id, "pod", p->name, t->pod_name);
	if (rc == 0)
		rc = compare(out, p->id, "namespace", p->space, t->pod_namespace);
	return rc == 0 ? compare(out, p->id, "pod's uid", p->uid, t->pod_uid) : rc;
}

int cricheck_container(
	struct sink *out, const struct target *t, const struct cri_container *k, uint64_t pid)
{
	int rc;

	if (!t)
		return k->state != CRI_RUNNING
			       ? 0
			       : sink_finding(out,
					 "%.*s: container '%.*s' runs by the runtime's word alone",
					 SHOW(k->id), SHOW(k->name));
	rc = compare_running(out, t, k->id, k->state == CRI_RUNNING);
	if (rc == 0)
		rc = compare_pid(out, t, k->id, pid);
	return rc == 0 ? compare(out, k->id, "name", k->name, t->pod_container) : rc;
}

/* Files' paths are the host's, with or without the '/' in front. */
static bool is_same_path(const char *a, const char *b)
{
	return !strcmp(a + (a[0] == '/'), b + (b[0] == '/'));
}

int cricheck_upper(struct sink *out, const struct target *t, const char *id, const char *upper)
{
	if (!upper[0] || !t)
		return 0;
	if (!t->upper_path[0])
		return sink_finding(out,
			"%s: the runtime alone knows the layer it wrote to: %s, not collected", id,
			upper);
	if (is_same_path(upper, t->upper_path))
		return 0;
	return sink_finding(out, "%s: its writable layer is %s by the runtime's word, %s was read",
		id, upper, t->upper_path);
}
