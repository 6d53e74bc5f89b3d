/* SPDX-License-Identifier: Apache-2.0 */
/* kubeconfig - where the API server is, how it proves itself and how we do. */
#include "kubeconfig.h"

#include "jsonx.h"
#include "kubefile.h"
#include "kubeyaml.h"
#include "own.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

enum { CA_MAX = 1 << 20 };

/* What is being read: the file's folder and the part of it we are in, for messages. */
struct source {
	int root_fd;
	const char *dir;
	const char *kind, *name; /* "user", "alice" */
	struct err *e;
};

static int refuse(const struct source *s, int code, const char *what)
{
	return err_set(s->e, code, "%s %s: %s", s->kind, s->name, what);
}

static int keep(char **to, const char *text, struct err *e)
{
	*to = strdup(text);
	return *to ? 0 : err_set(e, ENOMEM, "out of memory");
}

static int wrap(const struct source *s, int rc, const char *key)
{
	return rc < 0 ? err_wrap(s->e, rc, "%s %s: %s", s->kind, s->name, key) : rc;
}

/* A name in a kubeconfig is relative to the file. */
static int full_name(const struct source *s, const char *name, char *ret, size_t size)
{
	int n = name[0] == '/' ? snprintf(ret, size, "%s", name)
			       : snprintf(ret, size, "%s/%s", s->dir, name);

	return n > 0 && (size_t)n < size ? 0 : err_set(s->e, ENAMETOOLONG, "the name is too long");
}

/* KEY-data before KEY, as kubectl has it. *ret stays NULL when there is neither. */
static int data_or_file(const struct source *s, const json_t *in, const char *key, char **ret)
{
	char data_key[64], name[PATH_MAX];
	const char *text;
	int rc;

	snprintf(data_key, sizeof(data_key), "%s-data", key);
	text = jsonx_text_key(in, data_key);
	if (*text)
		return wrap(s, kubefile_base64(text, ret, s->e), data_key);
	text = jsonx_text_key(in, key);
	if (!*text)
		return 0;
	rc = full_name(s, text, name, sizeof(name));
	if (rc == 0)
		rc = kubefile_text(s->root_fd, name, KUBECONFIG_FILE, ret, s->e);
	return wrap(s, rc, key);
}

/* The authorities of the machine, where distributions keep them. */
static int machine_authorities(struct kubeconfig *c, struct err *e)
{
	static const char *const places[] = {
		"/etc/ssl/certs/ca-certificates.crt",
		"/etc/pki/tls/certs/ca-bundle.crt",
		"/etc/ssl/ca-bundle.pem",
		"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
		"/etc/ssl/cert.pem",
	};

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		if (kubefile_text(c->root_fd, places[i], CA_MAX, &c->ca, NULL) < 0)
			continue;
		return keep(&c->ca_from, places[i], e);
	}
	return err_set(e, ENOENT,
		"no certificate-authority is named, and this machine has no list of them");
}

static int authority(const struct source *s, const json_t *in, struct kubeconfig *c)
{
	static const char key[] = "certificate-authority";
	bool data = *jsonx_text_key(in, "certificate-authority-data") != '\0';
	int rc = data_or_file(s, in, key, &c->ca);

	if (rc < 0)
		return rc;
	if (!c->ca)
		return wrap(s, machine_authorities(c, s->e), key);
	return keep(
		&c->ca_from, data ? "certificate-authority-data" : jsonx_text_key(in, key), s->e);
}

static bool is_true(const json_t *in, const char *key)
{
	const json_t *v = json_object_get(in, key);
	const char *s = json_is_string(v) ? json_string_value(v) : "";

	return json_is_true(v) || !strcasecmp(s, "true") || !strcasecmp(s, "yes") ||
	       !strcasecmp(s, "on") || !strcasecmp(s, "y");
}

