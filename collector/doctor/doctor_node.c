/* SPDX-License-Identifier: Apache-2.0 */
/* doctor_node - what is on this node: cgroups, runtimes, space, clock, key. */
#include "buf.h"
#include "doctor.h"
#include "freezer.h"
#include "hash.h"
#include "io.h"
#include "own.h"
#include "procfs.h"
#include "runtimes.h"
#include "sign.h"
#include "text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <sys/vfs.h>

enum { TEXT_BYTES = 4096, SPACE_MIN_GIB = 2, SPACE_MIN_PERCENT = 15 };

#define CGROUP "sys/fs/cgroup"

static int open_dir(const struct doctor *d, const char *path)
{
	if (d->host.at.root_fd < 0)
		return -1;
	return io_open_in(d->host.at.root_fd, path, O_PATH | O_DIRECTORY, NULL);
}

static bool has(const struct doctor *d, const char *path)
{
	own_fd int fd =
		d->host.at.root_fd < 0 ? -1 : io_open_in(d->host.at.root_fd, path, O_PATH, NULL);

	return fd >= 0;
}

static bool is_cgroup2(const struct doctor *d, const char *path)
{
	own_fd int fd = open_dir(d, path);
	struct statfs fs;

	return fd >= 0 && !fstatfs(fd, &fs) && fs.f_type == CGROUP2_SUPER_MAGIC;
}

static void check_cgroup(const struct doctor *d, struct doctor_finding *ret)
{
	if (is_cgroup2(d, CGROUP))
		doctor_say(ret, DOCTOR_PASS, "v2");
	else if (is_cgroup2(d, CGROUP "/unified"))
		doctor_say(ret, DOCTOR_PASS, "hybrid: v1, with v2 at /" CGROUP "/unified");
	else if (has(d, CGROUP "/cpu") || has(d, CGROUP "/memory") || has(d, CGROUP "/freezer"))
		doctor_say(ret, DOCTOR_PASS, "v1");
	else
		doctor_say(ret, DOCTOR_WARN, "no hierarchy below /" CGROUP);
}

