/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "apikit.h"
#include "buf.h"
#include "kubeapi.h"
#include "now.h"
#include "own.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <time.h>
#include <unistd.h>

#define NS "/api/v1/namespaces/"
#define PODS "/api/v1/namespaces/shop/pods/"

static struct apikit server;
static const char *why_not;
static int conf_watch = -1; /* tells who opens openssl.cnf */

/* Enough of a kubeconfig to ask, made by hand; what a test changes it frees with the rest. */
static struct kubeconfig *config_of(const char *name, const char *host, const char *ca)
{
	struct kubeconfig *c = calloc(1, sizeof(*c));

	assert_non_null(c);
	c->root_fd = open("/", O_PATH | O_CLOEXEC);
	assert_true(asprintf(&c->server, "https://%s:%u", host, apikit_port(&server, name)) > 0);
	c->ca = apikit_text(&server, ca);
	return c;
}

struct taken {
	struct buf text;
	unsigned pages;
	bool stop;
};

static int take(const void *p, size_t n, void *arg)
{
	struct taken *t = arg;

	return buf_add(&t->text, p, n);
}

static int take_page(unsigned number, void *arg)
{
	struct taken *t = arg;

	assert_int_equal(number, t->pages);
	t->pages++;
	return 0;
}

static bool is_stopped(void *arg)
{
	return ((struct taken *)arg)->stop;
}

/* Asks within that time; what came is in 't'. */
static struct kubeapi_answer ask(
	struct kubeapi *k, const char *path, unsigned ms, bool list, struct taken *t)
{
	struct kubeapi_get get = {
		.path = path,
		.deadline_ns = now_ns() + (uint64_t)ms * 1000000u,
		.max_bytes = 1 << 20,
		.data = take,
		.page = list ? take_page : NULL,
		.stop = is_stopped,
		.arg = t,
	};
	struct kubeapi_answer a;

	buf_done(&t->text);
	t->text = BUF_INIT(2 << 20);
	t->pages = 0;
	if (list)
		kubeapi_list(k, &get, &a);
	else
		kubeapi_get(k, &get, &a);
	if (a.kind != KUBEAPI_OK)
		print_message(
			"# %s: %s %d: %s\n", path, kubeapi_kinds[a.kind], a.status, a.message);
	assert_true(a.kind == KUBEAPI_OK || a.message[0]);
	assert_true(now_ns() < get.deadline_ns + 2000000000u);
	return a;
}

/* One request to a server of that name, with that authority. */
static enum kubeapi_kind kind_of(struct kubeconfig *c, const char *path, unsigned ms)
{
	own_kubeapi struct kubeapi *k = NULL;
	struct taken t = {.pages = 0};
	struct kubeapi_answer a;

	assert_int_equal(kubeapi_open(c, &k, NULL), 0);
	a = ask(k, path, ms, false, &t);
	buf_done(&t.text);
	return a.kind;
}

#define WHEN_SERVED()                       \
	do {                                \
		if (why_not)                \
			unit_skip(why_not); \
	} while (0)

static void verifies_who_answers(void **state)
{
	own_kubeconfig struct kubeconfig *good = NULL, *wrong_ca = NULL, *name = NULL,
					 *expired = NULL, *stranger = NULL, *named = NULL;

	(void)state;
	WHEN_SERVED();
	good = config_of("good", "127.0.0.1", "ca.crt");
	assert_int_equal(kind_of(good, NS "plain", 5000), KUBEAPI_OK);
	wrong_ca = config_of("good", "127.0.0.1", "other.crt");
	assert_int_equal(kind_of(wrong_ca, NS "plain", 5000), KUBEAPI_TLS);
	name = config_of("name", "127.0.0.1", "ca.crt");
	assert_int_equal(kind_of(name, NS "plain", 5000), KUBEAPI_TLS);
	expired = config_of("expired", "127.0.0.1", "ca.crt");
	assert_int_equal(kind_of(expired, NS "plain", 5000), KUBEAPI_TLS);
	stranger = config_of("stranger", "127.0.0.1", "ca.crt");
	assert_int_equal(kind_of(stranger, NS "plain", 5000), KUBEAPI_TLS);
	/* by tls-server-name: the address is one thing, the name in the certificate another */
	named = config_of("name", "127.0.0.1", "ca.crt");
	named->server_name = strdup("elsewhere.test");
	assert_int_equal(kind_of(named, NS "plain", 5000), KUBEAPI_OK);
}

