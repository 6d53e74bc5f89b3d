/* SPDX-License-Identifier: Apache-2.0 */
/* crimsg - the messages that answer us, as tables. */
#include "crimsg.h"

#define TYPE(label, table) PROTOBUF_TYPE(label, table)
/* A value of the struct; the whole of what is read is one list or one text; a message whose fields
 * are laid into the same struct. */
#define AT(kind, record, member) PROTOBUF_##kind, offsetof(struct record, member), NULL
#define WHOLE(kind) PROTOBUF_##kind, 0, NULL
#define FLAT(type) PROTOBUF_MESSAGE, 0, &(type)

/* the fields of a map's entries are the same everywhere */
static const struct protobuf_field pair[] = {
	{1, AT(TEXT, cri_pair, key)},
	{2, AT(TEXT, cri_pair, value)},
};
const struct protobuf_type crimsg_pair = TYPE("map entry", pair);

static const struct protobuf_field version[] = {
	{2, AT(TEXT, cri_version, runtime)},
	{3, AT(TEXT, cri_version, version)},
	{4, AT(TEXT, cri_version, api)},
};
const struct protobuf_type crimsg_version = TYPE("VersionResponse", version);

/* ---- pods */

static const struct protobuf_field pod_metadata[] = {
	{1, AT(TEXT, cri_pod, name)},
	{2, AT(TEXT, cri_pod, uid)},
	{3, AT(TEXT, cri_pod, space)},
	{4, AT(U32, cri_pod, attempt)},
};
static const struct protobuf_type pod_metadata_type = TYPE("PodSandboxMetadata", pod_metadata);

static const struct protobuf_field pod[] = {
	{1, AT(TEXT, cri_pod, id)},
	{2, FLAT(pod_metadata_type)},
	{3, AT(I32, cri_pod, state)},
	{4, AT(I64, cri_pod, created)},
	{5, AT(LIST, cri_pod, labels)},
	{6, AT(LIST, cri_pod, annotations)},
	{7, AT(TEXT, cri_pod, handler)},
};
const struct protobuf_type crimsg_pod = TYPE("PodSandbox", pod);

static const struct protobuf_field pods[] = {
	{1, WHOLE(LIST)},
};
const struct protobuf_type crimsg_pods = TYPE("ListPodSandboxResponse", pods);

static const struct protobuf_field ip[] = {
	{1, WHOLE(TEXT)},
};
const struct protobuf_type crimsg_ip = TYPE("PodIP", ip);

static const struct protobuf_field pod_network[] = {
	{1, AT(TEXT, cri_pod, ip)},
	{2, AT(LIST, cri_pod, more_ips)},
};
static const struct protobuf_type pod_network_type = TYPE("PodSandboxNetworkStatus", pod_network);

static const struct protobuf_field ns_options[] = {
	{1, AT(I32, cri_pod, network)},
	{2, AT(I32, cri_pod, pid)},
	{3, AT(I32, cri_pod, ipc)},
};
static const struct protobuf_type ns_options_type = TYPE("NamespaceOption", ns_options);

static const struct protobuf_field namespaces[] = {
	{2, FLAT(ns_options_type)},
};
static const struct protobuf_type namespaces_type = TYPE("Namespace", namespaces);

static const struct protobuf_field pod_linux[] = {
	{1, FLAT(namespaces_type)},
};
static const struct protobuf_type pod_linux_type = TYPE("LinuxPodSandboxStatus", pod_linux);

static const struct protobuf_field pod_state[] = {
	{1, AT(TEXT, cri_pod, id)},
	{2, FLAT(pod_metadata_type)},
	{3, AT(I32, cri_pod, state)},
	{4, AT(I64, cri_pod, created)},
	{5, FLAT(pod_network_type)},
	{6, FLAT(pod_linux_type)},
	{7, AT(LIST, cri_pod, labels)},
	{8, AT(LIST, cri_pod, annotations)},
	{9, AT(TEXT, cri_pod, handler)},
};
static const struct protobuf_type pod_state_type = TYPE("PodSandboxStatus", pod_state);

static const struct protobuf_field pod_status[] = {
	{1, FLAT(pod_state_type)},
	{2, AT(LIST, cri_pod, info)},
};
const struct protobuf_type crimsg_pod_status = TYPE("PodSandboxStatusResponse", pod_status);

