/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* cricheck - what a runtime says against what its files and the kernel say: each difference is a
 * finding. The files were read first, so that what ended or began since then differs too. Negative:
 * the writer is gone. */
#include "cri.h"
#include "sink.h"
#include "target.h"

/* pid: the runtime's, 0: not told. t: NULL where the files know no such container. */
int cricheck_pod(struct sink *out, const struct target *t, const struct cri_pod *p, uint64_t pid)
	must_check;
int cricheck_container(struct sink *out, const struct target *t, const struct cri_container *k,
	uint64_t pid) must_check;
/* upper: the layer that container t writes to, by the daemon's word, "" for none. */
int cricheck_upper(struct sink *out, const struct target *t, const char *id, const char *upper)
	must_check;
