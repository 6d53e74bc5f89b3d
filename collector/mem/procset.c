/* SPDX-License-Identifier: Apache-2.0 */
/* procset - the processes whose memory is captured. */
#include "procset.h"

#include "io.h"
#include "lines.h"
#include "own.h"
#include "target.h"
#include "text.h"
#include "tick.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

enum {
	RESERVE = 128, /* descriptors: DEPTH of them for cgroups */
	DEPTH = 64,    /* of cgroups: names of all of them do not fit a path */
	CGROUPS = 65536,
};

static unsigned place(const struct procset *s, pid_t pid)
{
	unsigned i = (unsigned)pid * 2654435761u & (s->slots - 1);

	while (s->slot[i] && s->proc[s->slot[i] - 1].pid != pid)
		i = (i + 1) & (s->slots - 1);
	return i;
}

struct proc_one *procset_find(const struct procset *s, pid_t pid)
{
	unsigned at = s->slots ? s->slot[place(s, pid)] : 0;

	return at && !s->proc[at - 1].ended ? &s->proc[at - 1] : NULL;
}

static int grow(struct procset *s)
{
	unsigned cap = s->cap ? 2 * s->cap : 64;
	struct proc_one *more = realloc(s->proc, cap * sizeof(*more));
	uint32_t *slot = calloc(2 * cap, sizeof(*slot));

	if (more)
		s->proc = more;
	if (!more || !slot) {
		free(slot);
		return -ENOMEM;
	}
	free(s->slot);
	s->slot = slot;
	s->slots = 2 * cap;
	s->cap = cap;
	for (unsigned i = 0; i < s->count; i++)
		s->slot[place(s, s->proc[i].pid)] = i + 1;
	return 0;
}

/* Nothing more is asked of it. */
static void give_up(struct proc_one *p, int rc)
{
	p->ended = true;
	p->error = rc == -ESRCH || rc == -ENOENT ? 0 : -rc;
}

/* ticks: 0 for any. NULL: no room. What cannot be opened is there as ended. */
static struct proc_one *add(struct procset *s, pid_t pid, uint64_t ticks)
{
	struct proc_one *p;
	int rc;

	if (s->count == PROCSET_MAX || (s->count == s->cap && grow(s) < 0)) {
		s->cut = true;
		return NULL;
	}
	p = &s->proc[s->count++];
	*p = (struct proc_one){.pid = pid, .live_fd = -1};
	s->slot[place(s, pid)] = s->count;
	rc = p->fd = procfs_open_pid(s->proc_fd, pid, NULL);
	if (rc >= 0)
		rc = procfs_read_stat(p->fd, &p->stat, NULL);
	if (rc == 0 && ticks && p->stat.start_ticks != ticks)
		rc = -ESRCH;
	if (rc < 0)
		give_up(p, rc);
	p->apart = p->fd >= s->fd_most;
	procset_put(p);
	return p;
}

/* When a process started; its parent's number. 0 and 0: not known. */
static uint64_t look_at(int proc_fd, pid_t pid, pid_t *ret_parent)
{
	own_fd int fd = pid ? procfs_open_pid(proc_fd, pid, NULL) : -1;
	struct procfs_stat st;

	*ret_parent = 0;
	if (fd < 0 || procfs_read_stat(fd, &st, NULL) < 0)
		return 0;
	*ret_parent = st.ppid;
	return st.start_ticks;
}

int procset_init(struct procset *s, int proc_fd, const struct target *target, unsigned descriptors,
	struct err *e)
{
	pid_t parent;

	*s = (struct procset){.proc_fd = proc_fd, .self = procfs_self(proc_fd)};
	s->fd_most = descriptors > INT_MAX   ? INT_MAX
		     : descriptors > RESERVE ? (int)descriptors - RESERVE
					     : 0;
	(void)look_at(proc_fd, s->self, &parent);
	s->since = look_at(proc_fd, parent, &parent);
	for (unsigned i = 0; i < target->members && i < TARGET_MEMBERS; i++)
		if (target->member[i].pid != s->self)
			(void)add(s, target->member[i].pid, target->member[i].start_ticks);
	return s->count || !target->members ? 0 : err_set(e, ENOMEM, "no memory");
}

void procset_done(struct procset *s)
{
	for (unsigned i = 0; i < s->count; i++) {
		own_fd_(&s->proc[i].fd);
		own_fd_(&s->proc[i].live_fd);
		memflags_done(&s->proc[i].flags);
	}
	free(s->proc);
	free(s->slot);
	*s = (struct procset){.proc_fd = -1};
}

/* ---- a live thread: the first may have ended while others run */

void procset_take(struct procset *s, struct proc_one *p)
{
	struct procfs_stat st;
	int rc;

	if (p->fd >= 0 || !p->apart || p->ended)
		return;
	rc = p->fd = procfs_open_pid(s->proc_fd, p->pid, NULL);
	if (rc >= 0)
		rc = procfs_read_stat(p->fd, &st, NULL);
	if (rc == 0 && st.start_ticks != p->stat.start_ticks)
		rc = -ESRCH;
	if (rc == 0)
		return;
	procset_put(p);
	give_up(p, rc);
}

