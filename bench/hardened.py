#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the hardening set costs: `vidra replay` as it is built, and built with -O2 alone, in turn on one capture.

usage: hardened.py BUILD [--rounds N] [--packets N]

BUILD is the hardened one; the plain one is made in build-plain beside it with Debian's own defaults for hardening switched off. Figures are
CPU seconds net of the start (of a 20,000-packet cut); goal: at most 8 % more."""
import argparse
import pathlib
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from running import cost, cut, learned, middle, root, site  # noqa: E402

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("build")
parser.add_argument("--rounds", type=int, default=7)
parser.add_argument("--packets", type=int, default=2_000_000)
options = parser.parse_args()
build, plain = (root / options.build).resolve(), root / "build-plain"
if not (plain / "build.ninja").exists():
    subprocess.run(["meson", "setup", plain, "-Dhardening=false", "-Dtests=false", "-Dbench=false", "-Ddebug=false", "-Dcpp_args=-g1 -fno-stack-protector -fcf-protection=none"],
                   cwd=root, check=True, stdout=subprocess.DEVNULL)
if subprocess.run(["ninja", "-C", plain, "daemon/tool/vidra"], stdout=subprocess.DEVNULL).returncode:
    sys.exit("the plain build fails: ninja -C build-plain daemon/tool/vidra")

folder = pathlib.Path(tempfile.mkdtemp(prefix="vidra-hardened-", dir="/var/tmp"))
try:
    mix, declared = folder / "mix.pcap", folder / "site.toml"
    cost([build / "bench/load/mix", mix, options.packets])
    declared.write_text(site(1000))
    memory, _ = learned(build / "daemon/tool/vidra", mix, folder)
    short = cut(mix, 20_000, folder / "short.pcap")
    taken = {"hardened": [], "plain": []}
    for _ in range(options.rounds):
        for name, at in (("hardened", build), ("plain", plain)):
            command = [at / "daemon/tool/vidra", "replay", "--config", declared, "--memory", memory]
            taken[name].append(cost(command + [mix]).cpu - cost(command + [short]).cpu)
    for name, seconds in taken.items():
        print(f"{name:<10}{middle(seconds) / (options.packets - 20_000) * 1e9:>8.1f} ns a packet ({min(seconds) / (options.packets - 20_000) * 1e9:.1f} to {max(seconds) / (options.packets - 20_000) * 1e9:.1f})")
    more = [a / b - 1 for a, b in zip(taken["hardened"], taken["plain"])]
    print(f"goal: hardened ≤ 8 % more: {middle(more):+.1%} ({min(more):+.1%} to {max(more):+.1%}): {'reached' if middle(more) <= 0.08 else 'MISSED'}")
finally:
    shutil.rmtree(folder)
