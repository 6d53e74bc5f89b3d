/* SPDX-License-Identifier: Apache-2.0 */
/*
 * askcri - what a container runtime answers, by collector/cri, as lines for shell tests.
 *
 *   askcri SOCKET peer | version | pods | containers | pod ID | container ID | image REF |
 *          upper SNAPSHOTTER KEY
 *   askcri SOCKET raw METHOD [NAMESPACE] < request > answer    protobuf as it is
 */
#include "buf.h"
#include "cri.h"
#include "grpc.h"
#include "io.h"
#include "now.h"
#include "own.h"
#include "text.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { CALL_S = 3 };

static void put(const char *key, struct protobuf_text t)
{
	own_buf struct buf b = BUF_INIT(1 << 20);

	text_escape(&b, t.p, t.n);
	printf("%s=%s\n", key, buf_str(&b));
}

static void put_pairs(const char *key, struct protobuf_list l)
{
	struct cri_pair p;

	while (cri_next_pair(&l, &p, NULL) > 0) {
		printf("%s.", key);
		fwrite(p.key.p, 1, p.key.n, stdout);
		put("", p.value);
	}
}

static void put_texts(const char *key, struct protobuf_list l)
{
	struct protobuf_text t;

	while (protobuf_next(&l, &t))
		put(key, t);
}

static int show_pod(void *arg, const struct cri_pod *p, struct err *e)
{
	struct protobuf_list ips = p->more_ips;
	struct protobuf_text ip;

	(void)arg;
	put("id", p->id);
	put("name", p->name);
	put("uid", p->uid);
	put("namespace", p->space);
	put("handler", p->handler);
	put("ip", p->ip);
	while (cri_next_ip(&ips, &ip, e) > 0)
		put("more_ip", ip);
	printf("attempt=%u\nstate=%d\ncreated=%" PRId64 "\nnetwork=%d\npid=%d\nipc=%d\n",
		p->attempt, p->state, p->created, p->network, p->pid, p->ipc);
	put_pairs("label", p->labels);
	put_pairs("annotation", p->annotations);
	put_pairs("info", p->info);
	return 0;
}

static int show_container(void *arg, const struct cri_container *k, struct err *e)
{
	struct protobuf_list mounts = k->mounts;
	struct cri_mount m;

	(void)arg;
	put("id", k->id);
	put("pod", k->pod);
	put("name", k->name);
	put("image", k->image);
	put("image_ref", k->image_ref);
	put("image_id", k->image_id);
	put("reason", k->reason);
	put("message", k->message);
	put("log_path", k->log_path);
	printf("attempt=%u\nstate=%d\nexit_code=%d\ncreated=%" PRId64 "\nstarted=%" PRId64
	       "\nfinished=%" PRId64 "\n",
		k->attempt, k->state, k->exit_code, k->created, k->started, k->finished);
	while (cri_next_mount(&mounts, &m, e) > 0) {
		put("mount", m.container_path);
		put("from", m.host_path);
	}
	put_pairs("label", k->labels);
	put_pairs("annotation", k->annotations);
	put_pairs("info", k->info);
	return 0;
}

static int show_upper(void *arg, const struct cri_snapshot_mount *m, struct err *e)
{
	struct protobuf_text upper;

	(void)arg;
	(void)e;
	put("type", m->type);
	if (cri_upper(m, &upper))
		put("upper", upper);
	return 0;
}

static int version(struct cri *c, char **argv, struct err *e)
{
	struct cri_version v;
	int rc = cri_version(c, &v, e);

	(void)argv;
	if (rc)
		return rc;
	printf("cri=%s\n", cri_api(c));
	put("runtime", v.runtime);
	put("version", v.version);
	put("api", v.api);
	return 0;
}

static int pods(struct cri *c, char **argv, struct err *e)
{
	(void)argv;
	return cri_pods(c, show_pod, NULL, e);
}

static int containers(struct cri *c, char **argv, struct err *e)
{
	(void)argv;
	return cri_containers(c, show_container, NULL, e);
}

static int pod(struct cri *c, char **argv, struct err *e)
{
	struct cri_pod p;
	int rc = cri_pod_status(c, argv[0], &p, e);

	return rc ? rc : show_pod(NULL, &p, e);
}

static int container(struct cri *c, char **argv, struct err *e)
{
	struct cri_container k;
	int rc = cri_container_status(c, argv[0], &k, e);

	return rc ? rc : show_container(NULL, &k, e);
}

static int image(struct cri *c, char **argv, struct err *e)
{
	struct cri_image i;
	int rc = cri_image_status(c, argv[0], &i, e);

	if (rc)
		return rc;
	put("id", i.id);
	put("user", i.user);
	put_texts("tag", i.tags);
	put_texts("digest", i.digests);
	printf("size=%" PRIu64 "\npinned=%d\n", i.size, i.pinned);
	put_pairs("info", i.info);
	return 0;
}

static int upper(struct cri *c, char **argv, struct err *e)
{
	const struct cri_snapshot s = {"k8s.io", argv[0], argv[1]};

	return cri_snapshot_mounts(c, &s, show_upper, NULL, e);
}

static int raw(int sock, char **argv, struct err *e)
{
	own_buf struct buf request = BUF_INIT(GRPC_REQUEST_MAX), answer = BUF_INIT(CRI_ANSWER_MAX);
	struct grpc_call call = {.method = argv[0], .in = argv[1], .request = &request};
	struct grpc *g;
	int rc = io_read_all(0, &request, e);

	if (!rc)
		rc = grpc_open(sock, &g, e);
	if (rc)
		return rc;
	call.deadline_ns = now_ns() + CALL_S * 1000000000ULL;
	rc = grpc_call(g, &call, &answer, e);
	grpc_close(g);
	fwrite(buf_str(&answer), 1, rc ? 0 : answer.len, stdout);
	return rc;
}

static const struct {
	const char *name;
	int args;
	int (*run)(struct cri *c, char **argv, struct err *e);
} commands[] = {
	{"version", 0, version},
	{"pods", 0, pods},
	{"containers", 0, containers},
	{"pod", 1, pod},
	{"container", 1, container},
	{"image", 1, image},
	{"upper", 2, upper},
};

static int ask(int sock, int argc, char **argv, struct err *e)
{
	struct cri *c;
	int rc;

	if (argc >= 2 && !strcmp(argv[0], "raw"))
		return raw(sock, argv + 1, e);
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(argv[0], commands[i].name) || argc - 1 != commands[i].args)
			continue;
		rc = cri_open(sock, CALL_S * 1000000000ULL, &c, e);
		if (rc)
			return rc;
		rc = commands[i].run(c, argv + 1, e);
		cri_close(c);
		return rc;
	}
	return err_set(e, EINVAL, "usage: askcri SOCKET COMMAND [ARG]...");
}

int main(int argc, char **argv)
{
	own_fd int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct err e = ERR_INIT;
	struct ucred peer;
	int sock, rc = -1;

	if (argc > 2) {
		sock = cri_connect(root, argv[1], CALL_S * 1000000000ULL, &peer, &e);
		if (sock >= 0 && !strcmp(argv[2], "peer"))
			return printf("%d %u\n", (int)peer.pid, peer.uid) < 0;
		rc = sock < 0 ? sock : ask(sock, argc - 2, argv + 2, &e);
	}
	if (rc < 0)
		fprintf(stderr, "askcri: %s\n", e.text);
	return rc < 0;
}
