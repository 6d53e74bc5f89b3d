/* SPDX-License-Identifier: Apache-2.0 */
/* kubeconn - the connection to an API server: libcurl. */
#include "kubeconn.h"

#include "kubefile.h"
#include "own.h"
#include "version.h"

#include <errno.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <string.h>

enum { RECEIVE = 64 << 10 };

static int no_memory(struct err *e)
{
	return err_set(e, ENOMEM, "out of memory");
}

/* HOST and PORT of https://HOST[:PORT][/PREFIX]; an IPv6 address keeps its brackets. */
static void cut_server(const char *server, char **ret_host, char **ret_port, const char **ret_tail)
{
	const char *host = server + strlen("https://");
	size_t len = strcspn(host, "/");
	const char *colon = memrchr(host, ':', len), *bracket = memrchr(host, ']', len);
	size_t host_len = colon && (!bracket || colon > bracket) ? (size_t)(colon - host) : len;

	*ret_host = strndup(host, host_len);
	*ret_port =
		host_len < len ? strndup(host + host_len + 1, len - host_len - 1) : strdup("443");
	*ret_tail = host + len;
}

/* Another name in the handshake than the server's: curl takes it from the URL, so the URL bears it
 * and the connection and the Host header go to the server's own. */
static int rename_server(struct kubeconn *c, const struct kubeconfig *config, struct err *e)
{
	own_free char *host = NULL, *port = NULL, *to = NULL;
	const char *tail;

	cut_server(config->server, &host, &port, &tail);
	if (!host || !port || asprintf(&to, "::%s:%s", host, port) < 0)
		return no_memory(e);
	c->connect_to = curl_slist_append(NULL, to);
	if (!c->connect_to ||
		asprintf(&c->base, "https://%s:%s%s", config->server_name, port, tail) < 0 ||
		asprintf(&c->host, "Host: %s:%s", host, port) < 0)
		return no_memory(e);
	return 0;
}

static int add_header(struct curl_slist **list, const char *line, struct err *e)
{
	struct curl_slist *longer = curl_slist_append(*list, line);

	if (!longer)
		return no_memory(e);
	*list = longer;
	return 0;
}

static void wipe_headers(struct curl_slist *list)
{
	for (struct curl_slist *at = list; at; at = at->next)
		explicit_bzero(at->data, strlen(at->data));
	curl_slist_free_all(list);
}

int kubeconn_set_token(struct kubeconn *c, const struct kubeconfig *config, struct err *e)
{
	own_secret char *line = NULL;
	struct curl_slist *list = NULL;
	int rc = add_header(&list, "Accept: application/json", e);

	if (rc == 0 && c->host)
		rc = add_header(&list, c->host, e);
	if (rc == 0 && config->token)
		rc = asprintf(&line, "Authorization: Bearer %s", config->token) < 0
			     ? no_memory(e)
			     : add_header(&list, line, e);
	if (rc == 0 && curl_easy_setopt(c->curl, CURLOPT_HTTPHEADER, list) != CURLE_OK)
		rc = no_memory(e);
	if (rc < 0) {
		wipe_headers(list);
		return rc;
	}
	wipe_headers(c->headers);
	c->headers = list;
	return 0;
}

static CURLcode set_blob(CURL *curl, CURLoption option, char *text)
{
	struct curl_blob blob = {
		.data = text, .len = text ? strlen(text) : 0, .flags = CURL_BLOB_COPY};

	return text ? curl_easy_setopt(curl, option, &blob) : CURLE_OK;
}

static int set_tls(CURL *curl, const struct kubeconfig *config, struct err *e)
{
	const long first = CURL_SSLVERSION_TLSv1_2;

	if (curl_easy_setopt(curl, CURLOPT_SSLVERSION, first) != CURLE_OK ||
		curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L) != CURLE_OK ||
		curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L) != CURLE_OK ||
		set_blob(curl, CURLOPT_CAINFO_BLOB, config->ca) != CURLE_OK ||
		set_blob(curl, CURLOPT_SSLCERT_BLOB, config->cert) != CURLE_OK ||
		set_blob(curl, CURLOPT_SSLKEY_BLOB, config->key) != CURLE_OK)
		return err_set(e, ENOTSUP, "this libcurl cannot be set up for TLS");
	return 0;
}

static int set_http(struct kubeconn *c, struct err *e)
{
	const long version = CURL_HTTP_VERSION_1_1;
	char agent[64];

	snprintf(agent, sizeof(agent), "taphos/%s", version_string());
	if (curl_easy_setopt(c->curl, CURLOPT_PROTOCOLS_STR, "https") != CURLE_OK ||
		curl_easy_setopt(c->curl, CURLOPT_HTTP_VERSION, version) != CURLE_OK ||
		curl_easy_setopt(c->curl, CURLOPT_FOLLOWLOCATION, 0L) != CURLE_OK ||
		curl_easy_setopt(c->curl, CURLOPT_BUFFERSIZE, (long)RECEIVE) != CURLE_OK ||
		curl_easy_setopt(c->curl, CURLOPT_MAXCONNECTS, 1L) != CURLE_OK ||
		curl_easy_setopt(c->curl, CURLOPT_USERAGENT, agent) != CURLE_OK ||
		curl_easy_setopt(c->curl, CURLOPT_ERRORBUFFER, c->error) != CURLE_OK ||
		(c->connect_to &&
			curl_easy_setopt(c->curl, CURLOPT_CONNECT_TO, c->connect_to) != CURLE_OK))
		return err_set(e, ENOTSUP, "this libcurl cannot be set up");
	/* ours has no proxies; one that has takes them from the environment unless told so */
	(void)curl_easy_setopt(c->curl, CURLOPT_PROXY, "");
	return 0;
}

int kubeconn_open(const struct kubeconfig *config, struct kubeconn *c, struct err *e)
{
	int rc = 0;

	*c = (struct kubeconn){.curl = NULL};
	/* first of all: no configuration file, of which root ever */
	if (!OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, NULL))
		return err_set(e, EIO, "OpenSSL does not start");
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return err_set(e, EIO, "libcurl does not start");
	c->curl = curl_easy_init();
	if (config->server_name)
		rc = rename_server(c, config, e);
	else if (!(c->base = strdup(config->server)))
		rc = no_memory(e);
	if (rc == 0 && !c->curl)
		rc = no_memory(e);
	if (rc == 0)
		rc = set_http(c, e);
	if (rc == 0)
		rc = set_tls(c->curl, config, e);
	if (rc == 0)
		rc = kubeconn_set_token(c, config, e);
	if (rc < 0)
		kubeconn_done(c);
	return rc;
}

void kubeconn_done(struct kubeconn *c)
{
	curl_easy_cleanup(c->curl);
	wipe_headers(c->headers);
	curl_slist_free_all(c->connect_to);
	free(c->base);
	free(c->host);
	*c = (struct kubeconn){.curl = NULL};
	curl_global_cleanup();
}
