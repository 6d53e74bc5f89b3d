/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* socklocal - rows of sockets that are no internet sockets: unix, packet, netlink, vsock. */
#include "sockets.h"

/* netlink_each of each family's sock_diag message; arg is a struct sockets. */
int socklocal_unix(uint16_t type, const uint8_t *body, size_t len, void *arg);
int socklocal_packet(uint16_t type, const uint8_t *body, size_t len, void *arg);
int socklocal_netlink(uint16_t type, const uint8_t *body, size_t len, void *arg);
int socklocal_vsock(uint16_t type, const uint8_t *body, size_t len, void *arg);

/* One line of /proc/net/{unix,packet,netlink}; -EINVAL when it is none (the heading). */
int socklocal_unix_line(struct sockets *s, const char *line);
int socklocal_packet_line(struct sockets *s, const char *line);
int socklocal_netlink_line(struct sockets *s, const char *line);
