/* SPDX-License-Identifier: Apache-2.0 */
/* cri - what the daemon of the container runtime says of the target's pod, over its own socket. It
 * is asked when everything of the container is in the bundle, and believed in nothing. */
#include "dumper.h"

#include "buf.h"
#include "censor.h"
#include "cri.h"
#include "cricheck.h"
#include "criids.h"
#include "criinfo.h"
#include "crijson.h"
#include "criloss.h"
#include "jsonx.h"
#include "now.h"
#include "own.h"
#include "redact.h"
#include "sink.h"
#include "target.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

enum {
	ANSWER_MAX = 4 << 20, /* of one object: the tree of its values must fit in memory too */
	ID_SHOWN = 128,
	MEMBER_MAX = 256,
};

enum { OPT_REDACT, OPT_SECRET_WORDS, OPT_TIME, OPT_REQUEST };

static const struct dumper_option options[] = {
	[OPT_REDACT] = {"redact", OPTION_BOOL, "true",
		"digests in place of values that look secret", NULL},
	[OPT_SECRET_WORDS] = {"secret_words", OPTION_LIST, REDACT_WORDS,
		"words in a name that make its value secret", NULL},
	[OPT_TIME] = {"time", OPTION_DURATION, "20s", "for all that is asked", NULL},
	[OPT_REQUEST] = {"request", OPTION_DURATION, "3s", "for each answer", NULL},
	{0},
};

struct talk {
	const struct dump *d;
	struct sink *out;
	struct cri *cri;
	struct criids pods, containers, images;
	uint64_t until_ns, n;
	bool containerd; /* it says that it is */
	struct err lost; /* the writer is gone */
};

static int gone(struct talk *k)
{
	return err_set(&k->lost, EPIPE, "the writer is gone");
}

/* ---- losses */

static int tell_loss(
	struct talk *k, const char *member, const char *what, int code, const struct err *why)
{
	return sink_gapf(k->out, criloss_of(code), member, why, "%s", what) < 0 ? gone(k) : 0;
}

/* 0: there is time, and the next request's sign of life. */
static int may_ask(struct talk *k, struct err *why)
{
	sink_item(k->out, ++k->n);
	return now_late(k->until_ns)
		       ? err_set(why, ETIMEDOUT, "the time for all that is asked was over")
		       : 0;
}

/* ---- members */

/* An id as a name of ours; what no runtime makes has other characters replaced. */
static void name_member(const char *kind, const char *id, char ret[MEMBER_MAX])
{
	size_t n = (size_t)snprintf(ret, MEMBER_MAX, "runtime/cri/%s/", kind);

	for (const char *p = id; *p && n < MEMBER_MAX - 8; p++) {
		bool plain = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') ||
			     (*p >= '0' && *p <= '9') || *p == '-';

		ret[n++] = plain ? *p : '_';
	}
	snprintf(ret + n, MEMBER_MAX - n, ".json");
}

static int put_member(struct talk *k, const char *member, struct buf *text)
{
	const union option_value *o = k->d->options;
	struct err why = ERR_INIT;

	buf_addc(text, '\n');
	if (buf_check(text, &why) < 0)
		return tell_loss(k, member, member, -EFBIG, &why);
	return censor_send(
		k->out, member, text, o[OPT_REDACT].b ? o[OPT_SECRET_WORDS].list : NULL, &k->lost);
}

/* ---- whose it is */

/* The container or sandbox of this id, as its files know it; NULL: they do not. */
static const struct target *find_target(const struct dump *d, struct protobuf_text id)
{
	for (size_t i = 0; id.n && i < d->alls; i++)
		if (criids_is(id, d->all[i]->id))
			return d->all[i];
	return NULL;
}

static bool is_sandbox_of_ours(const struct dump *d, struct protobuf_text id)
{
	for (size_t i = 0; id.n && i < d->alls; i++)
		if (criids_is(id, d->all[i]->sandbox_id))
			return true;
	return find_target(d, id);
}

static int on_pod(void *arg, const struct cri_pod *p, struct err *e)
{
	struct talk *k = arg;
	const struct target *t = k->d->target;
	bool same = t->pod_uid[0] ? criids_is(p->uid, t->pod_uid)
				  : criids_is(p->name, t->pod_name) &&
					    criids_is(p->space, t->pod_namespace);

	(void)e;
	if (same || is_sandbox_of_ours(k->d, p->id))
		criids_add(&k->pods, p->id);
	return 0;
}

