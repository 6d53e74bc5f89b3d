#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A container of docker, from its start to the evidence: running, with the daemon dead, ended.
. "${TOP:-$(dirname "$0")/../..}/tests/tap.sh"
. "$TOP/tests/lib/container.sh"
. "$TOP/tests/lib/evidence.sh"
. "$TOP/tests/lib/engine.sh"
[ "$(id -u)" = 0 ] || skip_all "not root"
for tool in dockerd docker containerd busybox jq umoci skopeo openssl zstd python3 cc; do
	command -v "$tool" >/dev/null || skip_all "$tool is not installed"
done
container_trap
work=$(container_scratch) || skip_all "no disk for layers"
container_atexit rm -rf "$work"
name=e2e-docker-$$
secret=hunter2-$(cat /proc/sys/kernel/random/uuid)

container_rootfs "$work/root" && container_plant "$work/root" || exit 1
engine_containerd "$work" >"$work/why" || skip_all "$(cat "$work/why")"
engine_dockerd "$work" >"$work/why" || skip_all "$(cat "$work/why")"
ok "an image" engine_image "$work" "$work/root" planted

inspect() { # NAME TEMPLATE
	engine_docker inspect -f "$2" "$1"
}

# What the image and docker's own files in it are together.
lower() { # NAME DIR
	mkdir "$2" && mount -t overlay overlay -o "ro,lowerdir=$(inspect "$1" '{{.GraphDriver.Data.LowerDir}}')" "$2" &&
		container_atexit umount "$2"
}

changes() { # tree.py's
	python3 "$TOP/tests/lib/tree.py" "$@"
}

why=$(engine_docker run -d --name "$name" --network none --tmpfs /tmpfs -v data:/vol \
	-e "API_TOKEN=$secret" planted:latest /bin/planted 2>&1) ||
	skip_all "docker cannot run a container here: $why"
id=$(inspect "$name" '{{.Id}}')
pid=$(inspect "$name" '{{.State.Pid}}')
merged=$(inspect "$name" '{{.GraphDriver.Data.MergedDir}}')
ok "the container did its work" wait_until test -e "/proc/$pid/root/run/ready"
lower "$name" "$work/lower"

like "list shows it" "$("$TAPHOS" list --json)" "^\{\"id\":\"$id\",\"name\":\"$name\",\"runtime\":\"docker\",.*\"state\":\"running\",\"pid\":$pid,.*\"image\":\"planted:latest\""
evidence_collect "$work/running" "$name"
evidence_quiet "$pid"
evidence_sealed ""
evidence_processes "/proc/$pid/root"
evidence_secrets "$secret"
evidence_stores "dropped in memory" "kept in a volume"
is "log lines" "$(jq -r .log "$tree/logs/json-file/"*.log | grep planted | sort)" \
	"$(printf 'planted: %s\n' all 'line one' 'line two')"
is "its name and image" "$(jq -r '.name + " " + .image' "$tree/runtime/target.json")" \
	"$name planted:latest"

evidence_layer "$work" "$work/lower" "$merged"
changes docker "$engine_docker_socket" "$id" >"$work/docker-diff"
is "the rows are 'docker diff'" "$(changes rows "$tree/filesystem/diff.jsonl")" \
	"$(cat "$work/docker-diff")"
is "the layer is 'docker diff' but for the socket" "$(cat "$work/changes")" \
	"$(grep -v planted.sock "$work/docker-diff")"
ok "docker loads an image with the layer" engine_docker load -i "$work/layered.tar"
engine_docker run -d --name again --network none layered:latest /bin/sleep 1000 >/dev/null
changes list "$(inspect again '{{.GraphDriver.Data.MergedDir}}')" >"$work/loaded.list"
dockers='^\["/(dev|etc|\.dockerenv|dev/console|etc/(hostname|hosts|mtab|resolv\.conf))", '
is "a container of it has the same root, but for what docker makes anew" \
	"$(diff <(grep -vE "$dockers" "$work/merged.list") <(grep -vE "$dockers" "$work/loaded.list"))" ""
engine_docker rm -f again >/dev/null

engine_docker run --name "$name-ended" --network none -e "API_TOKEN=$secret" planted:latest \
	/bin/sh -c 'echo "said before the end"; echo left >/srv/left; rm /etc/removed' >/dev/null
engine_kill dockerd
engine_kill containerd
evidence_collect "$work/orphan" "$name"
evidence_quiet "$pid"
evidence_sealed ""
evidence_processes "/proc/$pid/root"
evidence_secrets "$secret"
evidence_stores "dropped in memory" "kept in a volume"
is "daemons dead: the same changes" "$(changes rows "$tree/filesystem/diff.jsonl")" \
	"$(cat "$work/docker-diff")"

like "list shows the ended one" "$("$TAPHOS" list --json)" "\"name\":\"$name-ended\",\"runtime\":\"docker\",.*\"state\":\"exited\",\"pid\":0"
evidence_collect "$work/ended" "$name-ended"
evidence_sealed ""
is "ended: its changes" "$(changes rows "$tree/filesystem/diff.jsonl")" '["C", "/etc"]
["D", "/etc/removed"]
["C", "/srv"]
["A", "/srv/left"]'
is "ended: log lines" "$(jq -r .log "$tree/logs/json-file/"*.log)" "said before the end"
is "ended: exit code" "$(jq .State.ExitCode "$tree/runtime/config.v2.json")" 0
evidence_secrets "$secret"
done_testing
