/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * intake - what one worker sends, checked against what it may send now: a state
 * machine over the messages of wire.h. A worker that breaks it is not heard
 * any more.
 */
#include "err.h"
#include "hash.h"
#include "ledger.h"
#include "sink.h"
#include "wire.h"

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct names;
struct pack;

enum { INTAKE_MEMBER = 200 }; /* bytes of a member's name */

struct intake {
	struct pack *pack;
	struct ledger *ledger;
	struct ledger_dumper nobody; /* the engine's members belong to no dumper's row */
	struct names *names;
	struct ledger_dumper *row; /* of the channel's dumper, NULL: not looked for yet */
	uint64_t max_bytes;	   /* of all members, 0: no limit */
	uint64_t reserve; /* bytes that stay free on the disk of disk_fd, 0: nobody looks */
	int disk_fd;
	/* called now and then while a long member is padded; may be NULL */
	int (*alive)(void *arg, struct err *e);
	void *alive_arg;

	/* the channel */
	struct wire_shared *shared;
	int sock;	 /* does not block; -1: none */
	unsigned dumper; /* index, or WIRE_ENGINE */
	bool ended;	 /* WIRE_DONE came, or it was cut off */
	int code;	 /* errno of the dumper's end, EPROTO when it was cut off */
	char why[256];

	/* the open member */
	bool open, partial;
	const char *discard; /* why it does not go into the bundle, NULL: it does */
	char member[INTAKE_MEMBER + 1];
	uint64_t size, done;
	struct hash *hash;
	struct timespec started;
};

/* The open member's name as its dumper knows it: without the folder. */
const char *intake_member(const struct intake *in);
/* One message of the channel. A negative value is about the output: the run is over. */
int intake_message(struct intake *in, const struct wire_msg *m, struct err *e) must_check;
/* Ends the open member: what is missing is padded with zeros and recorded. */
int intake_cut(struct intake *in, enum gap_kind kind, const char *why, struct err *e) must_check;
