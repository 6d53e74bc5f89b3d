/* SPDX-License-Identifier: Apache-2.0 */
/* membench - the memory dumper over tables made by hand. */
#include "unit.h"

#include "membench.h"

#include "io.h"
#include "own.h"
#include "sink.h"
#include "target.h"

#include <elf.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static struct target target;

int membench_setup(void **state)
{
	struct membench *b = calloc(1, sizeof(*b));

	snprintf(b->dir, sizeof(b->dir), "/tmp/taphos-memory-XXXXXX");
	assert_non_null(mkdtemp(b->dir));
	memkit_open(&b->kit);
	dirsink_init(&b->out, open(b->dir, O_PATH | O_DIRECTORY | O_CLOEXEC));
	b->out.sink.spool_fd = memfd_create("spool", MFD_CLOEXEC);
	b->out.sink.spool_end = SINK_NOTES;
	b->options[0].u = b->options[1].u = UINT64_MAX;
	b->options[3].b = false;
	b->dump = (struct dump){
		.target = &target,
		.options = b->options,
		.proc_fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC),
		.host_fd = -1,
		.root_fd = -1,
		.spool_fd = b->out.sink.spool_fd,
		.memory_fd = {b->kit.fd, b->kit.stage, -1},
		.max_bytes = UINT64_MAX,
	};
	*state = b;
	return 0;
}

static int drop(const char *path, const struct stat *st, int type, struct FTW *f)
{
	(void)st, (void)type, (void)f;
	return remove(path);
}

int membench_teardown(void **state)
{
	struct membench *b = *state;

	memkit_close(&b->kit);
	(void)close(b->out.dir_fd);
	(void)close(b->dump.spool_fd);
	(void)close(b->dump.proc_fd);
	(void)nftw(b->dir, drop, 16, FTW_DEPTH | FTW_PHYS);
	free(b);
	return 0;
}

void membench_collect(struct membench *b)
{
	b->rc = dumper_memory.run(&b->dump, &b->out.sink, &b->why);
}

char *membench_member(struct membench *b, const char *name, size_t *ret_n)
{
	struct buf text = BUF_INIT(64 << 20);
	own_fd int fd = openat(b->out.dir_fd, name, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return NULL;
	assert_int_equal(io_read_all(fd, &text, NULL), 0);
	if (ret_n)
		*ret_n = text.len;
	return text.data;
}

json_t *membench_document(struct membench *b, const char *name)
{
	json_error_t why;
	size_t n = 0;
	own_free char *text = membench_member(b, name, &n);
	json_t *doc;

	assert_non_null(text);
	doc = json_loadb(text, n, 0, &why);
	if (!doc)
		fail_msg("%s: %s at %d", name, why.text, why.position);
	return doc;
}

const char *membench_word(json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

json_int_t membench_number(json_t *o, const char *key)
{
	json_t *v = json_object_get(o, key);

	assert_true(json_is_integer(v));
	return json_integer_value(v);
}

const char *membench_gap_of_run(json_t *doc, size_t map, size_t run)
{
	json_t *m = json_array_get(json_object_get(doc, "mappings"), map);

	return membench_word(json_array_get(json_object_get(m, "runs"), run), "gap");
}

/* "start end fate" of a run. */
void membench_check_run(json_t *doc, size_t map, size_t run, const char *want)
{
	json_t *m = json_array_get(json_object_get(doc, "mappings"), map);
	json_t *r = json_array_get(json_object_get(m, "runs"), run);
	char text[128];

	snprintf(text, sizeof(text), "%s %s %s", membench_word(r, "start"), membench_word(r, "end"),
		membench_word(r, "fate"));
	assert_string_equal(text, want);
}

/* The bytes of the core at an address; NULL: it has none. */
const char *membench_core_at(const char *core, uint64_t address)
{
	const Elf64_Ehdr *h = (const void *)core;
	const Elf64_Phdr *p = (const void *)(core + h->e_phoff);

	for (unsigned i = 0; i < h->e_phnum; i++)
		if (p[i].p_type == PT_LOAD && p[i].p_vaddr <= address &&
			address < p[i].p_vaddr + p[i].p_filesz)
			return core + p[i].p_offset + (address - p[i].p_vaddr);
	return NULL;
}

bool membench_gap_says(struct membench *b, const char *what)
{
	own_free char *gaps = membench_member(b, "gaps.txt", NULL);

	return gaps && strstr(gaps, what);
}
