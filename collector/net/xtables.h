/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* xtables - the rules of legacy iptables: the kernel's own blob, and what it says. */
#include "jsonw.h"
#include "sink.h"

#include <stdbool.h>

/*
 * network/iptables-TABLE.bin (ip6tables-…) and network/iptables.json for the tables that are in
 * use: asking for another would load its module and begin filtering.
 * net_fd: /proc/PID/net, whose ip_tables_names says which.
 */
int xtables_dump(struct sink *out, int net_fd, uint64_t max, struct err *e) must_check;

/* One table's entries (struct ipt_entry or ip6t_entry) as rows into an open array. */
void xtables_entries(struct jsonw *w, bool v6, const uint8_t *p, size_t n);
