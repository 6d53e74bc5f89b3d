#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# taphos doctor on this node, and on nodes that miss something.
. "${TOP:-$(dirname "$0")/../..}/tests/tap.sh"
cd "$TMPDIR" || exit 1
[ "$(id -u)" = 0 ] || skip_all "not root"
chmod 755 "$TMPDIR"
cp "$TAPHOS" ./taphos
chmod 755 taphos

json=$(./taphos doctor --json)
is "as root: exit" $? 0
ok "JSON of the promised shape" jq -e '
	(.checks | length) > 20 and .exit == 0 and
	.pass + .warn + .fail == (.checks | length) and
	all(.checks[]; (.name | type) == "string" and (.text | length) > 0 and
		(.status | IN("pass", "warn", "fail")) and
		(.status == "pass" or (.remedy | length) > 0))' <<<"$json"
text=$(./taphos doctor)
ok "text fits 80 columns" [ "$(awk '{ if (length > n) n = length } END { print n }' <<<"$text")" -le 80 ]
is "one line for each check" "$(grep -Ec '^(pass|warn|fail)  ' <<<"$text")" \
	"$(jq '.checks | length' <<<"$json")"
like "ends with a count" "$text" '^[0-9]+ passed, [0-9]+ warnings, 0 failed: this node can be collected$'
is "no colour off a terminal" "$(grep -c $'\e' <<<"$text")" 0

# status NAME: of one check, in $out
status() {
	jq -r --arg n "$1" '.checks[] | select(.name == $n) | .status' <<<"$out"
}

out=$(setpriv --reuid 1000 --regid 1000 --clear-groups ./taphos doctor --json)
is "another user: exit 5" "$?/$(status root)/$(status capabilities)" 5/fail/fail
out=$(setpriv --bounding-set -sys_ptrace ./taphos doctor --json)
is "without CAP_SYS_PTRACE: exit 5" "$?/$(status root)/$(status capabilities)" 5/pass/fail
like "it is named" "$(jq -r '.checks[] | select(.name == "capabilities") | .text' <<<"$out")" CAP_SYS_PTRACE
out=$(unshare -r ./taphos doctor --json)
is "root of a user namespace: exit 5" "$?/$(status 'user namespace')" 5/fail
out=$(unshare -p -f --mount-proc ./taphos doctor --json)
is "own PID namespace: a warning" "$?/$(status 'pid namespace')" 0/warn
out=$(unshare -m bash -c 'mount -t tmpfs -o size=1m tmpfs /mnt && ./taphos doctor --output /mnt --json')
is "little space: a warning" "$?/$(status space)" 0/warn
out=$(unshare -m bash -c 'mount -t tmpfs -o ro tmpfs /mnt && ./taphos doctor --output /mnt/x --json')
is "read-only output: exit 1" "$?/$(status space)" 1/fail
out=$(./taphos doctor --output /nonexistent/x --json)
is "output nowhere: exit 1" "$?/$(status space)" 1/fail
out=$(unshare -m bash -c 'mount -t tmpfs tmpfs /proc && ./taphos doctor --json')
is "no proc: exit 1" "$?/$(status 'host root')" 1/fail
out=$(./taphos doctor --host-root /nonexistent --json)
is "wrong host root: exit 1" "$?/$(status 'host root')" 1/fail
out=$(unshare -m bash -c 'mount --make-rprivate / && mkdir -p new/host && mount --rbind / new/host &&
	mkdir new/proc && mount --rbind /proc new/proc && mkdir new/dev && touch new/dev/null &&
	mount --bind /dev/null new/dev/null && cp taphos new/ && chroot new /taphos doctor --json')
like "the host's root at /host is found" "$out" '"text":"seen at /host"'

./taphos keygen --output k >/dev/null
out=$(./taphos doctor --key k --json)
is "a good key: pass" "$(status 'signing key')" pass
chmod 644 k
out=$(TAPHOS_KEY=k ./taphos doctor --json)
is "an open key: exit 1" "$?/$(status 'signing key')" 1/fail
done_testing
