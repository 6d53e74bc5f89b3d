/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_intake - what a worker in the target's hands may say to the writer. */
#include "press.h"
#include "sink.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/*
 * A message: type, gap kind or release, slot, number of text bytes, then two bytes each of
 * offset, size and shift, then the text. Whole messages of any bytes are wire's to refuse.
 */
enum { HEAD = 10 };

static size_t next(const uint8_t *p, size_t n, struct wire_msg *ret)
{
	size_t text = p[3] < n - HEAD ? p[3] : n - HEAD, cut = text / 2;

	*ret = (struct wire_msg){.type = p[0], .kind = p[1], .a = p[2]};
	ret->b = (uint64_t)(p[4] | p[5] << 8) << (p[9] & 63);
	ret->c = (uint64_t)(p[6] | p[7] << 8) << (p[8] & 31);
	if (p[0] == WIRE_BEGIN) {
		ret->a = ret->c;
		cut = text;
	}
	wire_put(ret, 0, p + HEAD, cut);
	wire_put(ret, 1, p + HEAD + cut, text - cut);
	return HEAD + text;
}

static void invariants(const struct press *p)
{
	const struct intake *in = &p->in;

	if (in->open && (in->ended || in->done > in->size || !names_is_safe(in->member)))
		abort();
	if (in->ledger->member_bytes > in->max_bytes)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct frames_result result;
	struct err e = ERR_INIT;
	struct press p;

	press_open(&p, -1, 0);
	(void)fcntl(p.channel[0], F_SETFL, O_NONBLOCK);
	p.in.max_bytes = 8 << 20;
	while (size >= HEAD && !p.in.ended) {
		struct wire_msg m, credit;
		size_t n = next(data, size, &m);

		if (press_say(&p, m) < 0)
			abort(); /* only the output's failure ends a run */
		while (wire_recv(p.channel[1], &credit, NULL, false, NULL) > 0)
			;
		invariants(&p);
		data += n;
		size -= n;
	}
	if (intake_cut(&p.in, GAP_STALLED, "cut", &e) < 0 || ledger_flush(&p.ledger, &e) < 0 ||
		press_finish(&p, &result, &e) < 0)
		abort();
	press_done(&p);
	return 0;
}
