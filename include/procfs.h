/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* procfs - the text formats of /proc (proc(5)), parsed with limits. The text of
 * a target's files is hostile: parse it in a worker only. */
#include "buf.h"
#include "err.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * /proc/PID as an O_PATH directory descriptor: stays bound to this process
 * (ESRCH after its end), never to a later one with the same number.
 * proc_fd is a descriptor of the proc mount.
 */
int procfs_open_pid(int proc_fd, pid_t pid, struct err *e) must_check;
/*
 * The same for a thread of it that runs, where the first has ended (state Z) and others have not:
 * /proc/TID has every file that /proc/PID has, though it is not listed, and those of a thread that
 * has ended are empty. -ESRCH: there is none.
 */
int procfs_open_live(int proc_fd, int pid_fd, pid_t pid, pid_t *ret_tid) must_check;
/* Does one of its threads (of the first thousands) wait in the kernel and for nothing but that, as
 * who holds a lock for long does? */
bool procfs_waits(int pid_fd);
/* Our own number there, 0: it shows none. Where it is not getpid(), a call with a number from there
 * means another process. */
pid_t procfs_self(int proc_fd);
/* True when fd is the root of a proc file system (PROC_SUPER_MAGIC and inode 1). */
bool procfs_is_root(int fd);

struct procfs_stat {
	pid_t pid, ppid;
	pid_t pgrp, session;
	int tty_nr;	/* major << 8 | minor in the kernel's packing, 0: none */
	uint64_t flags; /* PF_*: 0x200000 is a kernel thread */
	char state;
	char comm[65];	      /* bytes as given, may hold anything but NUL */
	uint64_t start_ticks; /* field 22: since boot, in clock ticks */
	uint64_t num_threads;
	uint64_t minflt, majflt;
	uint64_t rss_pages;
	uint64_t utime, stime; /* clock ticks */
	int nice;
	uint64_t arg_start, arg_end; /* of the command line in its memory; 0: not told */
};

/* Parses a stat line: comm ends at the LAST ')'. -EINVAL when it is none. */
int procfs_parse_stat(const char *text, struct procfs_stat *ret);
int procfs_read_stat(int pid_fd, struct procfs_stat *ret, struct err *e) must_check;

/* The value of "Key:\t..." in status-like text, up to the newline; NULL when absent. */
const char *procfs_field(const char *text, const char *key, size_t *ret_len);
/* The same as a number; -ENOENT or -EINVAL. base 10 or 16. */
int procfs_field_u64(const char *text, const char *key, int base, uint64_t *ret);

/* Inode of ns/NAME ("net", "mnt", "pid", ...) of a process: the namespace's identity. */
int procfs_ns_inode(int pid_fd, const char *name, uint64_t *ret, struct err *e) must_check;

/*
 * Calls each for every number among the names of a directory (/proc, or task/);
 * stops and returns its value when that is not 0.
 */
int procfs_each_number(int dirfd, int (*each)(pid_t n, void *arg), void *arg, struct err *e)
	must_check;

/* One line of mountinfo (proc_pid_mountinfo(5)); strings point into the parsed line and are
 * unescaped in place (\040 and so on), but for 'super': its options are to be split first. */
struct procfs_mount {
	uint64_t id, parent;
	unsigned major, minor;
	char *root, *point;
	char *options;
	char *type, *source, *super;
};

/* Splits one line (without its newline) in place. -EINVAL when it is none. */
int procfs_parse_mount(char *line, struct procfs_mount *ret);
/* The next option of a super text, terminated and unescaped in place; advances *super; NULL at the
 * end. A comma in a value is written \054 by the kernel, so it never splits. */
char *procfs_next_option(char **super);
/* The value of "key=" in a super text, copied and unescaped to ret; overlayfs' own '\' before a
 * comma or colon of a name stays. -ENOENT, -ENAMETOOLONG. */
int procfs_mount_option(const char *super, const char *key, char *ret, size_t size);

/* One line of /proc/PID/cgroup: "4:memory:/docker/ab12". In place. */
struct procfs_cgroup {
	char *hierarchy, *controllers, *path;
};
int procfs_parse_cgroup(char *line, struct procfs_cgroup *ret);
/* One line of maps (proc_pid_maps(5)). path points into the line, "" when there is none, and is
 * as the kernel writes it: newline is \012, a deleted file has " (deleted)" behind. */
struct procfs_map {
	uint64_t start, end, offset, inode;
	unsigned major, minor;
	char perms[5];
	char *path;
};
int procfs_parse_map(char *line, struct procfs_map *ret);

/* Does a magic link or a path of maps end in " (deleted)"? The target may name a file so: what has
 * no link left says its stat. */
bool procfs_says_deleted(const char *path, size_t n);

/* The next line of text: terminates it, advances *text; NULL at the end. */
char *procfs_next_line(char **text);

/* Clock ticks since boot to wall-clock time, to the millisecond. */
struct timespec procfs_start_time(uint64_t ticks);
