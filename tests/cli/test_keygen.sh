#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# taphos keygen: keys that openssl can use, never over an existing file.
. "${TOP:-$(dirname "$0")/../..}/tests/tap.sh"
cd "$TMPDIR" || exit 1

out=$("$TAPHOS" keygen)
is "exit" $? 0
is "private key is the owner's only" "$(stat -c %a taphos.key)" 600
is "public key is for everybody" "$(stat -c %a taphos.key.pub)" 644
fingerprint=$(openssl pkey -pubin -in taphos.key.pub -outform DER | tail -c 32 | sha256sum | cut -d' ' -f1)
like "fingerprint is the SHA-256 of the raw key" "$out" "^fingerprint  $fingerprint$"
is "they belong together" "$(openssl pkey -in taphos.key -pubout)" "$(cat taphos.key.pub)"
echo hello >text
openssl pkeyutl -sign -rawin -inkey taphos.key -in text -out sig
ok "openssl signs and verifies with them" \
	openssl pkeyutl -verify -rawin -pubin -inkey taphos.key.pub -in text -sigfile sig

before=$(sha256sum taphos.key taphos.key.pub)
err=$("$TAPHOS" keygen 2>&1)
is "existing key: exit 1" $? 1
like "it says what to do" "$err" "^taphos: .*taphos.key.*--output"
is "it is untouched" "$(sha256sum taphos.key taphos.key.pub)" "$before"
touch b.pub
not_ok "existing public key" "$TAPHOS" keygen --output b
is "no half of a pair is left" "$(ls b*)" b.pub
ln -s target link
not_ok "a dangling link is not followed" "$TAPHOS" keygen -o link
not_ok "nothing was made behind it" test -e target
not_ok "folder missing" "$TAPHOS" keygen -o no/where
TAPHOS_OUTPUT=elsewhere "$TAPHOS" keygen -o c --json >json
ok "JSON" jq -e '.key == "c" and .public == "c.pub" and (.fingerprint | length) == 64' json
not_ok "TAPHOS_OUTPUT is about bundles" test -e elsewhere
done_testing
