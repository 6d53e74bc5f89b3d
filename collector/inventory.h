/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* inventory - the containers of a node, listed by a worker. */
#include "buf.h"
#include "err.h"
#include "resolve.h"

#include <stddef.h>

enum { INVENTORY_MAX = 40 << 20 }; /* bytes of rows: some 15,000 containers */

struct inventory {
	struct buf data;
	size_t rows;
};
#define INVENTORY_INIT ((struct inventory){.data = BUF_INIT(INVENTORY_MAX)})

/* resolve_list() in a worker. -ETIMEDOUT, -ENOSPC: all holds those that came before. */
int inventory_take(const struct target_host *host, struct inventory *all, struct err *e) must_check;
/* Every string in it ends. */
const struct resolve_row *inventory_row(const struct inventory *all, size_t i);
/* An array with one object on each line. */
void inventory_json(const struct inventory *all, struct buf *out);

static inline void inventory_done(struct inventory *all)
{
	buf_done(&all->data);
}
#define own_inventory __attribute__((cleanup(inventory_done)))
