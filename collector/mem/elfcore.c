/* SPDX-License-Identifier: Apache-2.0 */
/* elfcore - an ELF core file of one process from its records. */
#include "elfcore.h"
#include "elfnotes.h"
#include "memwalk.h"

#include <elf.h>
#include <errno.h>
#include <string.h>

enum {
	BRIDGE = 64 << 10,     /* bytes of zeros that are written rather than left out */
	BRIDGED_MIN = 1 << 20, /* of all of them, or as much as was dumped */
	ALIGN = 4096,
	SEGMENT_FLAGS = MEM_X | MEM_W | MEM_R,
};
static const uint64_t limit_max = 1ULL << 62; /* sums stay in range */

/* Cuts mappings into segments, run after run: the same ones in each pass. */
struct cutter {
	const struct elfcore *core;
	uint64_t dumped, bridged;
	struct memfit fit;
	uint64_t start, at;		       /* of the open segment; where the next run begins */
	enum { UNKNOWN, KNOWN, CONTENT } kind; /* what readers can know of it */
	struct mem_map map;		       /* it is in; end 0: none yet */
	int (*segment)(struct cutter *k, struct err *e);
	void *arg;
};

static struct cutter cutter_of(
	const struct elfcore *c, int (*segment)(struct cutter *, struct err *), void *arg)
{
	return (struct cutter){.core = c, .fit = c->fit, .segment = segment, .arg = arg};
}

/* The next stretch, up to 'to'. */
static int extend(struct cutter *k, uint64_t to, int kind, struct err *e)
{
	int rc = 0;

	if (k->at == to)
		return 0;
	if (k->start < k->at && (int)k->kind != kind) {
		rc = k->segment(k, e);
		k->start = k->at;
	}
	k->at = to;
	k->kind = kind;
	return rc;
}

/* What no run speaks of has no bytes. */
static int close_map(struct cutter *k, struct err *e)
{
	int rc = extend(k, k->map.end, UNKNOWN, e);

	return rc == 0 && k->start < k->at ? k->segment(k, e) : rc;
}

static int cut_map(void *arg, const struct mem_map *m, struct err *e)
{
	struct cutter *k = arg;
	int rc = close_map(k, e);

	k->map = *m;
	k->start = k->at = m->start;
	memfit_map(&k->fit);
	return rc;
}

/* How many bytes of the run are in the file, from its start. */
static uint64_t bytes_of(struct cutter *k, const struct mem_run *r)
{
	uint64_t n = r->end - r->start;

	if (r->fate == MEM_DUMPED) {
		n = memfit_take(&k->fit, n);
		k->dumped += n;
		return n;
	}
	if (r->fate != MEM_ZERO || n > BRIDGE || k->kind != CONTENT || k->start == k->at ||
		k->bridged + n > k->dumped + BRIDGED_MIN || k->bridged + n > k->core->spare)
		return 0;
	k->bridged += n;
	return n;
}

static int cut_run(struct cutter *k, const struct mem_run *r, uint64_t *ret_bytes, struct err *e)
{
	bool known = r->fate == MEM_ZERO || r->fate == MEM_AS_FILE;
	int rc = extend(k, r->start, UNKNOWN, e);

	*ret_bytes = rc == 0 ? bytes_of(k, r) : 0;
	if (rc == 0)
		rc = extend(k, r->start + *ret_bytes, CONTENT, e);
	return rc == 0 ? extend(k, r->end, known ? KNOWN : UNKNOWN, e) : rc;
}

/* ---- the plan */

struct survey {
	struct elfcore *core;
	struct memscan *scan;
	struct cutter cutter;
	uint64_t thread, highest;
	int32_t tid;
	int16_t cursig;
	bool registers; /* of this thread */
	unsigned rank;	/* of the first one */
};

bool elfcore_takes(const struct elfcore *c, const struct mem_regs *r)
{
	if (c->foreign)
		return false;
	return r->note != NT_PRSTATUS || (r->n && r->n == elfnotes_registers(c->proc.machine));
}

