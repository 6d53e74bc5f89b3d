#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The layer of a real overlay: what tar, umoci and skopeo make of it is the merged tree.
. "${TOP:-$(dirname "$0")/../..}/tests/tap.sh"
[ "$(id -u)" = 0 ] || skip_all "needs root"
[ -n "${LAYER_NS:-}" ] || LAYER_NS=1 exec unshare -m --propagation private bash "$0"
cd "$TMPDIR" || exit 1
dumprun=$BUILD/tests/tools/dumprun
[ -x "$dumprun" ] || skip_all "needs 'make tools'"

mkdir fs && mount -t tmpfs tmpfs fs && cd fs || exit 1
mkdir lower upper work m lower/{etc,dir,dir/sub,keep}
echo root >lower/etc/passwd
echo gone >lower/etc/gone
echo old >lower/dir/old
echo deep >lower/dir/sub/deep
echo keep >lower/keep/file
mount -t overlay overlay -o lowerdir=lower,upperdir=upper,workdir=work m ||
	skip_all "overlayfs on tmpfs is not possible here"

# what a busy container does
echo more >>m/etc/passwd
rm m/etc/gone
rm -r m/dir && mkdir m/dir && echo new >m/dir/new
mkdir -p m/new/a && ln m/etc/passwd m/new/hard && ln -s /etc/shadow m/new/soft
mkfifo m/new/fifo && mknod m/new/dev c 1 5
truncate -s 10M m/new/sparse && printf x | dd of=m/new/sparse bs=1 seek=5000000 conv=notrunc status=none
printf x >m/new/$'a\nb|c\xff'
long=$(printf 'n%.0s' {1..120})
mkdir -p "m/$long/$long/$long" && echo long >"m/$long/$long/$long/$long"
chown 3000000:3000001 m/new/a
touch -d '1965-01-02 03:04:05.678901234' m/new/soft -h
touch -d '2300-01-02 03:04:05.5' m/new/a
setfattr -n trusted.mine -v value m/new/a
setcap cap_net_raw+ep m/new/sparse 2>/dev/null || : # libcap2-bin is not everywhere

ok "collect" "$dumprun" -u upper -l lower filesystem out
layer=out/filesystem/diff.tar
ok "GNU tar lists it without a word" test -z "$(tar tf $layer 2>&1 >/dev/null)"
mkdir x && tar -C x --warning=no-timestamp --xattrs --xattrs-include='*' -xf $layer
is "sparse file by tar" "$(sha256sum <x/new/sparse)" "$(sha256sum <m/new/sparse)"
is "attributes by tar" "$(getfattr --only-values -n trusted.mine x/new/a)" value
is "large owner" "$(stat -c %u:%g x/new/a)" 3000000:3000001
is "times before 1970 and after 2262 or so" "$(stat -c %y x/new/soft x/new/a)" \
	"$(stat -c %y m/new/soft m/new/a)"
is "a hard link" "$(stat -c %h x/etc/passwd)" 2
is "not a block more than planned" "$(($(stat -c %s $layer) % 512))" 0

kinds() { # as 'docker diff' prints it
	jq -r 'select(.path != "/" and .change != "unchanged" and (.path | test("^[ -~]{1,100}$"))) |
		({added: "A", modified: "C", deleted: "D"}[.change]) + " " + .path' \
		out/filesystem/diff.jsonl | sort
}
is "A, C and D" "$(kinds)" "A /dir/new
A /new
A /new/a
A /new/dev
A /new/fifo
A /new/hard
A /new/soft
A /new/sparse
C /dir
C /etc
C /etc/passwd
D /dir/old
D /dir/sub
D /etc/gone"
is "digests" "$(jq -r 'select(.path == "/new/sparse").sha256' out/filesystem/diff.jsonl)" \
	"$(sha256sum <m/new/sparse | cut -d' ' -f1)"

if command -v umoci >/dev/null; then
	umoci init --layout img && umoci new --image img:base >/dev/null
	tar -C lower -cf base.tar .
	umoci raw add-layer --image img:base base.tar
	ok "umoci takes it" umoci raw add-layer --image img:base $layer
	ok "umoci unpacks it" umoci unpack --image img:base un
	is "and has the merged tree" \
		"$(diff -r --no-dereference m un/rootfs 2>&1 | grep -v 'fifo while\|special file')" ""
	if command -v skopeo >/dev/null; then
		ok "skopeo makes an archive for docker load" \
			skopeo copy -q oci:img:base docker-archive:da.tar:t:1
	else
		skip "docker archive" "needs skopeo"
	fi
else
	skip "OCI tools" "needs umoci"
fi
if command -v mactime >/dev/null; then
	like "mactime reads the bodyfile" "$(mactime -b out/timeline/bodyfile.txt -d 2>&1)" \
		'/etc/gone \(deleted\)'
else
	skip "bodyfile" "needs sleuthkit"
fi
umount m
done_testing
