#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Scores the recordings of a substation under attack: every labelled attack in the protocols that are judged must be a
story, no action labelled ordinary may be one, the recording without attacks has none. Speaks TAP.

usage: lab_score.py VIDRA SITE_FROM_LAB LAB_DIRECTORY
"""
import json
import os
import subprocess
import sys
import tempfile

OWN = {                       # which families tell of a label's protocol
    "iec104": ("I104-",),
    "modbus": ("MOD-",),
    "dnp3": ("DNP-",),
    "arp": ("NET-",),
    "tcp": ("NET-", "MOD-", "I104-", "DNP-"),
    "s7comm": ("S7-",),
    "goose": ("GSE-",),
    "sv": ("SMV-",),
    "mms": ("MMS-",),
    "opcua": ("OPC-",),
    "enip": ("CIP-",),
    "bacnet": ("BAC-",),
    "synphasor": ("PMU-",),
    "ptp": ("TIM-",),
    "ntp": ("TIM-",),
    "telnet": ("ENG-",),
    "ftp": ("ENG-",),
}
JUDGED = set(OWN)
LIKE = {                      # which known attack the stories of a label resemble
    "atk-02-104-sweep": "Industroyer2 (2022)",
    "atk-03-modbus-write": "FrostyGoop (2024)",
    "atk-04-mms-control": "Industroyer (2016), its IEC 61850 part",
    "atk-11-ftp": "Poland, December 2025",
}
BEFORE, AFTER, FEW = 1.0, 5.0, 3


def run(*command, **more):
    return subprocess.run([str(c) for c in command], check=True, stdout=subprocess.PIPE, text=True, **more).stdout


def address(end):
    """Whatever shape one end of a story has in JSON: its address."""
    if isinstance(end, dict):
        return end.get("address", "")
    return end or ""


def recording(lab, name):
    plain = os.path.join(lab, name + ".pcapng")
    return plain if os.path.exists(plain) else plain + ".zst"


def stories(vidra, site, memory, capture):
    out = run(vidra, "replay", "--json", "--config", site, "--memory", memory, capture)
    found = []
    for line in out.splitlines():
        s = json.loads(line)
        if "detection" not in s:
            continue
        found.append({"id": s["detection"], "severity": s["severity"], "first": float(s["first"]), "last": float(s["last"]), "count": s["count"],
                      "protocol": s["protocol"], "source": address(s["source"]), "target": address(s["target"]), "what": s["what"], "like": s.get("resembles", {}).get("name", "")})
    return found


def matches(story, label, macs):
    """Whether a story tells of what the label marks: in its time, between its ends, in its protocol or beside it."""
    if story["last"] < label["start"] - BEFORE or story["first"] > label["end"] + AFTER:
        return False
    if not story["id"].startswith(OWN[label["protocol"]] + ("NET-",)):
        return False
    attacker = label["attacker_ip"]
    if attacker is None:                       # said in words: "atk (source 10.10.1.198)"
        attacker = label["attacker"].split("source ")[-1].rstrip(")")
    if attacker not in (story["source"], story["target"]) and not (story["source"] in macs.get(label["attacker"].split(" ")[0], set())):
        return False
    others = set(label["target_ip"]) | {""}
    ends = {story["source"], story["target"]}
    return not label["target_ip"] or bool(ends & others) or label["protocol"] == "arp"


def main():
    if len(sys.argv) != 4:
        print(__doc__)
        return 2
    vidra, site_from_lab, lab = sys.argv[1:]
    if not os.path.exists(os.path.join(lab, "demo-attacks.labels.json")):
        print("1..0 # SKIP no recordings at", lab)
        return 0
    results = []

    def check(good, name, detail=()):
        results.append(good)
        print("ok" if good else "not ok", len(results), "-", name)
        for line in detail:
            print("#   ", line)

    with tempfile.TemporaryDirectory() as room:
        site, memory = os.path.join(room, "site.toml"), os.path.join(room, "memory.toml")
        with open(site, "w") as f:
            f.write(run(sys.executable, site_from_lab, os.path.join(lab, "demo.site.json")))
        baseline, attacks = (recording(lab, name) for name in ("demo-baseline", "demo-attacks"))
        run(vidra, "learn", baseline, "-o", memory)

        quiet = stories(vidra, site, memory, baseline)
        check(not quiet, "the ordinary recording has no story", [f"{s['id']} {s['what']}" for s in quiet])

        found = stories(vidra, site, memory, attacks)
        with open(os.path.join(lab, "demo-attacks.labels.json")) as f:
            labels = json.load(f)["labels"]
        macs = {}
        for label in labels:                   # a MAC that the labels' filters name is the attacker's
            text = label["display_filter"]
            if "eth.src==" in text:
                macs.setdefault(label["attacker"].split(" ")[0], set()).add(text.split("eth.src==")[1].split()[0].rstrip(")"))
        for label in labels:
            if label["protocol"] not in JUDGED or label["expected"] != "alert":
                continue
            told = [s for s in found if matches(s, label, macs)]
            # The sharpest word for it begins inside the label; what began before (the new host) is told once for all.
            own = [s for s in told if s["id"].startswith(OWN[label["protocol"]])]
            began = [s for s in told if label["start"] - BEFORE <= s["first"] <= label["end"] + AFTER]
            check(bool(own), f"{label['id']}: {label['what'][:70]}",
                  [f"{len(told)} stories, {len(began)} begun here{'' if len(began) <= FEW else ': more than ' + str(FEW)}"]
                  + [f"{s['id']} {s['severity']} x{s['count']} {s['what'][:150]}" for s in told])
        for label in labels:
            if wanted := LIKE.get(label["id"]):
                own = [s for s in found if matches(s, label, macs) and s["id"].startswith(OWN[label["protocol"]])]
                check(any(s["like"] == wanted for s in own), f"{label['id']} resembles {wanted}", [f"{s['id']} resembles {s['like'] or 'nothing'}" for s in own])
        others = {s["like"] for s in found} - set(LIKE.values()) - {""}
        check(not others, "nothing resembles another known attack", sorted(others))
        # What an ordinary action raises names its actor; an attack under way at the same time names the attacker.
        for label in labels:
            if label["expected"] != "no alert":
                continue
            false = [s for s in found
                     if s["source"] == label["attacker_ip"] and label["start"] - BEFORE <= s["first"] <= label["end"] + AFTER
                     and (not label["target_ip"] or s["target"] in label["target_ip"])]
            check(not false, f"{label['id']} is ordinary", [f"{s['id']} {s['what'][:150]}" for s in false])
    print(f"1..{len(results)}")
    return 0 if all(results) else 1


sys.exit(main())
