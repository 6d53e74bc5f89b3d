/* SPDX-License-Identifier: Apache-2.0 */
/* channel - a sink over shared memory to the writer. */
#include "channel.h"

#include <errno.h>
#include <string.h>

static void alive(struct channel *c)
{
	atomic_fetch_add_explicit(&c->shared->beat, 1, memory_order_relaxed);
}

/* The writer's queue may be full: that is not the target's fault. */
static int tell(struct channel *c, const struct wire_msg *m, struct err *e)
{
	int rc;

	atomic_store_explicit(&c->shared->waiting, 1, memory_order_relaxed);
	rc = wire_send(c->sock, m, -1, e);
	atomic_store_explicit(&c->shared->waiting, 0, memory_order_relaxed);
	alive(c);
	return rc;
}

static int flush_slot(struct channel *c, bool release, struct err *e)
{
	struct wire_msg m = {.type = WIRE_DATA, .kind = release};
	int rc;

	if (c->slot < 0 || (c->used == c->sent && !release))
		return 0;
	m.a = (uint64_t)c->slot;
	m.b = c->sent;
	m.c = c->used - c->sent;
	rc = tell(c, &m, e);
	if (rc < 0)
		return rc;
	c->sent = c->used;
	if (release)
		c->slot = -1;
	return 0;
}

static int take_credit(struct channel *c, struct err *e)
{
	struct wire_msg m;
	int rc;

	atomic_store_explicit(&c->shared->waiting, 1, memory_order_relaxed);
	rc = wire_recv(c->sock, &m, NULL, true, e);
	atomic_store_explicit(&c->shared->waiting, 0, memory_order_relaxed);
	if (rc == 0)
		return err_set(e, EPIPE, "the writer is gone");
	if (rc < 0)
		return rc;
	if (m.type != WIRE_CREDIT || m.a >= WIRE_SLOTS)
		return err_set(e, EBADMSG, "not a credit");
	c->free[m.a] = true;
	alive(c);
	return 0;
}

static int next_slot(struct channel *c, struct err *e)
{
	for (;;) {
		int rc;

		for (int i = 0; i < WIRE_SLOTS; i++) {
			if (!c->free[i])
				continue;
			c->free[i] = false;
			c->slot = i;
			c->used = c->sent = 0;
			return 0;
		}
		rc = take_credit(c, e);
		if (rc < 0)
			return rc;
	}
}

static int send_text(struct channel *c, struct wire_msg *m, struct err *e)
{
	int rc = flush_slot(c, false, e); /* messages and data stay in order */

	return rc == 0 ? tell(c, m, e) : rc;
}

static int begin(void *ctx, const char *member, uint64_t size, struct err *e)
{
	struct wire_msg m = {.type = WIRE_BEGIN, .a = size};

	wire_puts(&m, 0, member);
	return send_text(ctx, &m, e);
}

static void *room(void *ctx, size_t *ret_room, struct err *e)
{
	struct channel *c = ctx;

	if (c->slot >= 0 && c->used == WIRE_SLOT && flush_slot(c, true, e) < 0)
		return NULL;
	if (c->slot < 0 && next_slot(c, e) < 0)
		return NULL;
	*ret_room = WIRE_SLOT - c->used;
	return c->shared->slot[c->slot] + c->used;
}

static int commit(void *ctx, size_t n, struct err *e)
{
	struct channel *c = ctx;

	c->used += n;
	alive(c);
	return c->used == WIRE_SLOT ? flush_slot(c, true, e) : 0;
}

static int end(void *ctx, struct err *e)
{
	struct wire_msg m = {.type = WIRE_END};

	return send_text(ctx, &m, e);
}

static int gap(void *ctx, enum gap_kind kind, const char *member, const void *where,
	size_t where_len, int code, const char *why)
{
	struct wire_msg m = {.type = WIRE_GAP, .kind = kind, .code = code};

	wire_puts(&m, 0, member);
	wire_put(&m, 1, where, where_len);
	wire_puts(&m, 2, why);
	return send_text(ctx, &m, NULL);
}

static int finding(void *ctx, const char *text)
{
	struct wire_msg m = {.type = WIRE_FINDING};

	wire_puts(&m, 0, text);
	return send_text(ctx, &m, NULL);
}

static void item(void *ctx, uint64_t n)
{
	struct channel *c = ctx;

	atomic_store_explicit(&c->shared->item, n, memory_order_relaxed);
	alive(c);
}

void channel_init(struct channel *c, int sock, struct wire_shared *shared, int spool_fd)
{
	static const struct sink_ops ops = {begin, room, commit, end, gap, finding, item};

	*c = (struct channel){
		.sink = {.ops = &ops, .ctx = c, .spool_fd = spool_fd, .spool_end = SINK_NOTES},
		.sock = sock,
		.shared = shared,
		.slot = -1,
	};
	for (int i = 0; i < WIRE_SLOTS; i++)
		c->free[i] = true;
}

int channel_done(struct channel *c, int rc, const struct err *why, struct err *e)
{
	struct wire_msg m = {.type = WIRE_DONE, .code = -rc};

	wire_puts(&m, 0, rc < 0 ? why->text : "");
	return send_text(c, &m, e);
}