static int on_container(void *arg, const struct cri_container *c, struct err *e)
{
	struct talk *k = arg;
	const struct target *t = find_target(k->d, c->id);

	if (!t && !criids_has(&k->pods, c->pod))
		return 0;
	criids_add(&k->containers, c->id);
	if (t && t->sandbox_id[0] && !criids_is(c->pod, t->sandbox_id) &&
		sink_finding(k->out,
			"%s: it is of sandbox '%.*s' by the runtime's word, %s by its files", t->id,
			(int)(c->pod.n < ID_SHOWN ? c->pod.n : ID_SHOWN), c->pod.n ? c->pod.p : "",
			t->sandbox_id) < 0)
		return err_set(e, EPIPE, "the writer is gone");
	return 0;
}

/* ---- one object each */

static int put_network(struct talk *k, const char *id, struct protobuf_list info)
{
	own_json json_t *network = criinfo_network(info);
	own_free char *said = network ? json_dumps(network, JSON_INDENT(2)) : NULL;
	own_buf struct buf text = BUF_INIT(ANSWER_MAX);
	char member[MEMBER_MAX];

	if (!said)
		return 0;
	buf_adds(&text, said);
	name_member("cni", id, member);
	return put_member(k, member, &text);
}

/* An answer about something else than was asked for is no answer. */
static int check_id(const char *asked, struct protobuf_text id, struct err *why)
{
	return criids_is(id, asked)
		       ? 0
		       : err_set(why, EPROTO, "it answers for '%.*s', which was not asked for",
				 (int)(id.n < ID_SHOWN ? id.n : ID_SHOWN), id.n ? id.p : "");
}

static bool is_whole_pod(const struct dump *d)
{
	return !d->target->id[0];
}

static int ask_pod(struct talk *k, const char *id)
{
	own_buf struct buf text = BUF_INIT(ANSWER_MAX);
	struct jsonw w = JSONW(&text);
	struct criinfo info;
	struct err why = ERR_INIT;
	char member[MEMBER_MAX];
	const struct target *t;
	struct cri_pod p = {0};
	int rc = may_ask(k, &why);

	name_member("sandboxes", id, member);
	if (rc == 0)
		rc = cri_pod_status(k->cri, id, &p, &why);
	if (rc == 0)
		rc = check_id(id, p.id, &why);
	if (rc == 0)
		rc = crijson_pod(&w, &p, &why);
	if (rc < 0)
		return tell_loss(k, member, id, rc, &why);
	criinfo_read(p.info, &info);
	t = find_target(k->d, p.id);
	if ((t || is_whole_pod(k->d)) && cricheck_pod(k->out, t, &p, info.pid) < 0)
		return gone(k);
	rc = put_network(k, id, p.info);
	return rc < 0 ? rc : put_member(k, member, &text);
}

/* ---- where a container's layers are */

struct mounts {
	struct jsonw w;
	char *upper; /* TARGET_PATH bytes */
};

static int on_mount(void *arg, const struct cri_snapshot_mount *m, struct err *e)
{
	struct mounts *ms = arg;
	struct protobuf_text upper;

	(void)e;
	crijson_mount(&ms->w, m);
	if (cri_upper(m, &upper) && upper.n < TARGET_PATH && !memchr(upper.p, '\0', upper.n))
		snprintf(ms->upper, TARGET_PATH, "%.*s", (int)upper.n, upper.p);
	return 0;
}

static int ask_snapshot(
	struct talk *k, const char *id, const struct criinfo *info, char upper[TARGET_PATH])
{
	const struct cri_snapshot s = {"k8s.io", info->snapshotter, info->key};
	own_buf struct buf text = BUF_INIT(ANSWER_MAX);
	struct mounts ms = {JSONW(&text), upper};
	struct err why = ERR_INIT;
	char member[MEMBER_MAX];
	int rc = may_ask(k, &why);

	name_member("snapshots", id, member);
	jsonw_open(&ms.w, NULL);
	jsonw_str(&ms.w, "snapshotter", s.snapshotter);
	jsonw_str(&ms.w, "key", s.key);
	jsonw_open_array(&ms.w, "mounts");
	if (rc == 0)
		rc = cri_snapshot_mounts(k->cri, &s, on_mount, &ms, &why);
	jsonw_close_array(&ms.w);
	jsonw_str(&ms.w, "upper", upper[0] ? upper : NULL);
	jsonw_close(&ms.w);
	return rc < 0 ? tell_loss(k, member, id, rc, &why) : put_member(k, member, &text);
}

/* ---- the image */

