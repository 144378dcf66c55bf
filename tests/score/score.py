#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How well the judge does, as one page: attacks found, words too many, how soon.

usage: score.py VIDRA [--corpus DIRECTORY] [--lab DIRECTORY] [--few]

The lab's recordings are played four ways (site declared, memory learned from the recording without attacks, both, nothing); of the
corpus the captures with labelled windows, those its sources call attacks, and those they call benign: with nothing known, and, where
one lasts an hour or more, with the memory of its first half against its second. --few takes every eighth of the corpus' captures.
"""
import argparse
import collections
import csv
import json
import os
import pathlib
import statistics
import struct
import subprocess
import sys
import tempfile

root = pathlib.Path(__file__).resolve().parent.parent.parent
BEFORE, AFTER = 1.0, 5.0


def run(*command):
    return subprocess.run([str(c) for c in command], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, errors="replace").stdout


def stories(vidra, capture, *options):
    found = []
    for line in run(vidra, "replay", "--json", *options, capture).splitlines():
        s = json.loads(line)
        if "detection" in s:
            found.append({"id": s["detection"], "severity": s["severity"], "first": float(s["first"]), "last": float(s["last"]),
                          "source": end(s["source"]), "target": end(s["target"]), "what": s["what"]})
    return found


def audiences(vidra):
    """Whom each detection is for: security, operations (the people who run the plant), or who runs the sensor."""
    found, id = {}, ""
    for line in run(vidra, "catalogue", "--markdown").splitlines():
        if line.startswith("### "):
            id = line.split()[1]
        elif line.startswith("Severity ") and id:
            found[id] = line.split(" for ")[1].split(",")[0]
    return found


def end(e):
    return e.get("address", "") if isinstance(e, dict) else e or ""


def attacker_of(label):
    return label["attacker_ip"] or label["attacker"].split("source ")[-1].rstrip(")")


def about(story, label, macs):
    """In the label's time, by its attacker or, where that is a group's publisher or a MAC, about its target or from that MAC."""
    if story["last"] < label["start"] - BEFORE or story["first"] > label["end"] + AFTER:
        return False
    who = {attacker_of(label)} | macs.get(label["attacker"].split(" ")[0], set())
    return bool(who & {story["source"], story["target"]}) or label["protocol"] in ("goose", "sv", "ptp") and story["id"].startswith(("GSE-", "SMV-", "TIM-"))


def counted_once(found, labels, macs):
    """How many stories each attack has when each story belongs to one: the last attack of its ends that had begun, else the next."""
    own = collections.Counter()
    for story in found:
        near = [l for l in labels if about(story, l, macs) and story["first"] >= l["start"] - BEFORE]
        if near:
            begun = [l for l in near if l["start"] <= story["first"] + 0.05]
            own[max(begun, key=lambda l: l["start"])["id"] if begun else min(near, key=lambda l: l["start"])["id"]] += 1
    return own


def lab(vidra, folder, room):
    labels = json.load(open(folder / "demo-attacks.labels.json"))["labels"]
    recordings = {}
    for name in ("demo-baseline", "demo-attacks"):
        plain = folder / (name + ".pcapng")
        recordings[name] = plain if plain.exists() else folder / (name + ".pcapng.zst")
    site, memory = room / "site.toml", room / "memory.toml"
    site.write_text(run(sys.executable, root / "tests/support/site_from_lab.py", folder / "demo.site.json"))
    run(vidra, "learn", recordings["demo-baseline"], "-o", memory)
    macs = collections.defaultdict(set)
    for label in labels:
        text = label["display_filter"]
        if "eth.src==" in text and label["protocol"] not in ("goose", "sv"):
            macs[label["attacker"].split(" ")[0]].add(text.split("eth.src==")[1].split()[0].rstrip(")"))
    print("## The lab's recordings\n\n| known | attacks found | missed | ordinary actions alerted | baseline's stories | stories begun in an attack: median, most | each story counted for one attack: most | seconds to the first: median, most |")
    print("| --- | ---: | --- | ---: | ---: | ---: | ---: | ---: |")
    for name, options in (("site declared", ["--config", site]), ("memory learned", ["--memory", memory]), ("both", ["--config", site, "--memory", memory]), ("nothing", [])):
        quiet = stories(vidra, recordings["demo-baseline"], *options)
        found = stories(vidra, recordings["demo-attacks"], *options)
        attacks = [l for l in labels if l["expected"] == "alert"]
        told = {l["id"]: [s for s in found if about(s, l, macs)] for l in attacks}
        missed = [l["id"] for l in attacks if not told[l["id"]]]
        begun = [len([s for s in told[l["id"]] if s["first"] >= l["start"] - BEFORE]) for l in attacks]
        own = counted_once(found, attacks, macs)
        many = " ".join(f"{i} ({n})" for i, n in own.items() if n > 3)
        delay = [max(0.0, min(s["first"] for s in told[l["id"]]) - l["start"]) for l in attacks if told[l["id"]]]
        false = [l["id"] for l in labels if l["expected"] == "no alert" for s in found
                 if s["source"] == l["attacker_ip"] and l["start"] - BEFORE <= s["first"] <= l["end"] + AFTER and (not l["target_ip"] or s["target"] in l["target_ip"])]
        print(f"| {name} | {len(attacks) - len(missed)} of {len(attacks)} | {' '.join(missed)} | {len(set(false))} | {len(quiet)} | {statistics.median(begun):.0f}, {max(begun)} | {max(own.values(), default=0)}{': ' + many if many else ''} | "
              f"{statistics.median(delay):.1f}, {max(delay):.1f} |")


def halves(capture, room):
    """Two captures, by time, of one in the classic format; None of any other."""
    data = capture.read_bytes()
    if data[:4] not in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1"):
        return None
    at, records = 24, []
    while at + 16 <= len(data):
        seconds, _, length, _ = struct.unpack_from("<IIII", data, at)
        records.append((seconds, at, at + 16 + length))
        at += 16 + length
    if not records:
        return None
    times = [t for t, _, _ in records]
    if times != sorted(times) or max(b - a for a, b in zip(times, times[1:])) > 600:
        return None                                     # out of order, or with gaps
    middle = (records[0][0] + records[-1][0]) / 2
    cut = next(a for t, a, _ in records if t >= middle)
    first, second = room / "first.pcap", room / "second.pcap"
    first.write_bytes(data[:cut])
    second.write_bytes(data[:24] + data[cut:])
    return first, second, (records[-1][0] - middle) / 3600


def corpus(vidra, folder, room, few):
    whom = audiences(vidra)
    rows = list(csv.DictReader(open(folder / "INDEX.tsv"), delimiter="\t"))[::8 if few else 1]
    windows = {p.stem: [line.split("\t") for line in p.read_text().splitlines()[1:]] for p in (folder / "labels").glob("*.tsv")}
    print("\n## Labelled windows of the corpus, nothing known\n\n| capture | windows | found | missed |\n| --- | ---: | ---: | --- |")
    for row in rows:
        capture = folder / row["capture"]
        if not windows.get(capture.stem):
            continue
        found = stories(vidra, capture)
        missed = [w[2] for w in windows[capture.stem] if not any(s["last"] >= float(w[0]) - BEFORE and s["first"] <= float(w[1]) + AFTER for s in found)]
        print(f"| {capture.stem} | {len(windows[capture.stem])} | {len(windows[capture.stem]) - len(missed)} | {'; '.join(missed)} |")

    found = {k: 0 for k in ("attack", "benign")}
    heard = dict(found)
    hours = 0.0
    words = collections.Counter()
    grave = []
    long = []
    for row in rows:
        if row["class"] not in found:
            continue
        capture = folder / row["capture"]
        told = stories(vidra, capture)
        heard[row["class"]] += 1
        found[row["class"]] += bool(told)
        if row["class"] == "benign":
            hours += min(float(row["duration_s"] or 0) / 3600, 100)     # some captures' clocks leap by years
            words.update({s["id"] for s in told})
            grave += [(row["capture"], s["id"], s["what"]) for s in told if s["severity"] >= 4]
            if 3600 <= float(row["duration_s"] or 0):
                two = halves(capture, room)
                if two:
                    memory = room / "half.toml"
                    run(vidra, "learn", two[0], "-o", memory)
                    long.append((capture.stem, two[2], stories(vidra, two[1], "--memory", memory)))
    print(f"\n## Captures of the corpus, nothing known\n\nOf {heard['attack']} that their sources call attacks {found['attack']} have a story; of {heard['benign']} benign ones "
          f"({hours:.1f} hours) {found['benign']}.\n\n| detection | benign captures with it |\n| --- | ---: |")
    for id, n in words.most_common():
        print(f"| {id} | {n} |")
    print("\nBenign, severity 4 or 5:\n")
    for capture, id, what in sorted(set(grave)):
        print(f"* `{capture}` {id}: {what}")
    print("\n## Benign captures of an hour and more: memory of the first half, stories in the second\n\n| capture | hours | stories | |\n| --- | ---: | ---: | --- |")
    for name, length, told in long:
        print(f"| {name} | {length:.1f} | {len(told)} | {'; '.join(sorted({s['id'] + ' ' + s['what'][:90] for s in told}))[:300]} |")
    total = sum(length for _, length, _ in long)
    if total:
        of = collections.Counter(whom.get(s["id"], "?") for _, _, told in long for s in told)
        print(f"\n{sum(of.values())} stories in {total:.1f} hours: {', '.join(f'{n} for {who}' for who, n in of.most_common())}.")


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("vidra")
    arguments.add_argument("--lab", type=pathlib.Path, default=root.parent / "shared/lab")
    arguments.add_argument("--corpus", type=pathlib.Path, default=root.parent / "shared/corpus")
    arguments.add_argument("--few", action="store_true")
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory() as name:
        room = pathlib.Path(name)
        lab(options.vidra, options.lab if options.lab.exists() else root / "tests/captures", room)
        sys.stdout.flush()
        if options.corpus.exists():
            corpus(options.vidra, options.corpus, room, options.few)
        else:
            print(f"\nskipped: no corpus at {options.corpus}")


main()
