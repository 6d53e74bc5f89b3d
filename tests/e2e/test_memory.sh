#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Cores of real programs, read by gdb and by lldb: threads, registers, calls by name, and every
# planted value at its address; then page by page against the process.
. "${TOP:-$(dirname "$0")/../..}/tests/tap.sh"
. "$TOP/tests/lib/container.sh"

[ "$(id -u)" = 0 ] || skip_all "needs root"
for tool in gdb cc jq zstd python3 unshare; do
	command -v "$tool" >/dev/null || skip_all "needs $tool"
done
sources=$TOP/tests/e2e/memory
work=$TMPDIR
container_trap

# start NAME COMMAND...: in namespaces of its own; its lines in NAME.out, its number in NAME.pid.
# Not in a subshell, as ok is one: nobody would end it
start() {
	local name=$1
	shift
	setsid unshare --pid --fork --mount --mount-proc --ipc --kill-child \
		"$@" >"$work/$name.out" 2>"$work/$name.err" </dev/null &
	launcher=$!
	disown
	container_atexit kill -KILL "$launcher"
	wait_until grep -q ready "$work/$name.out" || return
	pgrep -P "$launcher" | head -n 1 >"$work/$name.pid"
}

# dump NAME: its bundle, opened at NAME/
dump() {
	local name=$1 pid
	pid=$(cat "$work/$name.pid")
	rm -rf "${work:?}/$name" "$work/$name.tar.zst"*
	mkdir -p "$work/$name"
	"$TAPHOS" collect --pid "$pid" --profile "$work/memory.json" --force \
		--output "$work/$name.tar.zst" >"$work/$name.log" 2>&1
	echo $? >"$work/$name.exit"
	tar --zstd -xf "$work/$name.tar.zst" -C "$work/$name" --strip-components=1
}

core() { # NAME
	echo "$work/$1/memory/$(cat "$work/$1.pid").core"
}

# ask NAME PROGRAM COMMAND...: what gdb answers to all of these
ask() {
	local name=$1 program=$2 args=() c
	shift 2
	for c in "$@"; do
		args+=(-ex "$c")
	done
	DEBUGINFOD_URLS='' timeout 60 gdb -nx -batch -iex 'set auto-load off' -ex 'set language c' \
		-ex 'set print elements 0' -ex 'set width 0' "${args[@]}" \
		"$program" "$(core "$name")" 2>&1
}

# planted NAME PROGRAM: everything that it printed is where it said
planted() {
	local name=$1 program=$2 args=() address got
	while read -r address _; do
		[ "$address" = ready ] || args+=("printf \"%s\\n\", (char *)$address")
	done <"$work/$name.out"
	got=$(ask "$name" "$program" "echo ---\\n" "${args[@]}" | sed '1,/^---$/d')
	is "$name: every planted value is at its address" "$got" \
		"$(sed -n 's/^0x[0-9a-f]* //p' "$work/$name.out")"
}

# by_lldb NAME PROGRAM THREADS ERE: another debugger finds so many threads (an ERE), such a call, and
# every planted value. Without Python, which it does not find on Debian, it complains at first.
by_lldb() {
	local name=$1 program=$2 args=() address got want
	if ! command -v lldb >/dev/null; then
		skip "$name: lldb" "lldb is not installed"
		return
	fi
	while read -r address _; do
		[ "$address" = ready ] || args+=(-o "memory read -f s -c 1 $address")
	done <"$work/$name.out"
	got=$(timeout 60 lldb --batch --no-lldbinit -o 'settings set term-width 1000' \
		-o "target create --core $(core "$name") $program" -o 'thread list' \
		-o 'thread backtrace all' -o 'register read pc sp' "${args[@]}" 2>&1 |
		sed 's/^0x0*/0x/')
	like "$name: lldb: threads" "$(grep -c '^[* ] thread #[0-9]*: tid = ' <<<"$got")" "^($3)\$"
	like "$name: lldb: calls by name" "$got" "frame #[0-9]+: .*$4"
	like "$name: lldb: registers" "$got" '^ +(rip|eip|pc) = 0x[0-9a-f]{5,}'
	want=$(sed -n 's/^\(0x[0-9a-f]*\) \(.*\)/\1: "\2"/p' "$work/$name.out")
	is "$name: lldb: every planted value is at its address" \
		"$(grep -xF "$want" <<<"$got" | sort -u)" "$(sort -u <<<"$want")"
}

