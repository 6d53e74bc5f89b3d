/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * kubepage - what a page of a list says of the next one, picked out while it streams by:
 * metadata.continue, and how many items there were. The page itself is not kept.
 *
 * Not a validator: of a text that is no JSON it may say anything, but only ever a token of
 * characters that may stand in a query.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { KUBEPAGE_TOKEN = 2048 };

struct kubepage {
	char token[KUBEPAGE_TOKEN]; /* "": the last page */
	uint64_t items;
	bool bad; /* there is a token, but none that could be sent back */
	/* where we are */
	char key[16];
	size_t key_len, token_len, depth;
	bool in_string, escaped, is_key, in_metadata, in_items, is_token;
};

#define KUBEPAGE_INIT ((struct kubepage){.token = ""})

void kubepage_feed(struct kubepage *p, const char *text, size_t n);
