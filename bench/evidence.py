#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What keeping packets costs (not the cutting of sets, which goes by alerts and has at most a quarter of a core): one mix heard by vidrad with and without [evidence], in turn (A B A B …), as fast as it is read and at a pace of
100,000 packets a second; CPU time of the whole process, the writer's with it, net of the start. With valgrind there: instructions too.

usage: evidence.py BUILD [--rounds N] [--packets N] [--pps N] [--on FOLDER] [--no-instructions] [--share]

FOLDER is where the packets are written: the disk that counts. What the kernel does later to bring them there is not in a process's CPU time.
--share, with perf there: nothing else but the share within one run at that pace, which others' work hardly changes: samples of the writer's thread and of what a worker does for the recorder (copying
counted as what it is more than in a run without), against all others of that run net of the start."""
import argparse
import collections
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from running import cost, learned, root  # noqa: E402

parser = argparse.ArgumentParser()
parser.add_argument("build")
parser.add_argument("--rounds", type=int, default=5)
parser.add_argument("--packets", type=int, default=1_000_000)
parser.add_argument("--pps", type=int, default=100_000)
parser.add_argument("--on", default=None)
parser.add_argument("--no-instructions", action="store_true")
parser.add_argument("--share", action="store_true")
options = parser.parse_args()
build = (root / options.build).resolve()
vidra, vidrad = build / "daemon/tool/vidra", build / "daemon/sensor/vidrad"
folder = pathlib.Path(tempfile.mkdtemp(prefix="vidra-evidence-", dir=options.on))


def mix(packets):
    path = folder / f"mix-{packets}.pcap"
    subprocess.run([build / "bench/load/mix", path, str(packets)], check=True, stdout=subprocess.DEVNULL)
    return path


whole, little = mix(options.packets), mix(20_000)
memory, site = learned(vidra, whole, folder)
for name, keep in (("without", "false"), ("with", "true")):
    (folder / f"{name}.toml").write_text(f'[judge]\nmode = "watch"\nmemory = "{memory}"\n[evidence]\nkeep = {keep}\nspare = 0\nseverity = 5\n[site]\nfile = "{site}"\n')


def play(name, capture, pace):
    state = folder / "state"
    shutil.rmtree(state, ignore_errors=True)
    used = cost([vidrad, "--config", folder / f"{name}.toml", "--state", state, "--run", folder / "run", "--play", capture, "--pace", pace, "--settle", 0])
    return used.cpu, used.output


def recorded_rate(capture):
    """Packets a second by the stamps of a pcap."""
    octets = capture.read_bytes()
    unit = 1e9 if octets[:4] == bytes.fromhex("4d3cb2a1") else 1e6
    stamps, at = [], 24
    while at + 16 <= len(octets):
        seconds, fraction, captured = (int.from_bytes(octets[at + i:at + i + 4], "little") for i in (0, 4, 8))
        stamps.append(seconds + fraction / unit)
        at += 16 + captured
    return len(stamps) / (stamps[-1] - stamps[0])


def samples(name, capture, pace):
    """(thread, symbol) → perf's samples of one run."""
    shutil.rmtree(folder / "state", ignore_errors=True)
    subprocess.run(["perf", "record", "-q", "-F", "5000", "-o", folder / "perf", vidrad, "--no-sandbox", "--config", folder / f"{name}.toml", "--state", folder / "state", "--run", folder / "run",
                    "--play", capture, "--pace", str(pace), "--settle", "0"], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    said = subprocess.run(["perf", "report", "-i", folder / "perf", "--sort", "comm,symbol", "--stdio", "-n"], check=True, capture_output=True, text=True).stdout
    return collections.Counter({(thread, symbol): int(n) for n, thread, symbol in re.findall(r"^ +[\d.]+% +(\d+)  (\S.*?) +\[[.k]\] (.*?) *$", said, re.M)})


def share(pace):
    shares = []
    for _ in range(options.rounds):
        start, long, none = samples("with", little, 0), samples("with", whole, pace), samples("without", whole, pace)
        spent = collections.Counter({k: long[k] - start[k] for k in long})
        writer = sum(n for (thread, _), n in spent.items() if "writer" in thread)
        worker = sum(n for (thread, symbol), n in spent.items() if "writer" not in thread and "Recorder" in symbol)
        copying = max(0, sum(long[k] - none[k] for k in long | none if "memmove" in k[1] and "worker" in k[0]))
        kept = writer + worker + copying
        shares.append(100 * kept / (spent.total() - kept))
        print(f"samples of the writer {writer}, of the worker {worker}, copying {copying}; of all else {spent.total() - kept}: {shares[-1]:.1f} %")
    print(f"{options.pps:,} packets/s: keeping packets is {statistics.median(shares):.1f} % of all else".replace(",", " "))


(folder / "run").mkdir()
if options.share:
    share(options.pps / recorded_rate(whole))
    shutil.rmtree(folder)
    sys.exit()
print(f"{options.packets:,} packets, {options.rounds} rounds, written to {folder.parent}".replace(",", " "))
for label, pace in (("as fast as it is read", 0), (f"{options.pps:,} packets/s".replace(",", " "), options.pps / recorded_rate(whole))):
    nets = {"without": [], "with": []}
    for _ in range(options.rounds):
        for name in nets:
            start = play(name, little, 0)[0]
            nets[name].append((play(name, whole, pace)[0] - start) / (options.packets - 20_000) * 1e9)
    without, with_it = (statistics.median(nets[n]) for n in ("without", "with"))
    ratios = [b / a - 1 for a, b in zip(nets["without"], nets["with"])]
    print(f"{label}: without {without:.0f} ns a packet, with {with_it:.0f}: {100 * (with_it / without - 1):+.1f} % (rounds {', '.join(f'{100 * r:+.1f}' for r in ratios)})")

if not options.no_instructions and shutil.which("valgrind"):
    short, long = mix(50_000), mix(100_000)
    per_packet = {}
    for name in ("without", "with"):
        counts = []
        for capture in (short, long):
            shutil.rmtree(folder / "state", ignore_errors=True)
            out = subprocess.run(["valgrind", "--tool=callgrind", f"--callgrind-out-file={folder}/callgrind", vidrad, "--no-sandbox", "--config", folder / f"{name}.toml", "--state", folder / "state",
                                  "--run", folder / "run", "--play", capture, "--pace", "0", "--settle", "0"], capture_output=True, text=True)
            counts.append(int(re.search(r"Collected : (\d+)", out.stderr).group(1)))
        per_packet[name] = (counts[1] - counts[0]) / 50_000
    a, b = per_packet["without"], per_packet["with"]
    print(f"instructions a packet, all threads, without the kernel's: without {a:.0f}, with {b:.0f}: {100 * (b / a - 1):+.1f} %")
shutil.rmtree(folder)