/* How a container names its image: as it was resolved, and as it was asked for. */
struct names {
	char resolved[CRIIDS_LEN], wanted[CRIIDS_LEN];
};

static void copy_name(char ret[CRIIDS_LEN], struct protobuf_text from)
{
	bool fits = from.n && from.n < CRIIDS_LEN && !memchr(from.p, '\0', from.n);

	snprintf(ret, CRIIDS_LEN, "%.*s", fits ? (int)from.n : 0, fits ? from.p : "");
}

/* An image that was pulled by no registry's name answers to one of them only. */
static int find_image(
	struct talk *k, const struct names *names, struct cri_image *ret, struct err *e)
{
	int rc = may_ask(k, e);

	if (rc == 0)
		rc = cri_image_status(k->cri, names->resolved, ret, e);
	if (rc == -ENOENT && names->wanted[0] && (rc = may_ask(k, e)) == 0)
		rc = cri_image_status(k->cri, names->wanted, ret, e);
	return rc;
}

static int ask_image(struct talk *k, const struct names *names)
{
	const struct protobuf_text asked = {names->resolved, strlen(names->resolved)};
	own_buf struct buf text = BUF_INIT(ANSWER_MAX);
	struct jsonw w = JSONW(&text);
	struct err why = ERR_INIT;
	char member[MEMBER_MAX];
	struct cri_image i = {0};
	int rc;

	if (!asked.n || criids_has(&k->images, asked))
		return 0;
	criids_add(&k->images, asked);
	name_member("images", names->resolved, member);
	rc = find_image(k, names, &i, &why);
	if (rc == 0)
		rc = crijson_image(&w, &i, &why);
	return rc < 0 ? tell_loss(k, member, names->resolved, rc, &why)
		      : put_member(k, member, &text);
}

/* ---- one container */

static int ask_container(struct talk *k, const char *id)
{
	own_buf struct buf text = BUF_INIT(ANSWER_MAX);
	struct jsonw w = JSONW(&text);
	struct criinfo info;
	struct err why = ERR_INIT;
	char member[MEMBER_MAX];
	char upper[TARGET_PATH] = "";
	struct names image;
	struct cri_container c = {0};
	const struct target *t;
	int rc = may_ask(k, &why);

	name_member("containers", id, member);
	if (rc == 0)
		rc = cri_container_status(k->cri, id, &c, &why);
	if (rc == 0)
		rc = check_id(id, c.id, &why);
	if (rc == 0)
		rc = crijson_container(&w, &c, &why);
	if (rc < 0)
		return tell_loss(k, member, id, rc, &why);
	copy_name(image.resolved, c.image_id.n ? c.image_id : c.image_ref);
	copy_name(image.wanted, c.image);
	criinfo_read(c.info, &info);
	t = find_target(k->d, c.id);
	if ((t || is_whole_pod(k->d)) && cricheck_container(k->out, t, &c, info.pid) < 0)
		return gone(k);
	rc = put_member(k, member, &text);
	if (rc == 0 && k->containerd && info.snapshotter[0])
		rc = ask_snapshot(k, id, &info, upper);
	if (rc == 0 && cricheck_upper(k->out, t, id, upper) < 0)
		rc = gone(k);
	return rc == 0 ? ask_image(k, &image) : rc;
}

/* ---- the daemon */

static bool is_of_target(const struct dump *d, pid_t pid)
{
	for (unsigned i = 0; i < d->target->members && i < TARGET_MEMBERS; i++)
		if (d->target->member[i].pid == pid)
			return true;
	return false;
}

static int check_daemon(struct talk *k)
{
	const struct dump_daemon *of = k->d->daemon;
	int rc = 0;

	if (of->uid)
		rc = sink_finding(k->out, "at /%s user %u listens, not root: its word is nobody's",
			of->path, (unsigned)of->uid);
	if (rc == 0 && is_of_target(k->d, of->pid))
		rc = sink_finding(k->out, "at /%s the target's own process %d listens", of->path,
			(int)of->pid);
	return rc < 0 ? gone(k) : 0;
}

