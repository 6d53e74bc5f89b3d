/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * nlview - netlink attributes as JSON, by tables: what an attribute is called and
 * how its bytes read. An attribute that no table knows is kept in hexadecimal
 * as "attr_TYPE", so that a newer kernel's loses nothing.
 */
#include "jsonw.h"

#include <stddef.h>
#include <stdint.h>

enum nlview_kind {
	NLVIEW_UINT = 1, /* 1, 2, 4 or 8 bytes, host order */
	NLVIEW_INT,	 /* 4 bytes, signed */
	NLVIEW_HEX,	 /* as UINT, written "0x1f": flags, marks */
	NLVIEW_WORD,	 /* as UINT, an index into words */
	NLVIEW_BE,	 /* the same three in network order */
	NLVIEW_BEINT,
	NLVIEW_BEHEX,
	NLVIEW_BEWORD,
	NLVIEW_VERDICT,	 /* of netfilter, network order: "accept", "jump" */
	NLVIEW_FAMILY,	 /* AF_INET: "inet" */
	NLVIEW_NFFAMILY, /* NFPROTO_IPV4: "ip" */
	NLVIEW_TEXT,	 /* bytes up to the first NUL */
	NLVIEW_BYTES,	 /* hexadecimal */
	NLVIEW_TRUE,	 /* there or not */
	NLVIEW_IP,	 /* 4 or 16 bytes */
	NLVIEW_MAC,
	NLVIEW_STRUCT, /* fields */
	NLVIEW_NEST,   /* attributes, by nest */
	NLVIEW_LIST,   /* attributes of which each is an element: all read as nest[0] */
	NLVIEW_NAME,   /* as TEXT; and it chooses how a CHOICE after it is read */
	NLVIEW_CHOICE, /* as NEST, by choices */
	NLVIEW_HOPS,   /* an array of struct rtnexthop, each with attributes by nest */
	NLVIEW_SKIP,   /* padding */
};

struct nlview_field { /* of a struct, ended by a NULL name */
	const char *name;
	uint16_t offset, size;
	uint16_t kind; /* a plain nlview_kind */
};

struct nlview_choice;

struct nlview { /* ended by a NULL name */
	const char *name;
	uint16_t type;
	uint16_t kind;
	union {
		const char *const *words; /* NULL-terminated */
		const struct nlview_field *fields;
		const struct nlview *nest;
		const struct nlview_choice *choices;
	};
};

/* An entry of a plain kind; { name, type, kind, .nest = ... } for the others. */
#define NLVIEW(n, t, k)                                      \
	{                                                    \
		.name = (n), .type = (t), .kind = NLVIEW_##k \
	}

struct nlview_choice { /* ended by a NULL name */
	const char *name;
	const struct nlview *nest;
};

/* The attributes in p, as members of the object that is open in w. */
void nlview_attrs(struct jsonw *w, const struct nlview *view, const uint8_t *p, size_t n);
/* The fields that fit in n bytes, as members of the open object: older kernels give fewer. */
void nlview_fields(struct jsonw *w, const struct nlview_field *f, const uint8_t *p, size_t n);
/* One value. Words are for WORD and BEWORD; nothing for the kinds that nest. */
void nlview_value(
	struct jsonw *w, const char *key, enum nlview_kind kind, const uint8_t *p, size_t n);
/* words[v], or the number where there is none. */
void nlview_word(struct jsonw *w, const char *key, const char *const *words, uint64_t v);
