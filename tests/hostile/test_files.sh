#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Trees made to hang, flood, confuse or lead astray whoever reads them.
. "${TOP:-$(dirname "$0")/../..}/tests/tap.sh"
[ "$(id -u)" = 0 ] || skip_all "needs root"
[ -n "${FILES_NS:-}" ] || FILES_NS=1 exec unshare -m --propagation private bash "$0"
cd "$TMPDIR" || exit 1
dumprun=$BUILD/tests/tools/dumprun
[ -x "$dumprun" ] || skip_all "needs 'make tools'"
mkdir fs && mount -t tmpfs -o size=2g,nr_inodes=1m tmpfs fs && cd fs || exit 1

run() { # OUT ARGS...: in bounded time and memory
	local out=$1
	shift
	timeout -s KILL 60 "$dumprun" "$@" filesystem "$out" >"$out.log" 2>&1
}
memory() { # in MiB, at its highest
	sed -n 's/.* \([0-9]*\) KiB,.*/\1/p' "$1.log" | awk '{ print int($1 / 1024) }'
}
row() { # OUT JQ-FILTER
	jq -c "$2" "$1/filesystem/diff.jsonl"
}

# --- special files are never opened
mkdir special
mkfifo special/fifo
mknod special/watchdog c 10 130
mknod special/disk b 8 0
mknod special/ptmx c 5 2
if command -v strace >/dev/null; then
	timeout -s KILL 60 strace -f -e trace=open,openat,openat2 -o trace "$dumprun" -u special \
		filesystem special.out >special.out.log 2>&1
	is "fifo and devices: collected" $? 0
	is "and not even looked at with open" "$(grep -c 'fifo\|watchdog\|disk\|ptmx' trace)" 0
else
	skip "special files" "needs strace"
fi

# --- links to the host
echo HOSTSECRET >"$TMPDIR/host-file"
mkdir -p links/dir
ln -s "$TMPDIR/host-file" links/absolute
ln -s ../../host-file links/relative
ln -s /proc/self/root/etc/shadow links/magic
ln -s / links/dir/root
ok "links to the host: collected" run links.out -u links
is "no byte of the host" "$(grep -rac HOSTSECRET links.out | grep -v ':0$')" ""
is "their targets are rows" "$(row links.out 'select(.path == "/magic").target')" \
	'"/proc/self/root/etc/shadow"'

# --- a storm of renames: directory, link to the host, back
mkdir -p storm/d storm/still
for i in $(seq 200); do echo "$i" >"storm/still/$i"; done
echo mine >storm/d/passwd
ln -s /etc storm/e
# exchanges the two names as fast as it can
python3 - storm <<'PY' &
import ctypes, os, sys, time
libc = ctypes.CDLL(None)
fd = os.open(sys.argv[1], os.O_RDONLY)
end = time.time() + 20
while time.time() < end:
    libc.syscall(316, fd, b"d", fd, b"e", 2)
PY
storm=$!
lost=0
for i in $(seq 20); do
	run storm.out -u storm || lost=$((lost + 1))
	[ "$(row storm.out 'select(.path | startswith("/still/")) | .sha256' | grep -c .)" = 200 ] ||
		lost=$((lost + 1))
	grep -raq "root:x:0" storm.out && lost=$((lost + 100))
	rm -rf storm.out
done
kill $storm
is "20 runs in a rename storm: nothing still is lost, nothing of the host comes in" "$lost" 0

# --- enormous and sparse
mkdir sparse
truncate -s 8191P sparse/big && printf hidden | dd of=sparse/big bs=1 seek=4P conv=notrunc status=none
ok "8 EiB: collected" run sparse.out -u sparse
is "its only extent is there" "$(grep -c hidden sparse.out/filesystem/diff.tar)" 1

