/* SPDX-License-Identifier: Apache-2.0 */
/* kubernetes - what the API server knows of the target's pod and of what surrounds it. Nothing of
 * the target's is read here, and no secret is asked for. */
#include "dumper.h"

#include "buf.h"
#include "censor.h"
#include "io.h"
#include "jsonredact.h"
#include "jsonw.h"
#include "jsonx.h"
#include "kubeapi.h"
#include "kubelogs.h"
#include "kubeloss.h"
#include "kubepass.h"
#include "kubepeers.h"
#include "kubesum.h"
#include "kubewalk.h"
#include "now.h"
#include "own.h"
#include "peers.h"
#include "redact.h"
#include "sink.h"
#include "target.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum {
	PAGE_MAX = 6 << 20, /* the tree of its values must fit in memory too */
	REQUESTS_MAX = 4 << 20,
	MEMBER_MAX = 256,
	FINDINGS_MAX = 32, /* the rest is in the summary */
			   /* requests one after the other that end all */
};

enum { OPT_REDACT, OPT_SECRET_WORDS, OPT_TIME, OPT_REQUEST, OPT_MAX_LIST, OPT_LOGS, OPT_MAX_LOG };
enum { LOGS_MISSING, LOGS_ALWAYS, LOGS_NEVER };

static const char *const log_words[] = {"missing", "always", "never", NULL};

static const struct dumper_option options[] = {
	[OPT_REDACT] = {"redact", OPTION_BOOL, "true",
		"digests in place of values that look secret", NULL},
	[OPT_SECRET_WORDS] = {"secret_words", OPTION_LIST, REDACT_WORDS,
		"words in a name that make its value secret", NULL},
	[OPT_TIME] = {"time", OPTION_DURATION, "60s", "for all that is asked", NULL},
	[OPT_REQUEST] = {"request", OPTION_DURATION, "10s", "for each answer", NULL},
	[OPT_MAX_LIST] = {"max_list", OPTION_SIZE, "64M", "bytes of one list", NULL},
	[OPT_LOGS] = {"logs", OPTION_WORD, "missing",
		"logs through the API: missing is those whose files are not on the node",
		log_words},
	[OPT_MAX_LOG] = {"max_log", OPTION_SIZE, "16M", "bytes of one log", NULL},
	{0},
};

/* The walk while it goes on. */
struct asking {
	const struct dump *d;
	struct sink *out;
	struct kubeapi *api;
	struct kubewalk *walk;
	struct kubesum *sum;
	struct kubepeers *peers; /* NULL until the walk is over */
	uint64_t peers_dropped;
	struct kubeask *ask; /* what is asked just now */
	struct buf page;     /* of its answer, until it is whole */
	struct sink_text log;
	unsigned pages;
	bool overflow;	      /* a page was longer than is taken */
	struct buf requests;  /* the rows of requests.jsonl */
	uint64_t until_ns, n; /* n: asked so far */
	unsigned in_vain;
	struct err lost; /* the writer is gone */
};

