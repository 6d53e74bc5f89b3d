/* SPDX-License-Identifier: Apache-2.0 */
/* kubeapi - asks an API server: GET, over HTTPS, and nothing else. */
#include "kubeapi.h"

#include "buf.h"
#include "jsonx.h"
#include "kubeconn.h"
#include "kubepage.h"
#include "now.h"
#include "own.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum {
	STATUS_MAX = 64 << 10, /* bytes kept of an answer that says why not */
	STATUS_READ = 1 << 20, /* of which as many are listened to */
	WAIT_SLICE_MS = 100,
};

const char *const kubeapi_kinds[KUBEAPI_KINDS] = {
	[KUBEAPI_OK] = "ok",
	[KUBEAPI_UNREACHABLE] = "unreachable",
	[KUBEAPI_TLS] = "tls",
	[KUBEAPI_TIMEOUT] = "timeout",
	[KUBEAPI_CUT] = "cut",
	[KUBEAPI_TOO_BIG] = "too-big",
	[KUBEAPI_BROKEN] = "broken",
	[KUBEAPI_UNAUTHORIZED] = "unauthorized",
	[KUBEAPI_FORBIDDEN] = "forbidden",
	[KUBEAPI_NOT_FOUND] = "not-found",
	[KUBEAPI_GONE] = "gone",
	[KUBEAPI_BUSY] = "busy",
	[KUBEAPI_SERVER] = "server-error",
	[KUBEAPI_REFUSED] = "refused",
	[KUBEAPI_STOPPED] = "stopped",
	[KUBEAPI_FAILED] = "failed",
};

struct kubeapi {
	struct kubeconfig *config;
	struct kubeconn conn;
};

/* One request on the wire. */
struct attempt {
	CURL *curl;
	const struct kubeapi_get *get;
	struct kubeapi_answer *answer;
	struct kubepage *page; /* NULL: not a list */
	struct buf said;       /* the body of an answer that is not 200 */
	uint64_t said_bytes;
	size_t headers;
	unsigned retry_after; /* seconds; 0: not said */
	bool encoded;
	enum kubeapi_kind why; /* we ended it, KUBEAPI_OK: we did not */
};

static uint64_t left_ms(uint64_t deadline_ns)
{
	uint64_t now = now_ns();

	return deadline_ns > now ? (deadline_ns - now) / 1000000u : 0;
}

static enum kubeapi_kind end(struct kubeapi_answer *a, enum kubeapi_kind kind, const char *message)
{
	a->kind = kind;
	snprintf(a->message, sizeof(a->message), "%s", message);
	return kind;
}

static bool is_stopped(const struct kubeapi_get *get)
{
	return get->stop && get->stop(get->arg);
}

/* ---- what libcurl calls */

static size_t refuse_rest(struct attempt *at, enum kubeapi_kind why)
{
	at->why = why;
	return 0; /* fewer bytes than there were: curl ends */
}

static size_t on_header(char *p, size_t size, size_t n, void *arg)
{
	static const char retry[] = "Retry-After:", encoding[] = "Content-Encoding:";
	struct attempt *at = arg;
	size_t len = size * n;
	char line[128];

	at->headers += len;
	if (at->headers > KUBEAPI_HEADERS)
		return refuse_rest(at, KUBEAPI_BROKEN);
	snprintf(line, sizeof(line), "%.*s", (int)(len < sizeof(line) ? len : sizeof(line) - 1), p);
	line[strcspn(line, "\r\n")] = '\0';
	if (!strncmp(line, "HTTP/", 5)) {
		at->retry_after = 0;
		at->encoded = false;
	}
	if (!strncasecmp(line, retry, strlen(retry)))
		at->retry_after = (unsigned)strtoul(line + strlen(retry), NULL, 10);
	if (!strncasecmp(line, encoding, strlen(encoding)))
		at->encoded = !strcasestr(line, "identity");
	return len;
}

