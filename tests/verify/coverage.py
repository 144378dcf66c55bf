#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Which lines and branches of the programs the tests have run, from what a build with -Db_coverage=true has counted.

usage: coverage.py BUILD [--run] [--uncovered FILE]

--run: counts anew, by the tests of the suite `unit`. --uncovered: also the lines of a file (part of its path) that no test ran or that
never went one of their ways. A branch by which only an exception leaves is none, with the other way of the same call. A line that
several files compile (templates, headers) counts as run where one of them ran it; its branches are added up over all that have as many.
Status 1 when lines are below 90 %, or a branch of the reader, the stream, the outbox or the acknowledgement was never taken."""
import argparse
import collections
import concurrent.futures
import json
import os
import pathlib
import subprocess
import sys

root = pathlib.Path(__file__).resolve().parent.parent.parent
parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("build")
parser.add_argument("--run", action="store_true")
parser.add_argument("--uncovered", default="")
options = parser.parse_args()
build = pathlib.Path(options.build).resolve()

WHOLE = {"reader": ["dissectors/reader.h"], "stream": ["daemon/traffic/stream.cc", "daemon/traffic/stream.h"],
         "outbox": ["daemon/link/outbox.cc", "daemon/record/log.cc", "daemon/record/cursor.cc"],
         "acknowledgement": ["daemon/link/receiving_end.cc", "daemon/link/sending_end.cc", "daemon/collector/intake.cc"]}

if options.run:
    for old in build.rglob("*.gcda"):
        old.unlink()
    subprocess.run(["meson", "test", "-C", build, "--no-rebuild", "--timeout-multiplier", "10", "--suite", "unit"], check=False)
counted = sorted(build.rglob("*.gcda"))
if not counted:
    sys.exit(f"{build}: nothing was counted there. Type ./dev coverage, or build with -Db_coverage=true and run its tests")


def of(path):
    """[(file, line, times, [times of each branch])] of one compiled file, from our own sources."""
    done = subprocess.run(["gcov", "--json-format", "--stdout", "--branch-probabilities", path], cwd=build, capture_output=True, text=True)
    out = []
    for text in done.stdout.splitlines():
        said = json.loads(text)
        folder = pathlib.Path(said["current_working_directory"])
        for f in said["files"]:
            name = os.path.relpath(os.path.normpath(folder / f["file"]), root)
            if not name.startswith(("daemon/", "dissectors/")):
                continue
            for line in f["lines"]:
                branches, kept = line["branches"], []
                for b in branches:
                    if not b["throw"]:
                        kept.append(b)
                    elif kept and kept[-1]["fallthrough"]:
                        kept.pop()             # the call came back: no decision
                out.append((name, line["line_number"], line["count"], [b["count"] for b in kept]))
    return out


lines, ways = collections.defaultdict(lambda: collections.defaultdict(int)), collections.defaultdict(lambda: collections.defaultdict(dict))
with concurrent.futures.ProcessPoolExecutor() as pool:
    for rows in pool.map(of, map(str, counted)):
        for name, line, times, branches in rows:
            lines[name][line] += times
            if branches:
                so_far = ways[name][line].setdefault(len(branches), [0] * len(branches))
                for i, n in enumerate(branches):
                    so_far[i] += n
branches = {name: {line: max(forms.values(), key=sum) for line, forms in by_line.items()} for name, by_line in ways.items()}


def share(names):
    """(lines run, lines, branches taken, branches)"""
    run = [n for name in names for n in lines[name].values()]
    taken = [n for name in names for each in branches.get(name, {}).values() for n in each]
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
if options.uncovered:
    for name in sorted(n for n in lines if options.uncovered in n):
        text = (root / name).read_text().splitlines()
        print(f"\n{name}")
        for line in sorted(lines[name]):
            never = [i for i, n in enumerate(branches.get(name, {}).get(line, [])) if not n]
            if not lines[name][line] or never:
                print(f"{line:>6} {'never run' if not lines[name][line] else f'{len(never)} of {len(branches[name][line])} ways'}: {text[line - 1].strip()[:120]}")
sys.exit(not (enough and whole))
