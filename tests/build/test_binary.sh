#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# test_binary - what the linker made: static, hardened, small, with nothing in it that does not
# belong there.
set -u
. "$(dirname "$0")/../tap.sh"

[ -e "$TAPHOS" ] || skip_all "no $TAPHOS yet"
full=$TAPHOS.debug
headers=$(readelf -hlW "$TAPHOS")
dynamic=$(readelf -dW "$TAPHOS")
symbols=$(nm "$full")

like 'position independent' "$headers" 'Type: +DYN'
unlike 'no interpreter' "$headers" 'INTERP'
unlike 'no shared library needed' "$dynamic" 'NEEDED'
like 'RELRO' "$headers" 'GNU_RELRO'
like 'BIND_NOW' "$dynamic" 'BIND_NOW|FLAGS.* NOW|Flags:.* NOW'
like 'a stack that is not executable' "$headers" 'GNU_STACK .* RW +0x'
unlike 'no segment both writable and executable' "$headers" 'LOAD .* RWE'
unlike 'no text relocations' "$dynamic" 'TEXTREL'
like 'stack protector' "$symbols" ' __stack_chk_fail$'
like 'FORTIFY' "$symbols" ' __(sn?printf|memcpy|read|vsnprintf)_chk$'
if [ "$(uname -m)" = x86_64 ]; then
	# all that is ours; libraries of the distribution are as it built them
	missing=$(for object in "$BUILD"/collector/*.o "$BUILD"/collector/*/*.o "$BUILD"/dumpers/*.o; do
		readelf -nW "$object" | grep -q 'IBT, SHSTK' || echo "$object"
	done)
	is 'control-flow protection in every object of ours' "$missing" ''
fi
unlike 'no name services' "$symbols" ' (_nss_|__nss_|getaddrinfo|gethostby|getpwnam|getservby|res_send)'
like 'OpenSSL is given our own dlopen' "$symbols" ' __wrap_dlopen$'
unlike 'no C++' "$symbols" ' (_ZN|_ZSt|__cxa_throw|__gxx_personality)'
unlike 'no ICU' "$symbols" ' (ucnv_|u_str|icudt)'
unlike 'no libxml2' "$symbols" ' (xmlParse|xmlNew|xmlFree)'
unlike 'no ACL, lzma, bz2, nettle' "$symbols" ' (acl_get_fd|lzma_code|BZ2_bzRead|nettle_sha256)'

size=$(stat -c %s "$TAPHOS")
ok "at most 8 MB (is $size)" test "$size" -le 8000000
is 'stripped' "$(nm "$TAPHOS" 2>/dev/null)" ''
is 'the symbols beside it are of the same program' \
	"$(readelf -nW "$full" | grep 'Build ID')" "$(readelf -nW "$TAPHOS" | grep 'Build ID')"
like 'it tells its build id' "$("$TAPHOS" version)" \
	"$(readelf -nW "$TAPHOS" | sed -n 's/.*Build ID: //p')"
unlike 'no path of this machine inside' "$(strings "$full")" "$TOP/|taphos/deps/work"
done_testing
