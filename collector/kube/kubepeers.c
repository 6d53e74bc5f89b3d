/* SPDX-License-Identifier: Apache-2.0 */
/* kubepeers - who is at the other ends of the pod's connections. */
#include "kubepeers.h"

#include "jsonx.h"
#include "own.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

/* What an address can be; of several the last one here holds. */
enum rank { RANK_NONE, RANK_NODE, RANK_NODE_PORT, RANK_POD, RANK_SERVICE, RANK_SERVER, RANK_KNOWN };

struct end {
	char address[INET6_ADDRSTRLEN];
	uint16_t port;
	enum rank rank;
	json_t *who; /* NULL: nobody knows */
};

struct kubepeers {
	struct peer *list; /* a copy */
	size_t n, ends;
	struct end end[KUBEPEERS_ENDS];
};

/* ---- addresses */

/* ::ffff:10.0.0.1 is 10.0.0.1 to the API. */
static void write_address(int family, const uint8_t a[16], char ret[INET6_ADDRSTRLEN])
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	bool four = family == AF_INET6 && !memcmp(a, mapped, sizeof(mapped));

	ret[0] = '\0';
	(void)inet_ntop(four ? AF_INET : family, four ? a + 12 : a, ret, INET6_ADDRSTRLEN);
}

/* However the server writes it. */
static bool is_same(const char *address, const char *text)
{
	struct in6_addr a, b;

	if (!strcmp(address, text))
		return true;
	return strchr(address, ':') && inet_pton(AF_INET6, address, &a) == 1 &&
	       inet_pton(AF_INET6, text, &b) == 1 && !memcmp(&a, &b, sizeof(a));
}

static bool is_loopback(const char *address)
{
	return !strncmp(address, "127.", 4) || !strcmp(address, "::1");
}

/* Where clouds hand out a machine's identity: AWS, GCP, Azure and others; AWS over IPv6; Alibaba;
 * Azure's agent; Oracle. */
static bool is_metadata(const char *address)
{
	static const char *const known[] = {"169.254.169.254", "fd00:ec2::254", "100.100.100.200",
		"168.63.129.16", "192.0.0.192", "169.254.170.2", "169.254.170.23"};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (!strcmp(address, known[i]))
			return true;
	return false;
}

static bool is_listed(const char *address, const json_t *list, const char *key)
{
	const json_t *at;
	size_t i;

	json_array_foreach(list, i, at)
	{
		const char *text = key			? jsonx_text_key(at, key)
				   : json_is_string(at) ? json_string_value(at)
							: "";

		if (is_same(address, text))
			return true;
	}
	return false;
}

/* ---- ends */

/* Takes who over. */
static void name_end(struct end *e, enum rank rank, json_t *who)
{
	if (rank <= e->rank) {
		json_decref(who);
		return;
	}
	json_decref(e->who);
	e->who = who;
	e->rank = rank;
}

static json_t *named(const char *is, const json_t *object)
{
	return json_pack("{s:s, s:O?, s:O?, s:O?}", "is", is, "namespace",
		jsonx_get(object, "metadata.namespace"), "name", jsonx_get(object, "metadata.name"),
		"uid", jsonx_get(object, "metadata.uid"));
}

static struct end *find_end(struct kubepeers *p, const struct peer *peer)
{
	char address[INET6_ADDRSTRLEN];

	write_address(peer->family, peer->remote, address);
	for (size_t i = 0; i < p->ends; i++)
		if (p->end[i].port == peer->remote_port && !strcmp(p->end[i].address, address))
			return &p->end[i];
	return NULL;
}

static void add_end(struct kubepeers *p, const struct peer *peer, const json_t *pod)
{
	struct end *e = &p->end[p->ends];

	if (find_end(p, peer) || p->ends == KUBEPEERS_ENDS)
		return;
	write_address(peer->family, peer->remote, e->address);
	e->port = peer->remote_port;
	if (is_loopback(e->address) || is_listed(e->address, jsonx_get(pod, "status.podIPs"), "ip"))
		name_end(e, RANK_KNOWN, json_pack("{s:s}", "is", "itself"));
	else if (is_metadata(e->address))
		name_end(e, RANK_KNOWN, json_pack("{s:s}", "is", "metadata"));
	p->ends++;
}

int kubepeers_new(
	const struct peer *list, size_t n, const json_t *pod, struct kubepeers **ret, struct err *e)
{
	own_kubepeers struct kubepeers *p = calloc(1, sizeof(*p));

	if (!p || !(p->list = calloc(n + 1, sizeof(*list))))
		return err_set(e, ENOMEM, "out of memory");
	memcpy(p->list, list, n * sizeof(*list));
	p->n = n;
	for (size_t i = 0; i < n; i++)
		add_end(p, &list[i], pod);
	*ret = take_ptr(p);
	return 0;
}

