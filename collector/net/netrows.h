/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* netrows - a JSON member made of sections, each an array with one row a line.
 * Add other keys of the object to 'w' between sections. */
#include "jsonw.h"
#include "netlink.h"
#include "nlview.h"
#include "sink.h"

struct netrows {
	struct sink_text text;
	struct jsonw w;
	uint64_t rows; /* of this section */
};
#define own_netrows __attribute__((cleanup(netrows_done)))

void netrows_begin(struct netrows *r, struct sink *s, uint64_t max);
void netrows_section(struct netrows *r, const char *key);
/* After the row's object was written to w. */
void netrows_row(struct netrows *r);
void netrows_section_end(struct netrows *r);

/* netlink_open(); a refusal is a gap of the member and returns 1. */
int netrows_open(struct netlink *nl, int protocol, struct sink *out, const char *member,
	struct err *e) must_check;

/* One dump that makes one section: how to ask, and how its messages read. */
struct netrows_table {
	const char *key;
	uint16_t request;
	uint8_t family; /* the first byte of every request of ours */
	size_t head;	/* bytes of the fixed struct, in the request and before the attributes */
	const struct nlview_field *fields; /* of that struct */
	const struct nlview *views;
};
/*
 * A section of it. Where the kernel does not know this dump, the section is empty
 * and "KEY_errno" says so; any other failure is a gap of 'member', and what came before stays.
 * Returns what ends the dumper.
 */
int netrows_dump(struct netrows *r, struct netlink *nl, const struct netrows_table *t,
	const char *member, struct err *e) must_check;
/* All of a list of tables, ended by a NULL key. */
int netrows_tables(struct netrows *r, struct netlink *nl, const struct netrows_table *t,
	const char *member, struct err *e) must_check;
/* A whole member of nothing but tables. */
struct netrows_member {
	const char *name;
	const struct netrows_table *tables;
};
int netrows_member(struct netlink *nl, struct sink *out, const struct netrows_member *m,
	uint64_t max, struct err *e) must_check;
/* As netrows_dump() inside an open section, asking with a body of the caller's. The error is
 * returned. */
int netrows_ask(struct netrows *r, struct netlink *nl, const struct netrows_table *t,
	const struct netlink_request *body, struct err *e) must_check;

int netrows_end(struct netrows *r, const char *member, struct err *e) must_check;
void netrows_done(struct netrows *r);
