/* SPDX-License-Identifier: Apache-2.0 */
/* kubeloss - what an answer of an API server is in the bundle's terms. */
#include "kubeloss.h"

#include <errno.h>
#include <string.h>

enum { IN_VAIN_MAX = 2 };

static const struct {
	enum gap_kind gap;
	int code;
} losses[KUBEAPI_KINDS] = {
	[KUBEAPI_UNREACHABLE] = {GAP_UNREADABLE, EHOSTUNREACH},
	[KUBEAPI_TLS] = {GAP_REFUSED, EPROTO},
	[KUBEAPI_TIMEOUT] = {GAP_STALLED, ETIMEDOUT},
	[KUBEAPI_CUT] = {GAP_UNREADABLE, ECONNRESET},
	[KUBEAPI_TOO_BIG] = {GAP_OVER_BUDGET, EFBIG},
	[KUBEAPI_BROKEN] = {GAP_UNREADABLE, EPROTO},
	[KUBEAPI_UNAUTHORIZED] = {GAP_UNREADABLE, EACCES},
	[KUBEAPI_FORBIDDEN] = {GAP_UNREADABLE, EACCES},
	[KUBEAPI_NOT_FOUND] = {GAP_NOT_PRESENT, ENOENT},
	[KUBEAPI_GONE] = {GAP_CHANGED, ESTALE},
	[KUBEAPI_BUSY] = {GAP_STALLED, EBUSY},
	[KUBEAPI_SERVER] = {GAP_UNREADABLE, EIO},
	[KUBEAPI_REFUSED] = {GAP_UNREADABLE, EIO},
	[KUBEAPI_STOPPED] = {GAP_OVER_BUDGET, EFBIG},
	[KUBEAPI_FAILED] = {GAP_REFUSED, EINVAL},
};

enum gap_kind kubeloss_of(const struct kubeapi_answer *a, struct err *ret_why)
{
	if (a->status)
		err_set(ret_why, losses[a->kind].code, "%s (%d): %.200s", kubeapi_kinds[a->kind],
			a->status, a->message);
	else
		err_set(ret_why, losses[a->kind].code, "%s: %.200s", kubeapi_kinds[a->kind],
			a->message);
	return losses[a->kind].gap;
}

void kubeloss_row(struct jsonw *w, const struct kubeapi_answer *a)
{
	jsonw_str(w, "result", kubeapi_kinds[a->kind]);
	jsonw_u64(w, "status", (uint64_t)a->status);
	jsonw_u64(w, "bytes", a->bytes);
	jsonw_u64(w, "items", a->items);
	jsonw_u64(w, "pages", a->pages);
	jsonw_u64(w, "tries", a->tries);
	jsonw_bytes(w, "message", a->message, strlen(a->message));
}

bool kubeloss_is_final(const struct kubeapi_answer *a, unsigned *in_vain)
{
	bool vain = a->kind == KUBEAPI_UNAUTHORIZED ||
		    (a->kind == KUBEAPI_TIMEOUT && !a->status && !a->bytes);

	*in_vain = vain ? *in_vain + 1 : 0;
	return *in_vain >= IN_VAIN_MAX || a->kind == KUBEAPI_UNREACHABLE || a->kind == KUBEAPI_TLS;
}
