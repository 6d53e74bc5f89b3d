/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* freezekit - a cgroup of the test's own with a process in it that counts as long as it runs. */
#include "freezer.h"
#include "target.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct freezekit {
	struct target_host host;
	struct target *t;
	struct freezer f;
	enum freezer_kind kind;
	char name[64];
	_Atomic uint64_t *count;
	pid_t counter;
	char *words[3]; /* a command line of our own making */
	char text[32];
};

/* True when this kind of cgroup cannot be made here. */
bool freezekit_up(struct freezekit *s, enum freezer_kind kind);
void freezekit_down(struct freezekit *s);
/* Into a cgroup below the mount. */
void freezekit_move(struct freezekit *s, const char *to, pid_t pid);
/* One more process that counts. */
pid_t freezekit_counter(struct freezekit *s);

bool freezekit_counts(struct freezekit *s);
bool freezekit_stands_still(struct freezekit *s);
bool freezekit_thawed_within(struct freezekit *s, unsigned ms);
