/* SPDX-License-Identifier: Apache-2.0 */
/* elfnotes - the notes of a core file, laid out by hand for 32 and 64 bits. */
#include "elfnotes.h"
#include "elfcore.h"
#include "memwalk.h"

#include <elf.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

/* struct elf_prstatus is 112 bytes before the registers with 64 bits, 72 with 32, and has a
 * word behind them. */
enum {
	STATUS_WIDE = 112,
	STATUS_NARROW = 72,
	INFO_WIDE = 136, /* struct elf_prpsinfo */
	INFO_NARROW = 124,
};

struct notes {
	const struct elfcore *core;
	struct elfout *out;
	bool first;	   /* only the first thread, or only the others */
	bool taken;	   /* the thread that is being read is wanted */
	bool known;	   /* and its general registers came: without them readers know no thread */
	bool early;	   /* of the two passes over its sets: NT_PRSTATUS and NT_SIGINFO */
	uint64_t names_at; /* NT_FILE: 0 the table, 1 the names */
	struct mem_thread thread;
};

size_t elfnotes_registers(unsigned machine)
{
	switch (machine) {
	case EM_X86_64:
		return 27 * 8;
	case EM_AARCH64:
		return 34 * 8;
	case EM_386:
		return 17 * 4;
	case EM_ARM:
		return 18 * 4;
	default:
		return 0;
	}
}

bool elfnotes_names(const struct mem_map *m)
{
	const char *name = mem_tail(&m->head);

	return m->kind != MEM_SPECIAL && *name == '/';
}

static bool is_core_note(uint32_t type)
{
	return type == NT_PRSTATUS || type == NT_PRFPREG || type == NT_PRPSINFO ||
	       type == NT_AUXV || type == NT_SIGINFO || type == NT_FILE;
}

/* What stands before a description of n bytes. */
static void head(struct elfout *o, uint32_t type, uint64_t n)
{
	const char *owner = is_core_note(type) ? "CORE" : "LINUX";
	uint32_t len = (uint32_t)strlen(owner) + 1;

	elfout_u32(o, len);
	elfout_u32(o, (uint32_t)n);
	elfout_u32(o, type);
	elfout_add(o, owner, len);
	elfout_align(o, 4);
}

static void bytes(struct elfout *o, uint32_t type, const void *p, size_t n)
{
	head(o, type, n);
	elfout_add(o, p, n);
	elfout_align(o, 4);
}

static void timeval(struct elfout *o, uint64_t ticks)
{
	uint64_t hz = (uint64_t)sysconf(_SC_CLK_TCK);

	elfout_word(o, ticks / hz);
	elfout_word(o, ticks % hz * 1000000 / hz);
}

static void prstatus(const struct notes *n, const void *registers, size_t len)
{
	const struct mem_thread *t = &n->thread;
	const struct mem_proc *p = &n->core->proc;
	struct elfout *o = n->out;

	head(o, NT_PRSTATUS, (o->narrow ? STATUS_NARROW + 4 : STATUS_WIDE + 8) + len);
	elfout_u32(o, (uint32_t)t->cursig); /* pr_info: si_signo, si_code, si_errno */
	elfout_zeros(o, 8);
	elfout_u16(o, (uint16_t)t->cursig);
	elfout_zeros(o, 2);
	elfout_word(o, t->sigpend);
	elfout_word(o, t->sighold);
	elfout_u32(o, (uint32_t)(t->ns_tid ? t->ns_tid : t->tid));
	elfout_u32(o, (uint32_t)t->ppid);
	elfout_u32(o, (uint32_t)p->pgrp);
	elfout_u32(o, (uint32_t)p->sid);
	timeval(o, t->utime);
	timeval(o, t->stime);
	timeval(o, 0);
	timeval(o, 0);
	elfout_add(o, registers, len);
	elfout_word(o, 1); /* pr_fpvalid and what aligns it */
}

