/* SPDX-License-Identifier: Apache-2.0 */
/* request - what 'collect' and 'plan' are asked. */
#include "request.h"
#include "buf.h"
#include "command.h"
#include "engine.h"
#include "say.h"
#include "text.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

enum { TEXT_MAX = 256, CANDIDATES_SHOWN = 256 * 1024 };

#define MAX_FREEZE_NS 600000000000ULL

static const char *const profiles[] = {"triage", "standard", "filesystem", "memory", "full", NULL};

const char request_usage[] = "(--container ID | --pid N | --cgroup PATH | --pod NS/POD) [options]";

const struct option_def request_options[] = {
	[REQUEST_CONTAINER] = {.name = "container",
		.letter = 'c',
		.flags = OPT_LINE,
		.metavar = "ID",
		.section = "Target, one of",
		.help = "a container's id, a unique beginning of it, its name, or POD/CONTAINER"},
	[REQUEST_PID] = {.name = "pid",
		.flags = OPT_LINE,
		.metavar = "N",
		.help = "the container of this process, or the process in namespaces of its own"},
	[REQUEST_CGROUP] = {.name = "cgroup",
		.kind = OPT_DIR,
		.flags = OPT_LINE,
		.metavar = "PATH",
		.help = "the processes in this cgroup and below"},
	[REQUEST_POD] = {.name = "pod",
		.flags = OPT_LINE,
		.metavar = "NS/POD",
		.help = "a pod of Kubernetes on this node, all its containers in one bundle"},
	[REQUEST_POD_UID] = {.name = "pod-uid",
		.flags = OPT_LINE,
		.metavar = "UID",
		.help = "the same by the pod's uid (a static pod's: the digest of its "
			"configuration)"},
	[REQUEST_CONTAINER_NAME] = {.name = "container-name",
		.flags = OPT_LINE,
		.metavar = "NAME",
		.help = "of the pod, this container alone"},
	[REQUEST_FORCE] = {.name = "force",
		.kind = OPT_FLAG,
		.flags = OPT_LINE,
		.help = "also a target that runs in the host's own namespaces, and an output that "
			"is in the target, or on a disk the kubelet needs"},
	[REQUEST_PROFILE] = {.name = "profile",
		.letter = 'p',
		.kind = OPT_FILE,
		.metavar = "NAME",
		.def = "standard",
		.words = profiles,
		.section = "Options",
		.help = "what to collect: triage, standard, filesystem, memory, full, or a file"},
	[REQUEST_OUTPUT] = {.name = "output",
		.letter = 'o',
		.kind = OPT_FILE,
		.metavar = "FILE",
		.help = "the bundle, or a folder for it, or - for stdout; nothing is ever "
			"overwritten [a new name in the current folder]"},
	[REQUEST_KEY] = {.name = "key",
		.kind = OPT_FILE,
		.metavar = "FILE",
		.help = "the private key that signs ('taphos keygen') [one made for this run]"},
	[REQUEST_CASE] = {.name = "case", .metavar = "ID", .help = "a case number for the record"},
	[REQUEST_OPERATOR] = {.name = "operator",
		.metavar = "NAME",
		.help = "who collects, for the record"},
	[REQUEST_DEADLINE] = {.name = "deadline",
		.kind = OPT_DURATION,
		.metavar = "TIME",
		.def = "15m",
		.help = "the run is over by then, with what was reached"},
	[REQUEST_MAX_SIZE] = {.name = "max-size",
		.kind = OPT_SIZE,
		.metavar = "SIZE",
		.def = "20G",
		.help = "at most so much evidence; 0 for no limit"},
	[REQUEST_FREEZE] = {.name = "freeze",
		.kind = OPT_CHOICE,
		.metavar = "WHEN",
		.def = "auto",
		.words = engine_freezes,
		.help = "stop the target while its memory is copied; always: or leave that out"},
	[REQUEST_MAX_FREEZE] = {.name = "max-freeze",
		.kind = OPT_DURATION,
		.metavar = "TIME",
		.def = "5s",
		.help = "it stands still no longer; what is not copied then is read while it "
			"runs"},
	[REQUEST_STAGE] = {.name = "stage",
		.kind = OPT_SIZE,
		.metavar = "SIZE",
		.help = "memory of the node to copy to meanwhile; more goes to the output's disk "
			"[a quarter of what is available, at most 2G]"},
	[REQUEST_MEMORY_MAPS] = {.name = "memory-maps",
		.kind = OPT_FLAG,
		.help = "of memory, only what is mapped; nothing is stopped"},
	[REQUEST_KUBECONFIG] = {.name = "kubeconfig",
		.kind = OPT_FILE,
		.metavar = "FILE",
		.help = "the API server to ask about the container's pod, and the credential [the "
			"service account of the pod that taphos runs in]"},
	[REQUEST_NO_API] = {.name = "no-api", .kind = OPT_FLAG, .help = "ask no API server"},
	[REQUEST_CRI_SOCKET] = {.name = "cri-socket",
		.kind = OPT_FILE,
		.metavar = "FILE",
		.help = "where on the host the daemon of the container's runtime listens [where it "
			"does usually]"},
	[REQUEST_NO_CRI] = {.name = "no-cri",
		.kind = OPT_FLAG,
		.help = "ask no daemon of a container runtime"},
	[REQUEST_HOST_ROOT] = OPTIONS_HOST_ROOT,
	[REQUEST_JSON] = OPTIONS_JSON,
	[REQUEST_QUIET] = {.name = "quiet",
		.letter = 'q',
		.kind = OPT_FLAG,
		.help = "no progress and no summary on stderr, only errors"},
	{0},
};

