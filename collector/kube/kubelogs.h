/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* kubelogs - whether the node has the file of a container's log, where the kubelet keeps them. */
#include "target.h"

#include <stdbool.h>
#include <stdint.h>

/* host_fd: the host's root. container: the server's word for it. Metadata only. */
bool kubelogs_is_there(
	const struct target *t, int host_fd, const char *container, uint64_t restart);
