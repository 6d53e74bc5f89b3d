#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# verify.sh - verifies a bundle (docs/BUNDLE.md) without taphos: with sha256sum, openssl, zstd,
# GNU tar and grep. A second reading of the format, for whoever does not want to trust ours.
#
#	scripts/verify.sh BUNDLE [PUBLIC.pem]
#
# Says SEALED, INTERRUPTED, NOTHING or BAD and ends with 0 (SEALED, complete), 3 or 7 like
# 'taphos verify'; 1: it could not work. It does not hold the writer to the dialects of tar and
# zstd that the format prescribes, as 'taphos verify' does.
# shellcheck disable=SC2015,SC2016,SC2194 # conditions in a row; TAR_FILENAME is tar's; prefixes
set -u
LC_ALL=C
export LC_ALL
bundle=${1:?usage: verify.sh BUNDLE [PUBLIC.pem]}
key=${2-}
[ -f "$bundle" ] && [ -r "$bundle" ] || {
	echo "verify.sh: $bundle: not a file that can be read" >&2
	exit 1
}
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM

bytes=$(($(wc -c <"$bundle")))
good=0 # bytes that seals cover, them included
seq=0
prev=0000000000000000000000000000000000000000000000000000000000000000
tar_bytes=0
run='' signer='' final=false

finish() { # VERDICT EXIT WORDS
	echo "$1${3:+: $3}"
	echo "  authentic up to byte $good of $bytes, $seq seals"
	[ -z "$signer" ] || [ -n "$key" ] ||
		echo "  UNTRUSTED KEY: compare its fingerprint $(fingerprint)"
	exit "$2"
}
bad() { finish BAD 7 "$1"; }

part() { # OFFSET LENGTH: these bytes of the bundle
	tail -c "+$(($1 + 1))" "$bundle" | head -c "$2"
}
hex() { od -An -v -tx1 | tr -d ' \n'; }
little() { # HEX, at most 4 bytes, low one first
	set -- "$1" 0 0
	while [ -n "$1" ]; do
		set -- "${1#??}" $(($2 + (0x${1%"${1#??}"} << $3))) $(($3 + 8))
	done
	echo "$2"
}
unhex() {
	set -- "$1" ""
	while [ -n "$1" ]; do
		set -- "${1#??}" "$2\\$(printf %o "0x${1%"${1#??}"}")"
	done
	# shellcheck disable=SC2059 # octal bytes, nothing else
	printf "$2"
}
fingerprint() { unhex "$signer" | sha256sum | cut -c1-64; }
zeros_from() { # OFFSET: is there something from here on, and all of it zero?
	[ "$1" -lt "$bytes" ] && [ "$(tail -c "+$(($1 + 1))" "$bundle" | tr -d '\0' | head -c 1 | wc -c)" -eq 0 ]
}

# ---- one seal

form='^{"seal":1,"run":"\([0-9TZ]*-[0-9a-f]*\)","seq":\([0-9]*\),"offset":\([0-9]*\),"length":\([0-9]*\)'
form=$form',"sha256":"\([0-9a-f]*\)","prev":"\([0-9a-f]*\)","tar_offset":\([0-9]*\),"tar_length":\([0-9]*\)'
fields='\1 \2 \3 \4 \5 \6 \7 \8'
form2='^.*","boot_ns":[0-9]*,"final":\([a-z]*\),"signer":"\([0-9a-f]*\)"}$'

