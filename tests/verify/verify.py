#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every list that stands for a promise, in its long form, as one table: what was tried, how often, how often it failed.

usage: verify.py BUILD [--short] [--only WORD,…]

--short: as short as in ./dev test, and 60 seconds of each recording. --only: rows whose name has one of these words."""
import argparse
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as xml

root = pathlib.Path(__file__).resolve().parent.parent.parent
parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("build")
parser.add_argument("--short", action="store_true")
parser.add_argument("--only", default="")
options = parser.parse_args()
build = pathlib.Path(options.build).resolve()

# what is promised; tests of `meson test`; which of their cases, as a pattern; how they are made longer
LISTS = [
    ("every dissector: cut, split, garbled, repeated, foreign octets", ["every"], "", {}),
    ("evasion: the 13 relations of two pieces, same and different octets, TCP, IPv4, IPv6", ["evasion"], r"Overlaps", {"VIDRA_EVERY": "1"}),
    ("evasion: what the receiver does not take, or takes otherwise (the twenty and others)", ["evasion"], r"Insertions", {}),
    ("evasion: a command cut at every octet, three protocols", ["evasion"], r"Splits", {}),
    ("evasion: garbage before a command, three protocols", ["evasion"], r"Garbage|Stand", {"VIDRA_EVERY": "1"}),
    ("traffic: overlaps, insertions, fragments, splits, floods, a canary", ["traffic"], r"(?i)overlap|insert|fragment|split|evas|flood|collid|canary|bounded", {}),
    ("floods: ten million conversations, a million sources, tuples that meet, fragments", ["sensor"], r"Flood", {"VIDRA_FLOODS": "1"}),
    ("frames, streams, twins, flows: the rest of that room", ["traffic"], r"(?i)^(?!.*(overlap|insert|fragment|split|evas|flood|collid|canary|bounded))", {}),
    ("what the fuzzers found or kept, played again", ["fuzz-corpus", "fuzz-rooms"], "", {}),
    ("mirror, doubled mirror, TAP pair, PRP pair say what the file says", ["peers"], r"Arrangements", {}),
    ("captures damaged at random, through the whole tool", ["hostile"], "", {}),
    ("captures against another dissector: counts", ["differential"], "", {}),
    ("captures against another dissector: values", ["values"], "", {}),
    ("recordings: sentences and stories as they were read and found right", ["golden"], "", {}),
    ("attacks of the laboratory: found, and words too many", ["lab_score"], "", {}),
    ("what happens in every plant: quiet where it must be, told where it must be", ["plant_life"], "", {}),
    ("clocks and values held against each other: set, late, drifting, false", ["clocks_and_values"], "", {}),
    ("records, checkpoints, log: every octet damaged, faults of storage", ["record"], "", {"VIDRA_POWER_LOSSES": "1000", "VIDRA_EVERY": "1"}),
    ("outbox and link: power lost, each octet damaged, each call of the disk fails, wrong peers", ["link", "outbox"], "", {"VIDRA_POWER_LOSSES": "1000", "VIDRA_EVERY": "1"}),
    ("the collector's journal: each octet damaged, each call of the disk fails", ["collector"], "IntakeTest", {"VIDRA_EVERY": "1"}),
    ("sensor, network and collector from a seed: 10,000 seeds", ["simulate"], "", {"VIDRA_SEEDS": "10000"}),
    ("sender and receiver killed at random", ["chaos", "chaos, unsynced writes lost"], "", {"VIDRA_KILLS": "100"}),
    ("collector killed at random", ["collector-kill"], "", {}),
    ("sensor, collector, both killed at random", ["kill", "kill, unsynced writes lost"], "", {"VIDRA_ROUNDS": "100", "VIDRA_ALERTS": "1000"}),
    ("the sensor ended by SIGSEGV, at random and in its first moments", ["crash"], "", {"VIDRA_ROUNDS": "30", "VIDRA_PPS": "20000", "VIDRA_FLOWS": "1000", "VIDRA_CALM": "60"}),
    ("everything wrong between sensor and collector", ["link trouble"], "", {}),
    ("the network between them: cut, half open, stalled, reset, changed, another service", ["network"], "", {"VIDRA_ROUNDS": "200"}),
    ("the programs on disks that fail: EIO, ENOSPC, EROFS, while they run and start", ["disk"], "", {"VIDRA_ROUNDS": "200"}),
    ("strangers at the collector's door: malformed handshakes for five minutes", ["flood"], "", {"VIDRA_SECONDS": "300"}),
    ("the clocks of sensor and collector are set", ["clock steps"], "", {"VIDRA_ROUNDS": "100"}),
    ("a busy link for two minutes: memory, files, threads (./dev soak: an hour)", ["soak"], "", {"VIDRA_SECONDS": "120", "VIDRA_PPS": "20000"}),
    ("inputs and command lines that are wrong", ["files"], "", {}),
    ("link down, removed, renamed, unplugged", ["blind"], "", {}),
    ("units, sandbox, hardening, what is installed", ["units", "sandbox", "hardening"], "", {}),
    ("nothing can be sent", ["never sends"], "", {}),
    ("no secret leaves", ["secrets"], "", {}),
    ("no name and address of the site leaves: a recording with attacks, two collectors", ["privacy"], "", {}),
    ("the border: sentences, fields, pseudonyms, the list of what left", ["report", "record", "sensor"], r"Said|Across|Border|Pseudonym|Told|Declared", {}),
    ("evidence: rings, cuts, manifests; disks that are full, fail or stall", ["evidence"], "", {}),
    ("evidence: each story of a recording has the packets that made it", ["evidence_of_stories"], "", {}),
    ("receivers: libpcap, ring, DPDK", ["live", "ring", "dpdk", "capture"], "", {}),
    ("no heap once warm", ["allocation"], "", {}),
    ("instructions a packet against bench/baseline.json", ["instructions"], "", {}),
]

OPTIONAL = {"dpdk"}           # built only where the machine has what it needs


def known():
    out = subprocess.run(["meson", "test", "-C", build, "--list", "--no-rebuild"], capture_output=True, text=True).stdout
    return {line.rsplit(" / ", 1)[-1].strip() for line in out.splitlines()}


def cases(log, pattern):
    """(tried, failed, skipped, names of what failed) of a JUnit log; what died without a case counts as one failure."""
    tried = failed = skipped = 0
    names = []
    for suite in xml.parse(log).getroot().iter("testsuite"):
        every = list(suite.iter("testcase"))
        mine = [c for c in every if re.search(pattern, f"{c.get('classname') or ''}.{c.get('name')}")]
        if not every and (int(suite.get("errors") or 0) or int(suite.get("failures") or 0)):
            failed, tried = failed + 1, tried + 1
            names.append(suite.get("name"))
        for c in mine:
            if c.find("skipped") is not None or c.get("status") == "notrun" or c.get("result") == "skipped":
                skipped += 1
                continue
            tried += 1
            if c.find("failure") is not None or c.find("error") is not None:
                failed += 1
                names.append(f"{suite.get('name')}: {c.get('name')}")
    return tried, failed, skipped, names


rows, wrong = [], []


def row(what, tried, failed, skipped, seconds):
    rows.append((what, tried, failed, skipped))
    print(f"{what:<86}{tried:>8}{failed:>8}{skipped:>9}{seconds:>7.0f} s", flush=True)


def wanted(what):
    return not options.only or any(word.lower() in what.lower() for word in options.only.split(","))


print(f"{'':<86}{'tried':>8}{'failed':>8}{'skipped':>9}", flush=True)
tests, logs = known(), {}
for what, names, pattern, longer in LISTS:
    if not wanted(what):
        continue
    began = time.monotonic()
    unknown = [n for n in names if n not in tests and n not in OPTIONAL]
    names = [n for n in names if n in tests]
    if unknown or not names:
        wrong += [f"{what}: no test is called {n}" for n in unknown]
        row(what, len(unknown), len(unknown), 0 if unknown else 1, 0)
        continue
    key = tuple(names)
    if key not in logs:
        for old in [*(build / "meson-logs").glob(f"verify-{len(logs)}.*"), *root.glob("*.xml")]:   # what an earlier run left does not speak for this one
            old.unlink()
        environment = {**os.environ, **({} if options.short else longer)}
        subprocess.run(["meson", "test", "-C", build, "--no-rebuild", "--timeout-multiplier", "10", "--logbase", f"verify-{len(logs)}", *names], env=environment, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
        logs[key] = build / "meson-logs" / f"verify-{len(logs)}.junit.xml"
    if not logs[key].exists():
        wrong.append(f"{what}: meson wrote no {logs[key]}")
        row(what, 1, 1, 0, time.monotonic() - began)
        continue
    tried, failed, skipped, bad = cases(logs[key], pattern)
    programs = map(json.loads, open(str(logs[key]).replace(".junit.xml", ".json")))
    died = [p["name"] for p in programs if p["result"] not in ("OK", "SKIP", "EXPECTEDFAIL")]
    if died and not failed:                # a sanitizer's report, a crash after the last case
        tried, failed, bad = tried + len(died), len(died), [f"{n}: ended badly" for n in died]
    if not tried and not skipped:
        tried = failed = 1
        bad = [f"{what}: nothing was tried"]
    wrong += bad
    row(what, tried, failed, skipped, time.monotonic() - began)

for what, program, short, long in (("the same verdicts through file, libpcap, ring, two workers, DPDK", "paths.py", ["--seconds", "60"], []),
                                   ("twice as much as it can take: what it does, and that all is accounted for", "overload.py", ["--seconds", "5"], [])):
    if not wanted(what):
        continue
    began = time.monotonic()
    out = subprocess.run([sys.executable, root / "tests/verify" / program, build] + (short if options.short else long), capture_output=True, text=True).stdout
    points = re.findall(r"^(not )?ok \d+ - (.*)", out, re.M)
    skipped = [text for _, text in points if "# SKIP" in text]
    bad = [text for no, text in points if no] + ([] if re.search(r"^1\.\.\d+", out, re.M) else ["it died: " + out[-300:]])
    wrong += bad
    row(what, len(points) - len(skipped), len(bad), len(skipped), time.monotonic() - began)
    for text in skipped:
        print("  skipped: " + text.replace("# SKIP ", ": "))
    if bad:
        with tempfile.NamedTemporaryFile("w", prefix="vidra-verify-", suffix=".tap", delete=False) as kept:
            kept.write(out)
        print(f"  what differs: {kept.name}")

print(f"{'all':<86}{sum(r[1] for r in rows):>8}{sum(r[2] for r in rows):>8}{sum(r[3] for r in rows):>9}")
for name in wrong:
    print(f"failed: {name}")
sys.exit(1 if wrong or not rows else 0)
