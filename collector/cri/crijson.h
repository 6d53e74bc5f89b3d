/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* crijson - a runtime's answers as JSON: everything the answer has, in our names; what the
 * runtime adds under 'info' as it sent it. -EBADMSG: a list in it is malformed. Over the buffer's
 * maximum: buf_check() says so. */
#include "cri.h"
#include "jsonw.h"

void crijson_version(struct jsonw *w, const struct cri_version *v);
int crijson_pod(struct jsonw *w, const struct cri_pod *p, struct err *e) must_check;
int crijson_container(struct jsonw *w, const struct cri_container *k, struct err *e) must_check;
int crijson_image(struct jsonw *w, const struct cri_image *i, struct err *e) must_check;
void crijson_mount(struct jsonw *w, const struct cri_snapshot_mount *m);

/* The word for it; NULL: another number. */
const char *crijson_pod_state(int32_t state);
const char *crijson_state(int32_t state);
