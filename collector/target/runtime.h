/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * runtime - what the state files of one container runtime say. A runtime is one
 * file runtime_NAME.c that exports one 'const struct runtime', listed in
 * runtime_table[] in the order of who is believed first. No daemon is asked.
 */
#include "err.h"
#include "jsonx.h"
#include "target.h"

#include <stdbool.h>
#include <stdint.h>

struct node;
struct runtime;

/* Where one container's state lies: enough to select it without reading it. */
struct container_ref {
	const struct runtime *runtime;
	char id[TARGET_ID];
	char runtime_namespace[TARGET_ID];
	char dir[TARGET_PATH]; /* its state directory below the host's root */
};

/* What that state says. Large: on the heap. Text that is not known is "". */
struct container {
	struct container_ref ref;
	enum target_runtime kind;
	char name[TARGET_ID];
	char oci_runtime[64];
	char image[TARGET_TEXT], image_digest[TARGET_TEXT];
	char state_text[64];
	char pod_namespace[TARGET_ID], pod_name[TARGET_ID], pod_uid[64], pod_container[TARGET_ID];
	char sandbox_id[TARGET_ID];
	char pod_part[32]; /* what it is in its pod: "container", "sandbox", "podsandbox" */
	bool running;	   /* what the state claims; the resolver looks at /proc */
	pid_t pid;
	uint64_t start_ticks; /* 0: the state does not hold it */
	char cgroup[TARGET_PATH];
	char bundle[TARGET_PATH]; /* directory of config.json */
	char rootfs[TARGET_PATH]; /* where the runtime mounted it, or a plain directory */
	char upper[TARGET_PATH];  /* writable layer, where the state names it */
	char layers[TARGET_PATH]; /* the storage driver's home: relative lower layers start there */
	char lower[16 *
		   TARGET_PATH]; /* lower layers, topmost first, ':' between; "" when not known */
	char driver[32];	 /* "overlay2", "btrfs", ... */
	uid_t owner; /* of the state: not 0 for a rootless engine, whose text is that user's */
};

typedef int runtime_each(const struct container_ref *ref, void *arg);

struct runtime {
	enum target_runtime kind;
	/* Calls each for every container whose state is on this host; stops at non-zero. */
	int (*list)(const struct node *node, runtime_each *each, void *arg, struct err *e);
	/* Reads the state of one. *ret is zeroed but for ref and kind. */
	int (*load)(const struct node *node, struct container *ret, struct err *e);
	/* Adds state files, logs and the runtime's own mounts to the target. May be NULL. */
	int (*fill)(const struct node *node, const struct container *c, struct target *t,
		struct err *e);
};

extern const struct runtime runtime_docker, runtime_storage, runtime_containerd, runtime_oci_runc,
	runtime_oci_crun;
/* NULL-terminated. */
extern const struct runtime *const runtime_table[];

/* Does it only hold the namespaces of its pod? */
bool runtime_is_sandbox(const struct container *c);
/* An id as runtimes make them: no '/', no control character, not "." or "..". */
bool runtime_id_is_sane(const char *id);
/* Walks PARENT/NAME for each sane NAME, as list() does for most runtimes. */
int runtime_list_dir(const struct target_host *host, const struct container_ref *like,
	runtime_each *each, void *arg, struct err *e) must_check;
