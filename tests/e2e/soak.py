#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A sensor hears a link for a long time, keeps packets, raises alerts and delivers them to a collector; neither needs more memory, files or
threads as time goes on. On the link: the generated mix over 200 conversations, again and again; the attacks of the recorded laboratory
once a minute; cards that claim others' addresses, twice a second. In a network of its own; states lie in memory (/dev/shm).

usage: soak.py VIDRAD VIDRA VIDRA-COLLECTOR ROOT MIX; VIDRA_SECONDS (20), VIDRA_PPS packets a second (2000)

`./dev soak` is an hour of it at 20,000: memory of its own (RssAnon) may then rise by 1 MB an hour at most, as the median of the slopes
between any two samples (Theil and Sen) after ten minutes, in which what is allocated once is allocated. Runs under half an hour say nothing
about an hour: there 128 MB for the sensor and 32 for the collector are not passed."""
import json
import os
import pathlib
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from programs import Pair, Process, Programs, Tap, arp, cable_of_its_own, mac_text, wait_for  # noqa: E402

seconds, pps = float(os.environ.get("VIDRA_SECONDS", "20")), int(os.environ.get("VIDRA_PPS", "2000"))
MOST = {"sensor": 128, "collector": 32}
tap = Tap()
cable_of_its_own(tap, "soak")
programs, mix = Programs(*sys.argv[1:5]), os.path.abspath(sys.argv[5])
if "TMPDIR" not in os.environ and os.path.isdir("/dev/shm"):
    tempfile.tempdir = "/dev/shm"

pair = Pair(programs)
loop = pair.folder / "mix.pcap"
subprocess.run([mix, loop, str(int(min(seconds, 20) * pps)), "200"], check=True, stdout=subprocess.DEVNULL)
subprocess.run([programs.vidra, "learn", loop, "-o", pair.folder / "memory.toml"], check=True, capture_output=True)
attacks = pair.folder / "attacks.pcapng"
attacks.write_bytes(subprocess.run(["zstd", "-dc", pathlib.Path(programs.root) / "tests/captures/demo-attacks.pcapng.zst"], check=True, capture_output=True).stdout)


def claimant(n):
    return bytes([0x02, 0xcc, 0, 0, 0, n])


def owner(n):
    return bytes([0x00, 0x0e, 0x8c, 1, 0, n])


collector = pair.collector()
pair.settings.write_text(f'''[sensor]
name = "alder-1"
state = "{pair.sensor_state}"
health_every = "10s"
[capture]
interfaces = ["near"]
source = "ring"
buffer = "16 MiB"
[judge]
memory = "{pair.folder}/memory.toml"
[report]
quiet = "5s"
[evidence]
keep = true
commands = "16 MiB"
ordinary = "32 MiB"
bulk = "16 MiB"
sets = "32 MiB"
spare = "1 MiB"
[[collector]]
name = "cert"
endpoint = "tcp://127.0.0.1:{pair.port}"
{re.search(r'(server_key = ".{40}")', programs.run(programs.vidra, "keys", "fingerprint", "--state", pair.collector_state)[1].decode()).group(1)}
[site]
name = "Alder 110/20 kV"
prefixes = ["10.1.0.0/16", "10.2.0.0/16", "10.3.0.0/16"]
''' + "".join(f'[[host]]\nname = "s{n}"\naddress = "10.2.{n >> 8}.{n & 255}"\nrole = "rtu"\n' for n in range(1, 201))
    + "".join(f'[[host]]\nname = "m{n}"\naddress = "10.1.0.{n}"\nrole = "master"\n' for n in range(1, 21))
    + "".join(f'[[host]]\nname = "h{n}"\naddress = "10.3.0.{n}"\nmac = "{mac_text(owner(n))}"\n' for n in range(1, 33)))
accepted = {}
read, write = os.pipe()
sensor = Process(programs.vidrad, "--config", pair.settings, "--witness", write, "--print", "--settle", "60", pass_fds=[write])
os.close(write)
threading.Thread(target=Pair.listen, args=(sensor, read, accepted), daemon=True).start()
if not tap.check(sensor.says(" hears its interfaces", 30), "the sensor hears", *sensor.errors):
    collector.end(), sensor.end()
    tap.end()
status, text = pair.approve(sensor)
tap.check(status == 0, "it is let in", text)

over = threading.Event()


def claims():
    """Two a second, of 32 cards in turn: each is a story, closed when it is quiet."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as s:
        s.bind(("far", 0))
        n = 0
        while not over.wait(0.5):
            who = n % 32 + 1
            if n % 32 == 0:
                for m in range(1, 33):
                    s.send(arp(owner(m), (10, 3, 0, m), (10, 3, 0, m % 32 + 1)))
            s.send(arp(claimant(who), (10, 3, 0, who), (10, 3, 0, who % 32 + 1)))
            n += 1


playing = []


