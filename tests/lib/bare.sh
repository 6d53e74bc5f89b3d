# SPDX-License-Identifier: Apache-2.0
# bare - the test of a container that no daemon knows, from its start to the evidence: a script
# that sources it has set $runtime to runc or crun.
# shellcheck shell=bash
. "${TOP:-$(dirname "${BASH_SOURCE[0]}")/../..}/tests/tap.sh"
. "$TOP/tests/lib/container.sh"
. "$TOP/tests/lib/evidence.sh"
[ "$(id -u)" = 0 ] || skip_all "not root"
runtime=${runtime:?}
for tool in "$runtime" busybox jq umoci skopeo openssl zstd python3 cc; do
	command -v "$tool" >/dev/null || skip_all "$tool is not installed"
done
container_trap
work=$(container_scratch) || skip_all "no disk for layers"
container_atexit rm -rf "$work"
id=e2e-$runtime-$$
secret=hunter2-$(cat /proc/sys/kernel/random/uuid)

container_rootfs "$work/c/lower" && container_plant "$work/c/lower" || exit 1
container_overlay "$work/c" 2>"$work/err" || skip_all "no overlay here: $(cat "$work/err")"
mkdir "$work/vol"
container_bundle "$work/b" "$work/c/merged" /bin/planted
# shellcheck disable=SC2016 # jq's
container_edit "$work/b" '.process.env += ["API_TOKEN=" + $secret] | .mounts += [
	{destination: "/tmpfs", type: "tmpfs", source: "tmpfs", options: ["nosuid"]},
	{destination: "/vol", type: "bind", source: $vol, options: ["rbind", "rw"]}]' \
	--arg secret "$secret" --arg vol "$work/vol"
container_run "$runtime" "$id" "$work/b" 2>"$work/err" ||
	skip_all "$runtime cannot run a container here: $(cat "$work/err")"
pid=$(container_pid "$runtime" "$id")
ok "the container did its work" wait_until test -e "/proc/$pid/root/run/ready"

like "list shows it" "$("$TAPHOS" list --json)" "^\{\"id\":\"$id\",.*\"runtime\":\"$runtime\",.*\"state\":\"running\",\"pid\":$pid,"
"$TAPHOS" collect --container "$id" --profile filesystem --output "$work/first.tar.zst" \
	>/dev/null 2>"$work/err" || fail "a first run" "$(cat "$work/err")"
evidence_collect "$work/running" "$id"
evidence_quiet "$pid"
evidence_sealed ""
tar --zstd -xOf "$work/first.tar.zst" --wildcards '*/filesystem/diff.tar' >"$work/first.tar"
is "the first run changed no access time" \
	"$(python3 "$TOP/tests/lib/tree.py" atimes "$tree/filesystem/diff.tar")" \
	"$(python3 "$TOP/tests/lib/tree.py" atimes "$work/first.tar")"
if package=$(dpkg-query -S "$(command -v "$runtime")" 2>/dev/null); then
	is "the node's $runtime, its version as the package manager has it" \
		"$(jq -r --arg name "$runtime" '.host.container_runtimes[] | select(.name == $name) |
			.package | "\(.name) \(.version)"' "$tree/begin.json")" \
		"$(dpkg-query -W -f '${Package} ${Version}' "${package%%:*}")"
fi
evidence_processes "/proc/$pid/root"
evidence_secrets "$secret"
evidence_stores "dropped in memory"
like "the host's folder is listed, not read" "$(cat "$tree/volumes/mounts.json")" \
	"\"point\":\"/vol\",\"kind\":\"bind\",.*\"source\":\"$work/vol\".*\"policy\":\"list\""
evidence_layer "$work" "$work/c/lower" "$work/c/merged"
is "the rows say the same as the layer" \
	"$(python3 "$TOP/tests/lib/tree.py" rows "$tree/filesystem/diff.jsonl" |
		grep -v planted.sock)" "$(cat "$work/changes")"

container_kill "$runtime" "$id"
wait_until sh -c "! kill -0 $pid"
evidence_collect "$work/exited" "$id" 3
evidence_sealed "not_present /dev, not_present /dev/shm, not_present /tmpfs"
like "inspect says why a dumper did not run" "$("$TAPHOS" inspect "$bundle")" \
	"process  skipped: the container is not running"
is "ended: the same layer" "$(evidence_listing "$tree")" "$(evidence_listing "$work"/running/x/*)"
evidence_secrets "$secret"
done_testing
