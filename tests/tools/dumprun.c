/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dumprun - runs one dumper in this process over a directory, for shell tests:
 *	dumprun [-k overlay|fuse|plain] [-u UPPER] [-l LOWER]... [-r ROOT] [-p PID]
 *		[-m KIND:POINT:SOURCE]... [-o OPTION=VALUE]... [-n] DUMPER OUT
 * -n: members are thrown away, for measuring.
 * Prints its wall time and memory at its highest. Exit: 0, or 1 with the error.
 */
#include "dirsink.h"

#include "dumper.h"
#include "hash.h"
#include "io.h"
#include "procfs.h"
#include "target.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { OPTIONS = 32, LIST = 32 };

static struct target target;
static union option_value values[OPTIONS];
static bool discard;
static int mount_fds[TARGET_MOUNTS];

_Noreturn static void die(const char *what, const char *why)
{
	fprintf(stderr, "dumprun: %s: %s\n", what, why);
	exit(1);
}

static int directory(const char *path)
{
	int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		die(path, strerror(errno));
	return fd;
}

static bool set_list(union option_value *v, const char *text)
{
	static const char *all[OPTIONS][LIST + 1];
	const char **list = all[v - values];
	size_t n = 0;
	char *copy = strdup(text);

	for (char *p = strtok(copy, ","); p && n < LIST; p = strtok(NULL, ","))
		list[n++] = p;
	list[n] = NULL;
	v->list = list;
	return true;
}

static bool set_word(union option_value *v, const char *const *words, const char *text)
{
	for (v->u = 0; words[v->u]; v->u++)
		if (!strcmp(words[v->u], text))
			return true;
	return false;
}

static bool set(const struct dumper_option *o, union option_value *v, const char *text)
{
	switch (o->type) {
	case OPTION_BOOL:
		v->b = !strcmp(text, "true");
		return true;
	case OPTION_SIZE:
		return text_parse_size(text, &v->u) == 0;
	case OPTION_COUNT:
		return text_parse_u64(text, UINT64_MAX, &v->u) == 0;
	case OPTION_DURATION:
		return text_parse_duration(text, &v->u) == 0;
	case OPTION_WORD:
		return set_word(v, o->words, text);
	default:
		return set_list(v, text);
	}
}

static void set_option(const struct dumper *d, const char *name, const char *text)
{
	for (size_t i = 0; d->options && d->options[i].name; i++)
		if (!strncmp(d->options[i].name, name, strcspn(name, "=")) &&
			!d->options[i].name[strcspn(name, "=")] &&
			set(&d->options[i], &values[i], text))
			return;
	die("option", name);
}

static void add_mount(char *text)
{
	static const char *const kinds[] = {
		"bind", "volume", "tmpfs", "shm", "secret", "config", "pseudo", "foreign", NULL};
	struct target_mount *m = &target.mount[target.mounts];
	char *kind = strsep(&text, ":"), *point = strsep(&text, ":");
	char full[TARGET_PATH];
	struct stat st;

	while (kinds[m->kind] && strcmp(kinds[m->kind], kind))
		m->kind++;
	snprintf(m->point, sizeof(m->point), "%s", point);
	snprintf(m->source, sizeof(m->source), "%s", text ? text : "");
	snprintf(full, sizeof(full), "/proc/%d/root%s", (int)target.pid, point);
	if (stat(m->source[0] ? m->source : full, &st) == 0) {
		m->major = (unsigned)(st.st_dev >> 8 & 0xfff);
		m->minor = (unsigned)(st.st_dev & 0xff);
	}
	m->id = target.mounts + 100;
	target.mounts++;
}

static const struct dumper *find(const char *name)
{
	for (const struct dumper *const *d = dumpers; *d; d++)
		if (!strcmp((*d)->name, name))
			return *d;
	die("no dumper", name);
}

static char block[1 << 20];

static int no_begin(void *ctx, const char *member, uint64_t size, struct err *e)
{
	(void)ctx, (void)member, (void)size, (void)e;
	return 0;
}

static void *no_room(void *ctx, size_t *ret_room, struct err *e)
{
	(void)ctx, (void)e;
	*ret_room = sizeof(block);
	return block;
}

