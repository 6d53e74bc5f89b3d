#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# test_reproducible - the same source gives the same program, wherever and whenever it is built;
# a build outside the tree leaves the tree alone; what is installed can be removed.
# timeout: 900
set -u
. "$(dirname "$0")/../tap.sh"
cd "$TOP" || exit 1
[ -e "$TAPHOS" ] || skip_all "no $TAPHOS yet"

copy() { # DIR: the tree as git would give it, with what is new in it
	mkdir -p "$1"
	git ls-files -z --cached --others --exclude-standard | tar -c --null --ignore-failed-read -T - 2>/dev/null |
		tar -x -C "$1"
	scripts/version >"$1/.version"
}
build() { # DIR ARGUMENT...
	make -s -C "$1" -j"$(nproc)" "${@:2}" all
}

copy "$TMPDIR/one"
copy "$TMPDIR/a folder/of another/depth"
ln -s "$TMPDIR/a folder/of another/depth" "$TMPDIR/two"
ok 'it builds from a copy without git' build "$TMPDIR/one"
sleep 1.1
ok 'it builds in another folder' build "$TMPDIR/two"
ok 'both are bit-identical' cmp "$TMPDIR/one/build/taphos" "$TMPDIR/two/build/taphos"
ok '... with their symbols too' cmp "$TMPDIR/one/build/taphos.debug" "$TMPDIR/two/build/taphos.debug"
like 'it bears the version of the tree' "$("$TMPDIR/one/build/taphos" version)" "$(scripts/version)"

before=$(cd "$TMPDIR/one" && find . -path ./build -prune -o -print | sort)
rm -rf "$TMPDIR/one/build"
ok 'it builds outside the tree' build "$TMPDIR/one" O="$TMPDIR/elsewhere"
is 'the tree is as it was' "$(cd "$TMPDIR/one" && find . -path ./build -prune -o -print | sort)" "$before"
ok 'it is the same program' cmp "$TMPDIR/elsewhere/taphos" "$TMPDIR/two/build/taphos"

log=$(make -s -C "$TMPDIR/one" O="$TMPDIR/elsewhere" all)
is 'nothing is made again when nothing changed' "$log" ''
log=$(make -s -C "$TMPDIR/one" O="$TMPDIR/elsewhere" CFLAGS='-O2 -g -DOTHER' all)
like 'other flags make everything again' "$log" 'CC  collector/base/err.c'
touch "$TMPDIR/one/include/hash.h"
log=$(make -s -C "$TMPDIR/one" O="$TMPDIR/elsewhere" CFLAGS='-O2 -g -DOTHER' all)
like 'a changed header makes its users again' "$log" 'CC  collector/base/hash.c'
unlike '... and nothing else' "$log" 'CC  collector/base/err.c'

make=(make -s -C "$TMPDIR/two" DESTDIR="$TMPDIR/root" PREFIX=/opt/t)
ok 'it installs' "${make[@]}" install
ok 'the installed program runs' "$TMPDIR/root/opt/t/bin/taphos" version
ok 'it uninstalls' "${make[@]}" uninstall
is 'no file is left' "$(find "$TMPDIR/root" ! -type d)" ''
ok 'clean' make -s -C "$TMPDIR/one" O="$TMPDIR/elsewhere" clean
ok '... removes what was built' test ! -e "$TMPDIR/elsewhere"
like 'help lists the targets' "$(make -s help)" '^check +install what'
done_testing
