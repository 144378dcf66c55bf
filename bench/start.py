#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a sensor costs that has nothing to do, and how soon it hears: vidrad with its defaults on one end of a pair of virtual
interfaces, in a network namespace of its own.

usage: start.py BUILD [--rounds N] [--slow]

--slow: of the three longest starts, what the thread that starts did, looked at each two milliseconds: running, ready without a core, or in
which call it waited, and where in the kernel.

Resident memory is what /proc/PID/smaps counts, without the capture ring (its size is a setting). Start to first packet: on the other
end, from before the start on, each half millisecond two stations claim one address that is used once; the first alert names the first
pair that was heard, and so when it was on the wire. Needs root, or the right to unshare -r."""
import argparse
import os
import pathlib
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

root = pathlib.Path(__file__).resolve().parent.parent
parser = argparse.ArgumentParser()
parser.add_argument("build")
parser.add_argument("--rounds", type=int, default=5)
parser.add_argument("--slow", action="store_true")
options = parser.parse_args()
vidrad = (root / options.build).resolve() / "daemon/sensor/vidrad"

if "VIDRA_START" not in os.environ:                     # once more, in a network of its own
    os.environ["VIDRA_START"] = "1"
    os.execvp("unshare", ["unshare", "-n"] + ([] if os.geteuid() == 0 else ["-r"]) + [sys.executable] + sys.argv)
for command in ("ip link set lo up", "ip link add start0 type veth peer name start1", "ip link set start0 up", "ip link set start1 up"):
    subprocess.run(command.split(), check=True)
folder = pathlib.Path(tempfile.mkdtemp(prefix="vidra-start-"))
settings = folder / "vidra.toml"
settings.write_text(f'[sensor]\nstate = "{folder}/state"\n[capture]\ninterfaces = ["start1"]\n')
command = [vidrad, "--config", settings, "--print"]


def resident(pid):
    """KiB of everything but the ring, and of the ring."""
    beside, ring, inside = 0, 0, False
    for line in pathlib.Path(f"/proc/{pid}/smaps").read_text().splitlines():
        if re.match(r"[0-9a-f]+-[0-9a-f]+ ", line):
            inside = "socket:" in line
        elif line.startswith("Rss:"):
            kib = int(line.split()[1])
            beside, ring = (beside, ring + kib) if inside else (beside + kib, ring)
    return beside, ring


def claim(pair, station):
    mac = bytes([2, 0, 0, 0, 0, 0xA + station])
    address = bytes([10, 9 + (pair >> 16), pair >> 8 & 255, pair & 255])
    return (b"\xff" * 6 + mac + bytes.fromhex("0806 0001 0800 0604 0002") + mac + address + b"\xff" * 6 + address).ljust(60, b"\0")


names = dict(enumerate("read write open close stat fstat lstat poll lseek mmap mprotect munmap brk".split())) | {
    23: "select", 16: "ioctl", 17: "pread64", 18: "pwrite64", 35: "nanosleep", 41: "socket", 42: "connect", 44: "sendto", 45: "recvfrom", 46: "sendmsg", 47: "recvmsg", 49: "bind", 54: "setsockopt",
    74: "fsync", 75: "fdatasync", 76: "truncate", 77: "ftruncate", 82: "rename", 83: "mkdir", 87: "unlink", 202: "futex", 230: "clock_nanosleep", 257: "openat", 285: "fallocate", 326: "copy_file_range",
    446: "landlock_restrict_self", 317: "seccomp", 56: "clone", 128: "rt_sigtimedwait"}


def look_at(pid, until, seen):
    """What the first thread does, until it waits for signals: then all is started."""
    began, task = time.monotonic(), pathlib.Path(f"/proc/{pid}/task/{pid}")
    while not until.is_set():
        try:
            state = (task / "stat").read_text().rsplit(")", 1)[1].split()[0]
            call = (task / "syscall").read_text().split()[0]
            where = (task / "wchan").read_text()
        except (OSError, IndexError):
            return
        name = "" if call in ("running", "-1") else names.get(int(call), call)
        if name == "rt_sigtimedwait":
            break
        seen.append((time.monotonic() - began, "running or ready" if state == "R" else f"{state} {name or 'page fault'} ({where})"))
        time.sleep(0.002)


def story_of(seen, ready):
    """Seconds by what was seen, the longest first."""
    spent, before = {}, 0
    for at, what in seen:
        spent[what] = spent.get(what, 0) + at - before
        before = at
    return f"without a core {ready * 1000:.0f} ms; " + ", ".join(f"{what} {s * 1000:.0f} ms" for what, s in sorted(spent.items(), key=lambda x: -x[1])[:6])


def started_when_heard():
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    wire.bind(("start0", 0))
    sent, going = [], True

    def send():
        while going:
            pair = len(sent)
            wire.send(claim(pair, 0))
            sent.append(time.monotonic())
            wire.send(claim(pair, 1))
            time.sleep(0.0005)

    sender = threading.Thread(target=send)
    sender.start()
    time.sleep(0.1)
    began = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    pair, seen, over = None, [], threading.Event()
    looker = threading.Thread(target=look_at, args=(process.pid, over, seen))
    if options.slow:
        looker.start()
    for line in process.stdout:
        found = re.search(r"\b10\.(\d+)\.(\d+)\.(\d+)\b", line)
        if found:
            a, b, c = map(int, found.groups())
            pair = (a - 9) << 16 | b << 8 | c
            break
    told = time.monotonic()
    going = False
    ready = int(pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/schedstat").read_text().split()[1]) / 1e9
    over.set()
    if options.slow:
        looker.join()
    sender.join()
    process.terminate()
    process.communicate()
    return sent[pair] - began, told - began, story_of(seen, ready)


try:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(3)
    beside, ring = resident(process.pid)
    process.terminate()
    process.wait()
    print(f"resident, idle, beside the ring: {beside / 1024:.1f} MiB (the ring: {ring / 1024:.1f} MiB)")
    print(f"goal: ≤ 64 MiB: {'reached' if beside <= 64 * 1024 else 'MISSED'}")
    rounds = [started_when_heard() for _ in range(options.rounds)]
    first, told = (statistics.median(column) * 1000 for column in list(zip(*rounds))[:2])
    print(f"start to first packet heard: {first:.0f} ms, to the first alert on the terminal: {told:.0f} ms (median of {options.rounds}; worst {max(r[0] for r in rounds) * 1000:.0f} ms)")
    longest = sorted(r[0] for r in rounds)
    print("of {}: half within {:.0f} ms, nine of ten {:.0f}, 99 of 100 {:.0f}".format(len(longest), *(longest[min(len(longest) - 1, int(len(longest) * share))] * 1000 for share in (0.5, 0.9, 0.99))))
    for one in sorted(rounds, reverse=True)[:3 if options.slow else 0]:
        print(f"  {one[0] * 1000:.0f} ms to the first packet, {one[1] * 1000:.0f} to the first alert: {one[2]}")
    print(f"goal: ≤ 300 ms to the first packet: {'reached' if first <= 300 else 'MISSED'}")
finally:
    shutil.rmtree(folder, ignore_errors=True)
