# SPDX-License-Identifier: Apache-2.0
# evidence - collects a container that 'planted' runs in and looks for all it did, with standard
# tools. After tap.sh and container.sh; everything is kept below a folder:
#
#   evidence_collect DIR NAME [EXIT]  keygen, collect; $bundle, $rc (0, or what is expected)
#   evidence_sealed [GAPS]           verify, sha256sum, openssl; extracts to $tree
#   evidence_processes ROOT          the deleted program, the memfd, the listeners
#   evidence_secrets SECRET          is nowhere in the clear
#   evidence_stores TEXT...          such lines are in files of tmpfs and volumes
#   evidence_layer DIR LOWER MERGED  the layer does to LOWER what the container did
#   evidence_listing TREE            what is in a layer, to compare it with another's
#   evidence_quiet PID               nothing of ours is left; the container runs on, unchanged
# shellcheck shell=bash
# shellcheck disable=SC2154 # of tap.sh

evidence_lib=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

# Its state before is for evidence_quiet.
evidence_collect() {
	evidence_dir=$1
	mkdir -p "$1"
	"$TAPHOS" keygen --output "$1/key" >/dev/null
	evidence_mounts=$(grep -cF "$TMPDIR" /proc/self/mountinfo)
	evidence_mark=evidence-$(cat /proc/sys/kernel/random/uuid)
	bundle=$(EVIDENCE=$evidence_mark "$TAPHOS" collect --container "$2" --key "$1/key" \
		--output "$1/x.tar.zst" 2>"$1/err")
	rc=$?
	is "collect: exit, bundle" "$rc $bundle" "${3:-0} $1/x.tar.zst"
	[ "$rc" = "${3:-0}" ] || tap_lines <"$1/err"
}

evidence_sealed() {
	local dir=$evidence_dir out
	out=$("$TAPHOS" verify --key "$dir/key.pub" "$bundle")
	is "verify: exit" $? "$rc"
	like "verify: SEALED" "$out" '^SEALED'
	"$TOP/scripts/verify.sh" "$bundle" "$dir/key.pub" >"$dir/second"
	is "verify.sh, of standard tools, agrees" "$? $(cut -c 1-6 "$dir/second" | head -n 1)" "$rc SEALED"
	mkdir "$dir/x"
	ok "tar --zstd opens it" tar -C "$dir/x" --zstd -xf "$bundle"
	tree=$(echo "$dir"/x/taphos-*)
	is "sha256sum -c SHA256SUMS" "$(cd "$tree" && sha256sum --quiet -c SHA256SUMS 2>&1)" ""
	is "every member is in it, but for its own signature" "$(cd "$tree" && find . -type f \
		! -name SHA256SUMS ! -name SHA256SUMS.sig ! -name signer.pem -printf '%P\n' | sort)" \
		"$(sed 's/^[0-9a-f]* [ *]//' "$tree/SHA256SUMS" | sort)"
	ok "openssl verifies SHA256SUMS" openssl pkeyutl -verify -rawin -pubin \
		-inkey "$dir/key.pub" -in "$tree/SHA256SUMS" -sigfile "$tree/SHA256SUMS.sig"
	is "signer.pem is our key" "$(cat "$tree/signer.pem")" "$(cat "$dir/key.pub")"
	is "the .sha256 beside it" "$(cd "$dir" && sha256sum -c x.tar.zst.sha256)" "x.tar.zst: OK"
	ok "the .sig beside it" openssl pkeyutl -verify -rawin -pubin -inkey "$dir/key.pub" \
		-in "$bundle.sha256" -sigfile "$bundle.sig"
	is "gaps, but for those that are no loss" "$(jq -r '[.gaps[] | select(.kind |
		IN("special_file", "by_profile") | not) | "\(.kind) \(.where)"] | join(", ")' \
		"$tree/manifest.json")" "${1:-}"
	is "JSON files and lines of JSON are JSON" "$(find "$tree" -name '*.json' -o -name '*.jsonl' |
		while read -r file; do jq -e . "$file" >/dev/null 2>&1 || echo "$file"; done)" ""
}

# evidence_pid ARGV: of the process with this command line
evidence_pid() {
	jq -r --arg a "$1" '.processes[] | select((.argv | join(" ")) == $a) | .pid' \
		"$tree/process/tree.json"
}

evidence_socket() { # FILTER: its owners' pids
	jq -r ".sockets[] | select($1) | .owners[].pid" "$tree/network/sockets.json" | sort -u
}

