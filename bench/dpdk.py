#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The sensor's pipeline at a DPDK port that gives a recording over and over as fast as it is asked (net_pcap, infinite_rx), with one worker and
with two (`port_bench`), beside the same packets read from a file by `vidra replay` (one thread) and `vidrad --play` (the same threads): packets per second of CPU and by the clock on the wall, and
whether the same is heard in them.

usage: dpdk.py BUILD [--rounds N] [--seconds N] [--packets N]

The loop opens and closes every connection, so that each turn is heard whole. The file has the stamps that the port would give; memory and site of the
traffic are loaded in each case. CPU is that of all threads of a process, the file's net of the start. Two workers get two halves of the loop, apart by
stations, a queue each. By the wall a port has two threads or three, a file one: that says little where others want the cores too."""
import argparse
import json
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from running import cost, middle, root, site  # noqa: E402

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("build")
parser.add_argument("--rounds", type=int, default=5)
parser.add_argument("--seconds", type=float, default=8)
parser.add_argument("--packets", type=int, default=200_000, help="of the loop: it must last longer than the 20 ms in which the same frame is a twin")
options = parser.parse_args()
build = (root / options.build).resolve()
vidra, vidrad, mix = build / "daemon/tool/vidra", build / "daemon/sensor/vidrad", build / "bench/load/mix"
module = next(iter(build.glob("daemon/capture/dpdk/*.so")), None)
if not module:
    sys.exit(f"skipped: no DPDK module there; type: ninja -C {build} daemon/capture/dpdk/vidra-dpdk.so")


def frames(path):
    data, at = path.read_bytes(), 24
    while at + 16 <= len(data):
        n = int.from_bytes(data[at + 8:at + 12], "little")
        yield data[at + 16:at + 16 + n]
        at += 16 + n


def write(path, many, times=1, apart=700):
    """So many turns of the loop, stamped from now on, as far apart as a port at full speed gives them."""
    now = time.time_ns()
    with open(path, "wb", 1 << 22) as out:
        out.write(struct.pack("<IHHiIII", 0xa1b23c4d, 2, 4, 0, 0, 65535, 1))
        for _ in range(times):
            for f in many:
                out.write(struct.pack("<IIII", now // 1_000_000_000, now % 1_000_000_000, len(f), len(f)) + f)
                now += apart
    return path


def half(frame):
    """By who serves (stations are 10.2.…, masters 10.1.…), or publishes."""
    return (max(frame[26:30], frame[30:34])[3] if frame[12:14] == b"\x08\x00" else frame[11]) & 1


def heard(text):
    """What `vidrad --play` says of a file: packets, records of each protocol, messages judged."""
    line = re.search(r"^\s+([\d ]+) conversations(.*)$", text, re.M)
    return {"packets": int(re.sub(r"\D", "", re.search(r"^heard\s+([\d\s]+?) packets", text, re.M).group(1))), "left_out": int("left out" in text), "twins": 0,
            "judged": int(re.sub(r"\D", "", re.search(r"^judged\s+([\d ]+) messages", text, re.M).group(1))),
            "records": {name: int(re.sub(r"\D", "", n)) for n, name in re.findall(r", ([\d ]+) (\S+?)(?=,|$)", line.group(2))}}


def live(settings):
    """What port_bench says of one run."""
    return json.loads(cost([build / "bench/port_bench", settings, options.seconds]).output.strip().rsplit("\n", 1)[-1])


def main():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="vidra-dpdk-", dir="/var/tmp"))
    try:
        whole = folder / "loop.pcap"
        cost([mix, whole, options.packets, 400, 1, "closed"])
        loop = list(frames(whole))
        times = max(2, 2_000_000 // len(loop))
        long, short = write(folder / "long.pcap", loop, times), write(folder / "short.pcap", loop, 1)
        halves = [write(folder / f"{h}.pcap", [f for f in loop if half(f) == h]) for h in (0, 1)]
        memory, declared = folder / "memory.toml", folder / "site.toml"
        subprocess.run([vidra, "learn", long, "-o", memory], check=True, capture_output=True)
        declared.write_text(site(400))
        buffers = 1 << (len(loop) + 3 * 8192).bit_length()
        for name, files, workers in (("one", [whole], 1), ("two", halves, 2)):
            port = "net_pcap0," + "".join(f"rx_pcap={f}," for f in files) + "infinite_rx=1"
            (folder / f"{name}.toml").write_text(f'[sensor]\nstate = "{folder}/{name}"\n[capture]\ninterfaces = ["{port}"]\nsource = "dpdk"\nworkers = {workers}\n[dpdk]\nmodule = "{module}"\nbuffers = {buffers - 1}\n'
                                                 f'[judge]\nmemory = "{memory}"\n' + site(400))
        # The file's stamps as far apart as the port gives them here: what is told again after a second is told as often.
        pace = live(folder / "one.toml")
        apart = round(pace["wall"] / pace["packets"] * 1e9)
        write(long, loop, times, apart), write(short, loop, 1, apart)
        rates = {"file": [], "threads": [], "one": [], "two": []}
        wall, said = {"file": [], "threads": [], "one": [], "two": []}, {}
        (folder / "file.toml").write_text(f'[judge]\nmemory = "{memory}"\n' + site(400))
        played = [vidrad, "--config", folder / "file.toml", "--state", folder / "file", "--pace", 0, "--print", "--settle", 0, "--play"]
        for _ in range(options.rounds):
            command = [vidra, "replay", "--config", declared, "--memory", memory]
            begun, all_of_it = cost(command + [short]), cost(command + [long])
            rates["file"].append((times - 1) * len(loop) / (all_of_it.cpu - begun.cpu))
            begun, all_of_it = cost(played + [short]), cost(played + [long])
            rates["threads"].append((times - 1) * len(loop) / (all_of_it.cpu - begun.cpu))
            said["file"] = heard(all_of_it.output)
            for name in ("one", "two"):
                said[name] = live(folder / f"{name}.toml")
                rates[name].append(said[name]["packets"] / said[name]["cpu"])
                wall[name].append(said[name]["packets"] / said[name]["wall"])
        print(f"a loop of {len(loop):,} packets and 400 connections; {options.seconds:g} s each, {options.rounds} rounds, medians; the file's stamps lie {apart:,} ns apart")
        print(f"{'':<34}{'packets per CPU-second':>24}{'least to most':>26}{'by the wall':>14}")
        for name, what in (("file", "the same from a file, one thread"), ("threads", "the same through vidrad's threads"), ("one", "net_pcap, one worker"), ("two", "net_pcap, two workers")):
            r = rates[name]
            print(f"{what:<34}{middle(r):>24,.0f}{f'{min(r):,.0f} to {max(r):,.0f}':>26}" + (f"{middle(wall[name]):>14,.0f}" if wall[name] else ""))
        share = [a / b for a, b in zip(rates["one"], rates["file"])]
        by_wall = [a / b for a, b in zip(wall["one"], rates["file"])]
        alike = [a / b for a, b in zip(rates["one"], rates["threads"])]
        two = [a / b for a, b in zip(rates["two"], rates["one"])]
        print(f"goal: ≥ 80 % of the offline rate: per CPU-second of all its threads {middle(share):.0%} ({min(share):.0%} to {max(share):.0%}): {'reached' if middle(share) >= 0.8 else 'MISSED'}; "
              f"of the same threads at a file {middle(alike):.0%} ({min(alike):.0%} to {max(alike):.0%}); by the wall {middle(by_wall):.0%} of a file's CPU-second ({min(by_wall):.0%} to {max(by_wall):.0%})")
        print(f"goal: two workers ≥ 0.85 × the packets per CPU-second of one: {middle(two):.2f} ({min(two):.2f} to {max(two):.2f}): {'reached' if middle(two) >= 0.85 else 'MISSED'}")
        print(f"{'per packet':<34}{'packets':>12}{'records':>12}{'judged':>12}")
        for name in ("file", "one", "two"):
            s = said[name]
            off = [abs(s["records"].get(k, 0) / s["packets"] / (v / said["file"]["packets"]) - 1) for k, v in said["file"]["records"].items()] + [s["judged"] / s["packets"] / (said["file"]["judged"] / said["file"]["packets"]) - 1]
            worst = max(map(abs, off))                             # a run ends in the middle of a turn
            print(f"{name:<34}{s['packets']:>12,}{sum(s['records'].values()) / s['packets']:>12.5f}{s['judged'] / s['packets']:>12.5f}   "
                  + ("" if name == "file" else f"{'the same' if worst <= len(loop) / s['packets'] and not s['left_out'] else 'NOT the same'}: {worst:.3%} apart at most, a turn is {len(loop) / s['packets']:.3%}; "
                     f"{s['left_out']} left out, {s['twins']} taken for twins"))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


main()
