/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* describe - the engine's own members: who we are, what the target is, where we ran. */
#include "err.h"

struct buf;
struct jsonw;
struct programs;
struct run;

/* begin.json (docs/BUNDLE.md). */
int describe_begin(const struct run *r, const struct programs *runtimes, struct buf *out,
	struct err *e) must_check;
/* The engine's top-level fields of manifest.json. */
int describe_manifest_fields(const struct run *r, struct buf *out, struct err *e) must_check;
/* The object "target". */
void describe_target(const struct run *r, struct jsonw *w);
/* "abc123def456" or "pid41": safe characters, for the bundle's default name. */
void describe_label(const struct run *r, char *ret, unsigned size);
