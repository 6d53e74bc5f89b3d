/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * cri - asks a container runtime what it knows of pods, containers and images: CRI v1, or
 * v1alpha2 where the runtime is older; of containerd also where a snapshot lies.
 *
 * What is answered is the runtime's word, not checked against anything, and as hostile as the
 * runtime may be. Texts are bytes that live until the next call on the same cri. A call fails as
 * grpc_call() does, and with protobuf_read()'s codes where the answer is not what it should be.
 */
#include "err.h"
#include "protobuf.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

struct cri;

enum {
	CRI_ANSWER_MAX = PROTOBUF_MAX, /* bytes; containerd itself sends no more than this */
	CRI_NAME_MAX = 4096,	       /* of an id, an image's reference, a snapshot's key */
};

/* A pair of a map. */
struct cri_pair {
	struct protobuf_text key, value;
};

struct cri_version {
	struct protobuf_text runtime, version, api;
};

enum cri_pod_state { CRI_POD_READY, CRI_POD_NOT_READY };
enum cri_container_state { CRI_CREATED, CRI_RUNNING, CRI_EXITED, CRI_UNKNOWN };
enum cri_namespace { CRI_NS_POD, CRI_NS_CONTAINER, CRI_NS_NODE, CRI_NS_TARGET };

/* A pod's sandbox. Times are nanoseconds since 1970, 0: not told. */
struct cri_pod {
	struct protobuf_text id, name, uid, space, handler;
	uint32_t attempt;
	int32_t state; /* enum cri_pod_state, or another number */
	int64_t created;
	struct protobuf_list labels, annotations; /* of cri_pair */
	/* of cri_pod_status() alone: */
	struct protobuf_text ip;
	struct protobuf_list more_ips; /* of cri_next_ip() */
	int32_t network, pid, ipc;     /* enum cri_namespace */
	struct protobuf_list info;     /* of cri_pair: the runtime's own, JSON; holds secrets */
};

struct cri_container {
	struct protobuf_text id, pod, name, image, image_ref, image_id;
	uint32_t attempt; /* how often it was restarted */
	int32_t state;	  /* enum cri_container_state, or another number */
	int64_t created;
	struct protobuf_list labels, annotations; /* of cri_pair */
	/* of cri_container_status() alone, where 'pod' is not told: */
	int64_t started, finished;
	int32_t exit_code;
	struct protobuf_text reason, message, log_path;
	struct protobuf_list mounts; /* of cri_mount */
	struct protobuf_list info;   /* of cri_pair: the runtime's own, JSON; holds secrets */
};

struct cri_mount {
	struct protobuf_text container_path, host_path;
	bool read_only;
	int32_t propagation;
};

struct cri_image {
	struct protobuf_text id, user;
	struct protobuf_list tags, digests; /* of texts: protobuf_next() */
	uint64_t size;
	bool pinned;
	struct protobuf_list info; /* of cri_pair */
};

/* A snapshot's mount; what overlay has in its options, upperdir=DIR among them. */
struct cri_snapshot_mount {
	struct protobuf_text type, source, target;
	struct protobuf_list options; /* of texts: protobuf_next() */
};

/*
 * A connected socket. path: below root, no link out of it is followed; at most call_ns is spent.
 * peer: who listens there, by the kernel's word; another process than the runtime's is a server
 * that somebody put in its place. -ENOENT, -ECONNREFUSED: no runtime there; -EAGAIN: it takes no
 * connection, being stopped or busy.
 */
int cri_connect(int root_fd, const char *path, uint64_t call_ns, struct ucred *ret_peer,
	struct err *e) must_check;

/*
 * Asks for the version, and so for what the runtime speaks. Owns sock, which is closed even on
 * failure. call_ns: how long each call may take, this one too.
 */
int cri_open(int sock, uint64_t call_ns, struct cri **ret, struct err *e) must_check;
/* NULL-safe. */
void cri_close(struct cri *c);

/* "v1" or "v1alpha2". */
const char *cri_api(const struct cri *c);
int cri_version(struct cri *c, struct cri_version *ret, struct err *e) must_check;

/* Each pod or container the runtime has, those that ended too; a negative number from 'each' ends
 * it, and is returned. */
typedef int cri_pod_fn(void *arg, const struct cri_pod *p, struct err *e);
typedef int cri_container_fn(void *arg, const struct cri_container *k, struct err *e);
int cri_pods(struct cri *c, cri_pod_fn *each, void *arg, struct err *e) must_check;
int cri_containers(struct cri *c, cri_container_fn *each, void *arg, struct err *e) must_check;

/* -ENOENT: there is none. An id may be cut short as the runtime allows it: compare ret's. */
int cri_pod_status(struct cri *c, const char *id, struct cri_pod *ret, struct err *e) must_check;
int cri_container_status(struct cri *c, const char *id, struct cri_container *ret, struct err *e)
	must_check;
int cri_image_status(struct cri *c, const char *ref, struct cri_image *ret, struct err *e)
	must_check;

/* containerd's: what it would mount for a snapshot of one of its namespaces (pods': "k8s.io"). */
struct cri_snapshot {
	const char *space, *snapshotter, *key;
};
typedef int cri_mount_fn(void *arg, const struct cri_snapshot_mount *m, struct err *e);
int cri_snapshot_mounts(struct cri *c, const struct cri_snapshot *s, cri_mount_fn *each, void *arg,
	struct err *e) must_check;
/* The layer that the container writes to: overlay's upperdir=, or the source of a mount that is
 * the whole snapshot. false: it has none. */
bool cri_upper(const struct cri_snapshot_mount *m, struct protobuf_text *ret);

/* The next element of a list. 1, 0: none left, or negative when it is malformed. */
int cri_next_pair(struct protobuf_list *l, struct cri_pair *ret, struct err *e) must_check;
int cri_next_ip(struct protobuf_list *l, struct protobuf_text *ret, struct err *e) must_check;
int cri_next_mount(struct protobuf_list *l, struct cri_mount *ret, struct err *e) must_check;
