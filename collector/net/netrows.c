/* SPDX-License-Identifier: Apache-2.0 */
/* netrows - a JSON member made of sections of rows. */
#include "netrows.h"

#include <errno.h>
#include <stdio.h>

enum { ALIVE_ROWS = 1024 }; /* nothing is sent before the end: signs of life between */

void netrows_begin(struct netrows *r, struct sink *s, uint64_t max)
{
	sink_text_begin(&r->text, s, max);
	r->w = JSONW(&r->text.rows);
	r->rows = 0;
	jsonw_open(&r->w, NULL);
}

void netrows_section(struct netrows *r, const char *key)
{
	r->rows = 0;
	jsonw_open_array(&r->w, key);
	buf_addc(&r->text.rows, '\n');
	sink_text_keep(&r->text);
}

void netrows_row(struct netrows *r)
{
	buf_addc(&r->text.rows, '\n');
	if (sink_text_row(&r->text) && !(++r->rows % ALIVE_ROWS))
		sink_item(r->text.sink, r->rows);
}

void netrows_section_end(struct netrows *r)
{
	jsonw_close_array(&r->w);
	buf_addc(&r->text.rows, '\n');
	sink_text_keep(&r->text);
}

int netrows_open(
	struct netlink *nl, int protocol, struct sink *out, const char *member, struct err *e)
{
	struct err why = ERR_INIT;

	if (netlink_open(nl, protocol, &why) == 0)
		return 0;
	if (sink_gap(out, GAP_UNREADABLE, member, "", 0, &why) < 0)
		return err_set(e, EPIPE, "the writer is gone");
	return 1;
}

struct reader {
	struct netrows *rows;
	const struct netrows_table *table;
};

static int each(uint16_t type, const uint8_t *body, size_t len, void *arg)
{
	struct reader *rd = arg;
	struct jsonw *w = &rd->rows->w;

	(void)type;
	if (len < rd->table->head)
		return 0;
	jsonw_open(w, NULL);
	nlview_fields(w, rd->table->fields, body, rd->table->head);
	nlview_attrs(w, rd->table->views, body + rd->table->head, len - rd->table->head);
	jsonw_close(w);
	netrows_row(rd->rows);
	return 0;
}

int netrows_ask(struct netrows *r, struct netlink *nl, const struct netrows_table *t,
	const struct netlink_request *body, struct err *e)
{
	struct reader rd = {r, t};
	struct netlink_request rq = {t->request, body->body, body->len, each, &rd};

	return netlink_dump(nl, &rq, e);
}

static bool is_unknown(int code)
{
	return code == ENOENT || code == EOPNOTSUPP || code == EAFNOSUPPORT ||
	       code == EPROTONOSUPPORT;
}

int netrows_dump(struct netrows *r, struct netlink *nl, const struct netrows_table *t,
	const char *member, struct err *e)
{
	uint8_t head[64] = {t->family};
	struct netlink_request body = {.body = head, .len = t->head};
	struct err why = ERR_INIT;
	char key[64];
	int rc;

	nl->changed = false;
	netrows_section(r, t->key);
	rc = t->head <= sizeof(head) ? netrows_ask(r, nl, t, &body, &why)
				     : err_set(&why, EINVAL, "head of %zu bytes", t->head);
	netrows_section_end(r);
	if (rc < 0) {
		snprintf(key, sizeof(key), "%s_errno", t->key);
		jsonw_i64(&r->w, key, -rc);
	}
	if (rc < 0 && !is_unknown(-rc))
		rc = sink_gapf(r->text.sink, GAP_UNREADABLE, member, &why, "%s", t->key);
	else
		rc = !nl->changed ? 0
				  : sink_gapf(r->text.sink, GAP_CHANGED, member, NULL,
					    "%s: changed while listed", t->key);
	return rc < 0 ? err_set(e, -rc, "the writer is gone") : 0;
}

int netrows_tables(struct netrows *r, struct netlink *nl, const struct netrows_table *t,
	const char *member, struct err *e)
{
	int rc = 0;

	for (; rc == 0 && t->key; t++)
		rc = netrows_dump(r, nl, t, member, e);
	return rc;
}

int netrows_member(struct netlink *nl, struct sink *out, const struct netrows_member *m,
	uint64_t max, struct err *e)
{
	own_netrows struct netrows r = {0};
	int rc;

	netrows_begin(&r, out, max);
	rc = netrows_tables(&r, nl, m->tables, m->name, e);
	return rc == 0 ? netrows_end(&r, m->name, e) : rc;
}

int netrows_end(struct netrows *r, const char *member, struct err *e)
{
	jsonw_close(&r->w);
	buf_addc(&r->text.rows, '\n');
	return sink_text_end(&r->text, member, e);
}

void netrows_done(struct netrows *r)
{
	sink_text_done(&r->text);
}
