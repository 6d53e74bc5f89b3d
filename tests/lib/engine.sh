# SPDX-License-Identifier: Apache-2.0
# engine - a containerd and a dockerd of one's own, for tests: their data, state and sockets lie
# below a folder of the test, and what they started ends with it. After container.sh:
#
#   engine_containerd DIR [IMAGE]  starts containerd; engine_ctr is its client, in the namespace
#                                $engine_namespace (e2e). With IMAGE it serves CRI, for pods on
#                                the node's network whose sandboxes are of that image.
#   engine_dockerd DIR [ARG...]  starts dockerd on it; engine_docker is its client
#   engine_kill NAME             kills 'dockerd' or 'containerd' as a crash would
#   engine_image DIR ROOT NAME [ARG...]  ROOT as the image NAME of containerd and, if it runs,
#                                docker; ARG: 'umoci config' has them
#
# Where a daemon cannot start they print why and fail: tests skip with that.
# shellcheck shell=bash

declare -A engine_pid

engine_ctr() {
	ctr -a "$engine_containerd_socket" -n "${engine_namespace:-e2e}" "$@"
}

engine_docker() {
	docker -H "unix://$engine_docker_socket" "$@"
}

engine_start() { # DIR NAME COMMAND...: in the background, told apart by its pid
	local dir=$1 name=$2
	shift 2
	"$@" >"$dir/$name.log" 2>&1 &
	engine_pid[$name]=$!
	container_atexit engine_stop "$name"
}

engine_stop() {
	engine_gone "$1" && return
	kill "${engine_pid[$1]}"
	WAIT=20 wait_until engine_gone "$1" || kill -9 "${engine_pid[$1]}"
}

engine_gone() {
	! kill -0 "${engine_pid[$1]}" 2>/dev/null
}

engine_kill() {
	kill -9 "${engine_pid[$1]}"
	wait "${engine_pid[$1]}" 2>/dev/null
	return 0
}

engine_why() { # DIR NAME
	echo "$2 does not start: $(grep -iE 'fail|error' "$1/$2.log" | tail -n 1 | cut -c 1-300)"
	return 1
}

# Shims live on when containerd dies, and containers when their shims do; a shim is a child of
# init that works below DIR.
engine_end_shims() {
	local pid child
	for pid in $(pgrep -f "^[^ ]*containerd-shim.* -address $1/containerd.sock"); do
		for child in $(pgrep -P "$pid"); do
			kill -9 "$child"
		done
		kill -9 "$pid"
	done
}

engine_unmount() { # DIR: the deepest first
	awk -v dir="$1/" 'index($5, dir) == 1 { print $5 }' /proc/self/mountinfo | tac |
		while read -r point; do umount -l "$point"; done
}

engine_cri() { # DIR IMAGE: its part of the configuration
	[ -n "$2" ] || { echo 'disabled_plugins = ["io.containerd.grpc.v1.cri"]'; return; }
	cat <<-END
		[plugins."io.containerd.grpc.v1.cri"]
		  sandbox_image = "$2"
		  restrict_oom_score_adj = true
		  tolerate_missing_hugetlb_controller = true
		  stream_server_address = "127.0.0.1"
		  [plugins."io.containerd.grpc.v1.cri".cni]
		    bin_dir = "$1/cni"
		    conf_dir = "$1/cni"
	END
}

engine_containerd() {
	local dir=$1
	engine_containerd_socket=$dir/containerd.sock
	cat >"$dir/containerd.toml" <<-END
		version = 2
		root = "$dir/containerd"
		state = "$dir/containerd-state"
		$(engine_cri "$dir" "${2:-}")
		[grpc]
		  address = "$dir/containerd.sock"
		[plugins."io.containerd.internal.v1.opt"]
		  path = "$dir/opt"
	END
	container_atexit engine_unmount "$dir"
	container_atexit engine_end_shims "$dir"
	engine_start "$dir" containerd containerd --config "$dir/containerd.toml"
	WAIT=20 wait_until engine_ctr version 2>/dev/null || engine_why "$dir" containerd
}

engine_dockerd() { # DIR [ARG...]
	local dir=$1
	engine_docker_socket=$dir/docker.sock
	echo '{}' >"$dir/daemon.json"
	engine_start "$dir" dockerd dockerd --config-file "$dir/daemon.json" --data-root "$dir/docker" \
		--exec-root "$dir/docker-run" --pidfile "$dir/docker.pid" -H "unix://$dir/docker.sock" \
		--containerd "$dir/containerd.sock" --iptables=false --bridge=none "${@:2}"
	WAIT=30 wait_until engine_docker version 2>/dev/null || engine_why "$dir" dockerd
}

engine_image() {
	tar -C "$2" --xattrs -cf "$1/image-root.tar" . &&
		umoci init --layout "$1/oci" && umoci new --image "$1/oci:$3" &&
		umoci raw add-layer --image "$1/oci:$3" "$1/image-root.tar" || return
	[ $# = 3 ] || umoci config --image "$1/oci:$3" "${@:4}" || return
	skopeo --insecure-policy copy -q "oci:$1/oci:$3" "docker-archive:$1/image.tar:$3:latest" || return
	engine_ctr image import --digests "$1/image.tar" || return
	[ -z "${engine_docker_socket:-}" ] || engine_docker load -i "$1/image.tar"
}
