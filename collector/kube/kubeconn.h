/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* kubeconn - the connection to an API server: libcurl, set so that it asks one server over verified
 * TLS and does nothing of its own. */
#include "err.h"
#include "kubeconfig.h"

#include <curl/curl.h>

struct kubeconn {
	CURL *curl;
	struct curl_slist *headers, *connect_to;
	char *base; /* what a path is put after */
	char *host; /* of the Host header, when it is not base's; NULL */
	char error[CURL_ERROR_SIZE];
};

int kubeconn_open(const struct kubeconfig *config, struct kubeconn *ret, struct err *e) must_check;
/* Takes the config's token as it is now. */
int kubeconn_set_token(struct kubeconn *c, const struct kubeconfig *config, struct err *e)
	must_check;
void kubeconn_done(struct kubeconn *c);
