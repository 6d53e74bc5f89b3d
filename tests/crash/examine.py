#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""examine - what is left of a bundle after a crash, by all who may look at it.

    tests/crash/examine.py [--second] BUNDLE

Prints the verdict of 'taphos verify'. Every member that it calls authentic must come out of
'tar --zstd -x' with that digest; --second: scripts/verify.sh must say the same. Exit 1 and
one line when anything disagrees, or when the bundle is BAD.
"""
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile

STATUS = {"SEALED": (0, 3), "INTERRUPTED": (3,), "NOTHING": (3,)}


def digest(path):
    h = hashlib.sha256()
    with open(path, "rb") as f:
        while block := f.read(1 << 20):
            h.update(block)
    return h.hexdigest()


def extracted(bundle, report):
    """What tar makes of it, against what the verifier says."""
    room = tempfile.mkdtemp(dir=os.environ.get("TMPDIR"))
    try:
        tar = subprocess.run(["tar", "--zstd", "-C", room, "-xf", bundle],
                             capture_output=True, check=False)
        if report["verdict"] == "SEALED" and tar.returncode:
            return "tar: " + tar.stderr.decode(errors="replace").strip()
        for member in report["members"]:
            path = os.path.join(room, "taphos-" + report["run_id"], member["name"])
            if not os.path.exists(path):
                return f"tar does not extract {member['name']}"
            if digest(path) != member["sha256"]:
                return f"tar extracts {member['name']} with another digest"
        if report["verdict"] == "SEALED":
            folder = os.path.join(room, "taphos-" + report["run_id"])
            sums = subprocess.run(["sha256sum", "--quiet", "-c", "SHA256SUMS"], cwd=folder,
                                  capture_output=True, check=False)
            if sums.returncode:
                return "SHA256SUMS: " + sums.stdout.decode(errors="replace").strip()
        return ""
    finally:
        shutil.rmtree(room)


def second_opinion(bundle, verdict, status):
    script = os.path.join(os.environ["TOP"], "scripts/verify.sh")
    run = subprocess.run([script, bundle], capture_output=True, check=False)
    said = run.stdout.decode(errors="replace").split("\n")[0]
    if said.split(":")[0] == verdict and run.returncode == status:
        return ""
    return f"verify.sh says {run.returncode} '{said}', taphos {status} '{verdict}'"


def main():
    second = sys.argv[1] == "--second"
    bundle = sys.argv[-1]
    run = subprocess.run([os.environ["TAPHOS"], "verify", "--json", bundle],
                         capture_output=True, check=False)
    if run.returncode not in (0, 3):
        print(f"verify gave {run.returncode}: {(run.stderr or run.stdout).decode(errors='replace')[:300]}")
        return 1
    report = json.loads(run.stdout)
    verdict = report["verdict"]
    if run.returncode not in STATUS.get(verdict, ()):
        print(f"{verdict} with status {run.returncode}")
        return 1
    problem = extracted(bundle, report) if report["members"] else ""
    if not problem and second:
        problem = second_opinion(bundle, verdict, run.returncode)
    print(problem or verdict)
    return bool(problem)


if __name__ == "__main__":
    sys.exit(main())
