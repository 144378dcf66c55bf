#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Which lines and branches of the programs the tests have run, from what a build by clang with -fprofile-instr-generate has counted.

usage: coverage.py BUILD [--run [TEST,…]] [--uncovered FILE,…]

--run: counts anew, by the tests of the suite `unit`, or by those that are named. --uncovered: also the lines of files (part of their path) that
no test ran, and the conditions that were never true, or never false.
A line is one with code: not one of comments, or of braces alone. A branch is a condition of the source that was true, or was false: each
operand of && and ||, each case; what a compiler makes of destructors and exceptions is none. No decision are: a condition that the compiler
knows; the way past a switch that names no default, for -Wswitch has seen that it names every value. A template is counted over all that it is
made for. What is left out besides is in NEVER, with the reason; an entry that is no longer true is an error.
Status 1 when lines are below 90 %, or a branch of the reader, the stream, the outbox or the acknowledgement was never taken."""
import argparse
import collections
import json
import os
import pathlib
import re
import subprocess
import sys

root = pathlib.Path(__file__).resolve().parent.parent.parent
parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("build")
parser.add_argument("--run", nargs="?", const="", metavar="TEST,…")
parser.add_argument("--uncovered", default="", metavar="FILE,…")
options = parser.parse_args()
build = pathlib.Path(options.build).resolve()

WHOLE = {"reader": ["dissectors/reader.h"], "stream": ["daemon/traffic/stream.cc", "daemon/traffic/stream.h"],
         "outbox": ["daemon/link/outbox.cc", "daemon/link/outbox_bounds.cc", "daemon/link/outbox_epoch.h", "daemon/link/outbox_following.cc", "daemon/link/outbox_recovery.cc", "daemon/link/told.cc", "daemon/record/log.cc", "daemon/record/cursor.cc"],
         "acknowledgement": ["daemon/link/receiving_end.cc", "daemon/link/sending_end.cc", "daemon/collector/intake.cc"]}

# Ways that stay untaken: file, the condition as it is written, whether it is true or false that it never was, why.
NEVER = [
    ("daemon/link/sending_end.cc", "id.empty()", True, "a machine whose kernel does not give /proc/sys/kernel/random/boot_id"),
]

profiles = build / "profiles"
if options.run is not None:
    profiles.mkdir(exist_ok=True)
    for old in profiles.glob("*.profraw"):
        old.unlink()
    tests = ["--suite", "unit"] if not options.run else options.run.split(",")
    # Programs of one kind add to one file, each when it ends.
    subprocess.run(["meson", "test", "-C", build, "--no-rebuild", "--timeout-multiplier", "10", *tests], check=False, env={**os.environ, "LLVM_PROFILE_FILE": f"{profiles}/%m.profraw"})
counted = sorted(profiles.glob("*.profraw"))
if not counted:
    sys.exit(f"{profiles}: nothing was counted there. Type ./dev coverage")
subprocess.run(["llvm-profdata-14", "merge", "--sparse", "--failure-mode=all", "-o", build / "all.profdata", *counted], check=True)
targets = json.loads(subprocess.run(["meson", "introspect", "--targets", build], check=True, capture_output=True, text=True).stdout)
programs = [p for t in targets if t["type"] == "executable" for p in t["filename"] if pathlib.Path(p).exists()]
exported = subprocess.run(["llvm-cov-14", "export", "--skip-functions", "--skip-expansions", f"--compilation-dir={build}", "--ignore-filename-regex=(^|/)(tests|bench)/", f"--instr-profile={build}/all.profdata",
                           programs[0], *(f"--object={p}" for p in programs[1:])], check=True, capture_output=True, text=True)

lines, branches = {}, {}       # of each file: {line: times}; [(line, condition, way, times)]
for f in json.loads(exported.stdout)["data"][0]["files"]:
    name = os.path.relpath(os.path.normpath(build / f["filename"]), root)
    if not name.startswith(("daemon/", "dissectors/")):
        continue
    text = (root / name).read_text().splitlines()
    # A segment reaches to the next: line, column, times, whether it has code, whether a region begins there, whether that is a gap between two.
    at = collections.defaultdict(list)
    for s in f["segments"]:
        at[s[0]].append(s)
    lines[name], before = {}, None
    for number, line in enumerate(text, 1):
        first = len(line) - len(line.lstrip()) + 1                   # where its code begins; whatever region that is in, and those that begin behind
        held = [s for s in [before, *at[number]] if s and s[:2] <= [number, first]][-1:]
        here = [s[2] for s in held + [s for s in at[number] if s[4]] if s[3] and not s[5]]
        if here and not re.fullmatch(r"\s*([{}();,]*|//.*)", line):
            lines[name][number] = max(here)
        before = at[number][-1] if at[number] else before

    def times(line, column):
        over = [s for s in f["segments"] if (s[0], s[1]) <= (line, column)]
        return over[-1][2] if over and over[-1][3] else 0

    ways = collections.defaultdict(lambda: [0, 0])
    for b in f["branches"]:
        ways[tuple(b[:4])][0] += b[4]
        ways[tuple(b[:4])][1] += b[5]
    branches[name] = []
    for (line, column, last, end), (true, false) in sorted(ways.items()):
        if last > len(text) or end > len(text[last - 1]) + 2:
            sys.exit(f"{name} is no longer what was compiled. Type ./dev coverage")
        condition = " ".join([text[line - 1][column - 1:end - 1]] if last == line else [text[line - 1][column - 1:], *(t.strip() for t in text[line:last - 1]), text[last - 1][:end - 1].strip()])
        if not true and not false and (times(line, column) or "if constexpr (" in text[line - 1][:column - 1]):
            continue                                                # the compiler knows
        past = re.search(r"\bswitch \($", text[line - 1][:column - 1])
        if condition == ":":
            condition = text[line - 1].strip()                      # a loop over a range: it had one more, and no more
        for way, n in ((True, true), (False, false)):
            if not (past and way):
                branches[name].append((line, condition.rstrip(":"), way, n))

wrong = []
for name, condition, way, why in NEVER:
    found = [b for b in branches.get(name, []) if b[1] == condition and b[2] == way]
    if name in branches and (not found or any(b[3] for b in found)):
        wrong.append(f"{name}: {condition}: {'there is no such condition any more' if not found else f'was {way} after all'.lower()}: strike it out of NEVER in {pathlib.Path(__file__).name}")
    for b in found:
        branches[name].remove(b)


def share(names):
    """(lines run, lines, branches taken, branches)"""
    run = [n for name in names for n in lines[name].values()]
    taken = [b[3] for name in names for b in branches[name]]
    return sum(n > 0 for n in run), len(run), sum(n > 0 for n in taken), len(taken)


def show(what, names):
    run, of_lines, taken, of_branches = share(names)
    print(f"{what:<52}{of_lines:>8}{100 * run / max(1, of_lines):>8.1f} %{of_branches:>9}{100 * taken / max(1, of_branches):>8.1f} %")
    return run == of_lines, taken == of_branches, run / max(1, of_lines)


print(f"{'':<52}{'lines':>8}{'run':>10}{'branches':>9}{'taken':>10}")
rooms = collections.defaultdict(list)
for name in sorted(lines):
    rooms["/".join(name.split("/")[:2]) if name.startswith("daemon/") else "dissectors"].append(name)
for room, names in sorted(rooms.items()):
    show(room, names)
enough = show("all", list(lines))[2] >= 0.9
whole = True
for what, names in WHOLE.items():
    print()
    for name in names:
        if name in lines:
            whole &= show(f"{what}: {name}", [name])[1]
        else:
            print(f"{what}: {name}: not compiled into any test")
            whole = False
for name in sorted(n for n in lines if any(part and part in n for part in options.uncovered.split(","))):
    print(f"\n{name}")
    never = [(line, f"never {str(way).lower()}: {condition}") for line, condition, way, n in branches[name] if not n]
    never += [(line, f"never run: {(root / name).read_text().splitlines()[line - 1].strip()}") for line, n in lines[name].items() if not n]
    for line, what in sorted(never):
        print(f"{line:>6} {what[:160]}")
for what in wrong:
    print(what)
sys.exit(bool(wrong) or not (enough and whole))
