/* SPDX-License-Identifier: Apache-2.0 */
/* show_target - prints what resolve_target() makes of a container, for tests. */
#include "buf.h"
#include "own.h"
#include "resolve.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <inttypes.h>

static const char *const rootfs_names[] = {"unknown", "overlay", "fuse-overlay", "plain"};
static const char *const mount_names[] = {
	"bind", "volume", "tmpfs", "shm", "secret", "config", "pseudo", "foreign"};

static void show_names(const struct target *t)
{
	printf("runtime=%s\nrunning=%d\nhost_namespaces=%d\nid=%s\nname=%s\nnamespace=%s\n",
		target_runtime_names[t->runtime], t->running, t->host_namespaces, t->id, t->name,
		t->runtime_namespace);
	printf("oci=%s\nimage=%s\ndigest=%s\nstate=%s\npod=%s/%s/%s/%s\nsandbox=%s\n",
		t->oci_runtime, t->image, t->image_digest, t->state_text, t->pod_namespace,
		t->pod_name, t->pod_container, t->pod_uid, t->sandbox_id);
	printf("pid=%d\nstart=%" PRIu64 "\ncgroup_v2=%s\ncgroup_v1=%s\n", (int)t->pid,
		t->start_ticks, t->cgroup_v2, t->cgroup_v1);
	printf("rootfs=%s\nrootfs_note=%s\nupper=%s\nlowers=%u%s\ntruncated=%d\n",
		rootfs_names[t->rootfs], t->rootfs_note, t->upper_path, t->lowers,
		t->lowers_complete ? "" : " incomplete", t->truncated);
	printf("fds=%s%s%s%s%s%s\n", t->fd[TFD_PROC] >= 0 ? " proc" : "",
		t->fd[TFD_PIDFD] >= 0 ? " pidfd" : "", t->fd[TFD_NETNS] >= 0 ? " net" : "",
		t->fd[TFD_MNTNS] >= 0 ? " mnt" : "", t->fd[TFD_ROOT] >= 0 ? " root" : "",
		t->fd[TFD_UPPER] >= 0 ? " upper" : "");
}

static void show_tables(const struct target *t)
{
	for (unsigned i = 0; i < t->mounts; i++)
		printf("mount %s %s type=%s source=%s id=%" PRIu64 "%s\n",
			mount_names[t->mount[i].kind], t->mount[i].point, t->mount[i].type,
			t->mount[i].source, t->mount[i].id, t->mount[i].covered ? " covered" : "");
	for (unsigned i = 0; i < t->logs; i++)
		printf("log %s %s\n", t->log[i].label, t->log[i].path);
	for (unsigned i = 0; i < t->states; i++)
		printf("state %s %s\n", t->state[i].label, t->state[i].path);
	for (unsigned i = 0; i < t->members; i++)
		printf("member %d why=%u\n", (int)t->member[i].pid, t->member[i].why);
	for (unsigned i = 0; i < t->findings; i++)
		printf("finding %s\n", t->finding[i]);
}

static int show_row(const struct resolve_row *r, void *arg)
{
	(void)arg;
	printf("%.12s name=%s image=%s pod=%s ns=%s runtime=%s state=%s pid=%d layer=%s%" PRIu64
	       "%s\n",
		r->id, r->name, r->image, r->pod, r->runtime_namespace,
		target_runtime_names[r->runtime], r->state_text, (int)r->pid,
		r->layer_known ? "" : "?", r->layer_bytes, r->layer_truncated ? "+" : "");
	return 0;
}

/* show_target list|container|pid|cgroup [TEXT [ROOT [PROC]]] */
int main(int argc, char **argv)
{
	const char *text = argc > 2 ? argv[2] : "";
	struct target_host host = {
		open(argc > 3 ? argv[3] : "/", O_PATH | O_DIRECTORY | O_CLOEXEC),
		open(argc > 4 ? argv[4] : "/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC),
	};
	struct target_selector sel = {SELECT_CONTAINER, text};
	own_free struct target *t = calloc(1, sizeof(*t));
	own_buf struct buf candidates = BUF_INIT(1 << 16);
	struct err e = ERR_INIT;
	int rc;

	if (argc < 2 || !t || host.root_fd < 0 || host.proc_fd < 0)
		return 2;
	if (!strcmp(argv[1], "list"))
		return resolve_list(&host, true, show_row, NULL, &e) < 0;
	if (!strcmp(argv[1], "pid"))
		sel.kind = SELECT_PID;
	else if (!strcmp(argv[1], "cgroup"))
		sel.kind = SELECT_CGROUP;
	rc = resolve_target(&host, &sel, t, &candidates, &e);
	if (rc < 0) {
		printf("error %d %s\n%s", -rc, e.text, buf_str(&candidates));
		return 1;
	}
	show_names(t);
	show_tables(t);
	return 0;
}
