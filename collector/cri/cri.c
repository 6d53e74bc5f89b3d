/* SPDX-License-Identifier: Apache-2.0 */
/* cri - asks a container runtime over its socket. */
#include "cri.h"
#include "crimsg.h"
#include "grpc.h"
#include "io.h"
#include "now.h"
#include "own.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

enum { CONNECT_TRIES = 10, METHOD_MAX = 96 };

struct cri {
	struct grpc *grpc;
	uint64_t call_ns;
	const char *api;
	struct buf answer;
	char method[METHOD_MAX];
};

static const char *const apis[] = {"v1", "v1alpha2"};

/* ---- asking */

/* The answer's bytes, good until the next call. */
static int ask_method(struct cri *c, const char *in, const struct buf *request,
	struct protobuf_text *ret, struct err *e)
{
	const struct grpc_call call = {
		.method = c->method,
		.in = in,
		.request = request,
		.deadline_ns = now_ns() + c->call_ns,
	};
	int rc = grpc_call(c->grpc, &call, &c->answer, e);

	*ret = (struct protobuf_text){c->answer.data, c->answer.len};
	return rc;
}

/* call: "RuntimeService/Version". type: what ret is filled by. */
static int ask(struct cri *c, const char *call, const struct buf *request,
	const struct protobuf_type *type, void *ret, struct err *e)
{
	struct protobuf_text answer;
	int rc;

	snprintf(c->method, sizeof(c->method), "/runtime.%s.%s", c->api, call);
	rc = ask_method(c, NULL, request, &answer, e);
	if (!rc)
		rc = protobuf_read(type, answer, ret, e);
	return rc;
}

/* A request of one name and, with it, whether we want to know more. */
static int put_name(struct buf *b, const char *name, struct err *e)
{
	size_t n = strlen(name);

	if (!n || n > CRI_NAME_MAX)
		return err_set(e, EINVAL, "a name of %zu bytes", n);
	protobuf_put_text(b, 1, name, n);
	return 0;
}

/* ---- the connection */

static int start_connect(int path_fd, struct err *e)
{
	own_fd int sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un to = {.sun_family = AF_UNIX};

	if (sock < 0)
		return err_errno(e, "socket");
	snprintf(to.sun_path, sizeof(to.sun_path), "/proc/self/fd/%d", path_fd);
	if (connect(sock, (const struct sockaddr *)&to, sizeof(to)) < 0)
		return err_errno(e, "connect");
	return take_fd(&sock);
}

static int peer_of(int sock, struct ucred *ret, struct err *e)
{
	socklen_t size = sizeof(*ret);

	if (getsockopt(sock, SOL_SOCKET, SO_PEERCRED, ret, &size) < 0)
		return err_errno(e, "who listens");
	return 0;
}

int cri_connect(
	int root_fd, const char *path, uint64_t call_ns, struct ucred *ret_peer, struct err *e)
{
	own_fd int fd = io_open_in(root_fd, path, O_PATH, e);
	own_fd int sock = -EAGAIN;
	struct stat st;
	int rc;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return err_errno(e, "stat %s", path);
	if (!S_ISSOCK(st.st_mode))
		return err_set(e, ENOTSOCK, "%s is no socket", path);
	/* -EAGAIN: its queue is full */
	for (int i = 0; i < CONNECT_TRIES && sock == -EAGAIN; i++) {
		if (i)
			(void)poll(NULL, 0, (int)(call_ns / CONNECT_TRIES / 1000000));
		sock = start_connect(fd, e);
	}
	rc = sock < 0 ? sock : peer_of(sock, ret_peer, e);
	return rc < 0 ? err_wrap(e, rc, "%s", path) : take_fd(&sock);
}

/* The newest of the interfaces it has. */
static int choose_api(struct cri *c, struct err *e)
{
	struct cri_version version;
	int rc = -ENOSYS;

	for (unsigned i = 0; i < sizeof(apis) / sizeof(apis[0]) && rc == -ENOSYS; i++) {
		c->api = apis[i];
		rc = cri_version(c, &version, e);
	}
	return rc;
}

int cri_open(int sock, uint64_t call_ns, struct cri **ret, struct err *e)
{
	struct cri *c = calloc(1, sizeof(*c));
	int rc;

	if (!c) {
		(void)close(sock);
		return err_set(e, ENOMEM, "no memory");
	}
	c->call_ns = call_ns;
	c->answer = BUF_INIT(CRI_ANSWER_MAX);
	rc = grpc_open(sock, &c->grpc, e);
	if (!rc)
		rc = choose_api(c, e);
	if (rc < 0) {
		cri_close(c);
		return rc;
	}
	*ret = c;
	return 0;
}

void cri_close(struct cri *c)
{
	if (!c)
		return;
	grpc_close(c->grpc);
	buf_done(&c->answer);
	free(c);
}

const char *cri_api(const struct cri *c)
{
	return c->api;
}

int cri_version(struct cri *c, struct cri_version *ret, struct err *e)
{
	own_buf struct buf request = BUF_INIT(GRPC_REQUEST_MAX);

	*ret = (struct cri_version){0};
	return ask(c, "RuntimeService/Version", &request, &crimsg_version, ret, e);
}

/* ---- lists */

int cri_pods(struct cri *c, cri_pod_fn *each, void *arg, struct err *e)
{
	own_buf struct buf request = BUF_INIT(GRPC_REQUEST_MAX);
	struct protobuf_list list = {0};
	struct protobuf_text row;
	int rc = ask(c, "RuntimeService/ListPodSandbox", &request, &crimsg_pods, &list, e);

	while (!rc && protobuf_next(&list, &row)) {
		struct cri_pod pod = {0};

		rc = protobuf_read(&crimsg_pod, row, &pod, e);
		if (!rc)
			rc = each(arg, &pod, e);
	}
	return rc;
}

