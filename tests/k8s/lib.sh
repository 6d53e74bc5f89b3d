# SPDX-License-Identifier: Apache-2.0
# lib - the real Kubernetes that the tests here ask. A script sources it after tap.sh:
#
#   k8s_up       brings it up, or skips all; $work is a folder, kubectl and kbns (env.sh) are there
#   k8s_server   the process of the API server
#
# One that ran before stays; another is taken down at the end.
# shellcheck shell=bash
. "$TOP/tests/lib/container.sh"
# shellcheck source=tests/k8s/env.sh
. "$TOP/tests/k8s/env.sh"

k8s_up() {
	[ "$(id -u)" = 0 ] || skip_all "not root"
	local binary
	for binary in kube-apiserver kube-controller-manager kube-scheduler kubelet kubectl; do
		[ -x "$KBBIN/$binary" ] || skip_all "no Kubernetes is built here: make check-k8s does it"
	done
	container_trap
	work=$(container_scratch) || skip_all "no disk for bundles"
	container_atexit rm -rf "$work"
	mkfifo "$work/hold"
	if ! timeout 5 kubectl get --raw /readyz >/dev/null 2>&1; then
		container_atexit "$TOP/tests/k8s/down.sh"
		KB_REAL=1 timeout 200 "$TOP/tests/k8s/up.sh" >"$work/up" 2>&1 ||
			skip_all "it does not start here: $(tail -n 1 "$work/up")"
		. "$TOP/tests/k8s/env.sh"
	fi
	# the crashing one has crashed once, the other was killed
	WAIT=60 wait_until sh -c 'kubectl -n shop get pod oom -o jsonpath="{.status.containerStatuses[0].state}" |
		grep -q OOMKilled' || :
	WAIT=60 wait_until sh -c 'kubectl -n shop get pod crasher -o jsonpath="{.status.containerStatuses[0].restartCount}" |
		grep -q "[1-9]"' || :
}

k8s_server() {
	cat "$KBRUN/kube-apiserver.pid"
}
