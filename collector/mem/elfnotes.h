/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * elfnotes - the notes of a core file (include/uapi/linux/elfcore.h), laid out by hand for
 * 32 and 64 bits: the program that reads is not always built for what it reads.
 */
#include "elfout.h"
#include "memtable.h"

struct elfcore;

/* All of them. o counts, or writes. */
int elfnotes_write(const struct elfcore *c, struct memscan *s, struct elfout *o, struct err *e)
	must_check;
/* Bytes of general registers of a machine; 0: none that we know. */
size_t elfnotes_registers(unsigned machine);
/* Whether a mapping is named in NT_FILE. */
bool elfnotes_names(const struct mem_map *m);
