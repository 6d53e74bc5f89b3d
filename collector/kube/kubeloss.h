/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* kubeloss - what an answer of an API server is in the bundle's terms. */
#include "jsonw.h"
#include "kubeapi.h"
#include "sink.h"

/* Of one that is not KUBEAPI_OK: the kind of gap, and in why "forbidden (403): …". */
enum gap_kind kubeloss_of(const struct kubeapi_answer *a, struct err *ret_why);
/* The answer's own keys of a row: result, status, bytes, items, pages, tries, message. */
void kubeloss_row(struct jsonw *w, const struct kubeapi_answer *a);
/* Whether the next request cannot fare better. *in_vain counts requests one after the other that
 * came to nothing in the same way; 0 at first. */
bool kubeloss_is_final(const struct kubeapi_answer *a, unsigned *in_vain);