static size_t take_answer(struct attempt *at, const char *p, size_t len)
{
	struct kubeapi_answer *a = at->answer;

	if (at->encoded)
		return refuse_rest(at, KUBEAPI_BROKEN);
	if (len > at->get->max_bytes - a->bytes) {
		at->why = KUBEAPI_TOO_BIG;
		len = at->get->max_bytes - a->bytes;
	}
	if (at->page)
		kubepage_feed(at->page, p, len);
	a->bytes += len;
	if (len && at->get->data(p, len, at->get->arg))
		at->why = KUBEAPI_STOPPED;
	return at->why == KUBEAPI_OK ? len : 0;
}

static size_t on_body(char *p, size_t size, size_t n, void *arg)
{
	struct attempt *at = arg;
	size_t len = size * n, room;
	long status = 0;

	(void)curl_easy_getinfo(at->curl, CURLINFO_RESPONSE_CODE, &status);
	if (status == 200)
		return take_answer(at, p, len);
	room = STATUS_MAX - at->said.len;
	buf_add(&at->said, p, len < room ? len : room);
	at->said_bytes += len;
	return at->said_bytes > STATUS_READ ? 0 : len;
}

static int on_progress(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	const struct attempt *at = arg;

	(void)a, (void)b, (void)c, (void)d;
	return is_stopped(at->get);
}

/* ---- what came of it */

static enum kubeapi_kind kind_of_status(int status)
{
	switch (status) {
	case 200:
		return KUBEAPI_OK;
	case 401:
		return KUBEAPI_UNAUTHORIZED;
	case 403:
		return KUBEAPI_FORBIDDEN;
	case 404:
		return KUBEAPI_NOT_FOUND;
	case 410:
		return KUBEAPI_GONE;
	case 429:
		return KUBEAPI_BUSY;
	default:
		return status >= 500 ? KUBEAPI_SERVER : KUBEAPI_REFUSED;
	}
}

static enum kubeapi_kind kind_of_failure(CURLcode code, const char *text)
{
	switch (code) {
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_CONNECT:
		return KUBEAPI_UNREACHABLE;
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_ISSUER_ERROR:
	case CURLE_SSL_CIPHER:
		return KUBEAPI_TLS;
	case CURLE_OPERATION_TIMEDOUT:
		return KUBEAPI_TIMEOUT;
	case CURLE_RECV_ERROR:
		/* TLS 1.3: a server refuses our certificate after its own handshake is over */
		return strstr(text, "alert") ? KUBEAPI_TLS : KUBEAPI_CUT;
	case CURLE_GOT_NOTHING:
	case CURLE_SEND_ERROR:
	case CURLE_PARTIAL_FILE:
		return KUBEAPI_CUT;
	case CURLE_ABORTED_BY_CALLBACK:
		return KUBEAPI_STOPPED;
	case CURLE_OUT_OF_MEMORY:
	case CURLE_FAILED_INIT:
		return KUBEAPI_FAILED;
	default:
		return KUBEAPI_BROKEN;
	}
}

/* The server's own words: a Status object, or the text as it is. */
static void read_status(const struct attempt *at, struct kubeapi_answer *a)
{
	own_json json_t *status = jsonx_parse(buf_str(&at->said), at->said.len, NULL);
	const char *message = jsonx_text(status, "message"), *to = NULL;

	(void)curl_easy_getinfo(at->curl, CURLINFO_REDIRECT_URL, &to);
	if (to) {
		snprintf(a->message, sizeof(a->message),
			"the server sends us to %.200s: redirects are not followed", to);
		return;
	}
	snprintf(a->reason, sizeof(a->reason), "%s", jsonx_text(status, "reason"));
	if (*message || !at->said.len)
		snprintf(a->message, sizeof(a->message), "%s",
			*message ? message : "the server does not say why");
	else
		snprintf(a->message, sizeof(a->message), "%.200s", buf_str(&at->said));
}

