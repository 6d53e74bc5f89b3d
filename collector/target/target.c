/* SPDX-License-Identifier: Apache-2.0 */
/* target - what runtimes are called. */
#include "target.h"

const char *const target_runtime_names[RUNTIME_KINDS] = {
	[RUNTIME_NONE] = "none",
	[RUNTIME_DOCKER] = "docker",
	[RUNTIME_CONTAINERD] = "containerd",
	[RUNTIME_CRIO] = "cri-o",
	[RUNTIME_PODMAN] = "podman",
	[RUNTIME_RUNC] = "runc",
	[RUNTIME_CRUN] = "crun",
};
