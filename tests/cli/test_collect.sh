#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# taphos collect as scripts and people see it: arguments, exit codes, stdout and stderr.
. "${TOP:-$(dirname "$0")/../..}/tests/tap.sh"
cd "$TMPDIR" || exit 1
[ "$(id -u)" = 0 ] || skip_all "not root"

run() {
	out=$("$TAPHOS" "$@" 2>stderr </dev/null)
	rc=$?
	err=$(cat stderr)
}

refused() { # NAME EXIT ERE ARGS...
	local name=$1 want=$2 text=$3
	shift 3
	run "$@"
	is "$name: exit, stdout" "$rc/$out" "$want/"
	like "$name: it says so" "$err" "$text"
}

# a target in namespaces of its own, with a small root of its own
mkdir -p rootfs/bin
: >ready
cp "$(command -v busybox)" rootfs/bin/
unshare -mpnif --kill-child --root rootfs /bin/busybox sh -c 'echo ready; exec /bin/busybox sleep 1000' >ready &
unshare=$!
disown
# shellcheck disable=SC2016 # expanded then
at_exit 'kill -9 $unshare; rm -rf "$TMPDIR"' # unshare ignores SIGTERM
until grep -q ready ready; do sleep 0.05; done
pid=$(cat "/proc/$unshare/task/$unshare/children")
pid=${pid%% *}

see="\(see 'taphos collect --help'\)$"
refused "no target" 2 "^taphos: which target\\?.* $see" collect
refused "two targets" 2 "^taphos: .*give one $see" collect --pid 1 --container x
refused "no number" 2 "'1x' is not a process number $see" collect --pid 1x
refused "process 0" 2 "'0' is not a process number $see" collect --pid 0
refused "bad time" 2 "'soon' is not a time" collect --pid "$pid" --deadline soon
refused "no time" 2 "more than nothing" collect --pid "$pid" --deadline 0s
refused "bad size" 2 "'much' is not a size" collect --pid "$pid" --max-size much
refused "unknown profile" 2 "^taphos: .*nonesuch" collect --pid "$pid" --profile nonesuch
refused "operator not UTF-8" 2 "not UTF-8" collect --pid "$pid" --operator $'\xff'
refused "no such process" 4 "^taphos: " collect --pid 2147483000
refused "no such container" 4 "^taphos: .*nonesuch" collect --container nonesuch
refused "the host's own namespaces" 2 "^taphos: .*--force" collect --pid $$
refused "no such key" 1 "^taphos: .*missing.key" collect --pid "$pid" --key missing.key
refused "no such folder" 1 "^taphos: .*nowhere" collect --pid "$pid" --output nowhere/x.tar.zst
for name in a b; do
	id=abcdef$name$(printf '0%.0s' {1..57})
	mkdir -p "root/proc" "root/var/lib/docker/containers/$id"
	jq -n --arg id "$id" --arg name "/web$name"$'\e[31m' '{ID: $id, Name: $name, Config: {Image: "x"},
		State: {Running: ($name | startswith("/webb")), Pid: 0}}' >"root/var/lib/docker/containers/$id/config.v2.json"
done
refused "ambiguous" 4 "^taphos: .*abcdef" collect --host-root root --container abcdef
is "ambiguous: a line for each candidate" "$(grep -c '^  abcdef[ab]00000  web' <<<"$err")" 2
like "ambiguous: escaped once" "$err" '^  abcdefa00000  weba\\x1b\[31m '
like "ambiguous: the state as it is, not as it is written" "$err" '^  abcdefb00000  webb.*  docker  dead  '
cp "$TAPHOS" taphos
chmod 755 . taphos
setpriv --bounding-set -sys_ptrace ./taphos collect --pid "$pid" 2>err
is "without CAP_SYS_PTRACE: exit 5" $? 5
like "the capability is named" "$(cat err)" '^taphos: not permitted: CAP_SYS_PTRACE'
is "nothing was left behind" "$(ls ./*.tar.zst* 2>/dev/null)" ""

run plan --pid "$pid"
is "plan: exit, stderr" "$rc/$err" 0/
like "plan: the target" "$out" "^process $pid, [0-9]+ process"
like "plan: a heading" "$out" '^DUMPER +READS +ITEMS +TOUCHES$'
like "plan: a total" "$out" '^total +[0-9.]+ [KMG]?i?B$'
ok "plan fits 80 columns" [ "$(awk '{ if (length > n) n = length } END { print n }' <<<"$out")" -le 80 ]
run plan --pid "$pid" --json
ok "plan: JSON" jq -e '.total_bytes >= 0 and (.dumpers | length) > 0 and .target.members >= 1' <<<"$out"
refused "plan: no target" 2 "^taphos: which target" plan
refused "plan: no such container" 4 "^taphos: .*nonesuch" plan --container nonesuch
is "plan collects nothing" "$(ls ./*.tar.zst* 2>/dev/null)" ""

mkdir out
run collect --pid "$pid" --output out
ok "collects" grep -qx "[03]" <<<"$rc"
is "stdout is the path" "$out" "$(ls out/*.tar.zst)"
like "a summary" "$err" '^taphos: (complete|partial): [0-9]+ artifacts'
like "the signer" "$err" '^  signer    [0-9a-f]{64}$'
like "how to verify" "$err" "^  verify    taphos verify $out$"
run collect --pid "$pid" --output out --quiet
is "--quiet: nothing on stderr" "$err" ""

run collect --pid "$pid" --output out --json
ok "JSON: the promised keys in order" jq -e 'keys_unsorted == ["bundle", "sha256", "run_id", "signer",
	"verdict", "pod", "containers", "artifacts", "gaps", "bytes", "duration_ms", "frozen_ms", "exit"]' <<<"$out"
is "JSON: exit is the exit" "$(jq .exit <<<"$out")" "$rc"
bundle=$(jq -r .bundle <<<"$out")
is "JSON: sha256 is the file's" "$(jq -r .sha256 <<<"$out")" "$(sha256sum <"$bundle" | cut -d' ' -f1)"
is "JSON: bytes are the file's" "$(jq -r .bytes <<<"$out")" "$(stat -c %s "$bundle")"
before=$(sha256sum "$bundle")
refused "existing output" 1 "^taphos: .*exist" collect --pid "$pid" --output "$bundle"
is "it is untouched" "$(sha256sum "$bundle")" "$before"

"$TAPHOS" collect --pid "$pid" --output - --json >streamed.tar.zst 2>err
rc=$?
json=$(grep '^{' err)
is "streamed: exit" "$(jq .exit <<<"$json")" "$rc"
is "streamed: JSON on stderr" "$(jq -r .sha256 <<<"$json")" "$(sha256sum <streamed.tar.zst | cut -d' ' -f1)"
ok "streamed: tar reads it" tar --zstd -tf streamed.tar.zst

"$TAPHOS" collect --pid "$pid" --output closed.tar.zst >&- 2>&-
ok "closed stdout and stderr do not end a run" test -s closed.tar.zst
{ "$TAPHOS" collect --pid "$pid" --output pipes.tar.zst 2>&1; } | true
ok "closed pipes do not end a run" test -s pipes.tar.zst
"$TAPHOS" collect --pid "$pid" --output full.tar.zst >/dev/full 2>/dev/full
ok "a full stdout does not end a run" test -s full.tar.zst

"$TAPHOS" keygen >/dev/null
run collect --pid "$pid" --output signed.tar.zst --key taphos.key
like "with a key: verify with its public part" "$err" "verify --key taphos.key.pub signed.tar.zst$"
unlike "with a key: no word of a key for this run" "$err" "made for this run"
done_testing