# --- deep, wide, many names for one file
python3 - <<'PY'
import os
def chain(name, n, comb):
    os.mkdir(name)
    fd = os.open(name, os.O_RDONLY)
    for i in range(n):
        os.mkdir("d" * 100, dir_fd=fd)
        if comb:
            os.mkdir("e", dir_fd=fd)
        below = os.open("d" * 100, os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = below
    os.close(os.open("bottom", os.O_CREAT | os.O_WRONLY, dir_fd=fd))
os.mkdir("deep"); os.chdir("deep")
chain("chain", 20000, False); chain("comb", 10000, True)
os.chdir(".."); os.mkdir("wide"); os.chdir("wide")
for i in range(100000):
    os.close(os.open("f%d" % i, os.O_CREAT | os.O_WRONLY))
os.chdir(".."); os.mkdir("links2"); os.chdir("links2")
with open("one", "wb") as f: f.write(b"x" * (1 << 20))
for i in range(30000): os.link("one", "l%d" % i)
PY
ok "20,000 directories deep: collected" run deep.out -u deep
is "the file at the bottom too" "$(row deep.out 'select(.name == "bottom") | .stored' | sort | uniq -c |
	awk '{ print $1, $2 }')" '2 "aside"'
ok "100,000 names in one directory: collected" run wide.out -u wide
is "all of them" "$(grep -c . wide.out/filesystem/diff.jsonl)" 100001
ok "30,000 names for one file: collected" run links2.out -u links2
is "stored once" "$(row links2.out 'select(.stored and (has("link_to") | not)) | .size' | grep -c 1048576)" 1
for out in deep wide links2; do
	ok "memory of $out stays below 32 MiB ($(memory $out.out))" test "$(memory $out.out)" -lt 32
done

# --- names
mkdir names
touch names/$'new\nline' names/$'\e[31mred' names/$'\xff\xfe' -- names/-rf 'names/..;' \
	"names/$(printf 'x%.0s' {1..255})"
ok "hostile names: collected" run names.out -u names
ok "every row is JSON" jq -es 'length == 7' names.out/filesystem/diff.jsonl
is "no row has a control character" "$(grep -Pc '[\x00-\x08\x0b-\x1f]' names.out/filesystem/diff.jsonl)" 0
is "nor the bodyfile" "$(grep -Pac '[\x00-\x08\x0b-\x1f]' names.out/timeline/bodyfile.txt)" 0
is "bytes that are no text are exact" "$(row names.out 'select(.path_b64).path_b64')" '"L//+"'

# --- attributes
mkdir attributes
touch attributes/many
python3 - <<'PY'
import os
try:
    for i in range(3000):
        os.setxattr("attributes/many", "user.%0200d" % i, b"v" * 300)
except OSError:
    pass
os.setxattr("attributes/many", "trusted.k=v%", b"\0\1\n")
PY
ok "a flood of attributes: collected" run attributes.out -u attributes
ok "and tar reads the layer" tar tf attributes.out/filesystem/diff.tar
is "what cannot be listed is a gap" "$(row attributes.out 'select(.path == "/many").gap')" \
	'"over_budget"'
# ... and hides no meaning
mkdir -p flood/lower/dir flood/upper flood/work flood/m && touch flood/lower/dir/old
if mount -t overlay overlay -o lowerdir=flood/lower,upperdir=flood/upper,workdir=flood/work flood/m; then
	rm -r flood/m/dir && mkdir flood/m/dir
	python3 - <<'PY'
import os
try:
    for i in range(3000):
        os.setxattr("flood/upper/dir", "user.%0200d" % i, b"")
except OSError:
    pass
PY
	ok "an opaque directory under a flood: collected" run flood.out -u flood/upper -l flood/lower
	is "is still opaque" "$(row flood.out 'select(.path == "/dir").opaque')" true
	umount flood/m
else
	skip "opaque under a flood" "needs overlayfs on tmpfs"
fi

# --- a lease that is not given back
mkdir lease
echo leased >lease/file
python3 -c 'import fcntl, time
f = open("lease/file", "r+"); fcntl.fcntl(f, fcntl.F_SETLEASE, fcntl.F_WRLCK)
import signal; signal.signal(signal.SIGIO, signal.SIG_IGN); print(flush=True); time.sleep(30)' >leased &
lease=$!
while [ ! -s leased ]; do sleep 0.05; done
ok "a lease: collected" timeout -s KILL 5 "$dumprun" -u lease filesystem lease.out
is "as a gap" "$(row lease.out 'select(.path == "/file").gap')" '"unreadable"'
kill $lease
done_testing
