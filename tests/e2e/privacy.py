#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What leaves the site. A recording with attacks is played to a sensor that tells two collectors: one under a strict policy, one plainly. Nothing
that the site declares, and nothing that identifies it on the wire, is in the octets that left for the first, nor anywhere in that collector's
folder; the stories still join; at the site every pseudonym is resolved; what `vidra outbox` shows is what the collector has.

usage: privacy.py VIDRAD VIDRA VIDRA-COLLECTOR ROOT"""
import ipaddress
import json
import os
import pathlib
import re
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from programs import Pair, Process, Programs, Tap  # noqa: E402

programs = Programs(*sys.argv[1:5])
root = pathlib.Path(programs.root)
tap = Tap()
strict = Pair(programs)
plain = Pair(programs)
folder, state, recording = strict.folder, strict.sensor_state, root / "tests/captures/demo-attacks.pcapng.zst"

# The site, with names that stand nowhere else; some are made of words that Vidra's own sentences have, or look like figures and detections.
ORDINARY = {"rtu1": "PLC-07", "rtu2": "FIC-101", "ied1": "host-10-10-1-20", "hmi": "Operate the reading", "ews": "Engineering station written", "scada": "Control of the stations", "masters of rtu1": "masters that asked"}
site = (root / "config/sites/alder.toml").read_text()
names = set(re.findall(r'^name = "(.*)"', site, re.M))
anyone = "|".join(re.escape(n) for n in sorted(names, key=len, reverse=True))
site = "\n".join(line if re.match(r"role|kind|protocol", line) else re.sub(rf'"(zone:)?({anyone})"', lambda m: f'"{m.group(1) or ""}{ORDINARY.get(m.group(2)) or "Qz" + m.group(2).title() + "yx"}"', line) for line in site.splitlines()) + "\n"
declared = {m for m in re.findall(r'^name = "(.*)"', site, re.M)}
addresses = set(re.findall(r'"(\d+\.\d+\.\d+\.\d+)"', site)) | {"10.10.1.199", "10.10.1.198"}
macs = set(re.findall(r'"([0-9a-f]{2}(?::[0-9a-f]{2}){5})"', site)) | {"b8:27:eb:5d:10:c7"}
heard = {"AA1J1", "events.log", "FR0007", "SNAP7-SERVER", "NodeOPCUA", "ALDER-BUS", "Aux.Cooling"}      # control blocks, files, servers on the wire
(folder / "site.toml").write_text(site)
# What the site wrote besides: a rule's name, title and sentence, the comment of an indicator, the names of the files.
wrote = {"operate-by-night", "Switched by somebody at night", "object of the reading master", "known station of the master", "lists/stations", "rules.toml"}
(folder / "rules.toml").write_text('''[[rule]]
name = "operate-by-night"
title = "Switched by somebody at night"
severity = 4
why = "Switched by somebody at night, says the station."
next = "Switched by somebody at night."
protocol = "iec104"
act = "operate"
what = "{client} operated an object of the reading master: {object}."
''')
(folder / "lists").mkdir()
(folder / "lists/stations").write_text("10.10.1.199 # known station of the master\n")
POLICY = 'addresses = "pseudonyms"\nforeign = "pseudonyms"\nnames = "pseudonyms"\nidentity = "pseudonyms"\n'
PLAIN = 'addresses = "plain"\nnames = "plain"\ntlp = "RED"\noperations_in_full = true\n'


def settings(strict_key="0" * 40, plain_key="0" * 40, policy=POLICY):
    return f'''[sensor]
name = "QzSensoryx"
state = "{state}"
[report]
quiet = "1h"
[detection.NET-06]
tlp = "RED"
[[collector]]
name = "strict"
endpoint = "tcp://127.0.0.1:{strict.port}"
server_key = "{strict_key}"
heartbeat = "1s"
retry_longest = "1s"
operations_in_full = true
{policy}[[collector]]
name = "plain"
endpoint = "tcp://127.0.0.1:{plain.port}"
server_key = "{plain_key}"
heartbeat = "1s"
retry_longest = "1s"
{PLAIN}[site]
file = "{folder}/site.toml"
[rules]
files = ["rules.toml"]
[indicators]
files = ["lists/stations"]
'''


def run(*command, **more):
    status, out, err = programs.run(*command, **more)
    return status, out.decode("utf8", "replace"), err.decode("utf8", "replace")


toml = folder / "vidra.toml"
for wrong, wanted in (('addresses = "secret"\n', r"vidra\.toml:15:\d+: .*plain.*pseudonyms.*hidden"), ('fields = ["src", "whta"]\n', r"vidra\.toml:15:\d+: 'whta' is no field that may be left out, perhaps what; these are: src, dst"),
                      ('tlp = "PINK"\n', r"vidra\.toml:15:\d+: .*AMBER\+STRICT"), ('numbers = "pseudonyms"\n', r"vidra\.toml:15:\d+: .*plain.*hidden"), ('adresses = "plain"\n', r"vidra\.toml:15:\d+: .*addresses")):
    toml.write_text(settings(policy=wrong))
    status, out, err = run(programs.vidra, "check", toml)
    tap.check(status == 1 and re.search(wanted, out + err), f"refused with its place: {wrong.strip()}", status, out, err)

ends = [pair.collector() for pair in (strict, plain)]
toml.write_text(settings(strict.server_key(), plain.server_key()))
sensor = Process(programs.vidrad, "--config", toml, "--play", recording, "--pace", "0", "--settle", "60")
for pair in (strict, plain):
    pair.approve(sensor)
status = sensor.end(how=0, seconds=120)
log = "\n".join(sensor.output + sensor.errors)
tap.check(status == 0 and re.search(r"delivered +strict: (\d[\d ]*) records accepted here, \1 acknowledged there", log), "everything is delivered, inside the sandbox", log)
tap.check(re.search(r"withheld +strict: [1-9]\d* tellings are marked above TLP:AMBER and stayed here", log) and "withheld    plain" not in log, "what is marked above the ceiling is counted and told", log)

stories = {pair: {s["story"]: s for s in pair.stories()} for pair in (strict, plain)}
journals = {pair: pair.journal() for pair in (strict, plain)}
journal_bodies = {pair: [body for _, _, _, _, body in journals[pair]] for pair in journals}
for end in ends:
    end.end()
key = re.search(r"key ([0-9a-f]{64})", (state / "pseudonyms.key").read_text()).group(1)
tap.check((state / "pseudonyms.key").stat().st_mode & 0o777 == 0o600 and (state / "pseudonyms.told").stat().st_mode & 0o777 == 0o600, "key and list can be read by the sensor alone")

left = {p: p.read_bytes() for where in (state / "outbox/strict", strict.collector_state) for p in sorted(where.rglob("*")) if p.is_file()}
octets = sum(len(b) for b in left.values())
secrets = {n.lower().encode(): n for n in declared | addresses | macs | heard | wrote | {"QzSensoryx"}}
secrets |= {ipaddress.ip_address(a).packed: f"{a} in octets" for a in addresses} | {bytes.fromhex(m.replace(":", "")): f"{m} in octets" for m in macs}
secrets |= {m.replace(":", "").encode(): f"{m} without colons" for m in macs} | {key.encode(): "the key", bytes.fromhex(key): "the key in octets"}
examples = (root / "docs/ALERTS.md").read_bytes().lower()               # addresses in the advice of the catalogue are nobody's
secrets = {s: what for s, what in secrets.items() if s not in examples}
found = [f"{what} in {path}" for path, data in left.items() for low in (data.lower(),) for secret, what in secrets.items()
         if secret in low or (path.suffix == ".seg" and secret in data)]
tap.check(octets > 50_000 and len(declared) > 20 and not found, f"none of {len(secrets)} names and addresses in the {octets} octets that left and in the collector's folder", *found[:20])
other = b"".join(p.read_bytes() for p in sorted((state / "outbox/plain").rglob("*.seg"))).lower()
missed = [what for secret, what in secrets.items() if what in heard | addresses and secret in other]
tap.check(len(missed) > 15, "the same search finds them in what left plainly", *missed)
unsaid = {n for n in wrote | set(ORDINARY.values()) if n.lower().encode() not in other}
tap.check(len(unsaid) <= 2, "what the site wrote and how it calls its devices is in there, too", *unsaid)
tap.check(key not in log and key.encode() not in other and key not in (state / "pseudonyms.told").read_text(), "the key is in no log, record and list")

marked = {i for i, s in stories[plain].items() if s["rule"]["id"] == "NET-06"}
tap.check(marked and stories[strict].keys() == stories[plain].keys() - marked, "both collectors have the same stories, but for the marked ones",
          stories[plain].keys() ^ stories[strict].keys())
told_by_others = [p for p, data in left.items() if b"NET-06" in data]
likened = [s for s in stories[plain].values() if any("NET-06" in o for o in s.get("resembles", {}).get("observed", []))]
tap.check(likened and not told_by_others, f"nor does another story tell of them: {len(likened)} likenesses have such a step", *told_by_others)
joined = {}
for i in stories[strict]:
    a, b = stories[strict][i], stories[plain][i]
    for end in ("src", "dst"):
        real = b[end].get("ip") or b[end].get("mac")
        if real and "pseudonym" in a[end]:
            joined.setdefault(real, set()).add(a[end]["pseudonym"])
        if "name" in b[end] and b[end]["name"] != "several":
            joined.setdefault(b[end]["name"], set()).add(a[end]["name"])
tap.check(len(joined) > 15 and all(len(v) == 1 for v in joined.values()) and len({x for v in joined.values() for x in v}) == len(joined), "one host, one pseudonym, over all records and both kinds",
          *[f"{k}: {v}" for k, v in joined.items() if len(v) != 1])
same = {r: next(iter(v)) for r, v in joined.items() if re.match(r"\d+\.\d+\.\d+\.\d+$", r)}
numbers = {int(ipaddress.ip_address(x)): int(pseudonym[4:], 16) for x, pseudonym in same.items()}
kept = all((x ^ y).bit_length() == (numbers[x] ^ numbers[y]).bit_length() for x in numbers for y in numbers)
tap.check(len(same) > 8 and kept, "prefixes are kept to the bit", *same.items())
differ = [a for i in stories[strict] for a, b in ((stories[strict][i], stories[plain][i]),) if a.get("what") == b.get("what") and any(c.isdigit() for c in str(b.get("what")))]
tap.check(not differ, "two policies, two bodies of the same story", *differ[:2])

status, out, err = run(programs.vidra, "resolve", "--config", toml, *[p for v in joined.values() for p in v])
resolved = dict(re.findall(r"^(\S+)  (.*?)(?:  \(.*\))?$", out, re.M))
tap.check(status == 0 and all(resolved.get(next(iter(v))) == real for real, v in joined.items()), "vidra resolve gives each of them back", err, *[f"{r} {v} {resolved.get(next(iter(v)))}" for r, v in joined.items() if resolved.get(next(iter(v))) != r])


def put_together(said):
    if isinstance(said, str):
        return said
    values = iter(said["values"])
    return re.sub(r"\{\}", lambda m: next(values) or "…", said["key"])


mail = "\n".join(put_together(stories[strict][i]["what"]) for i in stories[strict])
done = subprocess.run([programs.vidra, "resolve", "--config", str(toml)], input=mail, capture_output=True, text=True)
status, out, err = done.returncode, done.stdout, done.stderr
wanted = [put_together(stories[plain][i]["what"]) for i in stories[strict]]
wrong = [f"{x} | {y}" for x, y in zip(out.splitlines(), wanted) if x != y]
tap.check(status == 0 and len(out.splitlines()) == len(wanted) and not wrong, f"a text with pseudonyms becomes the site's own words again, {len(wanted)} of them", err, *wrong[:8])
status, out, err = run(programs.vidra, "resolve", "--config", toml, "host-0000000000", "10.10.1.20")
tap.check(status == 1 and "unknown here" in err and "'10.10.1.20' is no pseudonym" in err, "what is none, or of nobody, is said", status, out, err)
status, out, err = run(programs.vidra, "resolve", "--state", folder / "nowhere", "host-0000000000")
tap.check(status == 1 and "the key stays with the sensor" in err, "without the key: where it is", status, out, err)

# A key that is lost, and one that is changed. The list names what left; the sensor does not make a new one in silence.
resolvable = [next(iter(v)) for v in joined.values()]
lost = folder / "lost"
(lost / "outbox").mkdir(parents=True)
(lost / "pseudonyms.told").write_bytes((state / "pseudonyms.told").read_bytes())
(state / "pseudonyms.key").rename(folder / "old.key")
status, out, err = run(programs.vidra, "resolve", "--config", toml, *resolvable)
tap.check(status == 0 and "without the key only what the list names" in err and all(f"{next(iter(v))}  {r}" in out for r, v in joined.items()), "without the key vidra resolve finds what left", out, err)
status, out, err = run(programs.vidra, "preview", "--config", toml, "--collector", "strict", "--key", folder / "old.key", "--json", recording)
tap.check(status == 0 and same["10.10.1.199"] in out, "vidra preview --key makes the pseudonyms of that key", err)
(folder / "nothing.pcap").write_bytes(bytes.fromhex("d4c3b2a1020004000000000000000000ffff000001000000"))
again = [programs.vidrad, "--config", toml, "--state", lost, "--play", folder / "nothing.pcap", "--settle", "0"]
status, out, err = run(*again)
tap.check(status == 1 and re.search(r"pseudonyms\.key is gone, and .*pseudonyms\.told lists pseudonyms that left under it.*begin anew: mv \S+ \S+told\.\d{4}-\d\d-\d\d", out + err) and not (lost / "pseudonyms.key").exists(),
          "a sensor whose key is gone does not start, and says what to type", status, out, err)
(lost / "pseudonyms.told").rename(lost / "pseudonyms.told.2026")
status, out, err = run(*again)
tap.check(status == 0 and re.search(r"a key of pseudonyms was made, \S+: .*cannot join pseudonyms", out + err), "with what it says typed it starts, and warns of the new key", status, out, err)
status, out, err = run(programs.vidra, "resolve", "--config", toml, "--state", lost, "--key", folder / "old.key", *resolvable)
tap.check(status == 0 and all(f"{next(iter(v))}  {r}" in out for r, v in joined.items()), "what left under the old key is resolved with it", out, err)
(folder / "old.key").rename(state / "pseudonyms.key")

status, out, err = run(programs.vidra, "outbox", "strict", "--config", toml, "--raw", "-n", "0")
tap.check(status == 0 and sorted(out.splitlines()) == sorted(b.decode() for b in journal_bodies[strict]),
          f"vidra outbox --raw is what the collector keeps, octet by octet: {len(journal_bodies[strict])} records", status, err)
status, out, err = run(programs.vidra, "outbox", "--config", toml)
tap.check(status == 0 and re.search(r"strict, tcp://127\.0\.0\.1:\d+\n +addresses pseudonyms.*up to TLP:AMBER\n", out) and "plain, tcp:" in out and "everything plain; up to TLP:RED" in out
          and re.search(r"[1-9]\d* tellings were marked above TLP:AMBER and stayed at the site", out) and "acknowledged" in out, "vidra outbox: to whom, under which policy, what stayed", out[:3000], err)
status, out, err = run(programs.vidra, "outbox", "plain", "--config", toml, "--hex", "-n", "1")
tap.check(status == 0 and re.fullmatch(r"plain crp:\S+ [0-9a-f]{256,}\n", out) and bytes.fromhex(out.split()[2])[:4] == b"CRP1" and bytes.fromhex(out.split()[2])[128:] in journal_bodies[plain], "vidra outbox --hex: header and body", out, err)
status, out, err = run(programs.vidra, "outbox", "cert", "--config", toml)
tap.check(status == 1 and "these were: plain, strict" in err, "of somebody else: who there is", out, err)

status, out, err = run(programs.vidra, "preview", "--config", toml, "--collector", "strict", "--json", recording)
shown = [json.loads(line) for line in out.splitlines()]
first = {(s["rule"]["id"], s["t_start"], json.dumps(s.get("src")), json.dumps(s.get("dst"))) for s in shown}
told = {(s["rule"]["id"], s["t_start"], json.dumps(s.get("src")), json.dumps(s.get("dst"))) for s in stories[strict].values()}
tap.check(status == 0 and len(first & told) > len(told) * 0.9 and not [s for s in shown if s["rule"]["id"] == "NET-06"], "vidra preview shows what then left, with the same pseudonyms", len(first), len(told), len(first & told), err)
status, out, err = run(programs.vidra, "preview", "--config", toml, recording)
tap.check(status == 0 and re.search(r"src\.ip +stays +10\.10\.1\.199\n +leaves +ip4-[0-9a-f]{8}\n", out) and "does not leave: it is marked TLP:RED, and strict is told up to TLP:AMBER" in out
          and re.search(r"\d+ of \d+ stories would leave for strict; \d+ are marked above TLP:AMBER", out) and "would leave for plain" in out, "and beside it what stays", out[:2500], err)

status, out, err = run(programs.vidra, "alerts", "--state", strict.collector_state, "--limit", "3")
tap.check(status == 0 and re.search(r"pseudonyms: the site\s+resolves them", out) and re.search(r"ip4-[0-9a-f]{8}", out), "the collector shows pseudonyms as what they are", out, err)
tap.end(folder)
