/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* nftviews - how expressions of nftables read. */
#include "nlview.h"

/* The element of a list of expressions; nest[0].nest is one expression. */
extern const struct nlview nftviews_expr[];
/* Packets and bytes. */
extern const struct nlview nftviews_counter[];
/* A value or a verdict. */
extern const struct nlview nftviews_data[];