static int on_thread(void *arg, const struct mem_thread *t, uint64_t at, struct err *e)
{
	struct survey *v = arg;

	(void)e;
	v->core->threads++;
	v->core->bare++;
	v->thread = at;
	v->tid = t->tid;
	v->cursig = t->cursig;
	if (t->tid == v->core->proc.pid && t->ns_tid)
		v->core->pid = t->ns_tid;
	v->registers = false;
	return 0;
}

/* The thread that a signal hit, else the leader, else whoever has registers. */
static int on_regs(void *arg, const struct mem_regs *r, struct err *e)
{
	struct survey *v = arg;
	unsigned rank = v->cursig ? 3 : v->tid == v->core->proc.pid ? 2 : 1;

	(void)e;
	if (r->head.type != MEM_REGS || r->note != NT_PRSTATUS || v->registers ||
		!elfcore_takes(v->core, r))
		return 0;
	v->registers = true;
	v->core->bare--;
	if (rank > v->rank) {
		v->rank = rank;
		v->core->first_thread = v->thread;
	}
	return 0;
}

static int on_map(void *arg, const struct mem_map *m, struct err *e)
{
	struct survey *v = arg;

	if (!v->highest)
		v->core->maps_at = v->scan->at - m->head.len;
	v->highest = m->end;
	if (elfnotes_names(m)) {
		v->core->files++;
		v->core->names += strlen(mem_tail(&m->head)) + 1;
	}
	return cut_map(&v->cutter, m, e);
}

static int on_run(
	void *arg, const struct mem_map *m, const struct mem_run *r, uint64_t at, struct err *e)
{
	uint64_t bytes;

	(void)m;
	(void)at;
	return cut_run(&((struct survey *)arg)->cutter, r, &bytes, e);
}

static int count_segment(struct cutter *k, struct err *e)
{
	struct elfcore *c = k->arg;

	(void)e;
	c->segments++;
	if (k->kind == CONTENT)
		c->load += k->at - k->start;
	return 0;
}

static int survey(struct elfcore *c, struct memscan *s, uint64_t *ret_highest, struct err *e)
{
	static const struct memwalk_ops ops = {on_thread, on_regs, NULL, on_map, on_run};
	struct survey v = {.core = c, .scan = s, .cutter = cutter_of(c, count_segment, c)};
	int rc = memwalk(s, c->at, &ops, &v, e);

	if (rc == 0)
		rc = close_map(&v.cutter, e);
	c->dumped = v.cutter.dumped;
	c->bridged = v.cutter.bridged;
	*ret_highest = v.highest;
	return rc;
}

/* ---- what fits */

struct weighing {
	struct memfit_sum sum;
	uint64_t map; /* bytes of the mapping at hand */
};

static int weigh_map(void *arg, const struct mem_map *m, struct err *e)
{
	struct weighing *w = arg;

	(void)m;
	(void)e;
	memfit_add(&w->sum, w->map);
	w->map = 0;
	return 0;
}

static int weigh_run(
	void *arg, const struct mem_map *m, const struct mem_run *r, uint64_t at, struct err *e)
{
	(void)m;
	(void)at;
	(void)e;
	((struct weighing *)arg)->map += r->fate == MEM_DUMPED ? r->end - r->start : 0;
	return 0;
}

static int weigh(struct elfcore *c, struct memscan *s, struct err *e)
{
	static const struct memwalk_ops ops = {.map = weigh_map, .run = weigh_run};
	struct weighing w = {0};
	int rc = memwalk(s, c->at, &ops, &w, e);

	memfit_add(&w.sum, w.map);
	c->fit = memfit_of(&w.sum, c->limit);
	c->spare = w.sum.total < c->limit ? c->limit - w.sum.total : 0;
	return rc;
}

static bool is_extended(const struct elfcore *c)
{
	return c->segments + 1 >= PN_XNUM;
}

static uint64_t head_size(const struct elfcore *c)
{
	uint64_t ehdr = c->narrow ? sizeof(Elf32_Ehdr) : sizeof(Elf64_Ehdr);
	uint64_t phdr = c->narrow ? sizeof(Elf32_Phdr) : sizeof(Elf64_Phdr);
	uint64_t shdr = c->narrow ? sizeof(Elf32_Shdr) : sizeof(Elf64_Shdr);

	return ehdr + (c->segments + 1) * phdr + is_extended(c) * shdr;
}

