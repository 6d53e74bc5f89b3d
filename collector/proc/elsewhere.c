/* SPDX-License-Identifier: Apache-2.0 */
/* elsewhere - file systems that a process sees and the target's first process does not. */
#include "elsewhere.h"
#include "own.h"
#include "sink.h"
#include "target.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

enum { NS_MNT = 2 }; /* in dossier_ns_names */

static int tell(struct subject *s, const char *what, unsigned n, const char *type, struct err *e)
{
	if (s->run->quiet)
		return 0;
	if (sink_gapf(s->run->out, GAP_CROSSED_MOUNT, NULL, NULL, "process %d (%s): %s: %u (%s)",
		    (int)s->row->pid, s->row->comm, what, n, type) < 0)
		return err_set(e, EPIPE, "the writer is gone");
	return 0;
}

/* True once for each namespace; for all of them when there are more than we remember. */
static bool is_new(struct dossier_run *run, uint64_t ns)
{
	for (unsigned i = 0; i < run->elsewhere_count; i++)
		if (run->elsewhere[i] == ns)
			return false;
	if (run->elsewhere_count < DOSSIER_ELSEWHERE)
		run->elsewhere[run->elsewhere_count++] = ns;
	return true;
}

/* The mounts of a namespace that the target's own does not have, by their devices. */
static int tell_mounts(struct subject *s, const struct fsmap *here, struct err *e)
{
	own_fsmap struct fsmap home = {0};
	const char *type = "";
	unsigned n = 0;

	if (fsmap_read(&home, s->run->dump->target->fd[TFD_PROC], NULL) < 0 || !home.count)
		return 0;
	for (unsigned i = 0; i < here->count; i++) {
		const struct fsmap_mount *m = &here->mounts[i];

		if (m->kind == FSMAP_PSEUDO || fsmap_by_device(&home, m->major, m->minor))
			continue;
		type = m->type;
		n++;
	}
	if (!n && !here->cut)
		return 0;
	return tell(s, "file systems in a mount namespace of its own, not read", n, type, e);
}

/* The mount that a directory of the process is on; 0: not known (before Linux 5.8). */
static uint64_t mount_of(const struct subject *s, const char *name)
{
	own_fd int fd = openat(s->live, name, O_PATH | O_CLOEXEC);
	struct statx x;

	if (fd < 0 ||
		statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, STATX_MNT_ID,
			&x) < 0 ||
		!(x.stx_mask & STATX_MNT_ID))
		return 0;
	return x.stx_mnt_id;
}

/* Where it stands, when that is no mount of its namespace. The mount in which it is chrooted
 * is one, though its table does not show it. */
static int tell_directory(struct subject *s, const struct fsmap *here, struct err *e)
{
	uint64_t id = mount_of(s, "cwd");

	if (!id || here->cut || !here->count || fsmap_by_id(here, id) || id == mount_of(s, "root"))
		return 0;
	return tell(s, "it stands in a file system that is no mount of its namespace, not read", 1,
		"cwd", e);
}

int elsewhere_tell(struct subject *s, struct err *e)
{
	const struct dossier_run *run = s->run;
	const struct fsmap *here = subject_mounts(s);
	uint64_t ns = s->row->ns_mnt;
	int rc = tell_directory(s, here, e);

	if (rc < 0 || !ns || ns == run->ns_init[NS_MNT] || ns == run->ns_host[NS_MNT] ||
		!is_new(s->run, ns))
		return rc;
	return tell_mounts(s, here, e);
}
