/* SPDX-License-Identifier: Apache-2.0 */
/* press - the writer's parts put together in one process. */
#include "press.h"
#include "dumper.h"
#include "io.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* libarchive forgets 33 bytes of an archive that is given up in the middle. */
const char *__lsan_default_suppressions(void);

const char *__lsan_default_suppressions(void)
{
	return "leak:archive_write_client_open";
}

static void need(bool ok)
{
	if (!ok)
		abort();
}

static void *sign_all(void *arg)
{
	struct press *p = arg;
	struct wire_msg m, answer;
	uint8_t sig[SEAL_SIG];
	size_t n;

	while (wire_recv(p->sign[1], &m, NULL, true, NULL) > 0) {
		const char *line = wire_part(&m, 0, &n);

		if (p->refuse_from && p->signed_seals + 1 >= p->refuse_from)
			break;
		p->signed_seals++;
		answer = (struct wire_msg){.type = WIRE_SIGNED};
		need(sign_bytes(p->key, line, n, sig, NULL) == 0);
		wire_put(&answer, 0, sig, sizeof(sig));
		need(wire_send(p->sign[1], &answer, -1, NULL) == 0);
	}
	close(p->sign[1]);
	return NULL;
}

unsigned press_dumper(const char *name)
{
	for (unsigned i = 0; dumpers[i]; i++)
		if (!strcmp(dumpers[i]->name, name))
			return i;
	abort();
}

void press_open(struct press *p, int out, unsigned refuse_from)
{
	struct frames_opts o = {.level = 1, .run = PRESS_RUN};
	struct err e = ERR_INIT;

	*p = (struct press){.out = out, .refuse_from = refuse_from};
	need(hash_setup(&e) == 0);
	if (out < 0)
		p->out = memfd_create("bundle", MFD_CLOEXEC);
	need(sign_generate(&p->key, &e) == 0);
	need(wire_pair(p->sign, &e) == 0 && wire_pair(p->channel, &e) == 0);
	need(pthread_create(&p->signer, NULL, sign_all, p) == 0);
	for (int i = 0; i < LEDGER_LISTS; i++)
		need((p->spool[i] = io_spool(-1, &e)) >= 0);
	need(ledger_open(&p->ledger, p->spool, &e) == 0);
	o.fd = p->out;
	o.sign_sock = p->sign[0];
	sign_public(p->key, o.signer);
	need(frames_open(&o, &p->frames, &e) == 0);
	need(pack_open(p->frames, "taphos-" PRESS_RUN, &p->pack, &e) == 0);
	p->shared = mmap(NULL, sizeof(*p->shared), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	need(p->shared != MAP_FAILED);
	p->in = (struct intake){
		.pack = p->pack,
		.ledger = &p->ledger,
		.names = names_new(),
		.hash = hash_new(),
		.sock = p->channel[0],
		.shared = p->shared,
		.dumper = press_dumper("process"),
	};
	need(p->in.names && p->in.hash);
}

int press_finish(struct press *p, struct frames_result *ret, struct err *e)
{
	int rc = pack_finish(p->pack, e);

	return rc < 0 ? rc : frames_finish(p->frames, ret, e);
}

void press_done(struct press *p)
{
	pack_free(p->pack);
	frames_free(p->frames);
	close(p->sign[0]);
	pthread_join(p->signer, NULL);
	ledger_done(&p->ledger);
	names_free(p->in.names);
	hash_free(p->in.hash);
	sign_free(p->key);
	munmap(p->shared, sizeof(*p->shared));
	for (int i = 0; i < LEDGER_LISTS; i++)
		close(p->spool[i]);
	close(p->channel[0]);
	close(p->channel[1]);
	close(p->out);
}

struct wire_msg press_begin(const char *member, uint64_t size)
{
	struct wire_msg m = {.type = WIRE_BEGIN, .a = size};

	wire_puts(&m, 0, member);
	return m;
}

struct wire_msg press_data(unsigned slot, uint64_t at, uint64_t n, bool release)
{
	return (struct wire_msg){.type = WIRE_DATA, .kind = release, .a = slot, .b = at, .c = n};
}

int press_say(struct press *p, struct wire_msg m)
{
	struct err e = ERR_INIT;

	return intake_message(&p->in, &m, &e);
}

char *press_rows(struct press *p, enum ledger_list list)
{
	struct err e = ERR_INIT;
	char *text;

	need(ledger_flush(&p->ledger, &e) == 0);
	text = calloc(1, p->ledger.bytes[list] + 1);
	need(text && io_pread(p->spool[list], text, p->ledger.bytes[list], 0) >= 0);
	return text;
}