# Parses the payload of $2 bytes at offset $1 into s_*; fails when it is no seal.
parse() {
	part "$1" "$2" >"$dir/payload"
	[ "$(wc -l <"$dir/payload")" -eq 2 ] || return 1
	head -n 1 "$dir/payload" | tr -d '\n' >"$dir/line"
	sed 1d "$dir/payload" | base64 -d >"$dir/sig" 2>/dev/null || return 1
	[ "$(wc -c <"$dir/sig")" -eq 64 ] || return 1
	[ "$(wc -c <"$dir/payload")" -eq $(($(wc -c <"$dir/line") + 90)) ] || return 1
	# shellcheck disable=SC2046 # words without blanks
	set -- $(sed -n "s/$form.*/$fields/p" "$dir/line") $(sed -n "s/$form2/\1 \2/p" "$dir/line")
	[ $# -eq 10 ] && [ ${#1} -eq 33 ] && [ ${#2} -lt 19 ] && [ ${#3} -lt 19 ] && [ ${#4} -lt 19 ] &&
		[ ${#7} -lt 19 ] && [ ${#8} -lt 19 ] && [ ${#10} -eq 64 ] || return 1
	s_run=$1 s_seq=$2 s_offset=$3 s_length=$4 s_sha=$5 s_prev=$6 s_tar=$7 s_tarlen=$8 s_final=$9
	shift 9
	s_signer=$1
}
signature_fits() {
	{
		echo '-----BEGIN PUBLIC KEY-----'
		unhex "302a300506032b6570032100$s_signer" | base64
		echo '-----END PUBLIC KEY-----'
	} >"$dir/key.pem"
	openssl pkeyutl -verify -pubin -inkey "$dir/key.pem" -rawin -in "$dir/line" \
		-sigfile "$dir/sig" >/dev/null 2>&1
}
key_fits() {
	openssl pkey -pubin -in "$key" -pubout -out "$dir/given.pem" 2>/dev/null || {
		echo "verify.sh: $key: not a public key" >&2
		exit 1
	}
	cmp -s "$dir/given.pem" "$dir/key.pem"
}

# The seal whose payload begins at $1, when it is the one that must come next: checks it and
# moves on. 1: it is something else.
take() {
	at=$(($1 - 8))
	[ "$at" -ge "$good" ] || return 1
	[ "$(part "$at" 4 | hex)" = 5a2a4d18 ] || return 1
	n=$(little "$(part $((at + 4)) 4 | hex)")
	[ "$n" -le 2048 ] && [ $((at + 8 + n)) -le "$bytes" ] || return 1
	parse "$1" "$n" || return 1
	[ $((s_offset + s_length)) -eq "$at" ] && [ "$s_seq" -eq "$seq" ] && [ "$s_prev" = "$prev" ] || return 1
	signature_fits || bad "offset $at: a seal whose signature does not fit"
	[ -z "$key" ] || key_fits || bad "signed by another key"
	[ "$seq" -eq 0 ] || { [ "$s_signer" = "$signer" ] && [ "$s_run" = "$run" ]; } ||
		bad "offset $at: a seal of another run or signer"
	[ "$s_offset" -eq "$good" ] || bad "offset $at: a seal out of its place"
	[ "$(part 0 "$at" | sha256sum | cut -c1-64)" = "$s_sha" ] ||
		bad "offset $good: the bytes are not those that were sealed"
	[ "$s_length" -gt 0 ] || [ "$s_final" = true ] || bad "offset $at: a seal over nothing"
	[ "$s_tar" -eq "$tar_bytes" ] || bad "offset $at: another range of the tar"
	[ "$s_length" -eq 0 ] ||
		[ "$(part "$good" "$s_length" | zstd -dcq 2>/dev/null | wc -c)" -eq "$s_tarlen" ] ||
		bad "offset $good: another range of the tar, or not zstd"
	run=$s_run signer=$s_signer final=$s_final
	prev=$(sha256sum <"$dir/payload" | cut -c1-64)
	tar_bytes=$((tar_bytes + s_tarlen))
	seq=$((seq + 1))
	good=$((at + 8 + n))
}

# ---- what is behind the last seal

sense() { # WHERE: no frame or seal there; zeros to the end are what a crash leaves
	zeros_from "$1" && return 0
	bad "offset $1: neither a frame nor a seal"
}
cut_seal() { # OFFSET
	[ $(($1 + 8)) -le "$bytes" ] || return 0
	n=$(little "$(part $(($1 + 4)) 4 | hex)")
	if [ "$n" -eq 0 ]; then
		sense $(($1 + 4))
		return 0
	fi
	[ "$n" -le 2048 ] || bad "offset $1: a seal of another length"
	part $(($1 + 8)) "$n" >"$dir/payload"
	if [ $(($1 + 8 + n)) -le "$bytes" ]; then
		# all of it is there, and it was not good: unless its end is zeros
		n=$(tr '\0' '\n' <"$dir/payload" | sed '/^$/d' | wc -c)
		[ "$n" -lt "$(wc -c <"$dir/payload")" ] && zeros_from $(($1 + 8 + n)) && return 0
		bad "offset $1: a seal that is not good"
	fi
	start=$(head -c 17 "$dir/payload")
	case '{"seal":1,"run":"' in
	"$start"*) ;;
	*) bad "offset $1: a seal that is not in its form" ;;
	esac
	[ "$(wc -l <"$dir/payload")" -eq 0 ] || [ "$n" -eq $(($(head -n 1 "$dir/payload" | wc -c) + 89)) ] ||
		bad "offset $1: a seal that is not in its form"
	return 0
}
# Walks the blocks of the frame at $1; sets next to its end, or to nothing when it is cut.
walk_frame() {
	next=''
	head=$(part "$1" 18 | hex)
	[ ${#head} -ge 10 ] || return 0
	fd=$((0x$(printf %.2s "${head#????????}")))
	[ $((fd & 0x0b)) -eq 0 ] && [ $((fd & 4)) -ne 0 ] || sense $(($1 + 5))
	case $((fd >> 6)) in
	0) size=1 ;;
	1) size=2 ;;
	2) size=4 ;;
	*) size=8 ;;
	esac
	p=$(($1 + 5 + size + ((fd & 0x20) == 0)))
	limit=$(($1 + 4227072))
	while :; do
		[ $((p + 3)) -le "$bytes" ] || return 0
		b=$(little "$(part "$p" 3 | hex)")
		len=$((b >> 3))
		if [ $((b & 7)) -eq 0 ] && [ "$len" -eq 0 ] || [ $((b >> 1 & 3)) -eq 3 ] ||
			[ "$len" -gt 131072 ] || [ "$p" -gt "$limit" ]; then
			sense "$p"
			return 0
		fi
		[ $((b >> 1 & 3)) -ne 1 ] || len=1
		p=$((p + 3 + len + (b & 1) * 4))
		[ "$p" -le "$bytes" ] || return 0
		[ $((b & 1)) -eq 0 ] || break
	done
	next=$p
}
look_at_tail() {
	at=$good
	while [ "$at" -lt "$bytes" ]; do
		case $(part "$at" 4 | hex) in
		5a2a4d18)
			cut_seal "$at"
			return
			;;
		28b52ffd)
			walk_frame "$at"
			[ -n "$next" ] || return 0
			at=$next
			;;
		5a | 5a2a | 5a2a4d | 28 | 28b5 | 28b52f) return ;;
		*)
			sense "$at"
			return
			;;
		esac
	done
}
is_ours() { # no seal: at least the first bytes of the tar must be ours
	[ "$(part 0 4 | hex)" = 28b52ffd ] || return 0
	start=$(zstd -dcq <"$bundle" 2>/dev/null | head -c 7 | tr -d '\0')
	case taphos- in
	"$start"*) ;;
	*) bad "not a taphos bundle" ;;
	esac
}

