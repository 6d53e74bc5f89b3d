/* SPDX-License-Identifier: Apache-2.0 */
/* effects - what we touched. */
#include "effects.h"
#include "dumper.h"
#include "io.h"
#include "jsonw.h"
#include "now.h"
#include "own.h"
#include "procfs.h"
#include "run.h"
#include "writelock.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

enum { MEASURE_SECONDS = 3, MEASURE_MEMORY = 16 << 20 };

struct measuring {
	const struct run *run;
	struct effects *ret; /* shared */
};

static uint64_t field(const struct buf *status, const char *key)
{
	uint64_t v = 0;

	return procfs_field_u64(buf_str(status), key, 10, &v) < 0 ? 0 : v;
}

static void add_process(int proc_fd, const struct target_member *m, struct effects *sum)
{
	own_buf struct buf status = BUF_INIT(16384);
	own_fd int fd = procfs_open_pid(proc_fd, m->pid, NULL);
	struct procfs_stat st;

	if (fd < 0 || procfs_read_stat(fd, &st, NULL) < 0 || st.start_ticks != m->start_ticks ||
		io_read_file(fd, "status", &status, NULL) < 0)
		return;
	sum->processes++;
	sum->rss_kib += field(&status, "VmRSS");
	sum->page_tables_kib += field(&status, "VmPTE");
	sum->swap_kib += field(&status, "VmSwap");
	sum->minor_faults += st.minflt;
	sum->major_faults += st.majflt;
}

static int64_t atime_of(int fd)
{
	struct stat st;

	if (fd < 0 || fstatat(fd, "", &st, AT_EMPTY_PATH | AT_NO_AUTOMOUNT) < 0)
		return 0;
	return st.st_atim.tv_sec * 1000000000LL + st.st_atim.tv_nsec;
}

static int measure_main(void *arg)
{
	struct measuring *j = arg;
	const struct target *t = j->run->target;
	uint64_t start = now_ns();
	struct effects sum = {0};
	struct timespec boot;

	clock_gettime(CLOCK_BOOTTIME, &boot);
	sum.at_ns = (uint64_t)boot.tv_sec * 1000000000ULL + (uint64_t)boot.tv_nsec;
	for (unsigned i = 0; i < t->members; i++)
		add_process(j->run->host.at.proc_fd, &t->member[i], &sum);
	sum.root_atime_ns = atime_of(t->fd[TFD_ROOT]);
	sum.upper_atime_ns = atime_of(t->fd[TFD_UPPER]);
	sum.took_us = (now_ns() - start) / 1000;
	*j->ret = sum;
	return 0;
}

int effects_measure(const struct run *r, struct effects *ret, struct err *e)
{
	const int keep[] = {r->host.at.proc_fd, r->target->fd[TFD_ROOT], r->target->fd[TFD_UPPER]};
	struct effects *shared = mmap(
		NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct measuring j = {.run = r, .ret = shared};
	struct worker_spec spec = {
		.name = "taphos-effects",
		.main = measure_main,
		.arg = &j,
		.caps = DUMPER_CAP(CAP_SYS_PTRACE) | DUMPER_CAP(CAP_DAC_READ_SEARCH),
		.filter = FILTER_READER,
		.netns_fd = -1,
		.mntns_fd = -1,
		.keep = keep,
		.keeps = 3,
		.memory = MEASURE_MEMORY,
	};
	int rc;

	if (shared == MAP_FAILED)
		return err_set(e, ENOMEM, "no memory");
	rc = worker_pipe(&spec, now_ns() + MEASURE_SECONDS * 1000000000ULL, NULL, NULL, e);
	if (rc == 0)
		memcpy(ret, shared, sizeof(*ret));
	(void)munmap(shared, sizeof(*shared));
	return rc > 0 ? err_set(e, EIO, "measure the target: exit %d", rc) : rc;
}

static void render_one(struct jsonw *w, const char *key, const struct effects *m)
{
	if (!m) {
		jsonw_null(w, key);
		return;
	}
	jsonw_open(w, key);
	jsonw_u64(w, "boot_ns", m->at_ns);
	jsonw_u64(w, "took_us", m->took_us);
	jsonw_u64(w, "processes", m->processes);
	jsonw_u64(w, "rss_kib", m->rss_kib);
	jsonw_u64(w, "page_tables_kib", m->page_tables_kib);
	jsonw_u64(w, "swap_kib", m->swap_kib);
	jsonw_u64(w, "minor_faults", m->minor_faults);
	jsonw_u64(w, "major_faults", m->major_faults);
	jsonw_i64(w, "root_atime_ns", m->root_atime_ns);
	jsonw_i64(w, "upper_atime_ns", m->upper_atime_ns);
	jsonw_close(w);
}

/* What kept our readers of files from writing. */
static void render_writelock(struct jsonw *w)
{
	int version = writelock_version();

	jsonw_open(w, "readers_cannot_write");
	if (version > 0)
		jsonw_u64(w, "landlock", (uint64_t)version);
	else
		jsonw_null(w, "landlock");
	jsonw_str(w, "about",
		version > 0 ? "readers of files are held by Landlock and seccomp; those that look "
			      "into processes by seccomp, which does not see the flags of openat2"
			    : "the kernel has no Landlock, or it is not on: readers are held by "
			      "seccomp, which does not see the flags of openat2");
	jsonw_close(w);
}

int effects_render(const struct run *r, const struct effects *before, const struct effects *after,
	struct buf *out, struct err *e)
{
	struct jsonw w = JSONW(out);

	jsonw_open(&w, NULL);
	jsonw_str(&w, "about",
		"the target's own counters, summed over its processes, before the first and after "
		"the last dumper; a busy target changes them by itself");
	render_one(&w, "before", before);
	render_one(&w, "after", after);
	memory_render(&r->memory, &w);
	jsonw_u64(&w, "member_bytes_read", r->progress.bytes);
	jsonw_u64(&w, "workers_abandoned", r->abandoned);
	render_writelock(&w);
	jsonw_close(&w);
	buf_addc(out, '\n');
	return buf_check(out, e);
}
