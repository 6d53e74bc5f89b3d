/* SPDX-License-Identifier: Apache-2.0 */
/* kubeget - asks a real API server the way the program does.
 *
 *	kubeget KUBECONFIG PATH		prints the answer
 *	kubeget KUBECONFIG NS POD	walks from that pod: "KIND STATUS BYTES TRIES NAME PATH" for
 *					each thing asked */
#include "buf.h"
#include "jsonx.h"
#include "kubeapi.h"
#include "kubewalk.h"
#include "own.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { SECONDS = 10 };

struct got {
	struct buf page;
	struct kubewalk *walk;
	struct kubeask *ask;
};

static int take(const void *p, size_t n, void *arg)
{
	return buf_add(&((struct got *)arg)->page, p, n);
}

static void answer(struct got *g)
{
	own_json json_t *document = NULL;

	if (g->page.len && g->ask->kind != ASK_LOG)
		document = jsonx_parse(g->page.data, g->page.len, NULL);
	kubewalk_answer(g->walk, g->ask, document);
	buf_clear(&g->page);
}

static int next_page(unsigned number, void *arg)
{
	if (number)
		answer(arg);
	return 0;
}

static struct kubeapi_get get_of(const char *path, struct got *g)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (struct kubeapi_get){
		.path = path,
		.deadline_ns = (uint64_t)(t.tv_sec + SECONDS) * 1000000000u + (uint64_t)t.tv_nsec,
		.max_bytes = JSONX_MAX,
		.data = take,
		.page = next_page,
		.arg = g,
	};
}

static int walk(struct kubeapi *k, struct got *g)
{
	const char *why;
	bool logs = false;
	size_t dropped;

	while ((g->ask = kubewalk_next(g->walk))) {
		struct kubeapi_get get = get_of(g->ask->path, g);
		struct kubeapi_answer a;

		if (g->ask->list)
			kubeapi_list(k, &get, &a);
		else
			kubeapi_get(k, &get, &a);
		answer(g);
		printf("%s %d %llu %u %s %s %s\n", kubeapi_kinds[a.kind], a.status,
			(unsigned long long)a.bytes, a.tries, g->ask->name, g->ask->path,
			a.message);
		if (kubewalk_pod(g->walk) && !logs)
			kubewalk_add_logs(g->walk, NULL, NULL);
		logs = kubewalk_pod(g->walk);
	}
	dropped = kubewalk_dropped(g->walk, &why);
	printf("dropped %zu %s\n", dropped, why);
	return 0;
}

static int one(struct kubeapi *k, const char *path, struct got *g)
{
	struct kubeapi_get get = get_of(path, g);
	struct kubeapi_answer a;

	kubeapi_get(k, &get, &a);
	fwrite(g->page.data, 1, g->page.len, stdout);
	if (a.kind != KUBEAPI_OK)
		fprintf(stderr, "%s %d %s\n", kubeapi_kinds[a.kind], a.status, a.message);
	return a.kind != KUBEAPI_OK;
}

int main(int argc, char **argv)
{
	own_kubeconfig struct kubeconfig *config = NULL;
	own_kubewalk struct kubewalk *w = NULL;
	own_kubeapi struct kubeapi *k = NULL;
	struct got g = {.page = BUF_INIT(JSONX_MAX)};
	own_fd int root = open("/", O_PATH | O_CLOEXEC);
	struct err e = ERR_INIT;
	int rc = 2;

	if (argc < 3 || argc > 4)
		return fprintf(stderr, "usage: kubeget KUBECONFIG (PATH | NS POD)\n"), 2;
	if (kubeconfig_load(root, argv[1], NULL, &config, &e) < 0 ||
		kubeapi_open(config, &k, &e) < 0 ||
		(argc == 4 && kubewalk_new(argv[2], argv[3], &w, &e) < 0)) {
		fprintf(stderr, "%s\n", e.text);
		return 2;
	}
	g.walk = w;
	rc = w ? walk(k, &g) : one(k, argv[2], &g);
	buf_done(&g.page);
	return rc;
}