static enum kubeapi_kind ended_by_us(const struct attempt *at, struct kubeapi_answer *a)
{
	if (at->why == KUBEAPI_TOO_BIG)
		return end(a, at->why, "the answer is longer than is taken");
	if (at->why == KUBEAPI_STOPPED)
		return end(a, at->why, "stopped");
	return end(a, at->why,
		at->encoded ? "an encoding that was not asked for" : "headers without an end");
}

static enum kubeapi_kind judge(struct kubeapi *k, const struct attempt *at, CURLcode code)
{
	struct kubeapi_answer *a = at->answer;
	const char *text = k->conn.error[0] ? k->conn.error : "no connection";
	long status = 0;

	(void)curl_easy_getinfo(k->conn.curl, CURLINFO_RESPONSE_CODE, &status);
	a->status = (int)status;
	if (at->why != KUBEAPI_OK)
		return ended_by_us(at, a);
	/* an error of the server's is one even when its text ends early or has no end */
	if (code != CURLE_OK && (status < 300 || !at->said_bytes))
		return end(a, kind_of_failure(code, text), text);
	a->kind = kind_of_status(a->status);
	if (a->kind != KUBEAPI_OK)
		read_status(at, a);
	return a->kind;
}

static int prepare(struct kubeapi *k, const char *url, struct attempt *at)
{
	uint64_t ms = left_ms(at->get->deadline_ns);
	long connect_ms = ms < KUBEAPI_CONNECT_MS ? (long)ms : KUBEAPI_CONNECT_MS;
	CURL *curl = k->conn.curl;

	k->conn.error[0] = '\0';
	return curl_easy_setopt(curl, CURLOPT_URL, url) != CURLE_OK ||
	       curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)ms) != CURLE_OK ||
	       curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, connect_ms) != CURLE_OK ||
	       curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header) != CURLE_OK ||
	       curl_easy_setopt(curl, CURLOPT_HEADERDATA, at) != CURLE_OK ||
	       curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body) != CURLE_OK ||
	       curl_easy_setopt(curl, CURLOPT_WRITEDATA, at) != CURLE_OK ||
	       curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress) != CURLE_OK ||
	       curl_easy_setopt(curl, CURLOPT_XFERINFODATA, at) != CURLE_OK ||
	       curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L) != CURLE_OK;
}

/* ---- requests */

/* Sends it once. *ret_after: seconds after which the server would hear it again, 0: it says none */
static enum kubeapi_kind ask_once(struct kubeapi *k, const char *url, const struct kubeapi_get *get,
	struct kubepage *page, struct kubeapi_answer *a, unsigned *ret_after)
{
	struct attempt at = {
		.curl = k->conn.curl,
		.get = get,
		.answer = a,
		.page = page,
		.said = BUF_INIT(STATUS_MAX),
	};
	enum kubeapi_kind kind;

	*ret_after = 0;
	if (!left_ms(get->deadline_ns))
		return end(a, KUBEAPI_TIMEOUT, "no time is left");
	if (prepare(k, url, &at))
		return end(a, KUBEAPI_FAILED, "out of memory");
	a->tries++;
	a->reason[0] = a->message[0] = '\0';
	kind = judge(k, &at, curl_easy_perform(k->conn.curl));
	*ret_after = at.retry_after;
	buf_done(&at.said);
	return kind;
}

/* false: the deadline would come first, or the caller stops. */
static bool wait_for(const struct kubeapi_get *get, uint64_t ms)
{
	const struct timespec slice = {.tv_nsec = WAIT_SLICE_MS * 1000000L};
	uint64_t until = now_ns() + ms * 1000000u;

	if (left_ms(get->deadline_ns) <= ms)
		return false;
	while (now_ns() < until) {
		if (is_stopped(get))
			return false;
		nanosleep(&slice, NULL);
	}
	return true;
}

