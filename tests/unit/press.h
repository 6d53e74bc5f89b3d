/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* press - the writer's parts put together in one process, with a thread that signs, so that
 * a test can be the worker. Any failure aborts. */
#include "frames.h"
#include "intake.h"
#include "ledger.h"
#include "names.h"
#include "pack.h"
#include "sign.h"
#include "wire.h"

#include <pthread.h>

#define PRESS_RUN "20260131T100000Z-0123456789abcdef"

struct press {
	int out; /* a memfd unless given */
	int sign[2], channel[2], spool[LEDGER_LISTS];
	unsigned refuse_from; /* the first seal that is not signed; 0: all are */
	unsigned signed_seals;
	struct sign_key *key;
	pthread_t signer;
	struct frames *frames;
	struct pack *pack;
	struct ledger ledger;
	struct intake in;
	struct wire_shared *shared;
};

/* out: where the bundle goes, -1 for a memfd; owned. */
void press_open(struct press *p, int out, unsigned refuse_from);
/* Ends tar and stream; 0 or the failure. */
int press_finish(struct press *p, struct frames_result *ret, struct err *e);
void press_done(struct press *p);

/* What a worker says. */
struct wire_msg press_begin(const char *member, uint64_t size);
struct wire_msg press_data(unsigned slot, uint64_t at, uint64_t n, bool release);
/* Gives it to the intake. */
int press_say(struct press *p, struct wire_msg m);
/* The rows of a list as text; the caller frees. */
char *press_rows(struct press *p, enum ledger_list list);
/* The index of the dumper of that name. */
unsigned press_dumper(const char *name);
