/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * kubepass - a kubeconfig as it was read, from the worker that may read any file but speaks to
 * nobody to the one that speaks to the server but may read nothing: through a file that both hold.
 * Or why there is none.
 */
#include "err.h"
#include "kubeconfig.h"

/* Writes config, or, when that is NULL, why. At the file's beginning. */
int kubepass_write(int fd, const struct kubeconfig *config, const struct err *why, struct err *e)
	must_check;
/* root_fd: where its token's file is read again. What was written as the reason comes back as the
 * error, code and text; -EPROTO: nothing was written, or something else. */
int kubepass_read(int fd, int root_fd, struct kubeconfig **ret, struct err *e) must_check;
