/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * target - one container (or namespaced process), as it was when it was resolved.
 *
 * Resolving parses hostile text, so it runs in a worker that fills this flat
 * structure in shared memory; the engine takes a copy, and checks that counts are in range and
 * strings end. Descriptors are in one table, so that they can be
 * passed. Nothing here is a pointer.
 */
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum {
	TARGET_ID = 256, /* ctr and nerdctl allow ids that are not hex */
	TARGET_TEXT = 1024,
	TARGET_PATH = 4096,
	TARGET_LOWERS = 160, /* lower layers; overlayfs itself stops at 500, docker at 128 */
	TARGET_MOUNTS = 256,
	TARGET_LOGS = 16,
	TARGET_STATES = 32,
	TARGET_MEMBERS = 16384,
	TARGET_FINDINGS = 32,
};

enum target_runtime {
	RUNTIME_NONE, /* a namespaced process without a runtime's state */
	RUNTIME_DOCKER,
	RUNTIME_CONTAINERD,
	RUNTIME_CRIO,
	RUNTIME_PODMAN,
	RUNTIME_RUNC, /* bare */
	RUNTIME_CRUN, /* bare */
	RUNTIME_KINDS
};
extern const char *const target_runtime_names[RUNTIME_KINDS]; /* "none", "docker", ... */

/* Descriptors; -1 where there is none. */
enum target_fd {
	TFD_PROC,   /* O_PATH /proc/PID of the init process */
	TFD_PIDFD,  /* of the same; -1 before Linux 5.3 */
	TFD_NETNS,  /* ns/net */
	TFD_MNTNS,  /* ns/mnt */
	TFD_ROOT,   /* O_PATH: /proc/PID/root; for an exited container the root dir on disk if there
		       is one */
	TFD_UPPER,  /* O_PATH: overlay's upper directory, from the host's side, verified */
	TFD_LOWER0, /* O_PATH: lower layers, topmost first */
	TARGET_FDS = TFD_LOWER0 + TARGET_LOWERS
};

/* Why a process counts as one of the target's: any of them. */
enum member_why {
	MEMBER_INIT = 1 << 0,
	MEMBER_CGROUP = 1 << 1, /* in the container's cgroup or below */
	MEMBER_PIDNS = 1 << 2,	/* in its PID namespace or a descendant of it */
	MEMBER_MNTNS = 1 << 3,	/* shares its mount namespace */
	MEMBER_NETNS = 1 << 4,	/* shares its network namespace AND another reason */
	MEMBER_CHILD = 1 << 5,	/* a descendant of a member */
};

/* A process is (pid, start_ticks): open /proc/PID, then check the start time. */
struct target_member {
	pid_t pid;
	unsigned why;
	uint64_t start_ticks;
};

enum rootfs_kind {
	ROOTFS_UNKNOWN,
	ROOTFS_OVERLAY,	     /* TFD_UPPER (unless read-only) and lowers */
	ROOTFS_FUSE_OVERLAY, /* like it, but whiteouts and xattrs in fuse-overlayfs' form */
	ROOTFS_PLAIN, /* a directory (native, vfs, btrfs, a bundle's rootfs): no diff of its own */
	ROOTFS_KINDS
};
extern const char *const target_rootfs_names[ROOTFS_KINDS]; /* "unknown", "overlay", ... */

enum mount_kind {
	MOUNT_BIND,   /* a host directory or file named by the user */
	MOUNT_VOLUME, /* a named or anonymous volume of the runtime, emptyDir */
	MOUNT_TMPFS,
	MOUNT_SHM,     /* /dev/shm */
	MOUNT_SECRET,  /* secret, token, projected: hash, size and name only */
	MOUNT_CONFIG,  /* resolv.conf, hosts, hostname, termination log, config map, downward API */
	MOUNT_PSEUDO,  /* proc, sysfs, cgroup, devpts, mqueue ...: listed, never read */
	MOUNT_FOREIGN, /* nfs, fuse, 9p, unknown types: listed, never touched */
	MOUNT_KINDS
};
extern const char *const target_mount_names[MOUNT_KINDS]; /* "bind", "volume", ... */