static int fill_target(const struct option_setting *o, struct target_selector *ret, struct err *e)
{
	static const struct {
		enum request_option option;
		enum selector_kind kind;
	} ways[] = {
		{REQUEST_CONTAINER, SELECT_CONTAINER},
		{REQUEST_PID, SELECT_PID},
		{REQUEST_CGROUP, SELECT_CGROUP},
		{REQUEST_POD, SELECT_POD},
		{REQUEST_POD_UID, SELECT_POD_UID},
	};
	unsigned given = 0;
	uint64_t pid;

	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		if (o[ways[i].option].text) {
			*ret = (struct target_selector){ways[i].kind, o[ways[i].option].text};
			given++;
		}
	if (!given)
		return err_set(
			e, EINVAL, "which target? name one with --container, --pod or --pid");
	if (given > 1)
		return err_set(e, EINVAL,
			"--container, --pid, --cgroup, --pod and --pod-uid exclude each other: "
			"give one");
	if (o[REQUEST_CONTAINER_NAME].text && ret->kind != SELECT_POD &&
		ret->kind != SELECT_POD_UID)
		return err_set(e, EINVAL,
			"option '--container-name' is about a pod: give it with --pod or "
			"--pod-uid");
	if (ret->kind == SELECT_PID && (text_parse_u64(ret->text, INT32_MAX, &pid) < 0 || pid == 0))
		return err_set(
			e, EINVAL, "option '--pid': '%.64s' is not a process number", ret->text);
	return 0;
}

/* Goes into the record as it is: short, and UTF-8. */
static int check_text(const struct option_setting *o, const char *name, struct err *e)
{
	if (!o->text)
		return 0;
	if (strlen(o->text) > TEXT_MAX)
		return err_set(e, EINVAL, "option '--%s': longer than %d bytes", name, TEXT_MAX);
	if (!text_is_utf8(o->text, strlen(o->text)))
		return err_set(e, EINVAL, "option '--%s': not UTF-8", name);
	return 0;
}

int request_fill(const struct invocation *in, struct engine_request *ret, struct err *e)
{
	const struct option_setting *o = in->option;
	struct engine_request rq = {
		.container = o[REQUEST_CONTAINER_NAME].text,
		.profile = o[REQUEST_PROFILE].text,
		.output = o[REQUEST_OUTPUT].text,
		.key = o[REQUEST_KEY].text,
		.case_id = o[REQUEST_CASE].text,
		.operator_name = o[REQUEST_OPERATOR].text,
		.host_root = o[REQUEST_HOST_ROOT].text,
		.deadline_ns = o[REQUEST_DEADLINE].number,
		.max_size = o[REQUEST_MAX_SIZE].number,
		.freeze = (enum freeze_mode)o[REQUEST_FREEZE].number,
		.max_freeze_ns = o[REQUEST_MAX_FREEZE].number,
		.stage = o[REQUEST_STAGE].from ? o[REQUEST_STAGE].number : STAGE_AUTO,
		.memory_maps = o[REQUEST_MEMORY_MAPS].on,
		.kubeconfig = o[REQUEST_KUBECONFIG].text,
		.no_api = o[REQUEST_NO_API].on,
		.cri_socket = o[REQUEST_CRI_SOCKET].text,
		.no_cri = o[REQUEST_NO_CRI].on,
		.force = o[REQUEST_FORCE].on,
		.argc = in->argc,
		.argv = in->argv,
	};
	int rc = fill_target(o, &rq.selector, e);

	if (rc == 0)
		rc = check_text(&o[REQUEST_CASE], "case", e);
	if (rc == 0)
		rc = check_text(&o[REQUEST_OPERATOR], "operator", e);
	if (rc == 0 && !rq.deadline_ns)
		rc = err_set(e, EINVAL, "option '--deadline': must be more than nothing");
	if (rc == 0 && (!rq.max_freeze_ns || rq.max_freeze_ns > MAX_FREEZE_NS))
		rc = err_set(e, EINVAL,
			"option '--max-freeze': must be more than nothing, and no "
			"more than 10m");
	if (rc == 0)
		*ret = rq;
	return rc;
}

/* The lines come escaped; what is not of that form is escaped again, backslashes apart. */
static void show_line(struct buf *out, const char *line, size_t n)
{
	buf_adds(out, "  ");
	while (n) {
		const char *slash = memchr(line, '\\', n);
		size_t plain = slash ? (size_t)(slash - line) : n;

		text_escape(out, line, plain);
		if (slash)
			buf_addc(out, '\\');
		plain += slash != NULL;
		line += plain;
		n -= plain;
	}
	buf_addc(out, '\n');
}

void request_failed(const struct err *e, const struct buf *candidates)
{
	own_buf struct buf out = BUF_INIT(CANDIDATES_SHOWN);
	const char *line = buf_str(candidates);

	say_error(e);
	while (*line) {
		size_t n = strcspn(line, "\n");

		show_line(&out, line, n);
		line += n + (line[n] == '\n');
	}
	say_text(&out);
}