static int server(const struct source *s, const char *url, struct kubeconfig *c)
{
	static const char scheme[] = "https://";
	size_t n = strlen(url);

	if (!n)
		return refuse(s, EINVAL, "it names no server");
	if (strncasecmp(url, scheme, strlen(scheme)) != 0)
		return refuse(s, ENOTSUP, "the server is not https: nothing else is asked");
	for (size_t i = 0; i < n; i++)
		if (url[i] <= ' ' || url[i] > '~' || strchr("@?#%\\\"<>{}|^`", url[i]))
			return refuse(s, EINVAL, "the server is not https://HOST:PORT");
	while (url[n - 1] == '/')
		n--;
	if (n <= strlen(scheme))
		return refuse(s, EINVAL, "the server is not https://HOST:PORT");
	/* however the scheme was written */
	if (asprintf(&c->server, "%s%.*s", scheme, (int)(n - strlen(scheme)),
		    url + strlen(scheme)) < 0)
		return err_set(s->e, ENOMEM, "out of memory");
	return 0;
}

static int cluster(const struct source *s, const json_t *in, struct kubeconfig *c)
{
	const char *name = jsonx_text_key(in, "tls-server-name");
	int rc;

	if (is_true(in, "insecure-skip-tls-verify"))
		return refuse(s, ENOTSUP,
			"insecure-skip-tls-verify: the server is always verified; give its "
			"certificate-authority instead");
	if (*jsonx_text_key(in, "proxy-url"))
		return refuse(
			s, ENOTSUP, "proxy-url: proxies are not used; name the server itself");
	rc = server(s, jsonx_text_key(in, "server"), c);
	if (rc == 0)
		rc = authority(s, in, c);
	if (rc < 0 || !*name)
		return rc;
	if (name[strcspn(name, "/:@?#% \t\r\n\\")])
		return refuse(s, EINVAL, "tls-server-name is not a name");
	return keep(&c->server_name, name, s->e);
}

static int check_user(const struct source *s, const json_t *in)
{
	static const char *const as[] = {"as", "as-uid", "as-groups", "as-user-extra"};

	if (json_is_object(json_object_get(in, "exec")))
		return err_set(s->e, ENOTSUP,
			"user %s: no program (exec: %.60s) is run for a credential: put a token "
			"into "
			"the file ('kubectl create token ACCOUNT', or what that program prints)",
			s->name, jsonx_text(in, "exec.command"));
	if (json_is_object(json_object_get(in, "auth-provider")))
		return err_set(s->e, ENOTSUP,
			"user %s: auth-provider %.60s is not supported: put a token into the file "
			"('kubectl create token ACCOUNT')",
			s->name, jsonx_text(in, "auth-provider.name"));
	if (*jsonx_text_key(in, "username") || *jsonx_text_key(in, "password"))
		return refuse(s, ENOTSUP,
			"passwords are not supported: use a token or a client certificate");
	for (size_t i = 0; i < sizeof(as) / sizeof(as[0]); i++)
		if (json_object_get(in, as[i]) && !json_is_null(json_object_get(in, as[i])))
			return refuse(
				s, ENOTSUP, "impersonation is not supported: use its own user");
	return 0;
}

static int read_token(const struct kubeconfig *c, char **ret, struct err *e)
{
	own_secret char *text = NULL;
	int rc = kubefile_text(c->root_fd, c->token_file, KUBECONFIG_TOKEN, &text, e);

	return rc < 0 ? rc : kubefile_token(text, ret, e);
}

static int user_token(const struct source *s, const json_t *in, struct kubeconfig *c)
{
	const char *file = jsonx_text_key(in, "tokenFile"), *token = jsonx_text_key(in, "token");
	char name[PATH_MAX];
	int rc;

	if (!*file)
		return *token ? wrap(s, kubefile_token(token, &c->token, s->e), "token") : 0;
	rc = full_name(s, file, name, sizeof(name));
	if (rc == 0)
		rc = keep(&c->token_file, name, s->e);
	if (rc == 0)
		rc = read_token(c, &c->token, s->e);
	return wrap(s, rc, "tokenFile");
}

