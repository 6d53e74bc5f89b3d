/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "io.h"
#include "lines.h"
#include "own.h"
#include "procfs.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void long_lines_are_cut_and_the_next_is_whole(void **state)
{
	own_fd int fd = memfd_create("lines", MFD_CLOEXEC);
	own_free struct lines *l = malloc(sizeof(*l));
	char block[1000];

	(void)state;
	memset(block, 'x', sizeof(block));
	assert_int_equal(io_write(fd, "one\n\n", 5), 0);
	for (int i = 0; i < 200; i++)
		assert_int_equal(io_write(fd, block, sizeof(block)), 0);
	assert_int_equal(io_write(fd, "\nlast", 5), 0);
	lseek(fd, 0, SEEK_SET);
	lines_begin(l, fd);
	assert_string_equal(lines_next(l), "one");
	assert_string_equal(lines_next(l), "");
	assert_int_equal(strlen(lines_next(l)), LINES_MAX);
	assert_true(l->cut);
	assert_string_equal(lines_next(l), "last");
	assert_null(lines_next(l));
	assert_int_equal(l->error, 0);
}

static void map_lines_are_parsed(void **state)
{
	char file[] = "7f10-7f20 r-xp 00001000 fd:01 1234                       /a b (deleted)";
	char anon[] = "ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0 ";
	char *bad[] = {(char[]){""}, (char[]){"1-2"}, (char[]){"1-2 r-x 0 0:0 0"},
		(char[]){"x-2 r--p 0 0:0 0"}, (char[]){"1-2 r--p 0 0:0 -1 /a"}};
	struct procfs_map m;

	(void)state;
	assert_int_equal(procfs_parse_map(file, &m), 0);
	assert_int_equal(m.start, 0x7f10);
	assert_int_equal(m.end, 0x7f20);
	assert_int_equal(m.offset, 0x1000);
	assert_int_equal(m.major, 0xfd);
	assert_int_equal(m.minor, 1);
	assert_int_equal(m.inode, 1234);
	assert_string_equal(m.perms, "r-xp");
	assert_string_equal(m.path, "/a b (deleted)");
	assert_int_equal(procfs_parse_map(anon, &m), 0);
	assert_string_equal(m.path, "");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_true(procfs_parse_map(bad[i], &m) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(long_lines_are_cut_and_the_next_is_whole),
		cmocka_unit_test(map_lines_are_parsed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