const char *kubepeers_next(const struct kubepeers *p, size_t *at)
{
	while (*at < p->ends) {
		const struct end *e = &p->end[(*at)++];
		bool before = e->rank == RANK_KNOWN;

		for (const struct end *o = p->end; o < e && !before; o++)
			before = !strcmp(o->address, e->address);
		if (!before)
			return e->address;
	}
	return NULL;
}

/* ---- answers */

static void try_pod(struct end *e, const json_t *pod)
{
	if (!is_listed(e->address, jsonx_get(pod, "status.podIPs"), "ip"))
		return;
	if (!jsonx_bool(pod, "spec.hostNetwork")) /* else it is the node's address */
		name_end(e, RANK_POD, named("pod", pod));
}

static bool is_servers_own(const json_t *service)
{
	return !strcmp(jsonx_text(service, "metadata.namespace"), "default") &&
	       !strcmp(jsonx_text(service, "metadata.name"), "kubernetes");
}

static void try_service(struct end *e, const json_t *service)
{
	const char *ip = jsonx_text(service, "spec.clusterIP");
	const json_t *ports = jsonx_get(service, "spec.ports"), *port;
	uint64_t number;
	size_t i;

	if (is_same(e->address, ip) ||
		is_listed(e->address, jsonx_get(service, "spec.clusterIPs"), NULL) ||
		is_listed(e->address, jsonx_get(service, "spec.externalIPs"), NULL) ||
		is_listed(e->address, jsonx_get(service, "status.loadBalancer.ingress"), "ip")) {
		bool server = is_servers_own(service);

		name_end(e, server ? RANK_SERVER : RANK_SERVICE,
			named(server ? "api-server" : "service", service));
	}
	json_array_foreach(ports, i, port)
	{
		/* until a node of that address is known */
		if (jsonx_u64(port, "nodePort", &number) == 0 && number == e->port && number &&
			e->rank == RANK_NODE)
			name_end(e, RANK_NODE_PORT, named("node-port", service));
	}
}

static void try_node(struct end *e, const json_t *node)
{
	if (is_listed(e->address, jsonx_get(node, "status.addresses"), "address"))
		name_end(e, RANK_NODE, named("node", node));
}

/* The Endpoints of the server's own service. */
static void try_server(struct end *e, const json_t *endpoints)
{
	const json_t *subset, *port;
	uint64_t number;
	size_t i, k;

	json_array_foreach(json_object_get(endpoints, "subsets"), i, subset)
	{
		if (!is_listed(e->address, json_object_get(subset, "addresses"), "ip"))
			continue;
		json_array_foreach(json_object_get(subset, "ports"), k, port)
		{
			if (jsonx_u64(port, "port", &number) == 0 && number == e->port)
				name_end(e, RANK_SERVER, named("api-server", endpoints));
		}
	}
}

static void try_all(
	struct kubepeers *p, void (*try)(struct end *, const json_t *), const json_t *object)
{
	for (size_t i = 0; i < p->ends; i++)
		try(&p->end[i], object);
}

void kubepeers_take(struct kubepeers *p, const struct kubeask *ask, const json_t *document)
{
	static void (*const tries[ASK_KINDS])(struct end *, const json_t *) = {
		[ASK_PEER_PODS] = try_pod,
		[ASK_PEER_NODES] = try_node,
		[ASK_PEER_SERVICES] = try_service,
		[ASK_PEER_SERVER] = try_server,
	};
	const json_t *items = json_object_get(document, "items"), *at;
	size_t i;

	if (!tries[ask->kind])
		return;
	if (!items)
		try_all(p, tries[ask->kind], document);
	json_array_foreach(items, i, at)
	{
		try_all(p, tries[ask->kind], at);
	}
}

/* ---- rows */

static json_t *row_of(const struct kubepeers *p, const struct peer *peer)
{
	/* the kernel's numbers: include/net/tcp_states.h */
	static const char *const states[] = {"", "established", "syn_sent", "syn_recv", "fin_wait1",
		"fin_wait2", "time_wait", "close", "close_wait", "last_ack", "listen", "closing"};
	const struct end *e = find_end((struct kubepeers *)p, peer);
	size_t known = sizeof(states) / sizeof(states[0]);
	char local[INET6_ADDRSTRLEN], remote[INET6_ADDRSTRLEN];

	write_address(peer->family, peer->local, local);
	write_address(peer->family, peer->remote, remote);
	return json_pack("{s:s, s:s, s:i, s:s, s:i, s:s, s:O?}", "protocol", peer->protocol,
		"local", local, "local_port", (int)peer->local_port, "remote", remote,
		"remote_port", (int)peer->remote_port, "state",
		peer->state < known ? states[peer->state] : "", "peer", e ? e->who : NULL);
}

json_t *kubepeers_render(const struct kubepeers *p)
{
	json_t *rows = json_array();

	for (size_t i = 0; i < p->n; i++)
		(void)json_array_append_new(rows, row_of(p, &p->list[i]));
	return rows;
}

void kubepeers_free(struct kubepeers *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->ends; i++)
		json_decref(p->end[i].who);
	free(p->list);
	free(p);
}
