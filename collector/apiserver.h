/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* apiserver - which API server is asked, and as whom: --kubeconfig or a pod's service account, read
 * in a worker that speaks to nobody. */
#include "err.h"

struct run;

/* Why none is asked, NULL when one is. */
const char *apiserver_obstacle(const struct run *r);
/*
 * A file from which the dumper takes where the server is and its credential, or why that could not
 * be read (kubepass.h). The bytes are not looked at here.
 */
int apiserver_open(const struct run *r, struct err *e) must_check;
