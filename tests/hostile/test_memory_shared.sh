#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Processes that have one memory: staged and written once, however many there are.
# shellcheck disable=SC2016,SC2154
# shellcheck source=tests/hostile/memory.sh
. "$(dirname "$0")/memory.sh"
memory_start

SHARED=$((64 << 20))

memory_target share 'run hoard share 30 64'
for freeze in auto never; do
	take share 60 --freeze $freeze
	whole share 0 3
	planted share share hoard
	first=$(number share share)
	is "share, $freeze: the others say whose core has it" "$(cat share.x/memory/[0-9]*.json |
		jq -s --argjson p "$first" 'map(select(.memory == {fate: "elsewhere", pid: $p})) | length')" 30
	is "share, $freeze: it is dumped once" "$(cat share.x/memory/[0-9]*.json |
		jq -s --argjson n $SHARED '(map(.totals.dumped) | add) / $n | floor')" 1
	is "share, $freeze: its bytes count once" "$(jq --argjson n $SHARED \
		'.memory | (.staged_bytes + .live_bytes) / $n | floor' share.x/collector/effects.json)" 1
	lost=$(jq -c '.gaps[] | select(.dumper == "memory" and .kind != "by_profile")' share.x/manifest.json)
	is "share, $freeze: nothing is lost" "$lost" ""
done
take share 60
other=$(grep -l '"memory":{' share.x/memory/*.json | head -n 1)
other=$(basename "$other" .json)
like "share: a debugger finds the registers of the others" \
	"$(ask share "$other" "$BIN/hoard" 'info registers rip pc')" '^[rp][ic]p? +0x[0-9a-f]+'
target_end share
done_testing
