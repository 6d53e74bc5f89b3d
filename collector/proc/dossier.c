/* SPDX-License-Identifier: Apache-2.0 */
/* dossier - everything about one process, in five passes. */
#include "dossier.h"
#include "elsewhere.h"
#include "fds.h"
#include "fsmap.h"
#include "io.h"
#include "own.h"
#include "procfs.h"
#include "procinfo.h"
#include "rawtext.h"
#include "relics.h"
#include "sink.h"
#include "subject.h"
#include "target.h"
#include "threads.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	TEXT_MAX = 4 << 20, /* one small text: an environment, a command line */
	JSON_MAX = 4 << 20,
	FINDINGS_MAX = 200,
};

const char *const dossier_ns_names[DOSSIER_NAMESPACES] = {
	"cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"};

static void namespaces_of(int pid_fd, uint64_t ret[DOSSIER_NAMESPACES])
{
	for (unsigned i = 0; pid_fd >= 0 && i < DOSSIER_NAMESPACES; i++)
		if (procfs_ns_inode(pid_fd, dossier_ns_names[i], &ret[i], NULL) < 0)
			ret[i] = 0;
}

int dossier_begin(struct dossier_run *run, const struct dump *dump, struct sink *out,
	struct proctree *tree, struct err *e)
{
	own_fd int self = openat(dump->proc_fd, "self", O_PATH | O_DIRECTORY | O_CLOEXEC);

	*run = (struct dossier_run){
		.dump = dump,
		.out = out,
		.tree = tree,
		.text = BUF_INIT(TEXT_MAX),
		.json = BUF_INIT(JSON_MAX),
	};
	run->mounts = calloc(1, sizeof(*run->mounts));
	run->relics = relics_new(self, tree->own_mntns);
	if (!run->mounts || !run->relics)
		return err_set(e, ENOMEM, "no memory");
	namespaces_of(self, run->ns_host);
	namespaces_of(dump->target->fd[TFD_PROC], run->ns_init);
	return 0;
}

void dossier_end(struct dossier_run *run)
{
	buf_done(&run->text);
	buf_done(&run->json);
	if (run->mounts)
		fsmap_done(run->mounts);
	free(run->mounts);
	relics_free(run->relics);
}

int dossier_finding(struct dossier_run *run, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	if (run->quiet || run->findings > FINDINGS_MAX)
		return 0;
	if (run->findings++ == FINDINGS_MAX)
		return sink_finding(run->out, "more findings: the flags in process/tree.json");
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return sink_finding(run->out, "%s", text);
}

/* FNV-1a over the auxiliary vector: its random addresses are new after each execve. */
static uint64_t image_of(struct subject *s)
{
	struct buf *b = &s->run->text;
	own_fd int fd = openat(s->live, "auxv", O_RDONLY | O_CLOEXEC);
	uint64_t h = 14695981039346656037ULL;

	buf_clear(b);
	if (fd < 0 || io_read_all(fd, b, NULL) < 0 || !b->len)
		return 0;
	for (size_t i = 0; i < b->len; i++)
		h = (h ^ (unsigned char)b->data[i]) * 1099511628211ULL;
	return h;
}

static bool looks_like_kthread(const struct proctree_row *r)
{
	static const char *const names[] = {"kworker/", "kthreadd", "ksoftirqd/", "migration/",
		"rcu_", "kswapd", "khugepaged", "watchdog/", "cpuhp/", "irq/", "jbd2/", "scsi_eh_",
		"kdevtmpfs", "kauditd", "kcompactd"};

	if (r->argv && r->argv_len && r->argv[0] == '[' && memchr(r->argv, ']', r->argv_len))
		return true;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strncmp(r->comm, names[i], strlen(names[i])))
			return true;
	return r->comm[0] == '[';
}

static void take_exe(struct proctree_row *r, const struct buf *link)
{
	r->exe_len = link->len < PROCTREE_TEXT ? link->len : PROCTREE_TEXT;
	free(r->exe);
	r->exe = malloc(r->exe_len + 1);
	if (!r->exe)
		r->exe_len = 0;
	else
		memcpy(r->exe, buf_str(link), r->exe_len);
	if (procfs_says_deleted(buf_str(link), link->len))
		r->flags |= PROC_EXE_DELETED;
	if (!strncmp(buf_str(link), "/memfd:", 7))
		r->flags |= PROC_EXE_MEMFD;
	if (looks_like_kthread(r))
		r->flags |= PROC_KTHREAD_NAME;
}

/* What the row of a process makes worth a look. */
static const struct {
	const char *text;
	enum proctree_flag flag;
	bool exe; /* its name belongs to it */
} remarks[] = {
	{"its first thread has exited, others run: ps shows it as dead", PROC_LEADER_EXITED, false},
	{"runs from memory, not from a file", PROC_EXE_MEMFD, true},
	{"runs a deleted program", PROC_EXE_DELETED, true},
	{"is named like a kernel thread and is none", PROC_KTHREAD_NAME, true},
	{"is being traced", PROC_TRACED, false},
};

