/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_memtable - a table of memory, whose writer reads hostile text, through all that is made of
 * it: cores, JSON, the list of files. */
#include "dumper.h"
#include "io.h"
#include "sink.h"
#include "sink_ops.h"
#include "target.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

extern const struct dumper dumper_memory;

/* Holds the dumper to what it announced. */
static struct {
	uint64_t left;
	char block[70001]; /* pages do not fit evenly */
} out;

static int begin(void *ctx, const char *member, uint64_t size, struct err *e)
{
	(void)ctx, (void)member, (void)e;
	out.left = size;
	return 0;
}

static void *room(void *ctx, size_t *ret_room, struct err *e)
{
	(void)ctx, (void)e;
	*ret_room = sizeof(out.block);
	return out.block;
}

static int commit(void *ctx, size_t n, struct err *e)
{
	(void)ctx, (void)e;
	if (n > out.left)
		abort();
	out.left -= n;
	return 0;
}

static int end(void *ctx, struct err *e)
{
	(void)ctx, (void)e;
	if (out.left)
		abort();
	return 0;
}

static int gap(void *ctx, enum gap_kind kind, const char *member, const void *where,
	size_t where_len, int code, const char *why)
{
	(void)ctx, (void)member, (void)where, (void)where_len, (void)code, (void)why;
	if (kind >= GAP_KINDS)
		abort();
	return 0;
}

static int finding(void *ctx, const char *text)
{
	(void)ctx, (void)text;
	return 0;
}

static void item(void *ctx, uint64_t n)
{
	(void)ctx, (void)n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct sink_ops ops = {begin, room, commit, end, gap, finding, item};
	static const union option_value options[] = {{.u = 1 << 20}, {.u = 4 << 20}, {0}, {0}};
	static struct target target;
	struct sink sink = {.ops = &ops, .spool_fd = -1};
	struct dump d = {
		.target = &target,
		.options = options,
		.proc_fd = -1,
		.host_fd = -1,
		.root_fd = -1,
		.spool_fd = -1,
		.memory_fd = {memfd_create("table", MFD_CLOEXEC),
			memfd_create("stage", MFD_CLOEXEC), -1},
		.max_bytes = 64 << 20,
	};

	if (io_pwrite(d.memory_fd[0], data, size, 0) < 0 || ftruncate(d.memory_fd[1], 65536) < 0)
		abort();
	if (dumper_memory.run(&d, &sink, NULL) < 0)
		out.left = 0;
	(void)close(d.memory_fd[0]);
	(void)close(d.memory_fd[1]);
	return 0;
}
