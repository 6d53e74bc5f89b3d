/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * kubeapi - asks an API server: GET, over HTTPS, and nothing else.
 *
 * The server is verified always, with TLS 1.2 or later. Redirects are not followed, compression is
 * not asked for. A proxy is never used: HTTPS_PROXY and its kind are not looked at, for a
 * credential goes to the server that the kubeconfig names or nowhere. Names are resolved by
 * c-ares from hosts and resolv.conf of the root the process stands in.
 *
 * Every request ends by its deadline. Whatever happens is an answer with a kind, for a caller to
 * make a gap of; nothing is tried for ever. Only when the deadline allows, and nothing of the
 * answer was given away yet, is a request repeated: 429, and 5xx with Retry-After, after that time;
 * 401 once, when the file of the token holds another one now.
 *
 * One connection, kept open between requests; not for several threads at once.
 */
#include "err.h"
#include "kubeconfig.h"
#include "kubepath.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	KUBEAPI_CONNECT_MS = 10000,  /* to reach the server, TLS included */
	KUBEAPI_HEADERS = 256 << 10, /* bytes of an answer's headers */
	KUBEAPI_TRIES = 10,	     /* of one request, or of one page */
	KUBEAPI_PAGES = 1000,
	KUBEAPI_PAGE_ITEMS = 250,
};

enum kubeapi_kind {
	KUBEAPI_OK,
	KUBEAPI_UNREACHABLE,  /* no such name, refused, no route */
	KUBEAPI_TLS,	      /* no handshake: its certificate, or ours */
	KUBEAPI_TIMEOUT,      /* the deadline came first, or the server was not reached in time */
	KUBEAPI_CUT,	      /* the connection ended before the answer did */
	KUBEAPI_TOO_BIG,      /* the answer is longer than the caller takes */
	KUBEAPI_BROKEN,	      /* not HTTP, or not as asked for */
	KUBEAPI_UNAUTHORIZED, /* 401: the credential is not, or no longer, good */
	KUBEAPI_FORBIDDEN,    /* 403 */
	KUBEAPI_NOT_FOUND,    /* 404 */
	KUBEAPI_GONE,	      /* 410: the list changed too much while it was read */
	KUBEAPI_BUSY,	      /* 429 */
	KUBEAPI_SERVER,	      /* 5xx */
	KUBEAPI_REFUSED,      /* any other status, redirects among them */
	KUBEAPI_STOPPED,      /* by the caller: its stop or its data function */
	KUBEAPI_FAILED,	      /* here: the path, memory */
	KUBEAPI_KINDS
};
extern const char *const kubeapi_kinds[KUBEAPI_KINDS]; /* "ok", "unreachable", ... */

struct kubeapi_get {
	const char *path;     /* with its query, percent-encoded; kubepath_check() */
	uint64_t deadline_ns; /* CLOCK_MONOTONIC */
	uint64_t max_bytes;   /* of the answer; of all pages of a list */
	/* The answer, in pieces as they arrive. Not 0: stop. What a failed answer gave until then
	 * is the beginning of it. */
	int (*data)(const void *p, size_t n, void *arg);
	/* Before the first byte of each page of a list, from 0; may be NULL. Not 0: stop. */
	int (*page)(unsigned number, void *arg);
	/* Asked now and then; may be NULL. */
	bool (*stop)(void *arg);
	void *arg;
};

struct kubeapi_answer {
	enum kubeapi_kind kind;
	int status;	   /* of HTTP; 0: there was none */
	uint64_t bytes;	   /* given to data() */
	uint64_t items;	   /* of a list */
	unsigned pages;	   /* of a list, whole ones */
	unsigned tries;	   /* requests sent */
	char reason[64];   /* of the server's Status: "Forbidden", "Expired"; "" for none */
	char message[512]; /* why it is not KUBEAPI_OK: the server's own message where there is one.
			      Somebody else's text. */
};

struct kubeapi;

/* Borrows config, whose token may be read again. */
int kubeapi_open(struct kubeconfig *config, struct kubeapi **ret, struct err *e) must_check;
void kubeapi_close(struct kubeapi *k);

/* Returns ret->kind. */
enum kubeapi_kind kubeapi_get(
	struct kubeapi *k, const struct kubeapi_get *get, struct kubeapi_answer *ret);
/* The same for a list, page by page: "limit" and "continue" are added to the path. Each page is a
 * document of its own. */
enum kubeapi_kind kubeapi_list(
	struct kubeapi *k, const struct kubeapi_get *get, struct kubeapi_answer *ret);

static inline void kubeapi_close_(struct kubeapi **k)
{
	kubeapi_close(*k);
}
#define own_kubeapi __attribute__((cleanup(kubeapi_close_)))
