/* SPDX-License-Identifier: Apache-2.0 */
/* runtimes - the container runtimes of the node, looked at by a worker. */
#include "runtimes.h"
#include "dumper.h"
#include "jsonw.h"
#include "now.h"
#include "run.h"
#include "worker.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

/* A folder of package lists that nobody has read since the start may be slow. */
enum { PATIENCE_S = 3, WORKER_MEMORY = 32 << 20 };

struct answer {
	struct programs programs;
	struct err err;
	int rc;
};

struct question {
	const struct target_host *host;
	struct answer *answer; /* shared */
};

static int find_main(void *arg)
{
	struct question *q = arg;

	q->answer->rc = programs_find(q->host, &q->answer->programs, &q->answer->err);
	return 0;
}

static int ask(const struct target_host *host, struct answer *a, struct err *e)
{
	const int keep[] = {host->root_fd, host->proc_fd};
	struct question q = {host, a};
	const struct worker_spec spec = {
		.name = "taphos-runtimes",
		.main = find_main,
		.arg = &q,
		.caps = DUMPER_CAP(CAP_SYS_PTRACE) | DUMPER_CAP(CAP_DAC_READ_SEARCH),
		.filter = FILTER_READER,
		.netns_fd = -1,
		.mntns_fd = -1,
		.keep = keep,
		.keeps = 2,
		.memory = WORKER_MEMORY,
	};
	int rc = worker_pipe(&spec, now_ns() + PATIENCE_S * 1000000000ULL, NULL, NULL, e);

	a->err.text[sizeof(a->err.text) - 1] = '\0';
	if (rc > 0)
		return err_set(e, EIO, "%s: exit %d", spec.name, rc);
	return rc < 0 || a->rc >= 0 ? rc : err_set(e, EIO, "%s", a->err.text);
}

int runtimes_find(const struct target_host *host, struct programs *ret, struct err *e)
{
	struct answer *a =
		mmap(NULL, sizeof(*a), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int rc;

	if (a == MAP_FAILED)
		return err_set(e, ENOMEM, "no memory");
	rc = ask(host, a, e);
	memcpy(ret, &a->programs, sizeof(*ret));
	programs_make_safe(ret);
	(void)munmap(a, sizeof(*a));
	return rc;
}

static void put(struct jsonw *w, const char *key, const char *text)
{
	jsonw_str(w, key, text[0] ? text : NULL);
}

static void render_package(struct jsonw *w, const struct pkgdb_owner *o)
{
	if (o->kind == PKGDB_NONE) {
		jsonw_null(w, "package");
		return;
	}
	jsonw_open(w, "package");
	jsonw_str(w, "database", pkgdb_paths[o->kind]);
	put(w, "name", o->name);
	put(w, "version", o->version);
	put(w, "architecture", o->architecture);
	jsonw_close(w);
}

static void render_go(struct jsonw *w, const struct program *p)
{
	const struct goinfo *g = &p->go;

	if (!g->version[0] && !p->go_id[0]) {
		jsonw_null(w, "go");
		return;
	}
	jsonw_open(w, "go");
	put(w, "version", g->version);
	put(w, "build_id", p->go_id);
	put(w, "path", g->path);
	put(w, "module", g->module);
	put(w, "module_version", g->module_version);
	put(w, "vcs_revision", g->revision);
	put(w, "vcs_time", g->time);
	put(w, "vcs_modified", g->modified);
	jsonw_close(w);
}

static void render_one(struct jsonw *w, const struct program *p)
{
	jsonw_open(w, NULL);
	jsonw_str(w, "name", programs_name(p));
	jsonw_str(w, "path", p->path);
	jsonw_bool(w, "replaced", p->replaced);
	jsonw_u64(w, "processes", p->processes);
	jsonw_open_array(w, "pids");
	for (unsigned i = 0; i < p->processes && i < PROGRAMS_PIDS; i++)
		jsonw_i64(w, NULL, p->pid[i]);
	jsonw_close_array(w);
	jsonw_u64(w, "size", p->size);
	jsonw_time(w, "mtime", p->mtime);
	if (p->id_len)
		jsonw_hexbytes(w, "build_id", p->id, p->id_len);
	else
		jsonw_null(w, "build_id");
	render_package(w, &p->package);
	render_go(w, p);
	jsonw_close(w);
}

void runtimes_render(struct jsonw *w, const struct programs *p)
{
	jsonw_open_array(w, "container_runtimes");
	for (unsigned i = 0; i < p->count; i++)
		render_one(w, &p->program[i]);
	jsonw_close_array(w);
}
