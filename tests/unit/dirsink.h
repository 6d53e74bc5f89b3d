/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* dirsink - a sink that writes members below a directory, for tests: DIR/member,
 * and one line per gap and finding in DIR/gaps.txt and DIR/findings.txt. */
#include "sink_ops.h"

struct dirsink {
	struct sink sink; /* give &d->sink to the dumper */
	int dir_fd, member_fd;
	uint64_t left; /* bytes the open member still expects */
	char member[256];
	unsigned members, gaps, findings;
	uint64_t item;
	char block[1 << 16];
};

void dirsink_init(struct dirsink *d, int dir_fd);
