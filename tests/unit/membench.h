/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* membench - the memory dumper over tables made by hand, and what it wrote. After unit.h. */
#include "dirsink.h"
#include "dumper.h"
#include "err.h"
#include "memkit.h"

#include <jansson.h>
#include <stdbool.h>

extern const struct dumper dumper_memory;

struct membench {
	char dir[64];
	struct memkit kit;
	struct dirsink out;
	struct dump dump;
	union option_value options[4];
	int rc;
	struct err why;
};

int membench_setup(void **state);
int membench_teardown(void **state);
void membench_collect(struct membench *b);
/* The bytes of a member, to be freed; NULL: there is none. */
char *membench_member(struct membench *b, const char *name, size_t *ret_n);
/* A member that is JSON. */
json_t *membench_document(struct membench *b, const char *name);
/* "": there is none. */
const char *membench_word(json_t *o, const char *key);
json_int_t membench_number(json_t *o, const char *key);
const char *membench_gap_of_run(json_t *doc, size_t map, size_t run);
/* "start end fate" of a run. */
void membench_check_run(json_t *doc, size_t map, size_t run, const char *want);
/* The bytes of the core at an address; NULL: it has none. */
const char *membench_core_at(const char *core, uint64_t address);
bool membench_gap_says(struct membench *b, const char *what);
