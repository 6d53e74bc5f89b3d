/* SPDX-License-Identifier: Apache-2.0 */
/* target - what runtimes, roots and mounts are called. */
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

const char *const target_rootfs_names[ROOTFS_KINDS] = {
	[ROOTFS_UNKNOWN] = "unknown",
	[ROOTFS_OVERLAY] = "overlay",
	[ROOTFS_FUSE_OVERLAY] = "fuse-overlayfs",
	[ROOTFS_PLAIN] = "plain",
};

const char *const target_mount_names[MOUNT_KINDS] = {
	[MOUNT_BIND] = "bind",
	[MOUNT_VOLUME] = "volume",
	[MOUNT_TMPFS] = "tmpfs",
	[MOUNT_SHM] = "shm",
	[MOUNT_SECRET] = "secret",
	[MOUNT_CONFIG] = "config",
	[MOUNT_PSEUDO] = "pseudo",
	[MOUNT_FOREIGN] = "foreign",
};