static int user(const struct source *s, const json_t *in, struct kubeconfig *c)
{
	int rc = check_user(s, in);

	if (rc == 0)
		rc = user_token(s, in, c);
	if (rc == 0)
		rc = data_or_file(s, in, "client-certificate", &c->cert);
	if (rc == 0)
		rc = data_or_file(s, in, "client-key", &c->key);
	if (rc == 0 && !c->cert != !c->key)
		return refuse(s, EINVAL,
			c->cert ? "a client-certificate without its client-key"
				: "a client-key without its client-certificate");
	return rc;
}

/* The body of the entry of that name in a list like "clusters". */
static json_t *entry(struct source *s, const json_t *root, const char *kind, const char *name)
{
	char list[32];
	const json_t *at;
	size_t i;

	s->kind = kind;
	s->name = name;
	snprintf(list, sizeof(list), "%ss", kind);
	json_array_foreach(json_object_get(root, list), i,
		at) if (!strcmp(jsonx_text_key(at, "name"), name)) return json_object_get(at, kind);
	refuse(s, ENOENT, "there is none of that name");
	return NULL;
}

static int fill(struct source *s, const json_t *root, const char *context, struct kubeconfig *c)
{
	const char *wanted = context ? context : jsonx_text_key(root, "current-context");
	const json_t *with, *in;
	const char *space;
	int rc;

	if (!*wanted)
		return err_set(s->e, ENOENT, "it has no current-context: name a context");
	with = entry(s, root, "context", wanted);
	if (!with)
		return -ENOENT;
	space = jsonx_text_key(with, "namespace");
	rc = keep(&c->context, wanted, s->e);
	if (rc == 0)
		rc = keep(&c->namespace, *space ? space : "default", s->e);
	if (rc < 0)
		return rc;
	in = entry(s, root, "cluster", jsonx_text_key(with, "cluster"));
	rc = in ? cluster(s, in, c) : -ENOENT;
	if (rc < 0 || !*jsonx_text_key(with, "user"))
		return rc;
	in = entry(s, root, "user", jsonx_text_key(with, "user"));
	return in ? user(s, in, c) : -ENOENT;
}

static struct kubeconfig *new_config(int root_fd, struct err *e)
{
	struct kubeconfig *c = calloc(1, sizeof(*c));

	if (!c) {
		err_set(e, ENOMEM, "out of memory");
		return NULL;
	}
	c->root_fd = fcntl(root_fd, F_DUPFD_CLOEXEC, 3);
	if (c->root_fd < 0) {
		err_errno(e, "root of the kubeconfig");
		free(c);
		return NULL;
	}
	return c;
}

int kubeconfig_parse(int root_fd, const char *dir, const struct buf *text, const char *context,
	struct kubeconfig **ret, struct err *e)
{
	own_kubeconfig struct kubeconfig *c = new_config(root_fd, e);
	struct source s = {.root_fd = root_fd, .dir = dir, .kind = "", .name = "", .e = e};
	own_json json_t *root = NULL;
	int rc;

	if (!c)
		return -ENOMEM;
	root = kubeyaml_parse(buf_str(text), text->len, e);
	if (!root)
		return -EINVAL;
	if (!json_is_array(json_object_get(root, "clusters")))
		return err_set(e, EINVAL, "not a kubeconfig: it has no clusters");
	rc = fill(&s, root, context, c);
	if (rc == 0)
		*ret = take_ptr(c);
	return rc;
}

