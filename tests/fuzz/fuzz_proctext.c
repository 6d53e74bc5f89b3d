/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_proctext - lines of maps, mountinfo, cgroup and stat. */
#include "procfs.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct procfs_map map;
	struct procfs_mount mount;
	struct procfs_cgroup cgroup;
	struct procfs_stat st;
	char value[64], *all = malloc(size + 1), *rest = all, *line;

	memcpy(all, data, size);
	all[size] = '\0';
	(void)procfs_parse_stat(all, &st);
	(void)procfs_mount_option(all, "upperdir", value, sizeof(value));
	while ((line = procfs_next_line(&rest))) {
		char *copy = strdup(line);

		(void)procfs_parse_map(copy, &map);
		memcpy(copy, line, strlen(line) + 1);
		(void)procfs_parse_mount(copy, &mount);
		memcpy(copy, line, strlen(line) + 1);
		(void)procfs_parse_cgroup(copy, &cgroup);
		free(copy);
	}
	free(all);
	return 0;
}
