#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# taphos list: a table for people, an array for scripts, nothing of the target unescaped.
. "${TOP:-$(dirname "$0")/../..}/tests/tap.sh"
cd "$TMPDIR" || exit 1
[ "$(id -u)" = 0 ] || skip_all "not root"

# container ID NAME IMAGE: what docker leaves of a stopped one
container() {
	mkdir -p "root/var/lib/docker/containers/$1"
	jq -n --arg id "$1" --arg name "$2" --arg image "$3" '{ID: $id, Name: $name,
		Config: {Image: $image}, State: {Running: false, Pid: 0, ExitCode: 1}}' \
		>"root/var/lib/docker/containers/$1/config.v2.json"
}
mkdir -p root/proc
is "an empty node, for scripts" "$("$TAPHOS" list --host-root root --json)" "[]"
like "an empty node, for people" "$("$TAPHOS" list --host-root root 2>&1)" "^taphos: no containers here"

id=$(printf 'ab%.0s' {1..32})
container "$id" /web "registry.example.com/team/with/a/long/path/application:1.2.3@sha256:$id"
container "$(printf 'cd%.0s' {1..32})" $'/evil\e[31m\nname' $'a\xe2\x80\xaetxt'
container "$(printf 'ef%.0s' {1..32})" "/$(printf 'long%.0s' {1..40})" 漢字漢字

json=$("$TAPHOS" list --host-root root --json)
is "exit" $? 0
ok "an array of objects with all keys" jq -e 'length == 3 and all(.[]; keys_unsorted == ["id", "name",
	"runtime", "namespace", "state", "pid", "pod", "pod_uid", "sandbox", "image", "layer_bytes", "layer_truncated"])' <<<"$json"
is "one on each line" "$(grep -c '^{' <<<"$json")" 3
is "names arrive whole" "$(jq -r '.[] | select(.id | startswith("cd")) | .name' <<<"$json")" \
	$'evil\e[31m\nname'

table=$("$TAPHOS" list --host-root root)
is "a heading and three lines" "$(wc -l <<<"$table")" 4
like "the heading" "$table" '^ID +NAME +RUNTIME +PID +IMAGE'
like "twelve digits of the id" "$table" '^abababababab  web '
like "escapes are shown" "$table" '\\x1b'
is "and not sent" "$(LC_ALL=C grep -c $'\e\|\xe2\x80\xae' <<<"$table")" 0
like "nothing is cut in a pipe" "$table" "^efefefefefef  $(printf 'long%.0s' {1..40})  docker"

"$TAPHOS" list --host-root /nonexistent 2>err
is "wrong host root: exit 1" "$?" 1
like "it is named" "$(cat err)" '^taphos: .*/nonexistent'
cp "$TAPHOS" taphos
chmod 755 . taphos
setpriv --reuid 1000 --regid 1000 --clear-groups ./taphos list 2>err
is "not root: exit 5" "$?" 5
like "the capability is named" "$(cat err)" '^taphos: not permitted: .*CAP_SYS_PTRACE'
done_testing