int kubeconfig_load(
	int root_fd, const char *path, const char *context, struct kubeconfig **ret, struct err *e)
{
	own_secret_buf struct buf text = BUF_INIT(KUBEYAML_MAX);
	own_free char *dir = strdup(path);
	char *slash = dir ? strrchr(dir, '/') : NULL;
	int rc;

	if (!slash)
		return err_set(e, dir ? EINVAL : ENOMEM, "%s: not an absolute name", path);
	slash[slash == dir] = '\0';
	rc = kubefile_read(root_fd, path, &text, e);
	if (rc < 0)
		return rc;
	rc = kubeconfig_parse(root_fd, dir, &text, context, ret, e);
	return rc < 0 ? err_wrap(e, rc, "%s", path) : 0;
}

static int account_file(
	struct kubeconfig *c, const char *dir, const char *name, char **ret, struct err *e)
{
	char path[PATH_MAX];
	int n = snprintf(path, sizeof(path), "%s/%s", dir, name);

	if (n < 0 || (size_t)n >= sizeof(path))
		return err_set(e, ENAMETOOLONG, "the name is too long");
	return kubefile_text(c->root_fd, path, KUBECONFIG_FILE, ret, e);
}

static int account(struct kubeconfig *c, const char *dir, struct err *e)
{
	own_free char *space = NULL;
	int rc = account_file(c, dir, "ca.crt", &c->ca, e);

	if (rc < 0)
		return rc;
	if (asprintf(&c->ca_from, "%s/ca.crt", dir) < 0 ||
		asprintf(&c->token_file, "%s/token", dir) < 0)
		return err_set(e, ENOMEM, "out of memory");
	rc = read_token(c, &c->token, e);
	if (rc < 0)
		return err_wrap(e, rc, "service account's token");
	if (account_file(c, dir, "namespace", &space, NULL) < 0 || !space)
		return keep(&c->namespace, "default", e);
	space[strcspn(space, " \t\r\n")] = '\0';
	return keep(&c->namespace, *space ? space : "default", e);
}

int kubeconfig_in_cluster(int root_fd, const char *host, const char *port, const char *dir,
	struct kubeconfig **ret, struct err *e)
{
	own_kubeconfig struct kubeconfig *c = NULL;
	struct source s = {.root_fd = root_fd, .kind = "service", .name = "kubernetes", .e = e};
	char url[512];
	int n, rc;

	if (!host || !*host || !port || !*port)
		return err_set(e, ENOENT, "this is no pod: no KUBERNETES_SERVICE_HOST");
	c = new_config(root_fd, e);
	if (!c)
		return -ENOMEM;
	/* an IPv6 address stands there without brackets */
	n = snprintf(url, sizeof(url), strchr(host, ':') ? "https://[%s]:%s" : "https://%s:%s",
		host, port);
	if (n < 0 || (size_t)n >= sizeof(url) || host[strcspn(host, "/")] ||
		port[strspn(port, "0123456789")])
		return err_set(e, EINVAL, "KUBERNETES_SERVICE_HOST and _PORT are no address");
	rc = server(&s, url, c);
	if (rc == 0)
		rc = account(c, dir ? dir : KUBECONFIG_ACCOUNT, e);
	if (rc == 0)
		rc = keep(&c->context, "in-cluster", e);
	if (rc == 0)
		*ret = take_ptr(c);
	return rc;
}

int kubeconfig_reread_token(struct kubeconfig *c, struct err *e)
{
	own_secret char *now = NULL;
	int rc;

	if (!c->token_file)
		return 0;
	rc = read_token(c, &now, e);
	if (rc < 0)
		return err_wrap(e, rc, "read the token again");
	if (c->token && !strcmp(now, c->token))
		return 0;
	kubefile_wipe(c->token);
	c->token = take_ptr(now);
	return 1;
}

void kubeconfig_free(struct kubeconfig *c)
{
	if (!c)
		return;
	free(c->server);
	free(c->server_name);
	free(c->ca);
	free(c->ca_from);
	free(c->cert);
	kubefile_wipe(c->key);
	kubefile_wipe(c->token);
	free(c->token_file);
	free(c->namespace);
	free(c->context);
	(void)close(c->root_fd);
	free(c);
}
