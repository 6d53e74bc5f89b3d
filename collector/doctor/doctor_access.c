/* SPDX-License-Identifier: Apache-2.0 */
/* doctor_access - may we, and do we see the host? */
#include "buf.h"
#include "caps.h"
#include "doctor.h"
#include "dumper.h"
#include "io.h"
#include "kubeconfig.h"
#include "own.h"
#include "procfs.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { LINE_BYTES = 4096, MOUNTS_BYTES = 1 << 20 };

/* Of our own process, whatever proc the host is seen through. */
static int read_self(const char *name, struct buf *text)
{
	own_fd int self = open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC);

	return self < 0 ? -errno : io_read_file(self, name, text, NULL);
}

static void check_root(const struct doctor *d, struct doctor_finding *ret)
{
	(void)d;
	ret->permission = true;
	if (geteuid() == 0)
		doctor_say(ret, DOCTOR_PASS, "running as root");
	else
		doctor_say(ret, DOCTOR_FAIL, "running as user %u", (unsigned)geteuid());
}

/* Without these there is no collection at all, whatever the dumpers are. */
#define CAPS_NEEDED \
	(DUMPER_CAP(CAP_SYS_PTRACE) | DUMPER_CAP(CAP_DAC_READ_SEARCH) | DUMPER_CAP(CAP_SYS_ADMIN))

static uint64_t wanted_caps(void)
{
	uint64_t caps = CAPS_NEEDED;

	for (size_t i = 0; dumpers[i]; i++)
		caps |= dumpers[i]->caps;
	return caps;
}

static void dumpers_that_lose(uint64_t missing, struct buf *out)
{
	for (size_t i = 0; dumpers[i]; i++)
		if (dumpers[i]->caps & missing)
			buf_addf(out, "%s%s", out->len ? ", " : "", dumpers[i]->name);
}

static void check_capabilities(const struct doctor *d, struct doctor_finding *ret)
{
	uint64_t missing = wanted_caps() & ~caps_effective();
	own_buf struct buf losers = BUF_INIT(256);
	char names[256];

	(void)d;
	ret->permission = true;
	if (!missing) {
		doctor_say(ret, DOCTOR_PASS, "all that the dumpers use");
		return;
	}
	caps_names(missing, names, sizeof(names));
	dumpers_that_lose(missing, &losers);
	doctor_say(ret, missing & CAPS_NEEDED ? DOCTOR_FAIL : DOCTOR_WARN, "missing %s%s%s", names,
		losers.len ? "; used by " : "", buf_str(&losers));
	doctor_remedy(ret, "run as root on the node; in a container add %s, or privileged", names);
}

static void check_user_namespace(const struct doctor *d, struct doctor_finding *ret)
{
	own_buf struct buf line = BUF_INIT(LINE_BYTES);
	unsigned inside = 0, outside = 0, n = 0;

	(void)d;
	ret->permission = true;
	if (read_self("uid_map", &line) < 0 ||
		sscanf(buf_str(&line), "%u %u %u", &inside, &outside, &n) != 3)
		doctor_say(ret, DOCTOR_WARN, "/proc/self/uid_map cannot be read");
	else if (inside || outside || n != UINT32_MAX)
		doctor_say(ret, DOCTOR_FAIL, "root of a user namespace only (uid %u outside)",
			outside);
	else
		doctor_say(ret, DOCTOR_PASS, "the host's");
}

static void check_host_root(const struct doctor *d, struct doctor_finding *ret)
{
	if (d->host.at.root_fd < 0)
		doctor_say(ret, DOCTOR_FAIL, "%s", d->host_err.text);
	else if (!strcmp(d->host.root, "/") && !d->host.all_processes)
		doctor_say(ret, DOCTOR_WARN, "seen at /, if this is not a container itself");
	else
		doctor_say(ret, DOCTOR_PASS, "seen at %s", d->host.root);
}

static void check_pid_namespace(const struct doctor *d, struct doctor_finding *ret)
{
	if (d->host.at.proc_fd < 0)
		doctor_say(ret, DOCTOR_WARN, "not checked");
	else if (!d->host.all_processes)
		doctor_say(ret, DOCTOR_WARN,
			"%s shows a PID namespace of its own: processes outside it are not seen",
			d->host.proc);
	else
		doctor_say(ret, DOCTOR_PASS, "%s shows all processes of the host", d->host.proc);
}

