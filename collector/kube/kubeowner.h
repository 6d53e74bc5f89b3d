/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* kubeowner - from a reference to an owner to the path of that object. */
#include "buf.h"

#include <jansson.h>
#include <stdbool.h>

struct kubeowner {
	char group[128]; /* "" for the core: Node, ReplicationController */
	char version[64];
	char kind[128], name[256], uid[64];
	char resource[128]; /* what the path has for its kind; "": discovery must say */
	bool namespaced;
};

/* From one of an object's ownerReferences; resource is filled in for the kinds that every server
 * has. -EINVAL: it names nothing. */
int kubeowner_read(const json_t *reference, struct kubeowner *ret);
/* Adds the path of the list of resources that its group and version has. -EINVAL. */
int kubeowner_discovery(const struct kubeowner *o, struct buf *ret);
/* Fills in resource from that list. -ENOENT: there is none of its kind. */
int kubeowner_resolve(struct kubeowner *o, const json_t *resources);
/* Adds the path of the object, in that namespace if it is in one. -EINVAL. */
int kubeowner_path(const struct kubeowner *o, const char *namespace, struct buf *ret);