static void prpsinfo(const struct notes *n)
{
	static const char states[] = "RSDTZW";
	const struct mem_proc *p = &n->core->proc;
	const char *at = p->state ? strchr(states, p->state) : NULL;
	char start[4] = {at ? (char)(at - states) : 5, p->state, p->state == 'Z', (char)p->nice};
	struct elfout *o = n->out;

	head(o, NT_PRPSINFO, o->narrow ? INFO_NARROW : INFO_WIDE);
	elfout_add(o, start, sizeof(start));
	if (!o->narrow)
		elfout_zeros(o, 4);
	elfout_word(o, p->flags);
	if (o->narrow) { /* 16 bits each; what does not fit is "overflowuid" */
		elfout_u16(o, p->uid > 65535 ? 65534 : (uint16_t)p->uid);
		elfout_u16(o, p->gid > 65535 ? 65534 : (uint16_t)p->gid);
	} else {
		elfout_u32(o, p->uid);
		elfout_u32(o, p->gid);
	}
	elfout_u32(o, (uint32_t)n->core->pid);
	elfout_u32(o, (uint32_t)p->ppid);
	elfout_u32(o, (uint32_t)p->pgrp);
	elfout_u32(o, (uint32_t)p->sid);
	elfout_add(o, p->comm, sizeof(p->comm));
	elfout_add(o, p->args, sizeof(p->args));
	elfout_align(o, 4);
}

static int add_entry(void *arg, const struct mem_map *m, struct err *e)
{
	struct notes *n = arg;

	(void)e;
	if (elfnotes_names(m)) {
		elfout_word(n->out, m->start);
		elfout_word(n->out, m->end);
		elfout_word(n->out, m->offset / 4096);
	}
	return 0;
}

static int add_name(void *arg, const struct mem_map *m, struct err *e)
{
	struct notes *n = arg;
	const char *name = mem_tail(&m->head);

	(void)e;
	if (elfnotes_names(m)) /* a NUL ends it in the note, so whatever follows one is gone */
		elfout_add(n->out, name, strlen(name) + 1);
	return 0;
}

static int nt_file(struct notes *n, struct memscan *s, struct err *e)
{
	static const struct memwalk_ops entries = {.map = add_entry}, names = {.map = add_name};
	const struct elfcore *c = n->core;
	uint64_t word = n->out->narrow ? 4 : 8, len = (2 + 3 * c->files) * word + c->names;
	int rc;

	if (!c->files || len > UINT32_MAX)
		return 0;
	head(n->out, NT_FILE, len);
	elfout_word(n->out, c->files);
	elfout_word(n->out, 4096); /* the unit of the offsets */
	rc = memwalk(s, c->maps_at, &entries, n, e);
	if (rc == 0)
		rc = memwalk(s, c->maps_at, &names, n, e);
	elfout_align(n->out, 4);
	return rc;
}

static int on_thread(void *arg, const struct mem_thread *t, uint64_t at, struct err *e)
{
	struct notes *n = arg;

	(void)e;
	n->thread = *t;
	n->taken = (at == n->core->first_thread) == n->first;
	n->known = false;
	return 0;
}

static int on_regs(void *arg, const struct mem_regs *r, struct err *e)
{
	struct notes *n = arg;
	const void *p = mem_tail(&r->head);
	bool early = r->note == NT_PRSTATUS || r->note == NT_SIGINFO;

	(void)e;
	if (r->head.type != MEM_REGS || !n->taken || !elfcore_takes(n->core, r))
		return 0;
	n->known |= r->note == NT_PRSTATUS;
	if (!n->known || (n->first && early != n->early))
		return 0;
	if (r->note == NT_PRSTATUS)
		prstatus(n, p, r->n);
	else
		bytes(n->out, r->note, p, r->n);
	return 0;
}

static int on_auxv(void *arg, const struct mem_regs *r, struct err *e)
{
	struct notes *n = arg;

	(void)e;
	if (r->head.type == MEM_AUXV && !n->core->foreign)
		bytes(n->out, NT_AUXV, mem_tail(&r->head), r->n);
	return 0;
}

/* General registers and signal of the first thread, the process, the rest of the first thread,
 * then the others: the kernel's order. For gdb the first one is the current thread. */
int elfnotes_write(const struct elfcore *c, struct memscan *s, struct elfout *o, struct err *e)
{
	static const struct memwalk_ops threads = {.thread = on_thread, .regs = on_regs};
	static const struct memwalk_ops auxv = {.regs = on_auxv};
	struct notes n = {.core = c, .out = o, .first = true, .early = true};
	int rc = memwalk(s, c->at, &threads, &n, e);

	prpsinfo(&n);
	if (rc == 0)
		rc = memwalk(s, c->at, &auxv, &n, e);
	if (rc == 0)
		rc = nt_file(&n, s, e);
	n.early = false;
	if (rc == 0)
		rc = memwalk(s, c->at, &threads, &n, e);
	n.first = false;
	n.taken = false;
	return rc == 0 ? memwalk(s, c->at, &threads, &n, e) : rc;
}
