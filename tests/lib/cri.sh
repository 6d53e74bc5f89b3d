# SPDX-License-Identifier: Apache-2.0
# cri - orders to a containerd that serves pods, as a kubelet gives them. After engine.sh, with the
# tools made:
#
#   cri_order METHOD FIELD...    prints the id that the answer begins with (fields: protobuf.py)
#   cri_sandbox DIR NAME UID     sets cri_sandbox to the fields of a pod of the namespace shop, on
#                                the node's network, which needs no CNI; its logs are in DIR/logs
#   cri_ask ARG...               what it answers (askcri)
# shellcheck shell=bash disable=SC2154,SC2034

cri_ask() {
	"$BUILD/tests/tools/askcri" "$engine_containerd_socket" "$@"
}

cri_order() {
	python3 "$TOP/tests/lib/protobuf.py" "${@:2}" |
		cri_ask raw "/runtime.v1.RuntimeService/$1" | tail -c +3
}

cri_sandbox() {
	mkdir -p "$1/logs"
	cri_sandbox=('1{' "1:$2" "2:$3" 3:shop '}' "3:$1/logs" '6{' 1:app 2:web '}'
		'8{' '2{' '1{' '1=2' '}' '}' '}')
}