static int remark(struct subject *s, unsigned flags, struct err *e)
{
	const struct proctree_row *r = s->row;

	for (size_t i = 0; i < sizeof(remarks) / sizeof(remarks[0]); i++) {
		if (!(r->flags & flags & remarks[i].flag))
			continue;
		if (remarks[i].flag == PROC_EXE_DELETED && (r->flags & PROC_EXE_MEMFD))
			continue; /* every memfd is */
		if (dossier_finding(s->run, "process %d (%s): %s%s%.*s", (int)r->pid, r->comm,
			    remarks[i].text, remarks[i].exe ? ": " : "",
			    remarks[i].exe ? (int)r->exe_len : 0, r->exe ? r->exe : "") < 0)
			return err_set(e, EPIPE, "the writer is gone");
	}
	return 0;
}

static int quick(struct subject *s, struct err *e)
{
	own_buf struct buf link = BUF_INIT(65536);
	struct proctree_row *r = s->row;
	int rc = rawtext_copy(s, DOSSIER_QUICK, e);

	if (rc < 0 || s->gone)
		return rc;
	if (procfs_ns_inode(s->live, "pid", &r->ns_pid, NULL) < 0)
		r->ns_pid = 0;
	if (procfs_ns_inode(s->live, "mnt", &r->ns_mnt, NULL) < 0)
		r->ns_mnt = 0;
	if (io_read_link(s->live, "exe", &link, NULL) == 0)
		take_exe(r, &link);
	r->image = image_of(s);
	return remark(s, ~0U, e);
}

static int argv(struct subject *s, struct err *e)
{
	struct proctree_row *r = s->row;
	bool unknown = !r->argv;
	int rc = rawtext_copy(s, DOSSIER_ARGV, e);

	if (rc < 0 || s->gone || !unknown || !looks_like_kthread(r) || r->flags & PROC_KTHREAD_NAME)
		return rc;
	r->flags |= PROC_KTHREAD_NAME;
	return remark(s, PROC_KTHREAD_NAME, e);
}

static int text(struct subject *s, struct err *e)
{
	bool zombie = s->row->flags & PROC_ZOMBIE;
	int rc = rawtext_copy(s, DOSSIER_TEXT, e);

	if (rc == 0 && !s->gone)
		rc = procinfo_namespaces(s, e);
	if (rc == 0 && !s->gone && !zombie)
		rc = threads_write(s, e);
	if (rc == 0 && !s->gone && !zombie)
		rc = fds_write(s, e);
	if (rc == 0 && !s->gone && !zombie)
		rc = elsewhere_tell(s, e);
	return rc == 0 && !s->gone ? procinfo_write(s, e) : rc;
}

static int maps(struct subject *s, struct err *e)
{
	return rawtext_copy(s, DOSSIER_MAPS, e);
}

const char *const dossier_pass_names[DOSSIER_PASSES] = {
	[DOSSIER_QUICK] = "its first texts",
	[DOSSIER_ARGV] = "its arguments",
	[DOSSIER_TEXT] = "its texts",
	[DOSSIER_MAPS] = "its maps",
	[DOSSIER_FILES] = "its files",
};

static int (*const passes[DOSSIER_PASSES])(struct subject *s, struct err *e) = {
	[DOSSIER_QUICK] = quick,
	[DOSSIER_ARGV] = argv,
	[DOSSIER_TEXT] = text,
	[DOSSIER_MAPS] = maps,
	[DOSSIER_FILES] = relics_write,
};

/* why: it had ended before it was opened. */
static int vanished(struct dossier_run *run, struct proctree_row *r, enum dossier_pass pass,
	const struct err *why, struct err *e)
{
	r->flags |= PROC_GONE;
	if (run->quiet || run->vanished++ >= DOSSIER_VANISHED)
		return 0;
	if (sink_gapf(run->out, GAP_VANISHED, NULL, why, "process %d%s%s%s: ended %s %s were read",
		    (int)r->pid, r->comm[0] ? " (" : "", r->comm, r->comm[0] ? ")" : "",
		    why ? "before" : "while", dossier_pass_names[pass]) < 0)
		return err_set(e, EPIPE, "the writer is gone");
	return 0;
}

/* Ended, or became another program: what was read belongs to the first, or is mixed. */
static int verify(struct subject *s, enum dossier_pass pass, struct err *e)
{
	struct dossier_run *run = s->run;
	uint64_t image;
	int rc = 0;

	if (s->gone || !subject_alive(s))
		return vanished(run, s->row, pass, NULL, e);
	image = image_of(s);
	if (image && s->row->image && image != s->row->image)
		rc = sink_gapf(run->out, GAP_CHANGED, NULL, NULL,
			"process %d (%s): executed another program before %s had been read",
			(int)s->row->pid, s->row->comm, dossier_pass_names[pass]);
	s->row->image = image;
	return rc < 0 ? err_set(e, EPIPE, "the writer is gone") : 0;
}

int dossier_read(struct dossier_run *run, unsigned row, enum dossier_pass pass, struct err *e)
{
	struct proctree_row *r = &run->tree->rows[row];
	own_subject struct subject s;
	struct err why = ERR_INIT;
	int rc = subject_open(&s, run, r, &why);

	if (rc < 0)
		return vanished(run, r, pass, &why, e);
	rc = passes[pass](&s, e);
	return rc < 0 ? rc : verify(&s, pass, e);
}