static int no_commit(void *ctx, size_t n, struct err *e)
{
	(void)ctx, (void)n, (void)e;
	return 0;
}

static int no_end(void *ctx, struct err *e)
{
	(void)ctx, (void)e;
	return 0;
}

/* Keeps the gaps and findings of the directory's sink. */
static void throw_away(struct dirsink *s)
{
	static struct sink_ops ops;

	ops = *s->sink.ops;
	ops.begin = no_begin;
	ops.room = no_room;
	ops.commit = no_commit;
	ops.end = no_end;
	s->sink.ops = &ops;
}

static void report(const struct timespec *t0, const struct dirsink *s)
{
	struct timespec t1;
	struct rusage u;

	(void)clock_gettime(CLOCK_MONOTONIC, &t1);
	(void)getrusage(RUSAGE_SELF, &u);
	printf("%.3f s, cpu %.3f s, %ld KiB, %u members, %u gaps, %u findings\n",
		(double)(t1.tv_sec - t0->tv_sec) + (double)(t1.tv_nsec - t0->tv_nsec) / 1e9,
		(double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
			(double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6,
		u.ru_maxrss, s->members, s->gaps, s->findings);
}

static void parse(int argc, char **argv, char **sets)
{
	static const char *const kinds[] = {"unknown", "overlay", "fuse", "plain"};
	int c;

	while ((c = getopt(argc, argv, "k:u:l:r:p:m:o:n")) != -1) {
		if (c == 'k')
			for (int i = 0; i < 4; i++)
				target.rootfs = strcmp(kinds[i], optarg) ? target.rootfs
									 : (enum rootfs_kind)i;
		else if (c == 'u')
			target.fd[TFD_UPPER] = directory(optarg);
		else if (c == 'l')
			target.fd[TFD_LOWER0 + (int)target.lowers++] = directory(optarg);
		else if (c == 'r')
			target.fd[TFD_ROOT] = directory(optarg);
		else if (c == 'p')
			target.pid = atoi(optarg);
		else if (c == 'm')
			add_mount(optarg);
		else if (c == 'n')
			discard = true;
		else if (c == 'o')
			*sets++ = optarg;
		else
			exit(2);
	}
}

int main(int argc, char **argv)
{
	static struct dirsink sink;
	char *sets[OPTIONS] = {NULL};
	struct dump d = {
		.target = &target, .peers_fd = -1, .options = values, .max_bytes = UINT64_MAX / 2};
	const struct dumper *dumper;
	struct timespec t0;
	struct err e = ERR_INIT;
	int rc;

	for (int i = 0; i < TARGET_FDS; i++)
		target.fd[i] = -1;
	target.lowers_complete = true;
	target.rootfs = ROOTFS_OVERLAY;
	memset(mount_fds, -1, sizeof(mount_fds));
	parse(argc, argv, sets);
	if (optind + 2 != argc || hash_setup(&e) < 0)
		die("usage", "dumprun [options] DUMPER OUT");
	d.root_fd = target.fd[TFD_ROOT];
	dumper = find(argv[optind]);
	for (size_t i = 0; dumper->options && dumper->options[i].name; i++)
		set_option(dumper, dumper->options[i].name, dumper->options[i].def);
	for (char **s = sets; *s; s++)
		set_option(dumper, *s, *s + strcspn(*s, "=") + 1);
	(void)mkdir(argv[optind + 1], 0700);
	dirsink_init(&sink, directory(argv[optind + 1]));
	if (discard)
		throw_away(&sink);
	d.proc_fd = directory("/proc");
	d.host_fd = directory("/");
	d.spool_fd = io_spool(AT_FDCWD, NULL);
	d.mount_fd = mount_fds;
	if (target.pid) {
		target.fd[TFD_PROC] = procfs_open_pid(d.proc_fd, target.pid, &e);
		target.fd[TFD_ROOT] = openat(target.fd[TFD_PROC], "root", O_PATH | O_CLOEXEC);
		target.running = true;
	}
	(void)clock_gettime(CLOCK_MONOTONIC, &t0);
	rc = dumper->run(&d, &sink.sink, &e);
	report(&t0, &sink);
	if (rc < 0)
		die(dumper->name, e.text);
	return 0;
}
