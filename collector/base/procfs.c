/* SPDX-License-Identifier: Apache-2.0 */
/* procfs - the text formats of /proc, parsed with limits. */
#include "procfs.h"
#include "io.h"
#include "own.h"
#include "text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>
#include <time.h>

enum { THREADS_LOOKED_AT = 4096 };

int procfs_open_pid(int proc_fd, pid_t pid, struct err *e)
{
	char name[16];
	int fd;

	snprintf(name, sizeof(name), "%d", (int)pid);
	fd = openat(proc_fd, name, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	return fd < 0 ? err_errno(e, "open process %d", (int)pid) : fd;
}

pid_t procfs_self(int proc_fd)
{
	char link[16];
	ssize_t n = readlinkat(proc_fd, "self", link, sizeof(link) - 1);
	uint64_t pid;

	if (n <= 0)
		return 0;
	link[n] = '\0';
	return text_parse_u64(link, INT32_MAX, &pid) < 0 ? 0 : (pid_t)pid;
}

bool procfs_is_root(int fd)
{
	struct statfs fs;
	struct stat st;

	return !fstatfs(fd, &fs) && fs.f_type == PROC_SUPER_MAGIC && !fstat(fd, &st) &&
	       st.st_ino == 1;
}

int procfs_parse_stat(const char *text, struct procfs_stat *ret)
{
	struct procfs_stat s = {0};
	const char *open = strchr(text, '('), *close = strrchr(text, ')');
	unsigned long long num[48] = {0};
	char *next;
	size_t len;

	if (!open || !close || close < open || close[1] != ' ' || !close[2])
		return -EINVAL;
	s.pid = (pid_t)strtol(text, &next, 10);
	if (next != open - 1 || s.pid <= 0)
		return -EINVAL;
	len = (size_t)(close - open - 1);
	if (len >= sizeof(s.comm))
		len = sizeof(s.comm) - 1;
	memcpy(s.comm, open + 1, len);
	s.state = close[2];
	next = (char *)close + 3;
	for (int field = 4; field <= 49; field++) { /* numbered as in proc_pid_stat(5) */
		char *end;
		unsigned long long v = strtoull(next, &end, 10);

		if (end == next && field <= 24)
			return -EINVAL;
		num[field - 2] = end == next ? 0 : v;
		next = end;
	}
	s.ppid = (pid_t)num[2];
	s.pgrp = (pid_t)num[3];
	s.session = (pid_t)num[4];
	s.tty_nr = (int)num[5];
	s.flags = num[7];
	s.minflt = num[8];
	s.majflt = num[10];
	s.num_threads = num[18];
	s.start_ticks = num[20];
	s.rss_pages = num[22];
	s.utime = num[12];
	s.stime = num[13];
	s.nice = (int)num[17];
	s.arg_start = num[46];
	s.arg_end = num[47];
	*ret = s;
	return 0;
}

int procfs_read_stat(int pid_fd, struct procfs_stat *ret, struct err *e)
{
	own_buf struct buf b = BUF_INIT(4096);
	int rc = io_read_file(pid_fd, "stat", &b, e);

	if (rc < 0)
		return rc;
	rc = procfs_parse_stat(buf_str(&b), ret);
	return rc < 0 ? err_set(e, -rc, "stat: not in the form of proc(5)") : 0;
}

const char *procfs_field(const char *text, const char *key, size_t *ret_len)
{
	size_t n = strlen(key);

	for (const char *line = text; *line;) {
		size_t len = strcspn(line, "\n");

		if (len > n && !memcmp(line, key, n) && line[n] == ':') {
			const char *v = line + n + 1;

			v += strspn(v, " \t");
			*ret_len = v < line + len ? (size_t)(line + len - v) : 0;
			return v;
		}
		line += len + (line[len] == '\n');
	}
	return NULL;
}

int procfs_field_u64(const char *text, const char *key, int base, uint64_t *ret)
{
	size_t len;
	const char *v = procfs_field(text, key, &len);
	char *end;
	unsigned long long n;

	if (!v)
		return -ENOENT;
	errno = 0;
	n = strtoull(v, &end, base);
	if (end == v || errno)
		return -EINVAL;
	*ret = n;
	return 0;
}

int procfs_ns_inode(int pid_fd, const char *name, uint64_t *ret, struct err *e)
{
	char path[32];
	struct stat st;

	snprintf(path, sizeof(path), "ns/%s", name);
	if (fstatat(pid_fd, path, &st, 0) < 0)
		return err_errno(e, "stat %s", path);
	*ret = st.st_ino;
	return 0;
}

static void closedir_(DIR **d)
{
	if (*d)
		closedir(*d);
}

int procfs_each_number(int dirfd, int (*each)(pid_t n, void *arg), void *arg, struct err *e)
{
	own_fd int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	__attribute__((cleanup(closedir_))) DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *d;

	if (!dir)
		return err_errno(e, "list processes");
	(void)take_fd(&fd);
	for (errno = 0; (d = readdir(dir)); errno = 0) {
		uint64_t n;
		int rc;

		if (text_parse_u64(d->d_name, INT32_MAX, &n) < 0)
			continue;
		rc = each((pid_t)n, arg);
		if (rc)
			return rc;
	}
	return errno ? err_errno(e, "list processes") : 0;
}

struct find_thread {
	int task_fd;
	pid_t found;
};

/* 'X': it is gone. */
static char thread_state(int task_fd, pid_t tid)
{
	struct procfs_stat st = {0};
	char name[16];
	own_fd int fd = -1;

	snprintf(name, sizeof(name), "%d", (int)tid);
	fd = openat(task_fd, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 || procfs_read_stat(fd, &st, NULL) < 0 ? 'X' : st.state;
}

/* The first thread that runs: stops the enumeration. */
static int is_live(pid_t tid, void *arg)
{
	struct find_thread *f = arg;

	if (strchr("ZXx", thread_state(f->task_fd, tid)))
		return 0;
	f->found = tid;
	return 1;
}

struct waiting {
	int task_fd;
	unsigned left; /* threads to look at */
};

static int does_wait(pid_t tid, void *arg)
{
	struct waiting *w = arg;

	if (thread_state(w->task_fd, tid) == 'D')
		return 1;
	return --w->left ? 0 : -ENODATA;
}

bool procfs_waits(int pid_fd)
{
	own_fd int task = openat(pid_fd, "task", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct waiting w = {task, THREADS_LOOKED_AT};

	return task >= 0 && procfs_each_number(task, does_wait, &w, NULL) == 1;
}

int procfs_open_live(int proc_fd, int pid_fd, pid_t pid, pid_t *ret_tid)
{
	own_fd int task = openat(pid_fd, "task", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct find_thread f = {.task_fd = task};
	own_buf struct buf status = BUF_INIT(65536);
	own_fd int fd = -1;
	uint64_t tgid;

	if (task < 0)
		return -errno;
	if (procfs_each_number(task, is_live, &f, NULL) != 1)
		return -ESRCH;
	fd = procfs_open_pid(proc_fd, f.found, NULL);
	if (fd < 0)
		return fd;
	if (io_read_file(fd, "status", &status, NULL) < 0 ||
		procfs_field_u64(buf_str(&status), "Tgid", 10, &tgid) < 0 || tgid != (uint64_t)pid)
		return -ESRCH;
	*ret_tid = f.found;
	return take_fd(&fd);
}

char *procfs_next_line(char **text)
{
	char *line = *text;
	size_t len = strcspn(line, "\n");

	if (!*line)
		return NULL;
	*text = line + len + (line[len] == '\n');
	line[len] = '\0';
	return line;
}

/* \ooo as the kernel's mangle() writes space, tab, newline, backslash and '#'. */
static void unescape(char *s)
{
	char *to = s;

	while (*s) {
		if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] >= '0' && s[2] <= '7' &&
			s[3] >= '0' && s[3] <= '7') {
			*to++ = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0'));
			s += 4;
		} else {
			*to++ = *s++;
		}
	}
	*to = '\0';
}

static char *next_word(char **line)
{
	char *word = *line;
	size_t len = strcspn(word, " ");

	if (!len)
		return NULL;
	*line = word + len + (word[len] == ' ');
	word[len] = '\0';
	return word;
}

static int parse_mount_head(char **line, struct procfs_mount *m)
{
	char *id = next_word(line), *parent = next_word(line), *dev = next_word(line);

	m->root = next_word(line);
	m->point = next_word(line);
	m->options = next_word(line);
	if (!id || !parent || !dev || !m->root || !m->point || !m->options)
		return -EINVAL;
	if (text_parse_u64(id, UINT64_MAX, &m->id) < 0 ||
		text_parse_u64(parent, UINT64_MAX, &m->parent) < 0 ||
		sscanf(dev, "%u:%u", &m->major, &m->minor) != 2)
		return -EINVAL;
	return 0;
}

int procfs_parse_mount(char *line, struct procfs_mount *ret)
{
	struct procfs_mount m = {0};
	char *word;

	if (parse_mount_head(&line, &m) < 0)
		return -EINVAL;
	do
		word = next_word(&line); /* optional fields, up to "-" */
	while (word && strcmp(word, "-") != 0);
	m.type = next_word(&line);
	m.source = next_word(&line);
	m.super = line; /* the last field: may hold no space, may be empty */
	if (!word || !m.type || !m.source)
		return -EINVAL;
	unescape(m.root);
	unescape(m.point);
	unescape(m.type);
	unescape(m.source);
	*ret = m;
	return 0;
}

char *procfs_next_option(char **super)
{
	char *option = *super;
	size_t len = strcspn(option, ",");

	if (!*option)
		return NULL;
	*super = option + len + (option[len] == ',');
	option[len] = '\0';
	unescape(option);
	return option;
}

int procfs_mount_option(const char *super, const char *key, char *ret, size_t size)
{
	size_t n = strlen(key), len;

	for (; *super; super += len + (super[len] == ',')) {
		len = strcspn(super, ",");
		if (len <= n || strncmp(super, key, n) != 0 || super[n] != '=')
			continue;
		len -= n + 1;
		if (len >= size)
			return -ENAMETOOLONG;
		memcpy(ret, super + n + 1, len);
		ret[len] = '\0';
		unescape(ret);
		return 0;
	}
	return -ENOENT;
}

int procfs_parse_cgroup(char *line, struct procfs_cgroup *ret)
{
	char *a = strchr(line, ':'), *b = a ? strchr(a + 1, ':') : NULL;

	if (!a || !b)
		return -EINVAL;
	*a = *b = '\0';
	*ret = (struct procfs_cgroup){line, a + 1, b + 1};
	return 0;
}

/* A hexadecimal number that ends with 'end'; moves behind it. */
static int hex_until(char **p, char end, uint64_t *ret)
{
	char *stop;

	errno = 0;
	*ret = strtoull(*p, &stop, 16);
	if (stop == *p || errno || *stop != end)
		return -EINVAL;
	*p = stop + 1;
	return 0;
}

int procfs_parse_map(char *line, struct procfs_map *ret)
{
	struct procfs_map m = {0};
	uint64_t major, minor;
	char *word;

	if (hex_until(&line, '-', &m.start) < 0 || hex_until(&line, ' ', &m.end) < 0)
		return -EINVAL;
	word = next_word(&line);
	if (!word || strlen(word) != 4)
		return -EINVAL;
	memcpy(m.perms, word, 4);
	if (hex_until(&line, ' ', &m.offset) < 0 || hex_until(&line, ':', &major) < 0 ||
		hex_until(&line, ' ', &minor) < 0)
		return -EINVAL;
	word = next_word(&line);
	if (!word || text_parse_u64(word, UINT64_MAX, &m.inode) < 0)
		return -EINVAL;
	m.major = (unsigned)major;
	m.minor = (unsigned)minor;
	m.path = line + strspn(line, " ");
	*ret = m;
	return 0;
}

bool procfs_says_deleted(const char *path, size_t n)
{
	static const char tail[] = " (deleted)";
	const size_t len = sizeof(tail) - 1;

	return n > len && !memcmp(path + n - len, tail, len);
}

struct timespec procfs_start_time(uint64_t ticks)
{
	struct timespec real, boot;
	long hz = sysconf(_SC_CLK_TCK);
	uint64_t sane = (uint64_t)hz << 32; /* 136 years of uptime: sums stay in range */
	int64_t ns;

	ticks = ticks < sane ? ticks : sane;
	clock_gettime(CLOCK_REALTIME, &real);
	clock_gettime(CLOCK_BOOTTIME, &boot);
	ns = (real.tv_sec - boot.tv_sec) * 1000000000LL + (real.tv_nsec - boot.tv_nsec);
	ns += (int64_t)(ticks / (uint64_t)hz) * 1000000000LL;
	ns += (int64_t)(ticks % (uint64_t)hz) * (1000000000LL / hz);
	ns = (ns + 500000) / 1000000 * 1000000; /* two clocks read apart: the same text each time */
	return (struct timespec){ns / 1000000000LL, ns % 1000000000LL};
}
