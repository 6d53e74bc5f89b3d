/* SPDX-License-Identifier: Apache-2.0 */
/* proctab - all processes of the host at one moment. */
#include "proctab.h"
#include "buf.h"
#include "io.h"
#include "own.h"
#include "procfs.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

struct scan {
	struct proctab *tab;
	int proc_fd;
	struct buf text; /* of one cgroup file, storage kept */
};

static uint64_t hash_text(const char *p, size_t n)
{
	uint64_t h = 0xcbf29ce484222325ULL; /* FNV-1a */

	for (size_t i = 0; i < n; i++)
		h = (h ^ (unsigned char)p[i]) * 0x100000001b3ULL;
	return h;
}

static uint32_t *find_slot(const struct proctab *tab, const char *text)
{
	size_t at = hash_text(text, strlen(text)) & (tab->slots - 1);

	while (tab->slot[at] && strcmp(tab->cgroup[tab->slot[at]], text) != 0)
		at = (at + 1) & (tab->slots - 1);
	return &tab->slot[at];
}

static int grow_slots(struct proctab *tab)
{
	size_t n = tab->slots ? 2 * tab->slots : 1024;

	if (2 * tab->cgroups < tab->slots)
		return 0;
	free(tab->slot);
	tab->slot = calloc(n, sizeof(*tab->slot));
	tab->slots = tab->slot ? n : 0;
	if (!tab->slot)
		return -ENOMEM;
	for (uint32_t i = 1; i < tab->cgroups; i++)
		*find_slot(tab, tab->cgroup[i]) = i;
	return 0;
}

static int add_text(struct proctab *tab, const char *text)
{
	if (tab->cgroups == tab->cgroup_cap) {
		size_t cap = tab->cgroup_cap ? 2 * tab->cgroup_cap : 256;
		char **more = reallocarray(tab->cgroup, cap, sizeof(*more));

		if (!more)
			return -ENOMEM;
		tab->cgroup = more;
		tab->cgroup_cap = cap;
	}
	tab->cgroup[tab->cgroups] = strdup(text);
	if (!tab->cgroup[tab->cgroups])
		return -ENOMEM;
	tab->cgroups++;
	tab->cgroup_bytes += strlen(text);
	return 0;
}

/* The index of a text, added when it is new. */
static int intern(struct proctab *tab, const char *text, uint32_t *ret)
{
	uint32_t *slot;

	if (grow_slots(tab) < 0)
		return -ENOMEM;
	slot = find_slot(tab, text);
	if (!*slot) {
		if (tab->cgroup_bytes + strlen(text) > PROCTAB_CGROUP_BYTES) {
			tab->truncated = true;
			*ret = 0;
			return 0;
		}
		if (add_text(tab, text) < 0)
			return -ENOMEM;
		*slot = (uint32_t)(tab->cgroups - 1);
	}
	*ret = *slot;
	return 0;
}

static bool read_namespaces(int dir_fd, struct proc_row *row)
{
	return procfs_ns_inode(dir_fd, "mnt", &row->ns_mnt, NULL) == 0 &&
	       procfs_ns_inode(dir_fd, "pid", &row->ns_pid, NULL) == 0 &&
	       procfs_ns_inode(dir_fd, "net", &row->ns_net, NULL) == 0;
}

struct thread_search {
	int task_fd;
	struct proc_row *row;
};

static int try_thread(pid_t tid, void *arg)
{
	struct thread_search *s = arg;
	own_fd int fd = procfs_open_pid(s->task_fd, tid, NULL);

	return fd >= 0 && read_namespaces(fd, s->row);
}

void proctab_namespaces(int pid_fd, struct proc_row *row)
{
	own_fd int task = -1;

	row->ns_pid = row->ns_mnt = row->ns_net = 0;
	if (read_namespaces(pid_fd, row))
		return;
	task = openat(pid_fd, "task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (task >= 0 &&
		procfs_each_number(task, try_thread, &(struct thread_search){task, row}, NULL) < 0)
		row->ns_mnt = 0;
}

static int add_process(pid_t pid, void *arg)
{
	struct scan *s = arg;
	struct proctab *tab = s->tab;
	own_fd int fd = procfs_open_pid(s->proc_fd, pid, NULL);
	struct proc_row row = {.pid = pid};
	struct procfs_stat st;
	int rc;

	if (fd < 0 || procfs_read_stat(fd, &st, NULL) < 0)
		return 0; /* it has ended */
	if (tab->rows == PROCTAB_ROWS) {
		tab->truncated = true;
		return 1;
	}
	row.ppid = st.ppid;
	row.start_ticks = st.start_ticks;
	row.state = st.state;
	memcpy(row.comm, st.comm, sizeof(row.comm) - 1);
	proctab_namespaces(fd, &row);
	buf_clear(&s->text);
	rc = io_read_file(fd, "cgroup", &s->text, NULL);
	if (rc == -EFBIG)
		tab->truncated = true;
	if (rc == 0 && s->text.len && intern(tab, buf_str(&s->text), &row.cgroup) < 0)
		return -ENOMEM;
	if (tab->rows == tab->cap) {
		size_t cap = tab->cap ? 2 * tab->cap : 512;
		struct proc_row *more = reallocarray(tab->row, cap, sizeof(*more));

		if (!more)
			return -ENOMEM;
		tab->row = more;
		tab->cap = cap;
	}
	tab->row[tab->rows++] = row;
	return 0;
}

static int by_pid(const void *a, const void *b)
{
	const struct proc_row *x = a, *y = b;

	return (x->pid > y->pid) - (x->pid < y->pid);
}

int proctab_scan(int proc_fd, struct proctab *ret, struct err *e)
{
	struct scan s = {ret, proc_fd, BUF_INIT(PROCTAB_CGROUP_TEXT)};
	int rc;

	if (add_text(ret, "") < 0)
		return err_set(e, ENOMEM, "no memory");
	rc = procfs_each_number(proc_fd, add_process, &s, e);
	buf_done(&s.text);
	if (rc < 0)
		return rc == -ENOMEM ? err_set(e, ENOMEM, "no memory for the process table") : rc;
	if (ret->rows)
		qsort(ret->row, ret->rows, sizeof(ret->row[0]), by_pid);
	return 0;
}

void proctab_done(struct proctab *tab)
{
	for (size_t i = 0; i < tab->cgroups; i++)
		free(tab->cgroup[i]);
	free(tab->cgroup);
	free(tab->slot);
	free(tab->row);
	*tab = (struct proctab){0};
}

const struct proc_row *proctab_find(const struct proctab *tab, pid_t pid)
{
	const struct proc_row key = {.pid = pid};

	return tab->rows ? bsearch(&key, tab->row, tab->rows, sizeof(key), by_pid) : NULL;
}

const char *proctab_cgroup(const struct proctab *tab, const struct proc_row *row)
{
	return row->cgroup < tab->cgroups ? tab->cgroup[row->cgroup] : "";
}

pid_t proctab_self(int proc_fd)
{
	char self[16] = "";
	uint64_t pid;

	if (readlinkat(proc_fd, "self", self, sizeof(self) - 1) < 0 ||
		text_parse_u64(self, INT32_MAX, &pid) < 0)
		return 0;
	return (pid_t)pid;
}