# ---- the members of a finished bundle

untar() { part 0 "$good" | zstd -dcq | tar "$@" 2>"$dir/tar.err"; }
member() { untar -xOf - "taphos-$run/$1"; }
check_members() {
	untar -tvf - >"$dir/types" || bad "not a tar: $(head -n 1 "$dir/types")"
	! grep -qv '^-' "$dir/types" || bad "a member that is not a regular file"
	[ "$(part 0 "$good" | zstd -dcq | tail -c 1024 | tr -d '\0' | wc -c)" -eq 0 ] || bad "the tar has no end"
	untar -tf - >"$dir/names"
	! grep -Eqv "^taphos-$run(/[A-Za-z0-9._][A-Za-z0-9._-]*)+\$" "$dir/names" || bad "a name that is not safe"
	! grep -Eq '/\.\.?(/|$)' "$dir/names" || bad "a name that is not safe"
	[ -z "$(sort "$dir/names" | uniq -d)" ] || bad "a second member of this name: $(sort "$dir/names" | uniq -d | head -n 1)"
	[ "$(sed -n 1p "$dir/names")" = "taphos-$run/begin.json" ] || bad "begin.json is not first"
	[ "$(tail -n 4 "$dir/names" | sed 's|.*/||' | tr '\n' ' ')" = "manifest.json SHA256SUMS SHA256SUMS.sig signer.pem " ] ||
		bad "the last members are not those that they must be"
	untar -xf - --to-command='printf "%s  %s\n" "$(sha256sum | cut -c1-64)" "${TAR_FILENAME#*/}"' >"$dir/sums"
	head -n -3 "$dir/sums" >"$dir/want"
	member SHA256SUMS >"$dir/SHA256SUMS"
	cmp -s "$dir/want" "$dir/SHA256SUMS" ||
		bad "SHA256SUMS does not fit: $(diff "$dir/SHA256SUMS" "$dir/want" | sed -n 2p)"
	member SHA256SUMS.sig >"$dir/sig"
	openssl pkeyutl -verify -pubin -inkey "$dir/key.pem" -rawin -in "$dir/SHA256SUMS" \
		-sigfile "$dir/sig" >/dev/null 2>&1 || bad "SHA256SUMS.sig does not fit"
	member signer.pem | cmp -s - "$dir/key.pem" || bad "signer.pem is another key"
	member begin.json >"$dir/begin"
	grep -q "\"run_id\":\"$run\"" "$dir/begin" && grep -q "\"public_key\":\"$signer\"" "$dir/begin" ||
		bad "begin.json is not of this run and signer"
	member manifest.json >"$dir/manifest"
	sed -n 's/^.*{"name":"\([^"]*\)","dumper":[^{]*"sha256":"\([0-9a-f]*\)".*$/\2  \1/p' "$dir/manifest" |
		grep -v '  begin.json$' | sort >"$dir/rows"
	head -n -1 "$dir/want" | grep -v '  begin.json$' | sort | cmp -s - "$dir/rows" ||
		bad "manifest.json lists other artifacts"
	verdict=$(sed -n 's/^.*"verdict":"\([a-z]*\)".*$/\1/p' "$dir/manifest" | head -n 1)
}

# ---- all of it

grep -abo -F '{"seal":1,"run":"' "$bundle" | cut -d: -f1 >"$dir/seals"
while read -r at; do
	[ "$final" = false ] || break
	take "$at"
done <"$dir/seals"
if [ "$final" = true ]; then
	[ "$good" -eq "$bytes" ] || bad "offset $good: something behind the final seal"
	check_members
	[ "$verdict" = complete ] && finish SEALED 0 complete
	finish SEALED 3 "$verdict"
fi
look_at_tail
[ "$seq" -eq 0 ] || finish INTERRUPTED 3 ""
is_ours
finish NOTHING 3 "no seal"