static void closedir_(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

/* The root cgroup has no cgroup.freeze: looks in the groups right below it. */
static bool some_child_has(int dirfd, const char *file)
{
	own_fd int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	__attribute__((cleanup(closedir_))) DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *child;

	if (!dir)
		return false;
	(void)take_fd(&fd);
	while ((child = readdir(dir))) {
		own_buf struct buf path = BUF_INIT(TEXT_BYTES);

		buf_addf(&path, "%s/%s", child->d_name, file);
		if (child->d_type == DT_DIR && child->d_name[0] != '.' &&
			!faccessat(dirfd, buf_str(&path), W_OK, 0))
			return true;
	}
	return false;
}

static void check_freezer(const struct doctor *d, struct doctor_finding *ret)
{
	own_fd int v2 = freezer_mount(&d->host.at, FREEZER_V2);
	own_fd int v1 = freezer_mount(&d->host.at, FREEZER_V1);
	bool old = v1 >= 0 && some_child_has(v1, "freezer.state");

	if (v2 >= 0 && some_child_has(v2, "cgroup.freeze"))
		doctor_say(ret, DOCTOR_PASS, "cgroup.freeze can be written (v2)%s",
			old ? ", and freezer.state (v1)" : "");
	else if (old)
		doctor_say(ret, DOCTOR_PASS, "freezer.state can be written (v1)");
	else
		doctor_say(ret, DOCTOR_WARN, "no group's freezer can be written");
}

struct place {
	const char *runtime, *path; /* below the host's root */
};

static void check_runtimes(const struct doctor *d, struct doctor_finding *ret)
{
	static const struct place places[] = {
		{"docker socket", "run/docker.sock"},
		{"docker", "var/lib/docker/containers"},
		{"containerd socket", "run/containerd/containerd.sock"},
		{"containerd", "run/containerd/io.containerd.runtime.v2.task"},
		{"k3s", "run/k3s/containerd"},
		{"k0s", "run/k0s/containerd"},
		{"microk8s", "var/snap/microk8s/common/run/containerd"},
		{"kubelet", "var/lib/kubelet/pods"},
		{"cri-o socket", "run/crio/crio.sock"},
		{"cri-o or podman", "var/lib/containers/storage/overlay-containers"},
		{"podman socket", "run/podman/podman.sock"},
		{"runc", "run/runc"},
		{"crun", "run/crun"},
	};
	own_buf struct buf found = BUF_INIT(TEXT_BYTES);

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (has(d, places[i].path))
			buf_addf(&found, "%s%s", found.len ? ", " : "", places[i].runtime);
	if (found.len)
		doctor_say(ret, DOCTOR_PASS, "%s", buf_str(&found));
	else
		doctor_say(ret, DOCTOR_WARN, "none has left its state here");
}

/* The package's version, else the one that Go's linker wrote into it. */
static void add_program(struct buf *out, const struct program *p)
{
	const char *version = p->package.version[0] ? p->package.version : p->go.module_version;

	/* a shim is its containerd's */
	if (!strncmp(programs_name(p), "containerd-shim", strlen("containerd-shim")))
		return;
	buf_addf(out, "%s%s %s%s%s", out->len ? ", " : "", programs_name(p),
		version[0] ? version : "of a version that nothing names",
		p->processes ? " (runs)" : "", p->replaced ? " (replaced on disk)" : "");
}

static void check_versions(const struct doctor *d, struct doctor_finding *ret)
{
	own_free struct programs *all = calloc(1, sizeof(*all));
	own_buf struct buf found = BUF_INIT(TEXT_BYTES);
	struct err why = ERR_INIT;

	if (!all || d->host.at.root_fd < 0 || runtimes_find(&d->host.at, all, &why) < 0) {
		doctor_say(ret, DOCTOR_WARN, "cannot be looked at: %s",
			d->host.at.root_fd < 0 ? d->host_err.text : why.text);
		return;
	}
	for (unsigned i = 0; i < all->count; i++)
		add_program(&found, &all->program[i]);
	doctor_say(ret, DOCTOR_PASS, "%s", found.len ? buf_str(&found) : "no runtime's program");
}

/* The folder that a bundle would be made in: output itself, or the one it names a file of. */
static int open_output(const char *output)
{
	own_buf struct buf parent = BUF_INIT(TEXT_BYTES);
	const char *slash;
	int fd;

	if (!output || !strcmp(output, "-"))
		output = ".";
	fd = open(output, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0 || (errno != ENOENT && errno != ENOTDIR))
		return fd;
	slash = strrchr(output, '/');
	if (!slash)
		return open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	buf_add(&parent, output, (size_t)(slash - output));
	return open(slash == output ? "/" : buf_str(&parent), O_PATH | O_DIRECTORY | O_CLOEXEC);
}

static void check_space(const struct doctor *d, struct doctor_finding *ret)
{
	own_fd int fd = open_output(d->output);
	own_buf struct buf size = BUF_INIT(TEXT_BYTES);
	uint64_t free_bytes, percent;
	struct statvfs fs;

	if (fd < 0 || fstatvfs(fd, &fs) < 0) {
		doctor_say(ret, DOCTOR_FAIL, "output folder: %s", strerror(errno));
		doctor_remedy(ret, "name another folder with --output DIR");
		return;
	}
	free_bytes = fs.f_bavail * fs.f_frsize;
	percent = fs.f_blocks ? fs.f_bavail * 100 / fs.f_blocks : 0;
	text_size(&size, free_bytes);
	if (fs.f_flag & ST_RDONLY)
		doctor_say(ret, DOCTOR_FAIL, "the output folder's file system is read-only");
	else
		doctor_say(ret,
			free_bytes >> 30 < SPACE_MIN_GIB || percent < SPACE_MIN_PERCENT
				? DOCTOR_WARN
				: DOCTOR_PASS,
			"%s free, %" PRIu64 " %%", buf_str(&size), percent);
}

static void check_clock(const struct doctor *d, struct doctor_finding *ret)
{
	struct timex t = {0};

	(void)d;
	if (adjtimex(&t) < 0)
		doctor_say(ret, DOCTOR_WARN, "adjtimex: %s", strerror(errno));
	else if (t.status & STA_UNSYNC)
		doctor_say(ret, DOCTOR_WARN, "not synchronised");
	else
		doctor_say(ret, DOCTOR_PASS, "synchronised, at most %ld ms off", t.maxerror / 1000);
}

static void check_key(const struct doctor *d, struct doctor_finding *ret)
{
	struct sign_key *key = NULL;
	char fingerprint[HASH_HEX];
	uint8_t public[SEAL_KEY];
	struct err e = ERR_INIT;

	if (!d->key) {
		doctor_say(ret, DOCTOR_WARN, "none given: each run makes one of its own");
		return;
	}
	if (hash_setup(&e) < 0 || sign_load(d->key, &key, &e) < 0) {
		doctor_say(ret, DOCTOR_FAIL, "%s", e.text);
		return;
	}
	sign_public(key, public);
	sign_fingerprint(public, fingerprint);
	sign_free(key);
	doctor_say(ret, DOCTOR_PASS, "fingerprint %s", fingerprint);
}

const struct doctor_check doctor_node[] = {
	{"cgroup", check_cgroup,
		"mount -t cgroup2 cgroup2 /sys/fs/cgroup; processes are found by namespace too"},
	{"freezer", check_freezer,
		"Linux 5.2 with a writable /sys/fs/cgroup; without it threads are stopped one by "
		"one while memory is copied"},
	{"runtimes", check_runtimes,
		"collect --pid and --cgroup work without; is the host's root at --host-root?"},
	{"runtime versions", check_versions,
		"the bundle will lack them: root's rights and the host's /proc are needed"},
	{"space", check_space,
		"make room, or name another folder with --output DIR: a full disk ends a run "
		"early"},
	{"clock", check_clock, "start chrony or systemd-timesyncd, or note how far it is off"},
	{"signing key", check_key, "taphos keygen, then --key FILE or TAPHOS_KEY"},
	{0},
};