/* Whether it answers is not tried: that is for a worker. */
static void check_api(const struct doctor *d, struct doctor_finding *ret)
{
	const char *host = getenv("KUBERNETES_SERVICE_HOST");

	(void)d;
	if (!host || !*host)
		doctor_say(ret, DOCTOR_PASS, "none by itself; --kubeconfig names one");
	else if (access(KUBECONFIG_ACCOUNT "/token", R_OK) == 0)
		doctor_say(ret, DOCTOR_PASS, "this pod's service account, at %.200s", host);
	else
		doctor_say(ret, DOCTOR_WARN, "this pod has no token of a service account");
}

/* hidepid= and subset= of the mount that lies topmost on /proc: the last of its lines. */
static bool restricted_proc(const char *point, char *ret, size_t size)
{
	own_buf struct buf text = BUF_INIT(MOUNTS_BYTES);
	struct procfs_mount m;
	char *at, *line;
	bool found = false;

	if (read_self("mountinfo", &text) < 0)
		return false;
	for (at = text.data; (line = procfs_next_line(&at));) {
		if (procfs_parse_mount(line, &m) < 0 || strcmp(m.point, point) != 0)
			continue;
		found = !procfs_mount_option(m.super, "hidepid", ret, size) &&
			strcmp(ret, "0") != 0 && strcmp(ret, "off") != 0;
	}
	return found;
}

static void check_proc(const struct doctor *d, struct doctor_finding *ret)
{
	char hidepid[32];

	if (d->host.at.proc_fd < 0)
		doctor_say(ret, DOCTOR_WARN, "not checked");
	else if (restricted_proc(d->host.proc, hidepid, sizeof(hidepid)) &&
		 !(caps_effective() & DUMPER_CAP(CAP_SYS_PTRACE)))
		doctor_say(ret, DOCTOR_FAIL,
			"mounted with hidepid=%s, and CAP_SYS_PTRACE is missing", hidepid);
	else
		doctor_say(ret, DOCTOR_PASS, "a real proc file system at %s", d->host.proc);
}

static void check_confinement(const struct doctor *d, struct doctor_finding *ret)
{
	own_buf struct buf label = BUF_INIT(LINE_BYTES);

	(void)d;
	if (read_self("attr/current", &label) < 0) {
		doctor_say(ret, DOCTOR_PASS, "no label");
	} else if (strstr(buf_str(&label), "container_t")) {
		doctor_say(ret, DOCTOR_WARN, "SELinux: %.200s", buf_str(&label));
		doctor_remedy(ret, "seLinuxOptions: type: spc_t");
	} else if (strstr(buf_str(&label), "(enforce)")) {
		doctor_say(ret, DOCTOR_WARN, "AppArmor: %.200s", buf_str(&label));
		doctor_remedy(ret, "appArmorProfile: type: Unconfined");
	} else {
		doctor_say(ret, DOCTOR_PASS, "%.*s", (int)strcspn(buf_str(&label), "\n"),
			buf_str(&label));
	}
}

static void check_seccomp_filter(const struct doctor *d, struct doctor_finding *ret)
{
	(void)d;
	if (prctl(PR_GET_SECCOMP) == 2)
		doctor_say(ret, DOCTOR_WARN, "somebody's filter is on us: calls may be refused");
	else
		doctor_say(ret, DOCTOR_PASS, "none on us");
}

const struct doctor_check doctor_access[] = {
	{"root", check_root, "run it with sudo, or in a pod with runAsUser: 0"},
	{"capabilities", check_capabilities, NULL},
	{"user namespace", check_user_namespace,
		"run outside of rootless containers and unshare -r"},
	{"host root", check_host_root,
		"mount the host's / at /host, or name it with --host-root DIR"},
	{"pid namespace", check_pid_namespace,
		"hostPID: true in the pod, --pid=host for docker; fine on a node that is a "
		"container itself"},
	{"proc", check_proc, "mount -t proc proc /proc, or give CAP_SYS_PTRACE"},
	{"confinement", check_confinement, NULL},
	{"seccomp filter", check_seccomp_filter,
		"seccompProfile: type: Unconfined in the pod, or run on the node itself"},
	{"api server", check_api,
		"automountServiceAccountToken: true in the pod, or --kubeconfig FILE"},
	{0},
};
