/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* result - how a collection ended, for scripts and for people. */
#include "exit.h"

struct buf;
struct engine_result;

/* One JSON object and a newline; the keys and their order are a contract. What is not
 * known where the output was lost is null. */
void result_json(struct buf *out, const struct engine_result *r, enum exit_code code);
/* Several lines: verdict, gaps and where they are listed, signer, how to verify.
 * key: the private key file that was given, NULL for none. */
void result_text(struct buf *out, const struct engine_result *r, const char *key);