static int lay_out(struct elfcore *c, struct memscan *s, struct err *e)
{
	struct elfout o;
	int rc;

	elfout_begin(&o, NULL, NULL, c->narrow);
	rc = elfnotes_write(c, s, &o, e);
	c->notes_at = head_size(c);
	c->notes = o.at;
	c->load_at = (c->notes_at + c->notes + ALIGN - 1) & ~(uint64_t)(ALIGN - 1);
	c->size = c->load_at + c->load;
	return rc == 0 ? elfout_end(&o, e) : rc;
}

static int read_proc(struct elfcore *c, struct memscan *s, struct err *e)
{
	const struct mem_head *h;
	int rc;

	s->at = c->at;
	rc = memscan_next(s, &h, e);
	if (rc < 0)
		return rc;
	if (rc == 0 || h->type != MEM_PROC)
		return err_set(e, EBADMSG, "the table of memory makes no sense");
	c->proc = *(const struct mem_proc *)h;
	return 0;
}

static bool is_narrow(unsigned machine)
{
	return machine == EM_386 || machine == EM_ARM;
}

/* A 32-bit program can have neither addresses nor a file beyond 4 GiB in a file of its class;
 * and in one of 64 bits nobody would know its registers. */
static int plan(struct elfcore *c, struct memscan *s, bool foreign, struct err *e)
{
	uint64_t at = c->at, limit = c->limit, highest = 0;
	int rc;

	*c = (struct elfcore){.at = at, .maps_at = at, .limit = limit, .foreign = foreign};
	rc = read_proc(c, s, e);
	c->narrow = is_narrow(c->proc.machine) && !foreign;
	c->pid = c->proc.pid;
	if (rc == 0)
		rc = weigh(c, s, e);
	if (rc == 0)
		rc = survey(c, s, &highest, e);
	if (rc == 0)
		rc = lay_out(c, s, e);
	if (rc == 0 && c->narrow && (highest > UINT32_MAX || c->size > UINT32_MAX))
		return 1;
	return rc;
}

int elfcore_plan(struct elfcore *c, struct memscan *s, uint64_t at, uint64_t limit, struct err *e)
{
	int rc;

	*c = (struct elfcore){.at = at, .limit = limit < limit_max ? limit : limit_max};
	rc = plan(c, s, false, e);
	return rc == 1 ? plan(c, s, true, e) : rc;
}

/* ---- the file */

static void write_ehdr(const struct elfcore *c, struct elfout *o)
{
	const unsigned char ident[EI_NIDENT] = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3,
		c->narrow ? ELFCLASS32 : ELFCLASS64, ELFDATA2LSB, EV_CURRENT};
	bool extended = is_extended(c);
	uint64_t ehdr = c->narrow ? sizeof(Elf32_Ehdr) : sizeof(Elf64_Ehdr);
	uint64_t phdr = c->narrow ? sizeof(Elf32_Phdr) : sizeof(Elf64_Phdr);
	uint64_t shdr = c->narrow ? sizeof(Elf32_Shdr) : sizeof(Elf64_Shdr);

	elfout_add(o, ident, sizeof(ident));
	elfout_u16(o, ET_CORE);
	elfout_u16(o, c->proc.machine);
	elfout_u32(o, EV_CURRENT);
	elfout_word(o, 0);
	elfout_word(o, ehdr);
	elfout_word(o, extended ? c->notes_at - shdr : 0);
	elfout_u32(o, 0);
	elfout_u16(o, (uint16_t)ehdr);
	elfout_u16(o, (uint16_t)phdr);
	elfout_u16(o, extended ? PN_XNUM : (uint16_t)(c->segments + 1));
	elfout_u16(o, extended ? (uint16_t)shdr : 0);
	elfout_u16(o, extended);
	elfout_u16(o, SHN_UNDEF);
}

static void write_phdr(struct elfout *o, const Elf64_Phdr *p)
{
	elfout_u32(o, p->p_type);
	if (!o->narrow)
		elfout_u32(o, p->p_flags);
	elfout_word(o, p->p_offset);
	elfout_word(o, p->p_vaddr);
	elfout_word(o, p->p_paddr);
	elfout_word(o, p->p_filesz);
	elfout_word(o, p->p_memsz);
	if (o->narrow)
		elfout_u32(o, p->p_flags);
	elfout_word(o, p->p_align);
}

