#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The image: the same bytes each time, and what loads it runs the program in it.
. "${TOP:-$(dirname "$0")/../..}/tests/tap.sh"
. "$TOP/tests/lib/container.sh"
. "$TOP/tests/lib/engine.sh"
for tool in jq skopeo; do
	command -v "$tool" >/dev/null || skip_all "$tool is not installed"
done
container_trap
work=$(container_scratch) || skip_all "no disk for layers"
container_atexit rm -rf "$work"
ref=localhost/taphos:e2e
version=$("$TAPHOS" version --json | jq -r .version)

image() { # OUT [BINARY]
	"$TOP/scripts/image" "${2:-$TAPHOS}" "$ref" "$1"
}
ok "an image" image "$work/image.tar"
ok "again, with another umask and zone" env TZ=Asia/Tokyo sh -c "umask 077; sleep 1.1; exec \"\$@\"" - \
	"$TOP/scripts/image" "$TAPHOS" "$ref" "$work/again.tar"
ok "bit-identical" cmp "$work/image.tar" "$work/again.tar"
not_ok "no image of what is no program" image "$work/none.tar" "$TOP/README.md"
is "nothing is left of that" "$(ls "$work")" "$(printf '%s\n' again.tar image.tar)"

for kind in oci-archive docker-archive; do
	inspect=$(skopeo inspect --config "$kind:$work/image.tar" 2>&1)
	is "skopeo reads it as $kind" "$(jq -r '"\(.os)/\(.architecture) \(.config.Entrypoint[0])"' <<<"$inspect")" \
		"linux/$(dpkg --print-architecture) /bin/taphos"
done
ok "skopeo copies it, every digest checked" \
	skopeo --insecure-policy copy -q "oci-archive:$work/image.tar" "dir:$work/copied"
layer=$(jq -r '.layers[0].digest | ltrimstr("sha256:")' "$work/copied/manifest.json")
mkdir "$work/root" && tar -C "$work/root" -xpf "$work/copied/$layer"
ok "the program is the one that was built" cmp "$work/root/bin/taphos" "$TAPHOS"
ok "the profiles" diff -r "$TOP/profiles" "$work/root/usr/share/taphos/profiles"
is "no more than that" "$(cd "$work/root" && find . ! -type d | grep -v profiles/ | sort)" \
	"$(printf '%s\n' ./bin/taphos ./usr/share/taphos/LICENSE)"

arm=$BUILD-arm64/taphos
if [ -x "$arm" ]; then
	image "$work/arm.tar" "$arm" >/dev/null
	is "of arm64" "$(skopeo --override-arch arm64 inspect --config "oci-archive:$work/arm.tar" | jq -r .architecture)" arm64
else
	skip "of arm64" "no $arm: make check builds it"
fi

if [ "$(id -u)" != 0 ] || ! command -v containerd >/dev/null; then
	skip "containerd" "not root, or not installed"
	done_testing
fi
if engine_containerd "$work" >"$work/why"; then
	ok "containerd imports it" engine_ctr images import "$work/image.tar"
	is "by its name" "$(engine_ctr images ls -q)" "$ref"
	like "and runs it" "$(engine_ctr run --rm "$ref" "image-$$" /bin/taphos version 2>&1)" "$version"
else
	skip "containerd" "$(cat "$work/why")"
fi
if command -v dockerd >/dev/null && engine_dockerd "$work" >"$work/why"; then
	like "docker loads it" "$(engine_docker load -i "$work/image.tar" 2>&1)" "Loaded image: $ref"
	like "and runs it" "$(engine_docker run --rm --network none "$ref" version 2>&1)" "$version"
	like "by its bare name too" \
		"$(engine_docker run --rm --network none --entrypoint taphos "$ref" version 2>&1)" "$version"
else
	skip "docker" "$(cat "$work/why")"
fi
done_testing
