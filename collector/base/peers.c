/* SPDX-License-Identifier: Apache-2.0 */
/* peers - the other ends of the target's connections. */
#include "peers.h"

#include "io.h"
#include "own.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

struct head {
	uint64_t n, dropped;
};

int peers_new(struct err *e)
{
	own_fd int fd = memfd_create("peers", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0 || ftruncate(fd, sizeof(struct head) + PEERS_MAX * sizeof(struct peer)) < 0 ||
		fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW) < 0)
		return err_errno(e, "make the list of peers");
	return take_fd(&fd);
}

static off_t place(uint64_t i)
{
	return (off_t)(sizeof(struct head) + i * sizeof(struct peer));
}

void peers_add(int fd, const struct peer *p)
{
	struct head h;

	if (fd < 0 || io_pread(fd, &h, sizeof(h), 0) != sizeof(h))
		return;
	if (h.n < PEERS_MAX && io_pwrite(fd, p, sizeof(*p), place(h.n)) == 0)
		h.n++;
	else
		h.dropped++;
	(void)!io_pwrite(fd, &h, sizeof(h), 0);
}

size_t peers_read(int fd, struct peer *ret, size_t max, uint64_t *ret_dropped)
{
	struct head h = {0};
	size_t n = 0;

	*ret_dropped = 0;
	if (fd < 0 || io_pread(fd, &h, sizeof(h), 0) != sizeof(h))
		return 0;
	if (h.n > PEERS_MAX)
		h.n = PEERS_MAX;
	*ret_dropped = h.dropped + (h.n > max ? h.n - max : 0);
	for (uint64_t i = 0; i < h.n && n < max; i++) {
		struct peer *p = &ret[n];

		if (io_pread(fd, p, sizeof(*p), place(i)) != sizeof(*p))
			break;
		p->protocol[sizeof(p->protocol) - 1] = '\0';
		n += p->family == AF_INET || p->family == AF_INET6;
	}
	return n;
}