static void gives_its_credential(void **state)
{
	own_kubeconfig struct kubeconfig *token = NULL, *none = NULL, *cert = NULL, *junk = NULL;
	enum kubeapi_kind refused;

	(void)state;
	WHEN_SERVED();
	token = config_of("good", "127.0.0.1", "ca.crt");
	assert_int_equal(kind_of(token, NS "needs-token", 5000), KUBEAPI_UNAUTHORIZED);
	token->token = strdup("good-token");
	assert_int_equal(kind_of(token, NS "needs-token", 5000), KUBEAPI_OK);
	none = config_of("client", "127.0.0.1", "ca.crt");
	/* the server ends the connection before or after its alert is read */
	refused = kind_of(none, NS "plain", 5000);
	assert_true(refused == KUBEAPI_TLS || refused == KUBEAPI_CUT);
	cert = config_of("client", "127.0.0.1", "ca.crt");
	cert->cert = apikit_text(&server, "user.crt");
	cert->key = apikit_text(&server, "user.key");
	assert_int_equal(kind_of(cert, NS "plain", 5000), KUBEAPI_OK);
	junk = config_of("client", "127.0.0.1", "ca.crt");
	junk->cert = apikit_text(&server, "user.crt");
	junk->key = apikit_text(&server, "other.key");
	assert_int_equal(kind_of(junk, NS "plain", 5000), KUBEAPI_TLS);
}

static void reads_an_expired_token_again_once(void **state)
{
	own_kubeconfig struct kubeconfig *c = NULL;
	own_kubeapi struct kubeapi *k = NULL;
	struct taken t = {.pages = 0};
	struct kubeapi_answer a;

	(void)state;
	WHEN_SERVED();
	c = config_of("good", "127.0.0.1", "ca.crt");
	c->token = strdup("old-token");
	assert_true(asprintf(&c->token_file, "%s/token", server.dir) > 0);
	apikit_write(&server, "token", "old-token\n");
	assert_int_equal(kubeapi_open(c, &k, NULL), 0);
	a = ask(k, NS "needs-token", 5000, false, &t);
	assert_int_equal(a.kind, KUBEAPI_UNAUTHORIZED);
	assert_int_equal(a.tries, 1);
	apikit_write(&server, "token", "newer-token\n");
	a = ask(k, NS "needs-token", 5000, false, &t);
	assert_int_equal(a.kind, KUBEAPI_UNAUTHORIZED);
	assert_int_equal(a.tries, 2);
	apikit_write(&server, "token", "good-token\n");
	a = ask(k, NS "needs-token", 5000, false, &t);
	assert_int_equal(a.kind, KUBEAPI_OK);
	assert_int_equal(a.tries, 2);
	buf_done(&t.text);
}

static void says_what_the_server_said(void **state)
{
	static const struct {
		const char *path;
		enum kubeapi_kind kind;
		int status;
		const char *reason, *message;
	} rows[] = {
		{NS "forbidden", KUBEAPI_FORBIDDEN, 403, "Forbidden", "cannot get it"},
		{NS "missing", KUBEAPI_NOT_FOUND, 404, "NotFound", "not found"},
		{NS "gone", KUBEAPI_GONE, 410, "Expired", "too old"},
		{NS "busy-long", KUBEAPI_BUSY, 429, "TooManyRequests", "too many"},
		{NS "error", KUBEAPI_SERVER, 500, "InternalError", "etcd is gone"},
		{NS "no-json", KUBEAPI_SERVER, 503, "", "upstream connect error"},
		{NS "endless-error", KUBEAPI_SERVER, 500, "", "xxx"},
		{NS "redirect", KUBEAPI_REFUSED, 302, "", "redirects are not followed"},
	};
	own_kubeconfig struct kubeconfig *c = NULL;
	own_kubeapi struct kubeapi *k = NULL;
	struct taken t = {.pages = 0};

	(void)state;
	WHEN_SERVED();
	c = config_of("good", "127.0.0.1", "ca.crt");
	assert_int_equal(kubeapi_open(c, &k, NULL), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct kubeapi_answer a = ask(k, rows[i].path, 5000, false, &t);

		assert_int_equal(a.kind, rows[i].kind);
		assert_int_equal(a.status, rows[i].status);
		assert_string_equal(a.reason, rows[i].reason);
		assert_non_null(strstr(a.message, rows[i].message));
		assert_int_equal(a.bytes, 0);
		assert_int_equal(a.tries, 1);
	}
	/* nobody went where the redirect showed */
	assert_int_equal(ask(k, NS "seen", 5000, false, &t).kind, KUBEAPI_OK);
	assert_null(strstr(buf_str(&t.text), "/api/v1/nodes"));
	buf_done(&t.text);
}