/* PN_XNUM: the number of segments is in the first section's sh_info. */
static void write_extended(const struct elfcore *c, struct elfout *o)
{
	elfout_u32(o, 0); /* sh_name, sh_type: none */
	elfout_u32(o, SHT_NULL);
	elfout_word(o, 0);
	elfout_word(o, 0);
	elfout_word(o, 0);
	elfout_word(o, 1); /* sh_size: sections */
	elfout_u32(o, 0);
	elfout_u32(o, (uint32_t)(c->segments + 1));
	elfout_word(o, 0);
	elfout_word(o, 0);
}

struct writing {
	struct elfout out;
	struct cutter cutter;
	uint64_t offset; /* in the file, of the next segment's bytes */
	const struct elfcore_to *to;
};

static int write_segment(struct cutter *k, struct err *e)
{
	struct writing *w = k->arg;
	uint64_t n = k->at - k->start;
	Elf64_Phdr p = {
		.p_type = k->kind == UNKNOWN ? PT_NULL : PT_LOAD,
		.p_flags = k->map.flags & SEGMENT_FLAGS,
		.p_offset = w->offset,
		.p_vaddr = k->start,
		.p_filesz = k->kind == CONTENT ? n : 0,
		.p_memsz = n,
		.p_align = ALIGN,
	};

	(void)e;
	w->offset += p.p_filesz;
	write_phdr(&w->out, &p);
	return 0;
}

static int head_map(void *arg, const struct mem_map *m, struct err *e)
{
	return cut_map(&((struct writing *)arg)->cutter, m, e);
}

static int head_run(
	void *arg, const struct mem_map *m, const struct mem_run *r, uint64_t at, struct err *e)
{
	uint64_t bytes;

	(void)m;
	(void)at;
	return cut_run(&((struct writing *)arg)->cutter, r, &bytes, e);
}

static int write_head(struct writing *w, struct memscan *s, struct err *e)
{
	static const struct memwalk_ops ops = {.map = head_map, .run = head_run};
	const struct elfcore *c = w->cutter.core;
	Elf64_Phdr notes = {
		.p_type = PT_NOTE, .p_offset = c->notes_at, .p_filesz = c->notes, .p_align = 4};
	int rc;

	write_ehdr(c, &w->out);
	write_phdr(&w->out, &notes);
	rc = memwalk(s, c->maps_at, &ops, w, e);
	if (rc == 0)
		rc = close_map(&w->cutter, e);
	if (is_extended(c))
		write_extended(c, &w->out);
	if (rc == 0)
		rc = elfnotes_write(c, s, &w->out, e);
	elfout_align(&w->out, ALIGN);
	return rc == 0 ? elfout_end(&w->out, e) : rc;
}

static int no_segment(struct cutter *k, struct err *e)
{
	(void)k;
	(void)e;
	return 0;
}

static int load_run(
	void *arg, const struct mem_map *m, const struct mem_run *r, uint64_t at, struct err *e)
{
	struct writing *w = arg;
	struct mem_run part = *r;
	uint64_t bytes;
	int rc = cut_run(&w->cutter, r, &bytes, e);

	if (rc < 0 || !bytes)
		return rc;
	part.end = part.start + bytes;
	if (r->fate == MEM_DUMPED)
		return w->to->run(w->to->arg, m, &part, at, e);
	return w->to->bytes(w->to->arg, NULL, bytes, e);
}

int elfcore_write(
	const struct elfcore *c, struct memscan *s, const struct elfcore_to *to, struct err *e)
{
	static const struct memwalk_ops load = {.map = head_map, .run = load_run};
	struct writing w = {.offset = c->load_at, .to = to};
	int rc;

	elfout_begin(&w.out, to->bytes, to->arg, c->narrow);
	w.cutter = cutter_of(c, write_segment, &w);
	rc = write_head(&w, s, e);
	w.cutter = cutter_of(c, no_segment, NULL);
	return rc == 0 ? memwalk(s, c->maps_at, &load, &w, e) : rc;
}
