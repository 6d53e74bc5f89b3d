/* SPDX-License-Identifier: Apache-2.0 */
/* criloss - what kind of gap a call to a runtime is that failed. */
#include "criloss.h"

#include <errno.h>

enum gap_kind criloss_of(int code)
{
	switch (code) {
	case -ETIMEDOUT:
		return GAP_STALLED;
	case -EFBIG:
	case -ENOSPC:
	case -E2BIG:
		return GAP_OVER_BUDGET;
	case -ENOENT:
		return GAP_VANISHED;
	case -EBADMSG:
	case -EPROTO:
	case -EINVAL:
		return GAP_REFUSED;
	default:
		return GAP_UNREADABLE;
	}
}
