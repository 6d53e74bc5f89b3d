/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * kubeconfig - where the API server is, how it proves itself and how we do: from a kubeconfig file
 * (YAML or JSON) or from a pod's service account.
 *
 * Refused, each with a line that says what to do: plain http, insecure-skip-tls-verify, proxies,
 * passwords, impersonation, and exec plugins and auth providers: no program is run for us.
 * Several files in KUBECONFIG are not merged.
 *
 * Files are opened below root_fd, which is "/" or the host's root; their links stay inside it.
 */
#include "err.h"

#include <stdbool.h>
#include <stddef.h>

struct buf;

/* Where the kubelet mounts it. */
#define KUBECONFIG_ACCOUNT "/var/run/secrets/kubernetes.io/serviceaccount"

enum {
	KUBECONFIG_FILE = 1 << 20,  /* bytes of a file it names */
	KUBECONFIG_TOKEN = 1 << 16, /* bytes of a token */
};

/* Strings of its own; NULL: there is none. Keys and tokens are wiped when it is freed. */
struct kubeconfig {
	char *server;	   /* "https://HOST[:PORT][/PREFIX]" without a '/' at its end */
	char *server_name; /* whom the certificate is for; NULL: the server's host */
	char *ca;	   /* PEM */
	char *ca_from;	   /* "certificate-authority-data" or the file's name */
	char *cert, *key;  /* PEM, both or none */
	char *token;
	char *token_file; /* absolute: kubeconfig_reread_token() */
	char *namespace;  /* of the context; "default" when it names none */
	char *context;	  /* "in-cluster" for a service account */
	int root_fd;	  /* a duplicate */
};

/*
 * The context of that name, NULL: the file's current-context. path is absolute. Without a
 * certificate-authority the node's own authorities are taken, and ca_from says which.
 * -ENOENT: no such file, context, cluster or user; -ENOTSUP: refused; -EINVAL: not a kubeconfig.
 */
int kubeconfig_load(int root_fd, const char *path, const char *context, struct kubeconfig **ret,
	struct err *e) must_check;
/* The same from its text; dir is what relative names are below. */
int kubeconfig_parse(int root_fd, const char *dir, const struct buf *text, const char *context,
	struct kubeconfig **ret, struct err *e) must_check;

/*
 * A pod's service account. host and port are KUBERNETES_SERVICE_HOST and _PORT; dir NULL is
 * KUBECONFIG_ACCOUNT. -ENOENT: this is no pod, or it has no token.
 */
int kubeconfig_in_cluster(int root_fd, const char *host, const char *port, const char *dir,
	struct kubeconfig **ret, struct err *e) must_check;

/* Reads token_file again. 1: it is another token than before, 0: the same, or there is no file. */
int kubeconfig_reread_token(struct kubeconfig *c, struct err *e) must_check;

void kubeconfig_free(struct kubeconfig *c);

static inline void kubeconfig_free_(struct kubeconfig **c)
{
	kubeconfig_free(*c);
}
#define own_kubeconfig __attribute__((cleanup(kubeconfig_free_)))
