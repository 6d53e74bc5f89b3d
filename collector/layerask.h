/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* layerask - where an ended container wrote to, when its files do not say it: its daemon is asked,
 * and believed as far as a directory lies there, among the snapshots that containerd keeps. */
#include "err.h"

struct run;

/* For r->target, before its files are read; does nothing where the layer is known. What goes wrong
 * is a gap; negative: the output is lost. */
int layerask(struct run *r, struct err *e) must_check;
