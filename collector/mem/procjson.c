/* SPDX-License-Identifier: Apache-2.0 */
/* procjson - the members of PID.json that tell of the process itself. */
#include "procjson.h"
#include "jsonw.h"
#include "memtable.h"
#include "procfs.h"

#include <elf.h>
#include <string.h>

static const char *machine_name(unsigned machine)
{
	switch (machine) {
	case EM_X86_64:
		return "x86_64";
	case EM_AARCH64:
		return "aarch64";
	case EM_386:
		return "i386";
	case EM_ARM:
		return "arm";
	default:
		return "unknown";
	}
}

void procjson_text(struct jsonw *w, const char *key, const char *p, size_t max)
{
	jsonw_bytes(w, key, p, strnlen(p, max));
}

static void write_freeze(struct jsonw *w, const struct mem_proc *p)
{
	jsonw_bool(w, "frozen", p->frozen);
	if (!p->stopped_ns)
		return;
	jsonw_u64(w, "stopped_us", p->stopped_ns / 1000);
	if (p->resumed_ns < p->stopped_ns)
		return;
	jsonw_u64(w, "resumed_us", p->resumed_ns / 1000);
	jsonw_u64(w, "stopped_for_us", (p->resumed_ns - p->stopped_ns) / 1000);
}

/* It shares all of its memory with one whose core has it. */
static void write_memory(struct jsonw *w, const struct mem_proc *p)
{
	if (!p->memory_of)
		return;
	jsonw_open(w, "memory");
	jsonw_str(w, "fate", mem_fates[MEM_ELSEWHERE]);
	jsonw_i64(w, "pid", p->memory_of);
	jsonw_close(w);
}

static void write_id(struct jsonw *w, const char *key, uint32_t id)
{
	if (id == MEM_NOBODY)
		jsonw_null(w, key);
	else
		jsonw_u64(w, key, id);
}

void procjson_write(struct jsonw *w, const struct mem_proc *p)
{
	char state[2] = {p->state, '\0'};

	jsonw_i64(w, "pid", p->pid);
	jsonw_i64(w, "ppid", p->ppid);
	jsonw_i64(w, "pgrp", p->pgrp);
	jsonw_i64(w, "session", p->sid);
	write_id(w, "uid", p->uid);
	write_id(w, "gid", p->gid);
	jsonw_time(w, "start", procfs_start_time(p->start_ticks));
	jsonw_str(w, "state", state);
	procjson_text(w, "comm", p->comm, sizeof(p->comm));
	procjson_text(w, "args", p->args, sizeof(p->args));
	jsonw_str(w, "machine", machine_name(p->machine));
	write_freeze(w, p);
	write_memory(w, p);
}