static uint64_t smaller(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* ---- one answer ---- */

static void name_member(const struct asking *a, char ret[MEMBER_MAX])
{
	if (a->ask->kind == ASK_LOG)
		snprintf(ret, MEMBER_MAX, "kubernetes/%s.log", a->ask->name);
	else if (a->pages)
		snprintf(ret, MEMBER_MAX, "kubernetes/%s_p%u.json", a->ask->name, a->pages + 1);
	else
		snprintf(ret, MEMBER_MAX, "kubernetes/%s.json", a->ask->name);
}

/* A document, or one page of a list: what it leads to, then the bundle. */
static int take_page(struct asking *a)
{
	const union option_value *o = a->d->options;
	char member[MEMBER_MAX];
	json_t *document = jsonx_parse(buf_str(&a->page), a->page.len, NULL);
	int rc;

	name_member(a, member);
	kubewalk_answer(a->walk, a->ask, document);
	kubesum_take(a->sum, a->walk, a->ask, member, document);
	if (a->peers)
		kubepeers_take(a->peers, a->ask, document);
	json_decref(document); /* before the text is parsed once more: memory is small */
	rc = censor_send(a->out, member, &a->page,
		o[OPT_REDACT].b ? o[OPT_SECRET_WORDS].list : NULL, &a->lost);
	buf_done(&a->page);
	a->page.max = PAGE_MAX;
	a->pages++;
	return rc;
}

static int on_data(const void *p, size_t n, void *arg)
{
	struct asking *a = arg;

	if (a->ask->kind != ASK_LOG) {
		a->overflow = buf_add(&a->page, p, n) < 0;
		return a->overflow;
	}
	buf_add(&a->log.rows, p, n);
	return !sink_text_row(&a->log);
}

static int on_page(unsigned number, void *arg)
{
	return number ? take_page(arg) < 0 : 0;
}

/* A server that takes its time is no stall of ours: the deadlines end it. */
static bool on_wait(void *arg)
{
	struct asking *a = arg;

	sink_item(a->out, a->n);
	return false;
}

/* ---- what there is no answer to ---- */

static int gone(struct asking *a)
{
	return err_set(&a->lost, EPIPE, "the writer is gone");
}

static int tell_loss(struct asking *a, const struct kubeapi_answer *answer)
{
	struct err why = ERR_INIT;
	enum gap_kind kind = kubeloss_of(answer, &why);
	char member[MEMBER_MAX];
	int rc;

	if (a->ask->kind == ASK_PEER_SERVER && answer->kind == KUBEAPI_NOT_FOUND)
		return 0; /* not every server has any: nothing is lost */
	name_member(a, member);
	kubesum_miss(a->sum, a->ask, why.text);
	rc = sink_gapf(a->out, kind, member, &why, "GET %s", a->ask->path);
	return rc < 0 ? gone(a) : 0;
}

static void put_request(struct asking *a, const struct kubeapi_answer *answer, struct timespec when,
	uint64_t took_ns)
{
	struct jsonw w = JSONW(&a->requests);
	char member[MEMBER_MAX];

	a->pages = 0;
	name_member(a, member);
	jsonw_open(&w, NULL);
	jsonw_time(&w, "time", when);
	jsonw_str(&w, "path", a->ask->path);
	jsonw_str(&w, "member", answer->kind == KUBEAPI_OK || answer->pages ? member : NULL);
	jsonw_u64(&w, "took_us", took_ns / 1000);
	kubeloss_row(&w, answer);
	jsonw_close(&w);
	buf_addc(&a->requests, '\n');
}

/* ---- one request ---- */

/* Also of what the run may still add. */
static uint64_t max_log(const struct asking *a)
{
	uint64_t sent = sink_total(a->out), max = a->d->max_bytes;

	return smaller(a->d->options[OPT_MAX_LOG].u, sent < max ? max - sent : 0);
}

static int end_log(struct asking *a, const struct kubeapi_answer *answer)
{
	char member[MEMBER_MAX];
	int rc = 0;

	name_member(a, member);
	if (answer->kind == KUBEAPI_OK || answer->bytes) {
		kubesum_take(a->sum, a->walk, a->ask, member, NULL);
		rc = sink_text_end(&a->log, member, &a->lost);
	}
	sink_text_done(&a->log);
	return rc;
}

static void send_request(struct asking *a, struct kubeapi_answer *answer)
{
	const union option_value *o = a->d->options;
	bool log = a->ask->kind == ASK_LOG;
	const struct kubeapi_get get = {
		.path = a->ask->path,
		.deadline_ns = smaller(now_ns() + o[OPT_REQUEST].u, a->until_ns),
		.max_bytes = log	    ? max_log(a)
			     : a->ask->list ? o[OPT_MAX_LIST].u
					    : PAGE_MAX,
		.data = on_data,
		.page = on_page,
		.stop = on_wait,
		.arg = a,
	};

	a->pages = 0;
	a->overflow = false;
	if (a->ask->list)
		kubeapi_list(a->api, &get, answer);
	else
		kubeapi_get(a->api, &get, answer);
	if (a->overflow)
		snprintf(answer->message, sizeof(answer->message),
			"a page of the list is longer than %d MiB", PAGE_MAX >> 20);
}

/* 1: there is a next one. */
static int ask_one(struct asking *a)
{
	uint64_t began = now_ns();
	struct kubeapi_answer answer;
	struct timespec when;
	int rc = 0;

	clock_gettime(CLOCK_REALTIME, &when);
	sink_item(a->out, ++a->n);
	if (a->ask->kind == ASK_LOG)
		sink_text_begin(&a->log, a->out, max_log(a));
	send_request(a, &answer);
	if (a->lost.code)
		return -a->lost.code;
	if (a->ask->kind == ASK_LOG)
		rc = end_log(a, &answer);
	else if (answer.kind == KUBEAPI_OK)
		rc = take_page(a);
	else
		kubewalk_answer(a->walk, a->ask, NULL);
	buf_clear(&a->page);
	if (rc == 0 && answer.kind != KUBEAPI_OK)
		rc = tell_loss(a, &answer);
	put_request(a, &answer, when, now_ns() - began);
	return rc < 0 ? rc : !kubeloss_is_final(&answer, &a->in_vain) && now_ns() < a->until_ns;
}

/* ---- the walk ---- */

static bool wants_log(const char *container, uint64_t restart, void *arg)
{
	const struct dump *d = ((const struct asking *)arg)->d;

	return d->options[OPT_LOGS].u == LOGS_ALWAYS ||
	       !kubelogs_is_there(d->target, d->host_fd, container, restart);
}

static int tell_unasked(struct asking *a, bool ended)
{
	struct err why = ERR_INIT;
	const char *reason;
	size_t dropped = kubewalk_dropped(a->walk, &reason), left = 0;
	int rc = 0;

	while (ended && kubewalk_next(a->walk))
		left++;
	if (left) {
		bool late = now_ns() >= a->until_ns;

		err_set(&why, late ? ETIMEDOUT : EIO, "%s",
			late ? "the time for all that is asked was over"
			     : "the last answer leaves no hope for another");
		rc = sink_gapf(a->out, late ? GAP_OVER_BUDGET : GAP_UNREADABLE, NULL, &why,
			"%zu requests, and what they would have led to", left);
	}
	if (rc == 0 && dropped) {
		err_set(&why, EINVAL, "%.200s", reason);
		rc = sink_gapf(
			a->out, GAP_REFUSED, NULL, &why, "%zu objects not asked for", dropped);
	}
	return rc < 0 ? gone(a) : 0;
}

/* The pod's surroundings are asked for: now who it is connected with. NULL: nobody to ask for. */
static struct kubeask *next_of_peers(struct asking *a)
{
	own_free struct peer *list = calloc(PEERS_MAX, sizeof(*list));
	const char *address;
	size_t n, at = 0;
	bool any = false;

	if (a->peers || !list)
		return NULL;
	n = peers_read(a->d->peers_fd, list, PEERS_MAX, &a->peers_dropped);
	if (!n || kubepeers_new(list, n, kubewalk_pod(a->walk), &a->peers, NULL) < 0)
		return NULL;
	while ((address = kubepeers_next(a->peers, &at))) {
		kubewalk_add_peer(a->walk, address);
		any = true;
	}
	if (any)
		kubewalk_add_peers(a->walk);
	return kubewalk_next(a->walk);
}

static int walk(struct asking *a)
{
	bool logs = a->d->options[OPT_LOGS].u == LOGS_NEVER;
	int rc = 1;

	while (rc > 0 && ((a->ask = kubewalk_next(a->walk)) || (a->ask = next_of_peers(a)))) {
		rc = ask_one(a);
		if (!logs && kubewalk_pod(a->walk)) {
			kubewalk_add_logs(a->walk, wants_log, a);
			logs = true;
		}
	}
	return rc < 0 ? rc : tell_unasked(a, rc == 0);
}

/* The pod that the API has under that name need not be the one that runs here. */
static int compare(const struct asking *a)
{
	const char *uid = jsonx_text(kubewalk_pod(a->walk), "metadata.uid");
	const char *mirrored =
		jsonx_text_key(jsonx_get(kubewalk_pod(a->walk), "metadata.annotations"),
			"kubernetes.io/config.mirror"); /* a static pod's uid on the node */
	const struct target *t = a->d->target;

	if (!*uid || !t->pod_uid[0] || !strcmp(uid, t->pod_uid) || !strcmp(mirrored, t->pod_uid))
		return 0;
	return sink_finding(a->out,
		"the API server's pod %s/%s is another one: uid %s there, %s on the node",
		t->pod_namespace, t->pod_name, uid, t->pod_uid);
}

/* Said as findings too: what gives the pod more than a container has. */
static int tell_lines(struct asking *a, const json_t *lines)
{
	const json_t *line;
	size_t i;

	json_array_foreach(lines, i, line)
	{
		if (i < FINDINGS_MAX && sink_finding(a->out, "%s", json_string_value(line)) < 0)
			return gone(a);
	}
	return 0;
}

/* Takes root over. */
static int put_json(struct asking *a, const char *member, json_t *shared)
{
	const union option_value *o = a->d->options;
	own_free char *text = NULL;
	own_json json_t *root = json_deep_copy(shared); /* the walk's own pod stays as it is */
	struct err why = ERR_INIT;
	size_t n;
	int rc = 0;

	json_decref(shared);
	if (o[OPT_REDACT].b)
		rc = jsonredact(root, o[OPT_SECRET_WORDS].list, &n, &why);
	if (rc == 0 && !(text = json_dumps(root, JSON_INDENT(2))))
		rc = err_set(&why, ENOMEM, "no memory");
	if (rc < 0) {
		rc = sink_gapf(a->out, GAP_REFUSED, NULL, &why, "%s", member);
		return rc < 0 ? gone(a) : 0;
	}
	return sink_blob(a->out, member, text, strlen(text), &a->lost);
}

static int put_summary(struct asking *a)
{
	json_t *root = kubesum_render(a->sum, a->walk, a->d->target);
	int rc = tell_lines(a, json_object_get(root, "stands_out"));

	if (rc < 0) {
		json_decref(root);
		return rc;
	}
	return put_json(a, "kubernetes/summary.json", root);
}

static int put_peers(struct asking *a)
{
	return put_json(a, "kubernetes/peers.json",
		json_pack("{s:o, s:I}", "peers",
			a->peers ? kubepeers_render(a->peers) : json_array(), "left_out",
			(json_int_t)a->peers_dropped));
}

static int ask_all(struct asking *a, struct err *e)
{
	int rc = walk(a);

	if (rc == 0 && compare(a) < 0)
		rc = gone(a);
	if (rc == 0)
		rc = sink_blob(a->out, "kubernetes/requests.jsonl", buf_str(&a->requests),
			a->requests.len, &a->lost);
	if (rc == 0)
		rc = put_peers(a);
	if (rc == 0)
		rc = put_summary(a);
	return rc < 0 ? err_set(e, -rc, "%s", a->lost.text) : 0;
}

static int run(const struct dump *d, struct sink *out, struct err *e)
{
	own_fd int root = io_open_in(AT_FDCWD, "/", O_PATH | O_DIRECTORY, e);
	own_kubeconfig struct kubeconfig *config = NULL;
	own_kubewalk struct kubewalk *walking = NULL;
	own_kubesum struct kubesum *sum = NULL;
	own_kubeapi struct kubeapi *api = NULL;
	struct asking a = {
		.d = d,
		.out = out,
		.page = BUF_INIT(PAGE_MAX),
		.requests = BUF_INIT(REQUESTS_MAX),
		.until_ns = smaller(
			now_ns() + d->options[OPT_TIME].u, d->until_ns ? d->until_ns : UINT64_MAX),
	};
	struct err why = ERR_INIT;
	int rc = kubepass_read(d->api_fd, root, &config, &why);

	if (rc == 0)
		rc = kubeapi_open(config, &api, &why);
	if (rc == 0)
		rc = kubewalk_new(d->target->pod_namespace, d->target->pod_name, &walking, &why);
	if (rc == 0)
		rc = kubesum_new(&sum, &why);
	if (rc < 0) {
		rc = sink_gapf(out, GAP_UNREADABLE, NULL, &why, "the API server");
		return rc < 0 ? err_set(e, EPIPE, "the writer is gone") : 0;
	}
	a.api = api;
	a.walk = walking;
	a.sum = sum;
	rc = ask_all(&a, e);
	buf_done(&a.page);
	buf_done(&a.requests);
	kubepeers_free(a.peers);
	return rc;
}

static int estimate(const struct dump *d, struct dump_estimate *ret, struct err *e)
{
	(void)d, (void)e;
	ret->items = 30;
	ret->bytes = 512 << 10;
	snprintf(ret->touches, sizeof(ret->touches),
		"the API server, whose audit log has each request: reads, of no secret");
	return 0;
}

static const char *const prefixes[] = {"kubernetes/", NULL};

const struct dumper dumper_kubernetes = {
	.name = "kubernetes",
	.summary = "the pod as the API server knows it, its owners, roles, services, events",
	.prefixes = prefixes,
	.needs = NEED_API,
	.brief_s = 60,
	.options = options,
	.run = run,
	.estimate = estimate,
};