/* ---- containers */

static const struct protobuf_field metadata[] = {
	{1, AT(TEXT, cri_container, name)},
	{2, AT(U32, cri_container, attempt)},
};
static const struct protobuf_type metadata_type = TYPE("ContainerMetadata", metadata);

static const struct protobuf_field image_spec[] = {
	{1, AT(TEXT, cri_container, image)},
};
static const struct protobuf_type image_spec_type = TYPE("ImageSpec", image_spec);

static const struct protobuf_field container[] = {
	{1, AT(TEXT, cri_container, id)},
	{2, AT(TEXT, cri_container, pod)},
	{3, FLAT(metadata_type)},
	{4, FLAT(image_spec_type)},
	{5, AT(TEXT, cri_container, image_ref)},
	{6, AT(I32, cri_container, state)},
	{7, AT(I64, cri_container, created)},
	{8, AT(LIST, cri_container, labels)},
	{9, AT(LIST, cri_container, annotations)},
	{10, AT(TEXT, cri_container, image_id)},
};
const struct protobuf_type crimsg_container = TYPE("Container", container);

static const struct protobuf_field containers[] = {
	{1, WHOLE(LIST)},
};
const struct protobuf_type crimsg_containers = TYPE("ListContainersResponse", containers);

static const struct protobuf_field mount[] = {
	{1, AT(TEXT, cri_mount, container_path)},
	{2, AT(TEXT, cri_mount, host_path)},
	{3, AT(BOOL, cri_mount, read_only)},
	{5, AT(I32, cri_mount, propagation)},
};
const struct protobuf_type crimsg_mount = TYPE("Mount", mount);

static const struct protobuf_field state[] = {
	{1, AT(TEXT, cri_container, id)},
	{2, FLAT(metadata_type)},
	{3, AT(I32, cri_container, state)},
	{4, AT(I64, cri_container, created)},
	{5, AT(I64, cri_container, started)},
	{6, AT(I64, cri_container, finished)},
	{7, AT(I32, cri_container, exit_code)},
	{8, FLAT(image_spec_type)},
	{9, AT(TEXT, cri_container, image_ref)},
	{10, AT(TEXT, cri_container, reason)},
	{11, AT(TEXT, cri_container, message)},
	{12, AT(LIST, cri_container, labels)},
	{13, AT(LIST, cri_container, annotations)},
	{14, AT(LIST, cri_container, mounts)},
	{15, AT(TEXT, cri_container, log_path)},
	{17, AT(TEXT, cri_container, image_id)},
};
static const struct protobuf_type state_type = TYPE("ContainerStatus", state);

static const struct protobuf_field status[] = {
	{1, FLAT(state_type)},
	{2, AT(LIST, cri_container, info)},
};
const struct protobuf_type crimsg_container_status = TYPE("ContainerStatusResponse", status);

/* ---- images and snapshots */

static const struct protobuf_field image[] = {
	{1, AT(TEXT, cri_image, id)},
	{2, AT(LIST, cri_image, tags)},
	{3, AT(LIST, cri_image, digests)},
	{4, AT(U64, cri_image, size)},
	{6, AT(TEXT, cri_image, user)},
	{8, AT(BOOL, cri_image, pinned)},
};
static const struct protobuf_type image_type = TYPE("Image", image);

static const struct protobuf_field image_status[] = {
	{1, FLAT(image_type)},
	{2, AT(LIST, cri_image, info)},
};
const struct protobuf_type crimsg_image_status = TYPE("ImageStatusResponse", image_status);

static const struct protobuf_field snapshot_mount[] = {
	{1, AT(TEXT, cri_snapshot_mount, type)},
	{2, AT(TEXT, cri_snapshot_mount, source)},
	{3, AT(TEXT, cri_snapshot_mount, target)},
	{4, AT(LIST, cri_snapshot_mount, options)},
};
const struct protobuf_type crimsg_snapshot_mount = TYPE("containerd.types.Mount", snapshot_mount);

static const struct protobuf_field mounts[] = {
	{1, WHOLE(LIST)},
};
const struct protobuf_type crimsg_mounts = TYPE("MountsResponse", mounts);
