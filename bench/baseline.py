#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Instructions a packet of the whole pipeline and of each stage, beside those of bench/baseline.json.

usage: baseline.py VIDRA MIX [--write]

Fails when one has grown by more than 3 % (and by more than two instructions: the smallest stage has a few dozen). When the growth is
meant, --write puts today's figures there; say in the commit what is bought with them. As a test it prints TAP."""
import argparse
import json
import pathlib
import shutil
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from instructions import FLOWS, LONG, built_with, measured  # noqa: E402

root = pathlib.Path(__file__).resolve().parent.parent
kept_in = root / "bench/baseline.json"
allowed = 1.03
parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("vidra")
parser.add_argument("mix")
parser.add_argument("--write", action="store_true", help="renew bench/baseline.json")
options = parser.parse_args()


def skip(why):
    print(f"1..0 # SKIP {why}")
    sys.exit(0)


kept = json.loads(kept_in.read_text()) if kept_in.exists() else None
if not shutil.which("valgrind"):
    skip("no valgrind")
built = built_with(options.vidra)
if isinstance(built, str):
    skip(built)
if not options.write:
    if not kept:
        skip("no bench/baseline.json; bench/baseline.py VIDRA MIX --write makes one")
    other = [f"{kept['built'][k]} there, {built[k]} here" for k in built if kept["built"].get(k) != built[k]]
    if other:
        skip("bench/baseline.json was counted with another compiler, library or processor: " + "; ".join(other))

folder = pathlib.Path(tempfile.mkdtemp(prefix="vidra-instructions-"))
try:
    now = measured(options.vidra, options.mix, folder)
finally:
    shutil.rmtree(folder)
if options.write:
    if len(now) < 2:
        sys.exit("this build has no line numbers, so the stages cannot be told apart: meson configure BUILD -Dcpp_args=-g1")
    kept_in.write_text(json.dumps({"what": f"instructions a packet of vidra replay, {LONG:,} packets of bench/load/mix over {FLOWS} flows, net of the start; renew: bench/baseline.py VIDRA MIX --write",
                                   "built": built, "instructions": {k: round(v, 1) for k, v in now.items()}}, indent=2) + "\n")
    for name, n in now.items():
        before = kept and kept["instructions"].get(name)
        print(f"{name:<12}{n:>9.1f}" + (f"  ({(n / before - 1) * 100:+.1f} %)" if before else ""))
    sys.exit(0)

failed = 0
gates = {name: n for name, n in now.items() if name != "else"}   # what no room called is one to four, by chance; the whole has it too
print(f"1..{len(gates)}")
for number, (name, n) in enumerate(gates.items(), 1):
    before = kept["instructions"][name]
    grown = n > before * allowed and n > before + 2
    failed += grown
    print(f"{'not ok' if grown else 'ok'} {number} - {name}: {n:.1f} instructions a packet, {before:.1f} in bench/baseline.json ({(n / before - 1) * 100:+.1f} %)")
    if grown:
        print("# what has it bought? When it is meant: python3 bench/baseline.py VIDRA MIX --write")
sys.exit(1 if failed else 0)