void procset_put(struct proc_one *p)
{
	if (!p->apart)
		return;
	own_fd_(&p->fd);
	own_fd_(&p->live_fd);
	p->fd = p->live_fd = -1;
}

bool procset_waits(struct procset *s, struct proc_one *p)
{
	bool waits;

	procset_take(s, p);
	waits = procfs_waits(p->fd);
	procset_put(p);
	return waits;
}

int procset_look(struct procset *s, struct proc_one *p)
{
	const char before = p->stat.state;
	int rc;

	procset_take(s, p);
	rc = p->ended ? -ESRCH : procfs_read_stat(p->fd, &p->stat, NULL);
	own_fd_(&p->live_fd);
	p->live_fd = -1;
	p->live = 0;
	if (p->ended)
		return -ESRCH;
	p->error = 0;
	if (rc < 0) {
		give_up(p, rc);
		return -ESRCH;
	}
	if (p->held && p->stat.state == 't' && before)
		p->stat.state = before; /* it is we who trace it */
	if (!strchr("ZXx", p->stat.state)) {
		p->live = p->pid;
	} else if (p->stat.num_threads > 1) {
		rc = p->live_fd = procfs_open_live(s->proc_fd, p->fd, p->pid, &p->live);
		p->error = rc < 0 && rc != -ESRCH && rc != -ENOENT ? -rc : 0;
	}
	return 0;
}

/* ---- who was born meanwhile */

struct birth {
	struct procset *s;
	_Atomic uint64_t *beat;
	unsigned found;
};

/* The target may have started us, or hold who did: those that began no later than our program are
 * not new, and its workers are nobody's children here. */
static int is_born(pid_t pid, void *arg)
{
	struct birth *b = arg;
	uint64_t ticks;
	pid_t parent;

	tick(b->beat);
	if (pid == b->s->self || procset_find(b->s, pid))
		return 0;
	ticks = look_at(b->s->proc_fd, pid, &parent);
	if (ticks > b->s->since && procset_find(b->s, parent))
		b->found += add(b->s, pid, ticks) != NULL;
	return b->s->count == PROCSET_MAX;
}

unsigned procset_born(struct procset *s, _Atomic uint64_t *beat)
{
	struct birth b = {.s = s, .beat = beat};
	unsigned before, frozen = 0;

	while (frozen < s->count && s->proc[frozen].frozen)
		frozen++;
	if (!s->since || frozen == s->count)
		return 0;
	/* the list is in the order of numbers, which begin again at the lowest */
	do {
		before = b.found;
		if (procfs_each_number(s->proc_fd, is_born, &b, NULL) != 0)
			s->cut = true;
	} while (b.found > before);
	return b.found;
}

/* ---- who is in a cgroup */

static void read_procs(struct procset *s, int dir, struct lines *l)
{
	own_fd int fd = openat(dir, "cgroup.procs", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	char *line;

	if (fd < 0) {
		s->cut = true;
		return;
	}
	lines_begin(l, fd);
	while ((line = lines_next(l))) {
		struct proc_one *p;
		uint64_t pid;

		/* 0: a process that our PID namespace does not see */
		if (text_parse_u64(line, INT32_MAX, &pid) < 0 || !pid || (pid_t)pid == s->self)
			continue;
		p = procset_find(s, (pid_t)pid);
		/* it has ended, and this is another one with its number; who was not seen alive is
		 * looked at anew */
		if (p && look_at(s->proc_fd, p->pid, &(pid_t){0}) != p->stat.start_ticks) {
			give_up(p, -ESRCH);
			p = NULL;
		}
		if (!p)
			p = add(s, (pid_t)pid, 0);
		if (p)
			p->frozen = true;
	}
	/* a threaded cgroup names its processes at the top only */
	if (l->error && l->error != -EOPNOTSUPP)
		s->cut = true;
}

/* The next directory in d, -1 at the end. */
static int next_below(DIR *d)
{
	struct dirent *x;

	while ((x = readdir(d))) {
		int fd;

		if (x->d_type != DT_DIR || x->d_name[0] == '.')
			continue;
		fd = openat(dirfd(d), x->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
		if (fd >= 0)
			return fd;
	}
	return -1;
}

int procset_frozen(struct procset *s, int cgroup_fd, struct err *e)
{
	own_free struct lines *l = malloc(sizeof(*l));
	DIR *dir[DEPTH];
	int fd = openat(cgroup_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	unsigned depth = 0, seen = 0;

	if (!l) {
		own_fd_(&fd);
		return err_set(e, ENOMEM, "no memory");
	}
	if (fd < 0) {
		s->cut = true; /* those that are known are there */
		return 0;
	}
	for (;;) {
		if (fd >= 0 && (depth == DEPTH || ++seen > CGROUPS)) {
			own_fd_(&fd);
			s->cut = true;
		} else if (fd >= 0) {
			read_procs(s, fd, l);
			dir[depth] = fdopendir(fd);
			if (dir[depth])
				depth++;
			else
				own_fd_(&fd);
		} else {
			closedir(dir[--depth]);
		}
		if (!depth)
			return 0;
		fd = next_below(dir[depth - 1]);
	}
}