struct target_mount {
	enum mount_kind kind;
	bool covered; /* another mount lies over it */
	uint64_t id;  /* mount id in the target's mountinfo, 0 when only the runtime knows it */
	unsigned major, minor;	  /* of the file system */
	char type[32];		  /* file system type */
	char point[TARGET_PATH];  /* where the container sees it */
	char source[TARGET_PATH]; /* on the host; "" when not known. From the runtime's state, not
				     from the target */
	char elsewhere[128];	  /* where in the bundle the copy of another container lies, "" */
};

/* A file of the host, below dump->host_fd, that the runtime's own state names. */
struct target_file {
	char label[64];		/* "config.json", "json-file", "cri" */
	char path[TARGET_PATH]; /* relative to the host's root, no leading '/' */
};

struct target {
	enum target_runtime runtime;
	bool running;
	bool host_namespaces; /* shares the host's mount AND pid namespaces: refuse without --force
			       */
	bool host_root; /* its root directory is the host's: walking it would collect the host */
	char id[TARGET_ID];		   /* full container id, "" without a runtime */
	char name[TARGET_ID];		   /* the runtime's name for it, "" when none */
	char runtime_namespace[TARGET_ID]; /* containerd's: "moby", "k8s.io", "default" */
	char oci_runtime[64];		   /* "runc", "crun", "io.containerd.runsc.v1", "" */
	char image[TARGET_TEXT];
	char image_digest[TARGET_TEXT];
	char state_text[64]; /* "running", "paused", "exited", as the runtime's state says */
	char pod_namespace[TARGET_ID], pod_name[TARGET_ID], pod_uid[64], pod_container[TARGET_ID];
	char sandbox_id[TARGET_ID];

	pid_t pid; /* init process as the host sees it; 0 when not running */
	uint64_t start_ticks;
	bool shares_pidns; /* with other containers of its pod: to be in it makes no member */
	uint64_t ns_pid, ns_mnt, ns_net, ns_user, ns_ipc, ns_uts, ns_cgroup; /* inodes, 0 unknown */
	char cgroup_v2[TARGET_PATH]; /* path below the unified hierarchy, "" when none of its own */
	char cgroup_v1[TARGET_PATH]; /* path in the v1 hierarchies (freezer's, or the first) */

	enum rootfs_kind rootfs;
	char rootfs_note[256];	      /* why it is unknown or plain, in words for the manifest */
	char upper_path[TARGET_PATH]; /* on the host, for the record */
	unsigned lowers;	      /* TFD_LOWER0 .. */
	bool lowers_complete;	      /* false: some lower layer could not be opened */
	uint64_t layer_bytes;	      /* only where a cheap number exists; 0 otherwise */

	unsigned mounts;
	struct target_mount mount[TARGET_MOUNTS];
	unsigned logs;
	struct target_file log[TARGET_LOGS]; /* main log files; rotated ones lie beside them */
	unsigned states;
	struct target_file state[TARGET_STATES];
	unsigned findings;
	char finding[TARGET_FINDINGS][TARGET_TEXT];
	bool truncated; /* a table above was too small: something is missing in it */

	unsigned members;
	struct target_member member[TARGET_MEMBERS];
	int fd[TARGET_FDS];
};

/* Below these, the host: its root directory (--host-root) and its proc. */
struct target_host {
	int root_fd; /* O_PATH */
	int proc_fd;
};

enum selector_kind { SELECT_CONTAINER, SELECT_PID, SELECT_CGROUP, SELECT_POD, SELECT_POD_UID };

struct target_selector {
	enum selector_kind kind;
	const char *text; /* id, prefix or name; decimal pid; cgroup path; NAMESPACE/POD; uid */
};
