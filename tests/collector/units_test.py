#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The systemd units are free of mistakes and closed: `systemd-analyze verify` says nothing, the exposure stays small.

usage: units_test.py UNIT…"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

if not shutil.which("systemd-analyze"):
    print("skipped: no systemd-analyze")
    sys.exit(77)

most_exposed = 25   # of 100, as systemd counts: 2.5
failures = 0
with tempfile.TemporaryDirectory() as folder:
    for path in map(pathlib.Path, sys.argv[1:]):
        text = path.read_text()
        # The programs are not installed where the test runs; everything else stays as it is.
        copy = pathlib.Path(folder) / path.name
        copy.write_text(re.sub(r"(?m)^(Exec\w+=)\S+", r"\1/bin/true", text))
        verify = subprocess.run(["systemd-analyze", "verify", "--man=no", str(copy)], capture_output=True, text=True)
        if verify.returncode or verify.stderr or verify.stdout:   # it exits 0 even for keys it does not know
            failures += 1
            print(f"FAILED: {path.name}: {verify.stderr}{verify.stdout}")
        security = subprocess.run(["systemd-analyze", "security", "--offline=true", f"--threshold={most_exposed}", str(copy)], capture_output=True, text=True)
        if security.returncode:
            failures += 1
            print(f"FAILED: {path.name}: {security.stdout[-400:]}{security.stderr}")
        else:
            print(path.name, security.stdout.strip().splitlines()[-1].strip())
        for wanted in ["Type=notify", "WatchdogSec=", "Restart=on-failure", "NoNewPrivileges=yes"]:
            if wanted not in text:
                failures += 1
                print(f"FAILED: {path.name} has no {wanted}")
        # A long rebuild of the index is no failed start, and a journal that cannot be read now is not asked for every two seconds.
        for wanted in ["TimeoutStartSec=infinity", "RestartSec=10", "StartLimitIntervalSec=0"] if "collector" in path.name else []:
            if wanted not in text:
                failures += 1
                print(f"FAILED: {path.name} has no {wanted}")
        capabilities = re.search(r"(?m)^CapabilityBoundingSet=(.*)$", text).group(1)
        if capabilities != ("CAP_NET_RAW" if "sensor" in path.name else ""):
            failures += 1
            print(f"FAILED: {path.name} may {capabilities}")
    # The test can fail: a misspelt key is noticed.
    broken = pathlib.Path(folder) / "vidra-broken.service"
    broken.write_text("[Service]\nExecStart=/bin/true\nWatchdogSecs=3\n")
    if not subprocess.run(["systemd-analyze", "verify", "--man=no", str(broken)], capture_output=True).stderr:
        failures += 1
        print("FAILED: a misspelt key was not noticed")
sys.exit(1 if failures else 0)
