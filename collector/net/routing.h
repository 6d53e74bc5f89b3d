/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* routing - interfaces, addresses, routes of all tables, policy rules and neighbours
 * of the network namespace the caller is in, by rtnetlink(7). */
#include "sink.h"

/* network/interfaces.json, routes.json, rules.json, neighbours.json; each at most max bytes. */
int routing_dump(struct sink *out, uint64_t max, struct err *e) must_check;