static int ask_version(struct talk *k)
{
	own_buf struct buf text = BUF_INIT(ANSWER_MAX);
	const struct dump_daemon *of = k->d->daemon;
	struct jsonw w = JSONW(&text);
	struct err why = ERR_INIT;
	struct cri_version v = {0};
	int rc = may_ask(k, &why);

	if (rc == 0)
		rc = cri_version(k->cri, &v, &why);
	if (rc < 0)
		return tell_loss(k, "runtime/cri/daemon.json", of->path, rc, &why);
	k->containerd = criids_is(v.runtime, "containerd");
	jsonw_open(&w, NULL);
	jsonw_str(&w, "socket", of->path);
	jsonw_i64(&w, "pid", of->pid);
	jsonw_u64(&w, "uid", of->uid);
	jsonw_str(&w, "api", cri_api(k->cri));
	crijson_version(&w, &v);
	jsonw_close(&w);
	return put_member(k, "runtime/cri/daemon.json", &text);
}

/* ---- all of it */

static int ask_lists(struct talk *k)
{
	struct err why = ERR_INIT;
	int rc = may_ask(k, &why);

	if (rc == 0)
		rc = cri_pods(k->cri, on_pod, k, &why);
	if (rc < 0 && tell_loss(k, NULL, "the runtime's sandboxes", rc, &why) < 0)
		return -EPIPE;
	why = ERR_INIT;
	rc = may_ask(k, &why);
	if (rc == 0)
		rc = cri_containers(k->cri, on_container, k, &why);
	if (rc == -EPIPE)
		return gone(k);
	return rc < 0 ? tell_loss(k, NULL, "the runtime's containers", rc, &why) : 1;
}

static int ask_each(
	struct talk *k, const struct criids *of, int (*ask)(struct talk *k, const char *id))
{
	struct err why = ERR_INIT;
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < of->n; i++)
		rc = ask(k, of->id[i]);
	if (rc < 0 || !of->over)
		return rc;
	err_set(&why, E2BIG, "%u more, or with ids longer than %d bytes", of->over, CRIIDS_LEN - 1);
	return tell_loss(k, NULL, "the runtime's objects of the pod", -E2BIG, &why);
}

/* What is on the node and the daemon does not own up to. */
static int tell_unknown(struct talk *k)
{
	const struct dump *d = k->d;

	for (size_t i = 0; i < d->alls; i++) {
		const char *id = d->all[i]->id;
		const struct protobuf_text text = {id, strlen(id)};

		if (!text.n || criids_has(&k->pods, text) || criids_has(&k->containers, text))
			continue;
		if (sink_finding(k->out,
			    "%s: it is on the node, but unknown to the runtime that "
			    "listens at /%s",
			    id, d->daemon->path) < 0)
			return gone(k);
	}
	return 0;
}

static int ask_all(struct talk *k)
{
	int rc = check_daemon(k), listed = 0;

	if (rc == 0)
		rc = ask_version(k);
	if (rc == 0)
		listed = ask_lists(k);
	rc = rc < 0 ? rc : listed < 0 ? listed : 0;
	if (rc == 0)
		rc = ask_each(k, &k->pods, ask_pod);
	if (rc == 0)
		rc = ask_each(k, &k->containers, ask_container);
	return rc == 0 && listed ? tell_unknown(k) : rc;
}

static int run(const struct dump *d, struct sink *out, struct err *e)
{
	static struct talk talk; /* its tables are large */
	struct talk *k = &talk;
	uint64_t all = now_ns() + d->options[OPT_TIME].u;
	struct err why = ERR_INIT;
	int rc;

	*k = (struct talk){.d = d, .out = out};
	k->until_ns = d->until_ns && d->until_ns < all ? d->until_ns : all;
	sink_item(out, ++k->n);
	rc = cri_open(
		fcntl(d->daemon->fd, F_DUPFD_CLOEXEC, 0), d->options[OPT_REQUEST].u, &k->cri, &why);
	if (rc < 0) {
		rc = tell_loss(k, NULL, d->daemon->path, rc, &why);
		return rc < 0 ? err_set(e, -rc, "%s", k->lost.text) : 0;
	}
	rc = ask_all(k);
	cri_close(k->cri);
	return rc < 0 ? err_set(e, -rc, "%s", k->lost.text) : 0;
}

static int estimate(const struct dump *d, struct dump_estimate *ret, struct err *e)
{
	(void)e;
	ret->bytes = (ret->items = 3 + 3 * d->alls) * 8192;
	snprintf(ret->touches, sizeof(ret->touches),
		"the container runtime's daemon, which is asked and may log that");
	return 0;
}

static const char *const prefixes[] = {"runtime/cri/", NULL};

const struct dumper dumper_cri = {
	.name = "cri",
	.summary = "the pod as the daemon of its container runtime knows it, ended containers too",
	.prefixes = prefixes,
	.needs = NEED_CRI,
	.brief_s = 20,
	.options = options,
	.run = run,
	.estimate = estimate,
};
