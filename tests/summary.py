#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Adds up the JUnit logs of `meson test` and closes with 'N passed, N failed, N skipped'. Exit 1 when anything failed or nothing ran."""
import sys
import xml.etree.ElementTree as xml

passed = failed = skipped = 0
why = {}
for path in sys.argv[1:]:
    try:
        suites = xml.parse(path).getroot()
    except (OSError, xml.ParseError) as e:
        print(f"no results in {path}: {e}")
        failed += 1
        continue
    for case in suites.iter("testcase"):
        name = f"{case.get('classname') or ''}.{case.get('name')}"
        if case.find("failure") is not None or case.find("error") is not None:
            failed += 1
            print(f"failed: {name}")
        elif case.find("skipped") is not None or case.get("result") == "skipped" or case.get("status") == "notrun":
            skipped += 1
            text = case.find("skipped")
            reason = ((text.get("message") or text.text or "") if text is not None else "").strip().split("\n")[-1].strip()
            why.setdefault(reason or "no reason given", []).append(name)
        else:
            passed += 1
    # what was started and ended badly without a test case of its own
    for suite in suites.iter("testsuite"):
        cases = list(suite.iter("testcase"))
        if not cases and (int(suite.get("errors") or 0) or int(suite.get("failures") or 0)):
            failed += 1
            print(f"failed: {suite.get('name')}")
for reason, names in sorted(why.items()):
    print(f"skipped: {reason} ({len(names)}: {', '.join(names[:3])}{', …' if len(names) > 3 else ''})")
print(f"{passed} passed, {failed} failed, {skipped} skipped")
sys.exit(1 if failed or not passed else 0)
