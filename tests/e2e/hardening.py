#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""hardening.py UNITS PROGRAM…: what the compiler and linker were asked for is in every program and module, by readelf; and systemd-analyze finds every unit
right, and no more exposed than 2.0. Prints TAP."""
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from programs import Tap  # noqa: E402

tap = Tap()
units, programs = sys.argv[1], sys.argv[2:]


def elf(*words):
    return subprocess.run(["readelf", "-W", *words], capture_output=True, text=True, check=True).stdout


for program in programs:
    name = pathlib.Path(program).name
    head, segments, dynamic, notes, symbols = elf("-h", program), elf("-l", program), elf("-d", program), elf("-n", program), elf("--dyn-syms", program)
    flags = re.findall(r"\((?:FLAGS|FLAGS_1)\)\s+(.*)", dynamic)
    tap.check("DYN" in head and ("PIE" in " ".join(flags) or name.endswith(".so")), f"{name}: position independent", flags)
    tap.check("GNU_RELRO" in segments and ("BIND_NOW" in dynamic or "NOW" in " ".join(flags)), f"{name}: relocations are read-only, all of them", flags)
    stack = re.search(r"GNU_STACK.*", segments)
    tap.check(stack and "RWE" not in stack.group(0), f"{name}: no executable stack", stack and stack.group(0))
    tap.check(not [line for line in segments.splitlines() if re.search(r"LOAD.*RWE", line)], f"{name}: nothing writable is executable")
    # Debian 12's own start-up code has no CET note, so no program linked there can; what is ours has its landing pads all the same.
    if "X86-64" in head:
        pads = pathlib.Path(program).read_bytes().count(bytes.fromhex("f30f1efa"))
        tap.check(pads > 50 or ("IBT" in notes and "SHSTK" in notes), f"{name}: {pads} branch targets are marked (CET)", notes)
    tap.check("__stack_chk_fail" in symbols, f"{name}: stack protector")
    if not name.endswith(".so"):               # a module calls nothing whose size is known, and so nothing that is checked
        tap.check(re.search(r"__\w+_chk\b", symbols) is not None, f"{name}: _FORTIFY_SOURCE")
    tap.check("TEXTREL" not in dynamic and "RPATH" not in dynamic and ("RUNPATH" not in dynamic), f"{name}: no text relocation, no path to look for libraries", dynamic)

if not shutil.which("systemd-analyze"):
    tap.skip("units", "no systemd-analyze here")
    tap.end()
for unit in sorted(pathlib.Path(units).glob("*.service")):
    done = subprocess.run(["systemd-analyze", "security", "--offline=true", "--threshold=20", str(unit)], capture_output=True, text=True)
    level = re.search(r"exposure level for \S+: ([\d.]+)", done.stdout)
    tap.check(done.returncode == 0 and level and float(level.group(1)) <= 2.0, f"{unit.name}: exposure {level and level.group(1)}, at most 2.0", done.stdout[-2000:], done.stderr)
    with tempfile.TemporaryDirectory() as folder:
        copy = pathlib.Path(folder) / unit.name
        copy.write_text(re.sub(r"^(Exec\w+=)\S+", r"\1/bin/true", unit.read_text(), flags=re.M))
        done = subprocess.run(["systemd-analyze", "verify", "--man=no", str(copy)], capture_output=True, text=True)
        # It ends with 0 for unknown keys too: what it says counts. Units of this machine are not our business.
        said = [line for line in done.stderr.splitlines() if unit.name in line]
        tap.check(not said, f"{unit.name}: every line is understood", said)
tap.end()