/* After an answer that is none: is it worth another try, and has the time for it come? */
static bool may_repeat(struct kubeapi *k, const struct kubeapi_get *get,
	const struct kubeapi_answer *a, unsigned after, bool *reread)
{
	bool later = a->kind == KUBEAPI_BUSY || (a->kind == KUBEAPI_SERVER && after);

	if (a->kind == KUBEAPI_UNAUTHORIZED && !*reread) {
		*reread = true;
		return kubeconfig_reread_token(k->config, NULL) == 1 &&
		       kubeconn_set_token(&k->conn, k->config, NULL) == 0;
	}
	return later && wait_for(get, after ? (uint64_t)after * 1000 : 1000);
}

static enum kubeapi_kind ask(struct kubeapi *k, const char *path, const struct kubeapi_get *get,
	struct kubepage *page, struct kubeapi_answer *a)
{
	own_free char *url = NULL;
	bool reread = false;
	unsigned after = 0, tries = 0;

	if (asprintf(&url, "%s%s", k->conn.base, path) < 0)
		return end(a, KUBEAPI_FAILED, "out of memory");
	do {
		ask_once(k, url, get, page, a, &after);
	} while (++tries < KUBEAPI_TRIES && may_repeat(k, get, a, after, &reread));
	return a->kind;
}

static bool begin(const struct kubeapi_get *get, struct kubeapi_answer *a)
{
	struct err e = ERR_INIT;

	*a = (struct kubeapi_answer){.kind = KUBEAPI_OK};
	if (kubepath_check(get->path, &e) < 0)
		end(a, KUBEAPI_FAILED, e.text);
	return a->kind == KUBEAPI_OK;
}

enum kubeapi_kind kubeapi_get(
	struct kubeapi *k, const struct kubeapi_get *get, struct kubeapi_answer *ret)
{
	return begin(get, ret) ? ask(k, get->path, get, NULL, ret) : ret->kind;
}

static void page_path(struct buf *path, const struct kubeapi_get *get, const char *token)
{
	buf_clear(path);
	buf_addf(path, "%s%climit=%d", get->path, strchr(get->path, '?') ? '&' : '?',
		KUBEAPI_PAGE_ITEMS);
	if (!*token)
		return;
	buf_adds(path, "&continue=");
	kubepath_value(path, token);
}

enum kubeapi_kind kubeapi_list(
	struct kubeapi *k, const struct kubeapi_get *get, struct kubeapi_answer *ret)
{
	own_buf struct buf path = BUF_INIT(KUBEPATH_MAX + 4 * KUBEPAGE_TOKEN);
	struct kubepage page = KUBEPAGE_INIT;

	if (!begin(get, ret))
		return ret->kind;
	do {
		page_path(&path, get, page.token);
		page = KUBEPAGE_INIT;
		if (buf_check(&path, NULL) < 0)
			return end(ret, KUBEAPI_FAILED, "the path is too long");
		if (get->page && get->page(ret->pages, get->arg))
			return end(ret, KUBEAPI_STOPPED, "stopped");
		if (ask(k, buf_str(&path), get, &page, ret) != KUBEAPI_OK)
			return ret->kind;
		ret->items += page.items;
		ret->pages++;
		if (page.bad)
			return end(ret, KUBEAPI_BROKEN, "no way to the list's next page");
	} while (*page.token && ret->pages < KUBEAPI_PAGES);
	return *page.token ? end(ret, KUBEAPI_TOO_BIG, "a list of too many pages") : KUBEAPI_OK;
}

int kubeapi_open(struct kubeconfig *config, struct kubeapi **ret, struct err *e)
{
	struct kubeapi *k = calloc(1, sizeof(*k));
	int rc;

	if (!k)
		return err_set(e, ENOMEM, "out of memory");
	rc = kubeconn_open(config, &k->conn, e);
	if (rc < 0) {
		free(k);
		return rc;
	}
	k->config = config;
	*ret = k;
	return 0;
}

void kubeapi_close(struct kubeapi *k)
{
	if (!k)
		return;
	kubeconn_done(&k->conn);
	free(k);
}
