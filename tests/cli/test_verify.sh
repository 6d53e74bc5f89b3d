#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# taphos verify and inspect, and scripts/verify.sh beside them, on bundles good and malformed.
. "${TOP:-$(dirname "$0")/../..}/tests/tap.sh"
cd "$TMPDIR" || exit 1
verify_sh=$TOP/scripts/verify.sh

mkdir kit
"$BUILD/tests/unit/test_verify" --write kit || skip_all "no test_verify"

# what only a reader that holds the writer to its dialect sees
dialect=" no_checksum no_size padded_too_long pax_linkpath pax_twice "
while read -r name verdict code; do
	out=$("$TAPHOS" verify "kit/$name.tar.zst" 2>&1)
	is "$name: exit" "$?" "$code"
	is "$name: verdict" "$(head -n 1 <<<"$out" | grep -o '^[A-Z]*')" "$verdict"
	[[ $dialect == *" $name "* ]] && continue
	out=$("$verify_sh" "kit/$name.tar.zst" 2>&1)
	is "$name: verify.sh" "$? $(grep -o '^[A-Z]*' <<<"${out%%:*}" | head -n 1)" "$code $verdict"
done <kit/list

is "each line fits 80 columns" "$("$TAPHOS" verify kit/partial.tar.zst | awk 'length > 80')" ""

# every kind of cut, with both
size=$(stat -c %s kit/good.tar.zst)
for n in 0 1 3 4 17 300 600 800 1000 $((size - 600)) $((size - 90)) $((size - 1)); do
	head -c "$n" kit/good.tar.zst >part
	a=$("$TAPHOS" verify part | grep -o '^[A-Z]*' | head -n 1)
	b=$("$verify_sh" part | grep -o '^[A-Z]*' | head -n 1)
	is "cut at $n: both say the same" "$a" "$b"
	like "cut at $n: never SEALED, never BAD" "$a" "^(INTERRUPTED|NOTHING)$"
done
for n in 5 200 400 700 760 900 1200 $((size - 700)) $((size - 500)) $((size - 20)); do
	cp kit/good.tar.zst flip
	byte=$(tail -c "+$((n + 1))" flip | head -c 1 | od -An -tu1)
	# shellcheck disable=SC2059 # an octal escape
	printf "\\$(printf %o $((byte ^ 16)))" | dd of=flip bs=1 seek="$n" conv=notrunc 2>/dev/null
	"$TAPHOS" verify flip >out
	is "bit of byte $n flipped: exit" $? 7
	"$verify_sh" flip >out
	is "bit of byte $n flipped: verify.sh" $? 7
done

# the key
out=$("$TAPHOS" verify --key kit/key.pem kit/good.tar.zst)
is "the right key: exit" $? 0
unlike "the right key is trusted" "$out" UNTRUSTED
like "without a key: says so" "$("$TAPHOS" verify kit/good.tar.zst)" "UNTRUSTED KEY"
"$TAPHOS" keygen -o other >/dev/null
out=$("$TAPHOS" verify --key other.pub kit/good.tar.zst)
is "another key: exit" $? 7
like "another key: says whose it is" "$out" "signed by another key: [0-9a-f]{64}"
"$verify_sh" kit/good.tar.zst other.pub >out
is "another key: verify.sh" $? 7
unlike "the right key: verify.sh" "$("$verify_sh" kit/good.tar.zst kit/key.pem)" UNTRUSTED
err=$("$TAPHOS" verify --key /etc/hostname kit/good.tar.zst 2>&1)
is "no key at all: exit" $? 1
like "no key at all" "$err" "not a public key"

# what lies beside it
cp kit/good.tar.zst side.tar.zst
sha256sum side.tar.zst >side.tar.zst.sha256
ok "the .sha256 beside it fits" "$TAPHOS" verify side.tar.zst
cp kit/partial.tar.zst side.tar.zst
out=$("$TAPHOS" verify side.tar.zst)
is "it does not: exit" $? 7
like "it does not" "$out" "\.sha256 beside it"
head -c 900 kit/good.tar.zst >side.tar.zst
out=$("$TAPHOS" verify side.tar.zst)
is "a copy that lost its end: exit" $? 3
like "a copy that lost its end: says so" "$out" "end was lost"
cp kit/good.tar.zst side.tar.zst
head -c 64 /dev/zero >side.tar.zst.sig
"$TAPHOS" verify side.tar.zst >out
is "a .sig of somebody else" $? 7

