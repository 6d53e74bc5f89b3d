/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* criloss - what kind of gap a call to a runtime is that failed (cri.h has the codes). */
#include "sink.h"

enum gap_kind criloss_of(int code);
