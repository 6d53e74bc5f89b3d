/* SPDX-License-Identifier: Apache-2.0 */
/* listing - one JSON member of a process that is an array of rows. */
#include "listing.h"
#include "subject.h"

#include <errno.h>
#include <stdio.h>

void listing_begin(struct listing *l, struct subject *s, const char *name, uint64_t max_rows,
	uint64_t max_bytes)
{
	*l = (struct listing){.s = s, .name = name, .max = max_rows};
	sink_text_begin(&l->text, s->run->out, max_bytes);
	l->w = JSONW(&l->text.rows);
	jsonw_open(&l->w, NULL);
	jsonw_open_array(&l->w, name);
	buf_addc(&l->text.rows, '\n');
}

bool listing_wants(struct listing *l)
{
	sink_item(l->s->run->out, l->s->run->item);
	if (l->rows < l->max && !l->text.dropped)
		return true;
	l->left_out++;
	return false;
}

void listing_row(struct listing *l)
{
	buf_addc(&l->text.rows, '\n');
	if (sink_text_row(&l->text))
		l->rows++;
}

int listing_end(struct listing *l, struct err *e)
{
	struct subject_name member;
	char file[64];

	snprintf(file, sizeof(file), "%s.json", l->name);
	member = subject_member(l->s, file);
	if (l->left_out && sink_gapf(l->s->run->out, GAP_OVER_BUDGET, member.text, NULL, "%llu %s",
				   (unsigned long long)l->left_out, l->name) < 0)
		return err_set(e, EPIPE, "the writer is gone");
	jsonw_close_array(&l->w);
	jsonw_u64(&l->w, "left_out", l->left_out + l->text.dropped);
	jsonw_close(&l->w);
	buf_addc(&l->text.rows, '\n');
	return sink_text_end(&l->text, member.text, e);
}

void listing_done(struct listing *l)
{
	sink_text_done(&l->text);
}