static void waits_as_long_as_it_is_told(void **state)
{
	own_kubeconfig struct kubeconfig *c = NULL;
	own_kubeapi struct kubeapi *k = NULL;
	struct taken t = {.pages = 0};
	struct kubeapi_answer a;
	uint64_t start;

	(void)state;
	WHEN_SERVED();
	c = config_of("good", "127.0.0.1", "ca.crt");
	assert_int_equal(kubeapi_open(c, &k, NULL), 0);
	start = now_ns();
	a = ask(k, NS "busy-once", 5000, false, &t);
	assert_int_equal(a.kind, KUBEAPI_OK);
	assert_int_equal(a.tries, 2);
	assert_true(now_ns() - start >= 1000000000u);
	a = ask(k, "/api/v1/nodes/busy-once", 500, false, &t);
	assert_int_equal(a.kind, KUBEAPI_BUSY);
	buf_done(&t.text);
}

static void outlives_a_bad_server(void **state)
{
	static const struct {
		const char *path;
		enum kubeapi_kind kind;
		uint64_t at_least, at_most;
	} rows[] = {
		{NS "slow-headers", KUBEAPI_TIMEOUT, 0, 0},
		{NS "slow-body", KUBEAPI_TIMEOUT, 0, 60},
		{NS "endless-body", KUBEAPI_TOO_BIG, 1 << 20, 1 << 20},
		{NS "endless-headers", KUBEAPI_BROKEN, 0, 0}, {NS "reset", KUBEAPI_CUT, 0, 5},
		{NS "short", KUBEAPI_CUT, 5, 5}, {NS "nothing", KUBEAPI_CUT, 0, 0},
		{NS "not-http", KUBEAPI_BROKEN, 0, 0}, {NS "gzip", KUBEAPI_BROKEN, 0, 0},
		{NS "plain", KUBEAPI_OK, 2, 100}, /* and still asks */
	};
	own_kubeconfig struct kubeconfig *c = NULL, *deaf = NULL, *closed = NULL, *nowhere = NULL;
	own_kubeapi struct kubeapi *k = NULL;
	struct taken t = {.pages = 0};

	(void)state;
	WHEN_SERVED();
	c = config_of("good", "127.0.0.1", "ca.crt");
	assert_int_equal(kubeapi_open(c, &k, NULL), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		bool slow = rows[i].kind == KUBEAPI_TIMEOUT;
		struct kubeapi_answer a = ask(k, rows[i].path, slow ? 300 : 5000, false, &t);

		assert_int_equal(a.kind, rows[i].kind);
		assert_int_equal(a.bytes, t.text.len);
		assert_in_range(a.bytes, rows[i].at_least, rows[i].at_most);
	}
	buf_done(&t.text);
	deaf = config_of("deaf", "127.0.0.1", "ca.crt");
	assert_int_equal(kind_of(deaf, NS "plain", 200), KUBEAPI_TIMEOUT);
	closed = config_of("closed", "127.0.0.1", "ca.crt");
	assert_int_equal(kind_of(closed, NS "plain", 2000), KUBEAPI_UNREACHABLE);
	nowhere = config_of("good", "no..name", "ca.crt");
	assert_int_equal(kind_of(nowhere, NS "plain", 2000), KUBEAPI_UNREACHABLE);
}