# compared NAME: nothing may change while it is done
compared() {
	local pid
	pid=$(cat "$work/$1.pid")
	kill -STOP "$pid"
	dump "$1"
	ok "$1: page by page" python3 "$TOP/tests/lib/corecheck.py" "$pid" "$work/$1/memory"
	kill -CONT "$pid"
}

registers() { # NAME PROGRAM
	local got
	# shellcheck disable=SC2016
	got=$(ask "$1" "$2" 'info registers rip rsp pc sp' 'x/i $pc')
	like "$1: registers" "$got" '^(rip|pc) +0x[0-9a-f]{5,}'
	like "$1: code at the program counter" "$got" '^=> 0x'
}

echo '{"name": "memory", "dumpers": {"memory": {}}}' >"$work/memory.json"

# ---- threads, and memory of every sort
flags=(-std=gnu11 -D_GNU_SOURCE -g -O1 -fno-omit-frame-pointer)
ok "threads: built" cc "${flags[@]}" -pthread -o "$work/threads.bin" "$sources/threads.c"
start threads "$work/threads.bin"
ok "threads: runs" grep -q ready "$work/threads.out"
compared threads
# what of a deleted file nobody looked at is not in memory
is "threads: nothing else is missing" "$(cat "$work/threads.exit")
$(jq -r '.gaps[] | "\(.kind) \(.where)"' "$work/threads/manifest.json" | sed 's/, the first.*//')" "3
not_present process $(cat "$work/threads.pid"): 28672 bytes in 2 places"
planted threads "$work/threads.bin"
registers threads "$work/threads.bin"
got=$(ask threads "$work/threads.bin" 'info threads' 'thread apply all bt 30' \
	'p in_data' 'thread 2' 'p in_tls' 'info proc mappings')
is "threads: nine of them" "$(grep -c '^Thread [0-9]* (' <<<"$got")" 9
is "threads: eleven calls deep, each" "$(grep -c ' wait_deep (' <<<"$got")" 99
like "threads: named calls up to main" "$got" ' in main \(\) at '
like "threads: the C library's own data" "$got" 'in start_thread|start_thread \('
like "threads: variables by name" "$got" '= "planted in data'
like "threads: thread-local ones" "$got" '= "planted in tls [0-9]"'
unlike "threads: none without registers" "$got" "find general-purpose registers"
by_lldb threads "$work/threads.bin" 9 '`main at threads\.c'
json=$work/threads/memory/$(cat "$work/threads.pid").json
is "threads: stopped, and for how long" "$(jq '.frozen and .stopped_for_us > 0 and
	.stopped_for_us < 5000000' "$json")" true
is "threads: executable memory is pointed out" \
	"$(jq .finding_counts.executable_anonymous "$json")" 1
like "threads: the files that are mapped" "$(jq -r '.files[] | "\(.name) \(.sha256)"' \
	"$work/threads/memory/files.json")" \
	"^$work/threads.bin $(sha256sum <"$work/threads.bin" | cut -d' ' -f1)\$"
# shellcheck disable=SC2016
ok "threads: readelf has no complaint" sh -c '! readelf -Wlh "$1" 2>&1 | grep -i warning' - \
	"$(core threads)"

# ---- the list alone
"$TAPHOS" collect --pid "$(cat "$work/threads.pid")" --profile "$work/memory.json" --force \
	--memory-maps --output "$work/maps.tar.zst" >"$work/maps.log" 2>&1
is "maps: complete" $? 0
is "maps: no core" "$(tar --zstd -tf "$work/maps.tar.zst" | grep -c '\.core$')" 0
is "maps: every mapping" "$(tar --zstd -xOf "$work/maps.tar.zst" --wildcards \
	"*/memory/$(cat "$work/threads.pid").json" | jq '.mappings | length')" \
	"$(wc -l <"/proc/$(cat "$work/threads.pid")/maps")"