int cri_containers(struct cri *c, cri_container_fn *each, void *arg, struct err *e)
{
	own_buf struct buf request = BUF_INIT(GRPC_REQUEST_MAX);
	struct protobuf_list list = {0};
	struct protobuf_text row;
	int rc = ask(c, "RuntimeService/ListContainers", &request, &crimsg_containers, &list, e);

	while (!rc && protobuf_next(&list, &row)) {
		struct cri_container container = {0};

		rc = protobuf_read(&crimsg_container, row, &container, e);
		if (!rc)
			rc = each(arg, &container, e);
	}
	return rc;
}

/* ---- one of them */

enum { VERBOSE = 2 }; /* the field's number, in all three requests */

int cri_pod_status(struct cri *c, const char *id, struct cri_pod *ret, struct err *e)
{
	own_buf struct buf request = BUF_INIT(GRPC_REQUEST_MAX);
	int rc = put_name(&request, id, e);

	*ret = (struct cri_pod){0};
	protobuf_put_u64(&request, VERBOSE, 1);
	if (!rc)
		rc = ask(
			c, "RuntimeService/PodSandboxStatus", &request, &crimsg_pod_status, ret, e);
	if (!rc && !ret->id.n)
		rc = err_set(e, ENOENT, "no such pod");
	return rc;
}

int cri_container_status(struct cri *c, const char *id, struct cri_container *ret, struct err *e)
{
	own_buf struct buf request = BUF_INIT(GRPC_REQUEST_MAX);
	int rc = put_name(&request, id, e);

	*ret = (struct cri_container){0};
	protobuf_put_u64(&request, VERBOSE, 1);
	if (!rc)
		rc = ask(c, "RuntimeService/ContainerStatus", &request, &crimsg_container_status,
			ret, e);
	if (!rc && !ret->id.n)
		rc = err_set(e, ENOENT, "no such container");
	return rc;
}

int cri_image_status(struct cri *c, const char *ref, struct cri_image *ret, struct err *e)
{
	own_buf struct buf spec = BUF_INIT(GRPC_REQUEST_MAX), request = BUF_INIT(GRPC_REQUEST_MAX);
	int rc = put_name(&spec, ref, e);

	*ret = (struct cri_image){0};
	protobuf_put_text(&request, 1, buf_str(&spec), spec.len);
	protobuf_put_u64(&request, VERBOSE, 1);
	if (!rc)
		rc = ask(c, "ImageService/ImageStatus", &request, &crimsg_image_status, ret, e);
	/* an image that is not there is answered with nothing */
	if (!rc && !ret->id.n)
		rc = err_set(e, ENOENT, "no such image");
	return rc;
}

/* ---- snapshots */

int cri_snapshot_mounts(
	struct cri *c, const struct cri_snapshot *s, cri_mount_fn *each, void *arg, struct err *e)
{
	own_buf struct buf request = BUF_INIT(GRPC_REQUEST_MAX);
	struct protobuf_list list = {0};
	struct protobuf_text row;
	int rc = put_name(&request, s->snapshotter, e);

	if (!rc && strlen(s->key) > CRI_NAME_MAX)
		rc = err_set(e, EINVAL, "a key of %zu bytes", strlen(s->key));
	if (rc)
		return rc;
	protobuf_put_text(&request, 2, s->key, strlen(s->key));
	snprintf(
		c->method, sizeof(c->method), "/containerd.services.snapshots.v1.Snapshots/Mounts");
	rc = ask_method(c, s->space, &request, &row, e);
	if (!rc)
		rc = protobuf_read(&crimsg_mounts, row, &list, e);
	while (!rc && protobuf_next(&list, &row)) {
		struct cri_snapshot_mount m = {0};

		rc = protobuf_read(&crimsg_snapshot_mount, row, &m, e);
		if (!rc)
			rc = each(arg, &m, e);
	}
	return rc;
}

static bool is_text(struct protobuf_text t, const char *s)
{
	return t.n == strlen(s) && !memcmp(t.p, s, t.n);
}

bool cri_upper(const struct cri_snapshot_mount *m, struct protobuf_text *ret)
{
	static const char key[] = "upperdir=";
	struct protobuf_list options = m->options;
	struct protobuf_text o;
	bool read_only = false;

	while (protobuf_next(&options, &o)) {
		if (o.n > strlen(key) && !memcmp(o.p, key, strlen(key))) {
			*ret = (struct protobuf_text){o.p + strlen(key), o.n - strlen(key)};
			return true;
		}
		read_only |= is_text(o, "ro");
	}
	/* no layer below: the snapshot's own folder */
	if (!is_text(m->type, "bind") || read_only || !m->source.n)
		return false;
	*ret = m->source;
	return true;
}

/* ---- elements */

static int next(struct protobuf_list *l, const struct protobuf_type *t, void *ret, struct err *e)
{
	struct protobuf_text row;
	int rc;

	if (!protobuf_next(l, &row))
		return 0;
	rc = protobuf_read(t, row, ret, e);
	return rc < 0 ? rc : 1;
}

int cri_next_pair(struct protobuf_list *l, struct cri_pair *ret, struct err *e)
{
	*ret = (struct cri_pair){0};
	return next(l, &crimsg_pair, ret, e);
}

int cri_next_ip(struct protobuf_list *l, struct protobuf_text *ret, struct err *e)
{
	*ret = (struct protobuf_text){0};
	return next(l, &crimsg_ip, ret, e);
}

int cri_next_mount(struct protobuf_list *l, struct cri_mount *ret, struct err *e)
{
	*ret = (struct cri_mount){0};
	return next(l, &crimsg_mount, ret, e);
}