static void reads_lists_page_by_page(void **state)
{
	own_kubeconfig struct kubeconfig *c = NULL;
	own_kubeapi struct kubeapi *k = NULL;
	struct taken t = {.pages = 0};
	struct kubeapi_answer a;

	(void)state;
	WHEN_SERVED();
	c = config_of("good", "127.0.0.1", "ca.crt");
	assert_int_equal(kubeapi_open(c, &k, NULL), 0);
	a = ask(k, NS "pages", 5000, true, &t);
	assert_int_equal(a.kind, KUBEAPI_OK);
	assert_int_equal(a.pages, 4);
	assert_int_equal(t.pages, 4);
	assert_int_equal(a.items, 20);
	assert_int_equal(a.bytes, t.text.len);
	a = ask(k, NS "pages-gone?labelSelector=a%3Db", 5000, true, &t);
	assert_int_equal(a.kind, KUBEAPI_GONE);
	assert_int_equal(a.pages, 1);
	assert_true(a.bytes > 0);
	a = ask(k, NS "pages-endless", 60000, true, &t);
	assert_int_equal(a.kind, KUBEAPI_TOO_BIG);
	a = ask(k, NS "forbidden", 5000, true, &t);
	assert_int_equal(a.kind, KUBEAPI_FORBIDDEN);
	buf_done(&t.text);
}

static void stops_when_told(void **state)
{
	own_kubeconfig struct kubeconfig *c = NULL;
	own_kubeapi struct kubeapi *k = NULL;
	struct taken t = {.stop = true};

	(void)state;
	WHEN_SERVED();
	c = config_of("good", "127.0.0.1", "ca.crt");
	assert_int_equal(kubeapi_open(c, &k, NULL), 0);
	assert_int_equal(ask(k, NS "slow-body", 5000, false, &t).kind, KUBEAPI_STOPPED);
	buf_done(&t.text);
}

static void asks_for_nothing_it_should_not(void **state)
{
	own_kubeconfig struct kubeconfig *c = NULL;
	own_kubeapi struct kubeapi *k = NULL;
	struct taken t = {.pages = 0};
	struct kubeapi_answer a;

	(void)state;
	WHEN_SERVED();
	c = config_of("good", "127.0.0.1", "ca.crt");
	assert_int_equal(kubeapi_open(c, &k, NULL), 0);
	a = ask(k, "/api/v1/namespaces/shop/secrets", 5000, true, &t);
	assert_int_equal(a.kind, KUBEAPI_FAILED);
	assert_int_equal(a.tries, 0);
	a = ask(k, NS "echo", 5000, false, &t);
	assert_int_equal(a.kind, KUBEAPI_OK);
	assert_null(strstr(buf_str(&t.text), "accept-encoding"));
	assert_null(strstr(buf_str(&t.text), "authorization"));
	assert_non_null(strstr(buf_str(&t.text), "taphos/"));
	buf_done(&t.text);
}

/* Proxies, OpenSSL's configuration and a file for TLS' keys are in the environment of the whole
 * program. */
static void was_led_by_no_environment(void **state)
{
	struct inotify_event event;

	(void)state;
	WHEN_SERVED();
	assert_true(conf_watch >= 0);
	assert_int_equal(read(conf_watch, &event, sizeof(event)), -1);
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(access(getenv("SSLKEYLOGFILE"), F_OK), -1);
}

static int start(void **state)
{
	static const char *const proxies[] = {
		"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"};
	char conf[128], keys[128];

	(void)state;
	why_not = unit_emulated() ? "clocks under qemu-user" : apikit_start(&server);
	if (why_not)
		return 0;
	for (size_t i = 0; i < sizeof(proxies) / sizeof(proxies[0]); i++)
		setenv(proxies[i], "http://127.0.0.1:1", 1);
	snprintf(conf, sizeof(conf), "%s/openssl.cnf", server.dir);
	apikit_write(&server, "openssl.cnf", "openssl_conf = none\n");
	setenv("OPENSSL_CONF", conf, 1);
	snprintf(keys, sizeof(keys), "%s/keys", server.dir);
	setenv("SSLKEYLOGFILE", keys, 1);
	conf_watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	return inotify_add_watch(conf_watch, conf, IN_OPEN) < 0;
}

static int end(void **state)
{
	(void)state;
	if (!why_not)
		apikit_end(&server);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(verifies_who_answers),
		cmocka_unit_test(gives_its_credential),
		cmocka_unit_test(reads_an_expired_token_again_once),
		cmocka_unit_test(says_what_the_server_said),
		cmocka_unit_test(waits_as_long_as_it_is_told),
		cmocka_unit_test(outlives_a_bad_server),
		cmocka_unit_test(reads_lists_page_by_page),
		cmocka_unit_test(stops_when_told),
		cmocka_unit_test(asks_for_nothing_it_should_not),
		cmocka_unit_test(was_led_by_no_environment),
	};

	return cmocka_run_group_tests(tests, start, end);
}
