#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What people hand to the programs that is no whole capture and no right text: cut, garbage, foreign, empty, unreadable, a directory,
a pipe. The message says what is wrong and where, the status is the one that docs/OPERATING.md promises, and what could be read is
reported. Then the commands that a person at a CERT types, and `./dev run`'s own demonstration, once from end to end.

usage: files.py VIDRAD VIDRA VIDRA-COLLECTOR ROOT"""
import gzip
import json
import os
import pathlib
import random
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import zipfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from programs import Feed, Pair, Process, Programs, Tap, arp, owner_mac, wait_for  # noqa: E402

programs = Programs(*sys.argv[1:5])
vidra, vidrad = programs.vidra, programs.vidrad
root = pathlib.Path(programs.root)
tap = Tap()
folder = pathlib.Path(tempfile.mkdtemp(prefix="vidra-files-"))
os.chdir(folder)
random.seed(1)

zst = (root / "tests/captures/demo-attacks.pcapng.zst").read_bytes()
whole = subprocess.run(["zstd", "-dqc"], input=zst, stdout=subprocess.PIPE, check=True).stdout
frames = json.loads(programs.run(vidra, "decode", "--count", root / "tests/captures/demo-attacks.pcapng.zst")[1])["packets"]


def packet(n, octets):
    return struct.pack("<IIII", 1_700_000_000 + n, 0, len(octets), len(octets)) + octets


packed = gzip.compress(whole)
classic = struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1)
one = packet(1, arp(owner_mac(1), (10, 0, 0, 1), (10, 0, 0, 2)))
cases = {   # name: octets, status of each command, what the message must say
    "cut.pcapng": (whole[:100_001], 3, r"cut\.pcapng: octet \d+, after frame \d+: it ends in the middle: \d+ octets are wanted, \d+ are left"),
    "cut.pcapng.zst": (zst[:len(zst) * 3 // 4], 3, r"cut\.pcapng\.zst: octet \d+, after frame \d+: the compressed data end in the middle"),
    "cut.pcapng.gz": (packed[:-20_000], 3, r"cut\.pcapng\.gz: octet \d+, after frame \d+: the compressed data end in the middle"),
    "damaged.pcapng.gz": (packed[:len(packed) // 2] + bytes(64) + packed[len(packed) // 2 + 64:], 3, r"damaged\.pcapng\.gz: octet \d+, after frame \d+: \w+"),
    "head.pcap": (classic[:11], 3, r"head\.pcap: octet 0, after frame 0: it ends inside the file header"),
    "length.pcap": (classic + one + struct.pack("<IIII", 1, 0, 0x7fffffff, 0x7fffffff) + bytes(99), 3, r"length\.pcap: octet 100, after frame 1: a record claims 2147483647 octets"),
    "garbage.pcapng": (whole[:20_000] + random.randbytes(20_000), 3, r"garbage\.pcapng: octet \d+, after frame \d+: "),
    "start.zst": (zst[:300], 1, r"start\.zst: the compressed data end in the middle, before the first packet"),
    "random": (b"\x11" + random.randbytes(5000), 1, r"random: it begins with 11 .*, which is no capture; pcap and pcapng are read"),
    "notes.txt": (b"These are notes.\n" * 99, 1, r"notes\.txt: it begins with 54 68 65 73, which is no capture"),
    "three": (b"abc", 1, r"three: it begins with 61 62 63, which is no capture"),
    "empty.pcap": (b"", 1, r"empty\.pcap: the file is empty"),
    "program": (pathlib.Path(sys.executable).read_bytes()[:9999], 1, r"program: it begins with 7f 45 4c 46, which is no capture"),
}
for name, (octets, *_) in cases.items():
    pathlib.Path(name).write_bytes(octets)
with zipfile.ZipFile("capture.zip", "w") as z:
    z.writestr("capture.pcapng", whole[:5000])
cases["capture.zip"] = (b"", 1, r"capture\.zip: it begins with 50 4b 03 04, which is no capture.*unpack it first")
pathlib.Path("folder").mkdir()
cases["folder"] = (b"", 1, r"folder: is a directory; name a pcap or pcapng file")
cases["missing.pcap"] = (b"", 1, r"missing\.pcap: No such file or directory")
if os.geteuid() != 0:
    pathlib.Path("secret.pcap").write_bytes(whole)
    os.chmod("secret.pcap", 0)
    cases["secret.pcap"] = (b"", 1, r"secret\.pcap: Permission denied")

settings = folder / "vidra.toml"
settings.write_text(f'[sensor]\nname = "files"\nstate = "{folder}/state"\n')
commands = {
    "decode --count": lambda name: [vidra, "decode", "--count", name],
    "replay --json": lambda name: [vidra, "replay", "--json", name],
    "learn": lambda name: [vidra, "learn", name],
    "vidrad --play": lambda name: [vidrad, "--config", settings, "--play", name, "--pace", "0"],
}
for name, (octets, wanted, message) in cases.items():
    wrong = []
    for command, line in commands.items():
        status, out, err = programs.run(*line(name))
        err = err.decode()
        text = out.decode()          # anything but UTF-8 would end the test here
        if status != wanted or not re.search(message, err) or "terminate" in err:
            wrong.append(f"{command}: {status}: {err}")
        if status == 3:              # what could be read is reported
            reported = {"decode --count": lambda: json.loads(text)["packets"] == int(re.search(r"after frame (\d+)", err).group(1)),
                        "replay --json": lambda: all(json.loads(each)["detection"] for each in text.splitlines()),
                        "learn": lambda: "version = 2" in text, "vidrad --play": lambda: "heard " in text}[command]
            if not reported():
                wrong.append(f"{command}: not reported: {text}")
    tap.check(not wrong, f"{name}: status {wanted}, said what and where", *wrong)

if os.geteuid() == 0:
    # Another user may not read it: asked as nobody, where root can become that.
    pathlib.Path("secret.pcap").write_bytes(whole[:100])
    os.chmod("secret.pcap", 0o600)
    os.chmod(folder, 0o755)
    try:
        status, out, err = programs.run(vidra, "decode", folder / "secret.pcap", user=65534, group=65534, extra_groups=[], cwd="/")
        tap.check(status == 1 and b"secret.pcap: Permission denied" in err, "an unreadable file: status 1, said why", status, err.decode())
    except (PermissionError, FileNotFoundError) as e:
        tap.skip("an unreadable file", f"the program cannot be run as another user: {e}")

good = root / "tests/captures/demo-attacks.pcapng.zst"
alone = programs.run(vidra, "replay", "--json", good)[1]
status, out, err = programs.run(vidra, "replay", "--json", good, "missing.pcap")
tap.check(status == 1 and out == alone and alone and b"missing.pcap" in err, "of several recordings the readable ones are judged", status, err.decode(), len(out), len(alone))
status, out, err = programs.run(vidra, "decode", "--count", "cut.pcapng", "missing.pcap", good)
tap.check(status == 1 and [json.loads(line)["packets"] for line in out.decode().splitlines()][1:] == [frames], "and decoded", status, err.decode(), out.decode())
status, out, err = programs.run(vidra, "learn", good, "missing.pcap", "-o", "half.toml")
tap.check(status == 1 and not os.path.exists("half.toml"), "but half of what is usual is not learned", status, err.decode())
status, out, err = programs.run(vidra, "learn", good, "-o", "nowhere/memory.toml")
tap.check(status == 1 and b"nowhere/memory.toml: No such file or directory" in err, "learn into a folder that is not there: said", status, err.decode())
for line in ([vidra], [vidra, "dekode", good], [vidra, "decode"], [vidra, "decode", "--limit", "many", good], [vidrad, "--pace", "-1", "--play", good], [vidrad, "--nonsense"]):
    status, out, err = programs.run(*line)
    tap.check(status == 2 and err + out, f"{' '.join(os.path.basename(str(c)) for c in line)}: status 2", status, err.decode())

# Pipes: heard like files, and like a wire when they pause.
os.mkfifo("pipe")
threading.Thread(target=lambda: pathlib.Path("pipe").write_bytes(zst), daemon=True).start()
status, out, err = programs.run(vidra, "decode", "--count", "pipe")
tap.check(status == 0 and json.loads(out)["packets"] == frames, "a named pipe is read like a file", status, err.decode())
with open(good, "rb") as f:
    done = subprocess.run([vidra, "decode", "--count", "-"], stdin=f, stdout=subprocess.PIPE, timeout=120)
tap.check(done.returncode == 0 and json.loads(done.stdout)["packets"] == frames, "and standard input")
sensor = Process(vidrad, "--config", settings, "--play", "-", "--print", stdin=subprocess.PIPE)
sensor.process.stdin.write(classic + one + one[:20])
sensor.process.stdin.flush()
tap.check(sensor.says("hears -"), "a sensor at a pipe starts with its first octets", *sensor.errors)
status = sensor.end(signal.SIGTERM, 20)
tap.check(status == 0, "TERM ends it while the pipe is silent in the middle of a packet", status, *sensor.errors)
sensor = Process(vidrad, "--config", settings, "--play", "-", stdin=subprocess.PIPE)
sensor.process.stdin.write(classic[:2])
sensor.process.stdin.flush()
status = sensor.end(signal.SIGTERM, 20)
tap.check(status == -signal.SIGTERM, "and before anything has come", status, *sensor.errors)

# JSON is UTF-8 and JSON, whatever was on the wire.
for command in (["decode", "--json"], ["replay", "--json"], ["decode", "--count"]):
    status, out, err = programs.run(vidra, *command, good)
    tap.check(status == 0 and out and all(isinstance(json.loads(line), dict) for line in out.decode("utf-8").splitlines()), f"{' '.join(command)}: every line is an object in UTF-8", status, err.decode())
noisy = bytearray(whole)
for at in random.sample(range(2000, len(noisy)), len(noisy) // 200):
    noisy[at] = random.randrange(0x80, 0x100)
at, packets = 0, bytearray(classic)      # the damage goes into the frames, not into the file's own structure
while at + 12 <= len(whole):
    kind, length = struct.unpack_from("<II", whole, at)
    if kind == 6:
        high, low, kept, wire = struct.unpack_from("<IIII", whole, at + 12)
        packets += struct.pack("<IIII", 1_700_000_000, 0, kept, wire) + noisy[at + 28:at + 28 + kept]
    at += length
pathlib.Path("noisy.pcap").write_bytes(packets)
for command in (["decode", "--json"], ["replay", "--json"], ["decode"], ["replay"], ["learn"]):
    status, out, err = programs.run(vidra, *command, "noisy.pcap")
    try:
        text = out.decode("utf-8")
        good_text = all(isinstance(json.loads(line), dict) for line in text.splitlines()) if "--json" in command else True
    except ValueError as e:
        good_text, err = False, str(e).encode()
    tap.check(status == 0 and good_text and out, f"{' '.join(command)} of frames with damaged octets: UTF-8, status 0", status, err.decode())

# Texts that are wrong.
broken = {
    'a = \n': r"\.toml:1:\d+: ",
    '[sensor\nname = "x"\n': r"\.toml:1:\d+: ",
    '[judge]\nmode = "wach"\n': r"\.toml:2:1: 'mode' is \"wach\", did you mean \"watch\"\?",
    '[capture]\ninterfces = ["eth1"]\n': r"\.toml:2:1: unknown key 'interfces'.*did you mean 'interfaces'\?",
    '[[host]]\nname = "a"\naddress = "10.0.0.300"\n[site]\nname = "s"\n': r"\.toml:3:1: .*10\.0\.0\.300",
    '\x00\x01\x02': r"\.toml:1:\d+: ",
    'version = 1\n[[host]]\nadress = "10.0.0.1"\n': r"\.toml:3:1: unknown key 'adress'.*did you mean 'address'\?",
    'version = 7\n[[host]]\naddress = "10.0.0.1"\n': r"\.toml:1:1: it was written by a newer Vidra \(version 7, this one reads 1 to 2\)",
}
for n, (text, message) in enumerate(broken.items()):
    path = folder / f"broken{n}.toml"
    path.write_bytes(text.encode("latin-1"))
    status, out, err = programs.run(vidra, "check", path)
    tap.check(status == 1 and re.search(message, err.decode()) and b"is refused" in err, f"check {text!r}: refused with its place", status, err.decode())
status, out, err = programs.run(vidra, "check", "nowhere.toml")
tap.check(status == 1 and b"nowhere.toml" in err and b"No such file" in err, "check of a file that is not there", status, err.decode())
status, out, err = programs.run(vidra, "check", folder / "folder")
tap.check(status == 1 and b"folder: is a directory" in err, "check of a directory", status, err.decode())
status, out, err = programs.run(vidrad, "--config", folder / "broken2.toml", "--play", good)
tap.check(status == 2 and b"broken2.toml:2:1" in err and b"vidra check" in err, "the sensor refuses the same with 2 and says how to look", status, err.decode())
programs.run(vidra, "learn", good, "-o", "memory.toml")
status, out, err = programs.run(vidra, "check", "memory.toml")
tap.check(status == 0 and re.search(rb"memory\.toml: right\n  memory   [1-9]\d* hosts, [1-9]\d* conversations", out), "check of what was learned", status, out.decode(), err.decode())
for path in (root / "config/vidra.toml", root / "config/sites/alder.toml"):
    status, out, err = programs.run(vidra, "check", path)
    tap.check(status == 0 and b": right" in out, f"check {path.name}", status, out.decode(), err.decode())
os.chdir("/")
shutil.rmtree(folder)

# What a person at the CERT types.
pair = Pair(programs)
collector = pair.collector()
out = programs.run(vidra, "keys", "--state", pair.collector_state)
tap.check(out[0] == 0 and b"No sensor has knocked yet" in out[1], "vidra keys before anybody came", out)
out = programs.run(vidra, "alerts", "--state", pair.collector_state)
tap.check(out[0] == 0 and b"No alerts yet" in out[2], "vidra alerts before anything came", out)
pair.configure(pair.server_key())
accepted, feed = {}, Feed(rate=50)
follow = Process(vidra, "alerts", "--state", pair.collector_state, "--follow", "--json")
plain = Process(vidra, "alerts", "--state", pair.collector_state, "--follow", "--brief")
sensor = pair.sensor(feed, witness=accepted)
status, text = pair.approve(sensor)
tap.check(status == 0 and "alder-1 is active: it is heard from now on" in text, "vidra keys approve", text)
tap.check(wait_for(lambda: len(follow.output) > 50), "vidra alerts --follow shows them as they come", len(follow.output), *follow.errors)
sensor.feeding()
sensor.end(signal.SIGCONT, 70)
newest = {}
for story, revision in accepted.values():
    if story != "-":
        newest[story] = max(revision, newest.get(story, 0))


def followed():
    said = {}
    for line in list(follow.output):
        body = json.loads(line)
        said[body["story"]] = max(body["revision"], said.get(body["story"], 0))
    return said


tap.check(wait_for(lambda: followed() == newest), f"and in the end each of the {len(newest)} in its last state", len(followed()), len(newest))
tap.check(any("Address claimed by a second MAC" in line for line in plain.output), "as text too", *plain.output[:3])
wanted = programs.run(vidra, "alerts", "--state", pair.collector_state, "--severity", "critical", "--json", "--limit", "0")[1].decode().splitlines()
tap.check(wanted and all(json.loads(line)["severity"] == 5 for line in wanted) and len(wanted) < len(newest), "vidra alerts --severity critical")
out = programs.run(vidra, "alerts", "--state", pair.collector_state, "--sensor", "alder-2")
tap.check(b"Did you mean the sensor 'alder-1'?" in out[2], "a sensor's name with a mistake: the nearest is named", out[2].decode())
out = programs.run(vidra, "sensors", "--state", pair.collector_state)
tap.check(out[0] == 0 and re.search(rb"stopped +alder-1 .*Alder 110/20 kV", out[1]), "vidra sensors: who it was, and that it said good-bye", out[1].decode())
tap.check(follow.end() in (0, -signal.SIGTERM) and plain.end() in (0, -signal.SIGTERM), "--follow ends when asked")
collector.end()
shutil.rmtree(pair.folder)

# The main job, as ./dev run does it.
build = pathlib.Path(vidra).parents[2]
done = subprocess.run(["bash", str(root / "tests/support/run.sh"), str(build)], env={**os.environ, "PACE": "400"}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=200)
text = done.stdout.decode("utf-8")
tap.check(done.returncode == 0, "./dev run ends with 0", done.returncode, text[-3000:], done.stderr.decode())
for what, pattern in (("what it learned", r"learned +\d+ hosts"), ("the approval", r"approved +the sensor's key"), ("alerts with their detection", r"I104-\d\d"), ("and what to do next", r"next"),
                      ("the summary: heard", r"heard +[\d  ]+ packets"), ("accounted for", r"payload +.* = decoded .* \+ opaque .* \+ lost "), ("judged", r"judged +.* messages, .* findings, [1-9]\d* stories"),
                      ("delivered", r"delivered +cert: .* records accepted here, .* acknowledged there\n"), ("kept", r"at the CERT [1-9]\d* stories")):
    tap.check(re.search(pattern, text), f"./dev run shows {what}", text[-3000:])
tap.end()
