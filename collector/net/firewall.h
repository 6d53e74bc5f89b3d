/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* firewall - the packet filters of the network namespace the caller is in, read only:
 * nftables and connection tracking by nfnetlink, legacy iptables from a raw socket. */
#include "sink.h"

/* network/nftables.json: tables, chains, rules, sets with their elements, objects, flow tables. */
int firewall_nftables(struct sink *out, uint64_t max, struct err *e) must_check;
/* network/conntrack.json: connections and expectations. */
int firewall_conntrack(struct sink *out, uint64_t max, struct err *e) must_check;
