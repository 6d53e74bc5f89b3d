/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* kubefile - the files and texts that a kubeconfig names: certificates, keys, tokens. What is
 * secret is wiped before its memory is given back. */
#include "buf.h"
#include "err.h"

/* A regular file below root_fd, its own links followed inside that root (the kubelet mounts
 * tokens as links). -EFBIG over the buf's maximum. */
int kubefile_read(int root_fd, const char *path, struct buf *b, struct err *e) must_check;
/* The same as text of its own, at most max bytes. -EINVAL when it holds a NUL, or nothing. */
int kubefile_text(int root_fd, const char *path, size_t max, char **ret, struct err *e) must_check;
/* base64 in lines or in one, as text of its own. -EINVAL. */
int kubefile_base64(const char *s, char **ret, struct err *e) must_check;
/* A token without the white space around it, as text of its own; only what may stand in a header.
 * -EINVAL. */
int kubefile_token(const char *s, char **ret, struct err *e) must_check;

/* NULL is fine. */
void kubefile_wipe(char *secret);
void kubefile_wipe_buf(struct buf *b);

static inline void kubefile_wipe_(char **secret)
{
	kubefile_wipe(*secret);
}
#define own_secret __attribute__((cleanup(kubefile_wipe_)))
#define own_secret_buf __attribute__((cleanup(kubefile_wipe_buf)))
