#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Real bodies satisfy docs/record-body.schema.json, and each way of breaking one is refused.

usage: schema_test.py SCHEMA BODIES-PROGRAM"""
import copy
import json
import subprocess
import sys

try:
    import jsonschema
except ImportError:
    print("skipped: no python3-jsonschema")
    sys.exit(77)

with open(sys.argv[1], encoding="utf-8") as f:
    schema = json.load(f)
jsonschema.Draft202012Validator.check_schema(schema)
validator = jsonschema.Draft202012Validator(schema)
bodies = [json.loads(line) for line in subprocess.run([sys.argv[2]], check=True, capture_output=True).stdout.splitlines()]
failures = 0


def expect(valid, body, what):
    global failures
    errors = list(validator.iter_errors(body))
    if bool(errors) == valid:
        failures += 1
        print("FAILED:", what, "" if not errors else errors[0].message, json.dumps(body)[:300])


kinds = {b.get("type", "gap") for b in bodies}
if kinds != {"alert", "update", "health", "gap"}:
    print("FAILED: kinds", kinds)
    failures += 1
if not any("redactions" in b for b in bodies) or not any(b.get("src", {}).get("name") == "several" for b in bodies):
    print("FAILED: no redacted or no collective story among the bodies")
    failures += 1

if not any("pseudonym" in b.get("src", {}) and isinstance(b.get("what"), dict) for b in bodies) or not any(None in b["what"]["values"] for b in bodies if isinstance(b.get("what"), dict)):
    print("FAILED: no pseudonym, or nothing hidden among the bodies")
    failures += 1

broken = 0
required = {
    "alert": ["story", "number", "revision", "t_start", "t_end", "t_detect", "severity", "confidence", "class", "audience", "rule", "attck", "count"],
    "health": ["t_start", "t_end", "uptime_s", "interfaces", "lanes", "counts", "clock", "complaints"],
    "gap": ["epoch", "lane", "from", "to", "reason", "count"],
}
required["update"] = required["alert"]
for body in bodies:
    expect(True, body, "a real body")
    expect(True, {**body, "from_the_future": {"x": [1]}}, "unknown keys are allowed")
    kind = body.get("type", "gap")
    for key in ([] if kind == "gap" else ["schema", "type", "sensor", "tlp"]) + required[kind]:
        less = copy.deepcopy(body)
        del less[key]
        expect(False, less, "without " + key)
        broken += 1
    for key, value in body.items():
        wrong = 3.5 if not isinstance(value, (int, float)) or isinstance(value, bool) else "three"
        expect(False, {**body, key: wrong}, f"{key} of the wrong type")
        broken += 1

alert = next(b for b in bodies if b.get("type") == "alert" and "src" in b and "privacy" not in b)
for change in [
    {"schema": "vidra-record/2"}, {"type": "rumour"}, {"tlp": "PURPLE"}, {"severity": 0}, {"severity": 6}, {"severity": 2.5},
    {"confidence": 1.01}, {"confidence": -0.1}, {"count": 0}, {"revision": 1}, {"revision": -1}, {"class": "intrusions"},
    {"class": "gossip:rumour"}, {"attck": ["T806"]}, {"attck": [806]}, {"t_start": "2026-11-21T21:06:31Z"}, {"t_start": "yesterday"},
    {"story": "00000000"}, {"rule": {"id": "I104-05"}}, {"rule": {**alert["rule"], "id": "sweep"}}, {"src": {"ip": "rtu1"}},
    {"dst": {"ip": "10.0.0.1", "port": 65536}}, {"dst": {"port": 0}}, {"src": {"ip": "10.0.0.1", "mac": "00:00:00:00:00:01"}},
    {"src": {"mac": "00-00-00-00-00-01"}}, {"src": {"pseudonym": "10.0.0.1"}}, {"src": {"pseudonym": "ip4-0a000001", "ip": "10.0.0.1"}}, {"what": {"key": "{}"}}, {"what": {"key": "{}", "values": [7]}},
    {"privacy": {"addresses": "perhaps"}}, {"audience": "public"}, {"sensor": {**alert["sensor"], "id": "alder-1"}}, {"what": "x" * 5000},
]:
    expect(False, {**alert, **change}, str(change))
    broken += 1
for key in ["src", "dst", "proto", "what", "expected", "why", "next"]:
    less = {k: v for k, v in alert.items() if k != key}
    expect(False, less, f"without {key} and without saying that it was redacted")
    broken += 1
for text in [[], None, "alert", 3]:
    expect(False, text, "no object")
    broken += 1

print(f"{len(bodies)} real bodies, {broken} broken ones, {failures} failures")
sys.exit(1 if failures or len(bodies) < 10 else 0)