# ---- what CRIU refuses
if cc "${flags[@]}" -o "$work/uring.bin" "$sources/uring.c" && start uring "$work/uring.bin"; then
	dump uring
	planted uring "$work/uring.bin"
	registers uring "$work/uring.bin"
	by_lldb uring "$work/uring.bin" '[0-9]+' '`main at uring\.c'
	like "uring: calls" "$(ask uring "$work/uring.bin" bt)" ' in main \(\) at '
else
	skip "uring" "no io_uring here"
fi

if command -v go >/dev/null; then
	ok "go: built" env GOCACHE="$work/go" GO111MODULE=off HOME="$work" \
		go build -o "$work/go.bin" "$sources/held.go"
	start go "$work/go.bin"
	ok "go: runs" grep -q ready "$work/go.out"
	dump go
	planted go "$work/go.bin"
	registers go "$work/go.bin"
	got=$(ask go "$work/go.bin" 'thread apply all bt' 'info threads')
	like "go: threads" "$got" '^\* 1 .*LWP'
	like "go: calls by name" "$got" 'runtime\.(futex|epollwait|usleep|notetsleep)'
	by_lldb go "$work/go.bin" '[0-9]+' '`runtime\.(futex|epollwait|usleep|notetsleep)'
	is "go: every thread has registers" \
		"$(jq .totals.threads_without_registers "$work"/go/memory/"$(cat "$work/go.pid")".json)" 0
else
	skip "go" "go is not installed"
fi

# ---- a 32-bit program
if as --32 -o "$work/narrow.o" "$sources/narrow.s" && ld -m elf_i386 -o "$work/narrow.bin" \
	"$work/narrow.o" && start narrow "$work/narrow.bin" 2>/dev/null; then
	dump narrow
	is "narrow: nothing is missing" "$(cat "$work/narrow.exit")" 0
	# shellcheck disable=SC2016
	got=$(ask narrow "$work/narrow.bin" 'x/s &planted' 'info registers eip ebx' 'x/i $eip' bt)
	like "narrow: a planted value" "$got" '"planted in 32 bits"'
	like "narrow: registers" "$got" '^ebx +0x4711 '
	like "narrow: where it waits" "$got" '#0 .* in again \(\)'
	by_lldb narrow "$work/narrow.bin" 1 '`again'
	like "narrow: a core of its class" "$(readelf -h "$(core narrow)")" 'Class: +ELF32'
else
	skip "narrow" "no 32-bit programs here"
fi

# ---- interpreters
python=/usr/bin/python3
[ -x "$python" ] || python=$(python3 -c 'import sys; print(sys.executable)')
start python "$python" "$sources/held.py"
dump python
planted python "$(readlink -f "$python")"
got=$(ask python "$(readlink -f "$python")" 'thread apply all bt' 'info threads')
is "python: four threads" "$(grep -c '^Thread [0-9]* (' <<<"$got")" 4
like "python: calls by name" "$got" 'PyEval_EvalCode|_PyEval_EvalFrameDefault|Py_RunMain'
by_lldb python "$(readlink -f "$python")" 4 '(PyEval_EvalCode|_PyEval_EvalFrameDefault|Py_RunMain)'

if command -v rmiregistry >/dev/null; then
	start java sh -c 'echo ready; exec rmiregistry -J-Dplanted=planted.in.java -J-Xmx64m 0'
	sleep 1.5
	dump java
	java=$(readlink -f "$(command -v rmiregistry)")
	got=$(ask java "$java" 'thread apply all bt' 'info threads')
	like "java: its threads" "$(grep -c '^Thread [0-9]* (' <<<"$got")" '^[1-9][0-9]$'
	like "java: calls by name" "$got" 'JavaMain|JavaThread|Monitor::wait|pthread_cond_timedwait'
	ok "java: what it was told" grep -q planted.in.java "$(core java)"
	registers java "$java"
else
	skip "java" "no Java here"
fi

done_testing