def replay(*words):
    p = subprocess.Popen(["tcpreplay", "-q", "--intf1=far", *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    playing.append(p)
    p.wait()


def keep_attacking():
    while not over.is_set():
        replay("--pps=1000", str(attacks))
        over.wait(60)


def of(process):
    values = {}
    for line in open(f"/proc/{process.process.pid}/status"):
        word, _, value = line.partition(":")
        if word in ("RssAnon", "RssFile", "RssShmem", "Threads"):
            values[word] = int(value.split()[0])
    return values["RssAnon"] / 1024, (values["RssAnon"] + values["RssFile"] + values["RssShmem"]) / 1024, len(os.listdir(f"/proc/{process.process.pid}/fd")), values["Threads"]


def slope(points):
    """MB an hour: the median of what lies between any two."""
    return statistics.median((b - a) / (t - s) for i, (s, a) in enumerate(points) for t, b in points[i + 1:]) * 3600


loops = max(1, round(seconds * pps / max(1, int(min(seconds, 20) * pps))))
threads = [threading.Thread(target=f, daemon=True) for f in (claims, keep_attacking)]
player = threading.Thread(target=lambda: replay(f"--pps={pps}", f"--loop={loops}", "--preload-pcap", str(loop)), daemon=True)
began = time.monotonic()
for t in [*threads, player]:
    t.start()
samples = {"sensor": [], "collector": []}
every = max(0.5, seconds / 400)
while player.is_alive():
    time.sleep(every)
    if sensor.process.poll() is not None or collector.process.poll() is not None:
        break
    for name, process in (("sensor", sensor), ("collector", collector)):
        samples[name].append((time.monotonic() - began, *of(process)))
lasted = time.monotonic() - began
over.set()
for p in playing:
    if p.poll() is None:
        p.terminate()
for t in [*threads, player]:
    t.join(20)
time.sleep(1)
claimed = json.loads(subprocess.run(["ip", "-s", "-j", "link", "show", "far"], check=True, capture_output=True).stdout)[0]["stats64"]["tx"]["packets"]
status = sensor.end()
summary = "\n".join(sensor.output[-60:])
heard, lost = (int(re.sub(r"\D", "", m.group(1))) if (m := re.search(pattern, summary)) else 0 for pattern in (r"heard +([\d ]+) packets", r"lost +([\d ]+) frames"))
print(f"# {lasted:.0f} s, {claimed} packets sent, {claimed / lasted:.0f} a second, {heard} heard, {lost} lost; {len(accepted)} records accepted", flush=True)
tap.check(status == 0, "the sensor lives to the end, and ends with 0", status, *sensor.errors[-20:])
tap.check(abs(claimed - heard - lost) <= 64, f"{claimed} sent = {heard} heard + {lost} lost", summary)   # others' frames at the start and end of a link
tap.check(lost <= claimed / (100 if lasted >= 1800 else 10), f"{lost} of them were lost")
tap.check(len(accepted) > seconds, f"{len(accepted)} records were accepted meanwhile")
tap.check(collector.end() == 0, "the collector lives to the end, and ends with 0", *collector.errors[-20:])
for name, all_samples in samples.items():
    after = [s for s in all_samples if s[0] >= (600 if lasted >= 1800 else lasted / 5)]
    third = len(all_samples) // 3
    memory = [s[1] for s in all_samples]
    middle, last = statistics.median(memory[third:2 * third]), statistics.median(memory[2 * third:])
    hourly = slope([(s[0], s[1]) for s in after])
    print(f"# {name}: RssAnon {memory[0]:.1f} MB at first, {middle:.2f} in the middle, {last:.2f} in the last third, {max(memory):.1f} at most; slope {hourly:+.2f} MB an hour; "
          f"all resident {all_samples[-1][2]:.1f} MB; {after[0][3]} to {after[-1][3]} files, {after[0][4]} to {after[-1][4]} threads", flush=True)
    if os.environ.get("VIDRA_SAMPLES"):
        with open(f"{os.environ['VIDRA_SAMPLES']}.{name}", "w") as out:
            out.writelines(" ".join(f"{v:.3f}" for v in s) + "\n" for s in all_samples)
    if lasted >= 1800:
        tap.check(hourly <= 1, f"the {name}'s memory rises by {hourly:+.2f} MB an hour")
    else:
        tap.check(max(memory) <= MOST[name], f"the {name}'s memory: {max(memory):.1f} MB at most")
    tap.check(max(s[3] for s in after[-5:]) <= min(s[3] for s in after[:5]) + 8, f"the {name} has no more files open: {after[0][3]}, {after[-1][3]}")
    tap.check(after[-1][4] <= after[0][4] + 1, f"and no more threads: {after[0][4]}, {after[-1][4]}")
held = {entry[0] for entry in pair.journal()}
tap.check(accepted and not set(accepted) - held, f"everything accepted is in the journal: {len(set(accepted) - held)} are not", *sensor.errors[-5:])
tap.end(pair.folder)
