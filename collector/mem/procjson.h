/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* procjson - the members of PID.json that tell of the process itself. */
#include <stddef.h>

struct jsonw;
struct mem_proc;

/* Into the open object. */
void procjson_write(struct jsonw *w, const struct mem_proc *p);
/* A field of up to max bytes, which may lack its NUL. */
void procjson_text(struct jsonw *w, const char *key, const char *p, size_t max);
