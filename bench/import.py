#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How long `vidra import scd` takes for a large engineering file, made of the tests' own by repeating its devices.

usage: import.py BUILD [MEGABYTES]      (20 without)
"""
import pathlib
import re
import resource
import subprocess
import sys
import tempfile

root = pathlib.Path(__file__).resolve().parent.parent
build = root / sys.argv[1]
size = int(float(sys.argv[2]) * 1e6) if len(sys.argv) > 2 else 20_000_000
text = (root / "tests/site/alder.scd").read_text()
devices = re.findall(r"[ \t]*<IED .*?</IED>\n", text, re.S)
places = re.findall(r"[ \t]*<ConnectedAP .*?</ConnectedAP>\n", text, re.S)
copies = size // sum(map(len, devices + places)) + 1


def numbered(parts, n):
    """The n-th copy of the devices, or of their places in the network: other names, addresses and multicast groups."""
    out = "".join(parts)
    for name in re.findall(r"<IED [^>]*name=\"([^\"]*)\"", "".join(devices)):
        out = out.replace(f'"{name}"', f'"{name}N{n}"')
    out = re.sub(r'(<P type="IP"[^>]*>)[^<]*', lambda m: f"{m.group(1)}10.{n >> 12 & 255}.{n >> 4 & 255}.{(n & 15) * 16 + 1}", out)
    return out


whole = text.replace(devices[-1], devices[-1] + "".join(numbered(devices, n) for n in range(1, copies)))
whole = whole.replace(places[-1], places[-1] + "".join(numbered(places, n) for n in range(1, copies)))
with tempfile.TemporaryDirectory() as name:
    big, site = pathlib.Path(name) / "big.scd", pathlib.Path(name) / "site.toml"
    big.write_text(whole)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([build / "daemon/tool/vidra", "import", "scd", big, "-o", site], stderr=subprocess.PIPE, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    for line in done.stderr.splitlines():
        if "host" in line and "conversation" in line:
            print(line)
    print(f"{big.stat().st_size / 1e6:.1f} MB, {len(devices) * copies} devices: {after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime:.2f} s, "
          f"{after.ru_maxrss / 1024:.0f} MB, exit status {done.returncode}")
    sys.exit(done.returncode)