# from anywhere, by anybody
"$TAPHOS" verify - <kit/good.tar.zst >out
is "stdin, a file" $? 0
# shellcheck disable=SC2002 # a pipe is the point
cat kit/good.tar.zst | "$TAPHOS" verify - >out
is "stdin, a pipe" $? 0
chmod 755 "$TMPDIR" kit
chmod 644 kit/good.tar.zst
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
	cp "$TAPHOS" kit/taphos
	setpriv --reuid=65534 --regid=65534 --clear-groups kit/taphos verify kit/good.tar.zst >out 2>&1
	is "as nobody" "$?" 0
else
	skip "as nobody" "needs root and setpriv"
fi
err=$("$TAPHOS" verify nothere 2>&1)
is "no file: exit" $? 1
like "no file" "$err" "^taphos: nothere: No such file"
like "a folder" "$("$TAPHOS" verify . 2>&1)" "is a directory"
"$TAPHOS" verify kit/good.tar.zst >/dev/full 2>err
is "stdout is full: exit" $? 1

# JSON
"$TAPHOS" verify --json kit/partial.tar.zst >json
is "JSON: exit" $? 3
ok "JSON: what it holds" jq -e '.verdict == "SEALED" and .exit == 3 and .trusted == false and
	.seals == 2 and .file_bytes == .sealed_bytes and (.members | length) == 7 and
	.manifest.gap_counts.unreadable == 1 and .bad == null' json
"$TAPHOS" verify --json kit/wrong_digest.tar.zst >json
ok "JSON: BAD" jq -e '.verdict == "BAD" and .exit == 7 and .bad.member == "a" and .bad.offset == 0' json
"$TAPHOS" verify --json kit/cut_member.tar.zst >json
ok "JSON: INTERRUPTED" jq -e '.verdict == "INTERRUPTED" and .cut.authentic == 1024' json
"$TAPHOS" verify --json nothere >json 2>/dev/null
ok "JSON: an error" jq -e '.verdict == null and .error' json

# inspect
out=$("$TAPHOS" inspect kit/partial.tar.zst)
is "inspect: exit" $? 3
like "inspect: the target" "$out" "^  name +web$"
like "inspect: a member" "$out" "^ +3 B  process/tree.json$"
like "inspect: gaps by kind" "$out" "unreadable 1"
like "inspect: findings, escaped" "$out" '^  a \\x1b\[31mfinding$'
like "inspect: gaps, escaped" "$out" '^  unreadable: \\x00$'
"$TAPHOS" inspect --json kit/partial.tar.zst >json
ok "inspect: JSON" jq -e '.begin.target.id == "c0ffee" and .findings == ["a \u001b[31mfinding"]' json
is "inspect: one member" "$("$TAPHOS" inspect kit/good.tar.zst process/tree.json 2>err)" "{}"
like "inspect: says that the key is not trusted" "$(cat err)" UNTRUSTED
"$TAPHOS" inspect --key kit/key.pem kit/good.tar.zst SHA256SUMS >sums 2>err
is "inspect: SHA256SUMS, exit" $? 0
is "inspect: nothing to say" "$(cat err)" ""
tar -xf kit/good.tar.zst
ok "sha256sum agrees" sh -c 'cd taphos-*/ && sha256sum -c SHA256SUMS'
ok "openssl agrees" sh -c 'cd taphos-*/ && openssl pkeyutl -verify -pubin -inkey signer.pem -rawin -in SHA256SUMS -sigfile SHA256SUMS.sig'
err=$("$TAPHOS" inspect kit/good.tar.zst proces/tree.json 2>&1)
is "no such member: exit" $? 1
like "no such member: the near one" "$err" "did you mean 'process/tree.json'"
"$TAPHOS" inspect kit/cut_member.tar.zst logs/0 >out 2>err
is "a member that was cut: exit" $? 3
is "a member that was cut: what is authentic" "$(stat -c %s out)" 1024
done_testing
