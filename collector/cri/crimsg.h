/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* crimsg - the messages that answer us, as tables: runtime.v1 and runtime.v1alpha2 of
 * kubernetes/cri-api, api.proto (the same numbers in both), and containerd's snapshots.v1. */
#include "cri.h"

extern const struct protobuf_type crimsg_version;	   /* struct cri_version */
extern const struct protobuf_type crimsg_pods;		   /* struct protobuf_list */
extern const struct protobuf_type crimsg_pod;		   /* struct cri_pod */
extern const struct protobuf_type crimsg_pod_status;	   /* struct cri_pod */
extern const struct protobuf_type crimsg_containers;	   /* struct protobuf_list */
extern const struct protobuf_type crimsg_container;	   /* struct cri_container */
extern const struct protobuf_type crimsg_container_status; /* struct cri_container */
extern const struct protobuf_type crimsg_image_status;	   /* struct cri_image */
extern const struct protobuf_type crimsg_mounts;	   /* struct protobuf_list */
extern const struct protobuf_type crimsg_snapshot_mount;   /* struct cri_snapshot_mount */
extern const struct protobuf_type crimsg_mount;		   /* struct cri_mount */
extern const struct protobuf_type crimsg_pair;		   /* struct cri_pair */
extern const struct protobuf_type crimsg_ip;		   /* struct protobuf_text */
