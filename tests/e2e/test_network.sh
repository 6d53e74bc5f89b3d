#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What the network dumper says of a namespace whose state we made with ip, nft and iptables.
# shellcheck source=tests/tap.sh
. "${TOP:-$(dirname "$0")/../..}/tests/tap.sh"

[ "$(id -u)" = 0 ] || skip_all "needs root"
for tool in ip nft iptables-legacy jq socat zstd; do
	command -v $tool >/dev/null || skip_all "needs $tool"
done
cd "$TMPDIR" || exit 1

cat >profile.json <<'END'
{"name": "network", "dumpers": {"network": {}, "runtime": {}, "logs": {}}}
END
cat >ruleset <<'END'
table inet fw {
	set bad { type ipv4_addr; flags interval, timeout; elements = { 10.1.2.0/24, 192.0.2.7 timeout 1h } }
	map ports { type inet_service : verdict; elements = { 22 : accept, 4444 : jump evil } }
	counter hits { }
	chain evil {
		ip saddr @bad counter log prefix "pwned " drop comment "hello"
		return
	}
	chain input {
		type filter hook input priority filter; policy accept;
		tcp dport vmap @ports
		ct state established,related counter name hits accept
		meta skuid 0 limit rate 5/second accept
	}
}
table ip nat {
	chain pre {
		type nat hook prerouting priority dstnat; policy accept;
		tcp dport 80 dnat to 10.9.0.7:8080
	}
}
END
cat >init <<'END'
set -e
ip link set lo up
ip link add v0 type veth peer name v1
ip link set v0 alias 'uplink'
ip addr add 10.9.0.1/24 dev v0
ip link set v0 up
ip route add 10.10.0.0/16 table 77 nexthop via 10.9.0.2 weight 1 nexthop via 10.9.0.3 weight 2
ip rule add from 10.9.0.0/24 table 77
ip neigh add 10.9.0.9 lladdr 02:00:00:00:00:09 dev v0
iptables-legacy -A INPUT -p tcp --dport 4444 -i v0 -j DROP
nft -f ruleset
socat TCP-LISTEN:4001,fork,reuseaddr SYSTEM:'sleep 100' &
sleep 0.3
socat -u TCP:127.0.0.1:4001 STDOUT &
unshare -n socat TCP-LISTEN:4010 STDOUT & # a process that left the namespace
sleep 0.5
echo ready >ready
exec sleep 100
END
unshare -mpnif --mount-proc --kill-child bash init >log 2>&1 &
unshare=$!
disown
# shellcheck disable=SC2016 # expanded then
at_exit 'kill -9 $unshare; rm -rf "$TMPDIR"' # unshare ignores SIGTERM
for _ in $(seq 100); do
	[ -e ready ] && break
	sleep 0.1
done
[ -e ready ] || {
	fail "the namespace is made" "$(cat log)"
	done_testing
}
pid=$(cat "/proc/$unshare/task/$unshare/children")
pid=${pid%% *}

"$TAPHOS" collect --pid "$pid" --profile profile.json --output out.tar.zst >result 2>stderr
is "collected without a gap" $? 0
mkdir tree
tar --zstd -xf out.tar.zst -C tree --strip-components=1
cd tree/network || exit 1

query() { # NAME WANT FILE FILTER
	is "$1" "$(jq -c "$4" "$3" 2>&1)" "$2"
}

for f in *.json; do
	ok "$f is JSON" jq -e type "$f"
done
query "a listener" '"0.0.0.0"' sockets.json \
	'.sockets[] | select(.state == "listen" and .local_port == 4001) | .local'
listener=$(jq '.sockets[] | select(.state == "listen" and .local_port == 4001) | .owners[0].pid' sockets.json)
is "its owner is that program" "$(cat "/proc/$listener/comm")" socat
query "the connection has both ends" 2 sockets.json \
	'[.sockets[] | select(.state == "established" and .protocol == "tcp")] | length'
query "sockets of another namespace are not listed" 0 sockets.json \
	'[.sockets[] | select(.local_port == 4010)] | length'
query "but their descriptors are" true sockets.json '.unlisted | length > 0'
ok "and so is that namespace's text" grep -q ":0FAA" netns-*/tcp
like "and a finding says so" "$(cat ../manifest.json)" 'process [0-9]+ has a network namespace of its own'

query "interfaces with their kind" '["veth","uplink"]' interfaces.json \
	'.links[] | select(.name == "v0") | [.info.kind, .alias]'
query "addresses" '["10.9.0.1",24]' interfaces.json \
	'.addresses[] | select(.label == "v0") | [.local, .prefix]'
query "a route of another table, by two hops" '["10.9.0.2","10.9.0.3"]' routes.json \
	'.inet[] | select(.table == 77) | [.hops[].gateway]'
query "a policy rule" '["10.9.0.0",24]' rules.json \
	'.inet[] | select(.table == 77) | [.src, .src_prefix]'
query "a neighbour" '"02:00:00:00:00:09"' neighbours.json \
	'.neighbours[] | select(.dst == "10.9.0.9") | .lladdr'

query "nftables: tables" '[["inet","fw"],["ip","nat"]]' nftables.json '[.tables[] | [.family, .name]]'
query "nftables: a base chain" '["filter","accept",1]' nftables.json \
	'.chains[] | select(.name == "input") | [.type, .policy, .hook.hook]'
query "nftables: a verdict" '["pwned ","drop"]' nftables.json \
	'[.rules[] | select(.chain == "evil")][0].expressions | [(.[] | select(.name == "log").data.prefix), .[-1].data.data.verdict.code]'
query "nftables: an address that packets are sent to" '"0a090007"' nftables.json \
	'.rules[] | select(.chain == "pre") | [.expressions[] | select(.name == "immediate")][0].data.data.value'
query "nftables: elements of a set" true nftables.json \
	'[.elements[] | select(.set == "bad") | .elements[].key.value] | contains(["0a010200","c0000207"])'
query "nftables: where a map jumps to" '"evil"' nftables.json \
	'.elements[] | select(.set == "ports") | .elements[] | select(.key.value == "115c") | .data.verdict.chain'
query "nftables: nothing without a name" 0 nftables.json \
	'[.. | objects | keys[] | select(startswith("attr_"))] | length'

query "iptables: a rule" '["v0",6,"tcp","drop"]' iptables.json \
	'.tables[] | select(.table == "filter") | .rules[0] | [.in, .protocol, .matches[0].name, .target]'
ok "iptables: the kernel's own form" test -s iptables-filter.bin
query "conntrack: the connection" '[4001,"established"]' conntrack.json \
	'.connections[] | select(.original.protocol.dst_port == 4001) | [.original.protocol.dst_port, .protocol_info.tcp.state]'
done_testing