evidence_processes() {
	local root=$1 deleted memfd listener found
	deleted=$(evidence_pid "/tmp/.x/deleted wait")
	memfd=$(evidence_pid "plant wait")
	listener=$(evidence_pid "plant listen")
	is "the tree has all of them" "$(jq '.processes | length' "$tree/process/tree.json")" 4
	is "the deleted program's bytes" "$(sha256sum <"$tree/process/$deleted/exe.bin")" \
		"$(cat "$root/run/deleted.sha256")"
	is "the memfd's bytes" "$(sha256sum <"$tree/process/$memfd/exe.bin")" \
		"$(sha256sum <"$root/bin/plant")"
	is "a file that is deleted and open" "$(find "$tree/process" -path '*/deleted/*' -type f \
		-exec cat {} +)" "written and unlinked"
	is "its program's dossier" "$(tr '\0' ' ' <"$tree/process/$listener/cmdline")" "plant listen "
	is "the TCP listener and who has it" \
		"$(evidence_socket '.protocol == "tcp" and .state == "listen" and .local_port == 4444')" \
		"$listener"
	is "the TCP connection" "$(evidence_socket '.protocol == "tcp" and
		.state == "established" and .remote_port == 4444')" "$listener"
	is "UDP" "$(evidence_socket '.protocol == "udp" and .local_port == 5353')" "$listener"
	is "unix sockets, by path and abstract" "$(evidence_socket '.protocol == "unix"')" "$listener"
	like "they are named" "$(jq -r '.sockets[] | select(.protocol == "unix") | tostring' \
		"$tree/network/sockets.json")" '"/run/planted.sock"'
	found=$(jq -r '.findings[].text' "$tree/manifest.json")
	like "the deleted program is a finding" "$found" \
		"^process $deleted .*deleted program: /tmp/.x/deleted"
	like "the deleted file that is open is one" "$found" "^process .* has 1 deleted file open"
	like "the setuid program is one" "$found" '^/srv/setuid: added program, setuid, of uid 0'
	like "the dropped programs are one" "$found" '^executable files added or modified: .*/srv/setuid'
}

evidence_secrets() {
	is "the secret is nowhere in the clear" "$(grep -rlaF -- "$1" "$tree")" ""
	is "its name is there" "$(grep -rlaF API_TOKEN "$tree" | wc -l | sed 's/[1-9][0-9]*/some/')" some
}

evidence_stores() {
	local found line
	found=$(find "$tree/volumes" -name '*.tar' -exec tar -xOf {} \;)
	for line in "$@"; do
		like "in a mount: $line" "$found" "^$line\$"
	done
}

evidence_listing() {
	tar --full-time -tvf "$1/filesystem/diff.tar" | sort
}

# umoci applies the layer as any runtime does; MERGED is what the container saw.
evidence_layer() {
	local dir=$1 lower=$2 merged=$3
	python3 "$evidence_lib/tree.py" changes "$tree/filesystem/diff.tar" "$lower" >"$dir/changes"
	umoci init --layout "$dir/oci-layer" && umoci new --image "$dir/oci-layer:x" >/dev/null 2>&1
	tar -C "$lower" --xattrs --format=pax -cf "$dir/lower.tar" .
	umoci raw add-layer --image "$dir/oci-layer:x" "$dir/lower.tar"
	ok "umoci takes the layer" umoci raw add-layer --image "$dir/oci-layer:x" \
		"$tree/filesystem/diff.tar"
	ok "umoci unpacks it" umoci unpack --image "$dir/oci-layer:x" "$dir/unpacked"
	python3 "$evidence_lib/tree.py" list "$dir/unpacked/rootfs" >"$dir/unpacked.list"
	python3 "$evidence_lib/tree.py" list "$merged" >"$dir/merged.list"
	is "that is the container's root, to the last xattr" \
		"$(diff "$dir/merged.list" "$dir/unpacked.list")" ""
	is "an empty xattr, that no layer can hold, is in the rows" "$(jq -r 'select(.path == "/srv/a/xattr") |
		.xattrs[] | select(.value_b64 == "") | .name' "$tree/filesystem/diff.jsonl")" user.empty
	ok "skopeo takes the image" skopeo --insecure-policy copy -q "oci:$dir/oci-layer:x" \
		"docker-archive:$dir/layered.tar:layered:latest"
}

evidence_quiet() {
	ok "the container still runs" kill -0 "$1"
	unlike "it is not stopped" "$(cat "/proc/$1/stat")" '^[0-9]+ \(.*\) [tTX] '
	is "no process of ours is left" "$(grep -laF "$evidence_mark" /proc/[0-9]*/environ 2>/dev/null)" ""
	is "no mount is left" "$(grep -cF "$TMPDIR" /proc/self/mountinfo)" \
		"$evidence_mounts"
	is "no file but the bundle is left" "$(cd "$evidence_dir" && find . -maxdepth 1 -name 'x.tar*' |
		sort | tr '\n' ' ')" "./x.tar.zst ./x.tar.zst.sha256 ./x.tar.zst.sig "
}
