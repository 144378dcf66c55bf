#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Adds up the JUnit logs of `meson test` and closes with 'N passed, N failed, N skipped'. Exit 1 when anything failed or nothing ran.

A program that ends badly though none of its cases failed (a sanitizer's report, a crash) is a failure too: the log of programs
beside each JUnit log knows."""
import json
import os
import re
import sys
import xml.etree.ElementTree as xml


def reason_of(case):
    """GoogleTest's stands in <skipped>; a script's, which meson leaves out there, in what it printed: 'skipped: why' or '# SKIP why'."""
    marked, printed = case.find("skipped"), case.findtext("system-out") or ""
    said = (marked.get("message") or marked.text or "") if marked is not None else ""
    lines = (said or printed).strip().split("\n")
    line = next((l for l in reversed(lines) if "skip" in l.lower()), lines[-1])
    return re.sub(r"^.*?(# SKIP|skipped:)\s*(skipped:)?", "", line).strip()


passed = failed = skipped = 0
why = {}
for path in sys.argv[1:]:
    try:
        suites = xml.parse(path).getroot()
    except (OSError, xml.ParseError) as e:
        print(f"no results in {path}: {e}")
        failed += 1
        continue
    failed_before = failed
    for case in suites.iter("testcase"):
        name = f"{case.get('classname') or ''}.{case.get('name')}"
        if case.find("failure") is not None or case.find("error") is not None:
            failed += 1
            print(f"failed: {name}")
        elif case.find("skipped") is not None or case.get("result") == "skipped" or case.get("status") == "notrun":
            skipped += 1
            why.setdefault(reason_of(case) or "no reason given", []).append(name)
        else:
            passed += 1
    programs = path.replace(".junit.xml", ".json")
    if os.path.exists(programs):
        ended_badly = [p for p in map(json.loads, open(programs)) if p["result"] not in ("OK", "SKIP", "EXPECTEDFAIL")]
        unsaid = len(ended_badly) - (failed - failed_before)
        for p in ended_badly:
            print(f"ended badly: {p['name']}: {p['result'].lower()}")
        failed += max(0, unsaid)
for reason, names in sorted(why.items()):
    print(f"skipped: {reason} ({len(names)}: {', '.join(names[:3])}{', …' if len(names) > 3 else ''})")
print(f"{passed} passed, {failed} failed, {skipped} skipped")
sys.exit(1 if failed or not passed else 0)
