#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The same verdicts whatever the way in: a recording is played at its pace onto a pair of virtual interfaces, heard by a sensor of each
kind (libpcap, ring, ring with two workers, DPDK), and what the collector has on its disk in the end is held against what the file gives,
story by story and octet by octet. The file has the stamps that the kernel gave when it was played: what a loaded machine plays unevenly,
and how late the clocks in the messages are, is the same for both.

usage: paths.py BUILD [RECORDING…] [--seconds N] [--only WAY,…] [--keep]      TAP; needs root (network namespaces) and tcpreplay

Without recordings: those in tests/captures. --seconds: only so much of each from its beginning."""
import argparse
import collections
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

root = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(root / "tests/e2e"))
from programs import Pair, Process, Programs, Tap, wait_for  # noqa: E402

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("build")
parser.add_argument("recordings", nargs="*")
parser.add_argument("--seconds", type=float, default=0)
parser.add_argument("--only", default="")
parser.add_argument("--keep", action="store_true")
parser.add_argument("--one", help=argparse.SUPPRESS)          # this program again, in a network namespace: one way
options = parser.parse_args()
build = pathlib.Path(options.build).resolve()
vidra, vidrad = build / "daemon/tool/vidra", build / "daemon/sensor/vidrad"
module = next(iter(build.glob("daemon/capture/dpdk/*.so")), None)
SECOND = 1_000_000_000

WAYS = {
    "libpcap": '[capture]\ninterfaces = ["near"]\nsource = "pcap"\n',
    "ring": '[capture]\ninterfaces = ["near"]\nsource = "ring"\n',
    "ring, 2 workers": '[capture]\ninterfaces = ["near"]\nsource = "ring"\nworkers = 2\n',
    "DPDK af_packet": '[capture]\ninterfaces = ["net_af_packet0,iface=near"]\nsource = "dpdk"\n' + (f'[dpdk]\nmodule = "{module}"\nhugepages = "no"\n' if module else ""),
}


def frames(path):
    """(nanoseconds, octets) of a capture's frames; pcap and pcapng, plain or zstd."""
    if path.suffix == ".zst":
        data = subprocess.run(["zstd", "-dc", path], check=True, capture_output=True).stdout
    else:
        data = path.read_bytes()
    if data[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1"):
        fine = 1 if data[:4] == b"\x4d\x3c\xb2\xa1" else 1000
        at = 24
        while at + 16 <= len(data):
            seconds, part, n, _ = (int.from_bytes(data[at + i:at + i + 4], "little") for i in (0, 4, 8, 12))
            yield seconds * SECOND + part * fine, data[at + 16:at + 16 + n]
            at += 16 + n
        return
    if data[:4] != b"\x0a\x0d\x0d\x0a" or data[8:12] != b"\x4d\x3c\x2b\x1a":
        sys.exit(f"{path}: neither a pcap nor a pcapng file of this machine's byte order")
    at, units = 0, []
    while at + 12 <= len(data):
        kind, length = (int.from_bytes(data[at + i:at + i + 4], "little") for i in (0, 4))
        if kind == 0x0a0d0d0a:
            units = []
        elif kind == 1:
            unit, o = 1000, at + 16
            while o + 4 <= at + length - 4:
                code, n = (int.from_bytes(data[o + i:o + i + 2], "little") for i in (0, 2))
                if code == 9:
                    unit = SECOND // 10 ** data[o + 4]
                if not code:
                    break
                o += 4 + (n + 3) // 4 * 4
            units.append(unit)
        elif kind == 6:
            interface, high, low, n = (int.from_bytes(data[at + i:at + i + 4], "little") for i in (8, 12, 16, 20))
            yield (high << 32 | low) * units[interface], data[at + 28:at + 28 + n]
        at += length


def write(path, all_frames):
    with open(path, "wb") as out:
        out.write(b"".join(n.to_bytes(w, "little") for n, w in ((0xa1b23c4d, 4), (2, 2), (4, 2), (0, 4), (0, 4), (262_144, 4), (1, 4))))
        for t, octets in all_frames:
            out.write(b"".join(n.to_bytes(4, "little") for n in (t // SECOND, t % SECOND, len(octets), len(octets))) + octets)


def settings(pair, key, way, memory):
    learned = f'memory = "{memory}"\n' if memory else ""
    site = f'[site]\nfile = "{root}/config/sites/alder.toml"\n' if memory else ""
    pair.settings.write_text(f'[sensor]\nstate = "{pair.sensor_state}"\nhealth_every = "1h"\n{way}[traffic]\nsilent_after = "0s"\n[judge]\n{learned}{site}'
                             f'[[collector]]\nname = "cert"\nendpoint = "tcp://127.0.0.1:{pair.port}"\n{key}\ntlp = "RED"\noperations_in_full = true\naddresses = "plain"\nnames = "plain"\n')


class Stamps(threading.Thread):
    """The kernel's time of each frame that arrives on the near end."""

    def __init__(self):
        super().__init__(daemon=True)
        self.times = []
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        self.socket.setsockopt(socket.SOL_SOCKET, 33, 64 << 20)            # SO_RCVBUFFORCE
        self.socket.setsockopt(socket.SOL_SOCKET, 35, 1)                   # SO_TIMESTAMPNS
        self.socket.bind(("near", 3))
        self.socket.settimeout(0.5)
        self.going = True

    def run(self):
        while True:
            try:
                _, notes, _, whence = self.socket.recvmsg(64, 64)
            except TimeoutError:
                if not self.going:
                    return
                continue
            if whence[2] != 4:                                             # PACKET_OUTGOING
                self.times += [a * SECOND + b for level, kind, data in notes if kind == 35 for a, b in [struct.unpack("qq", data)]]

    def end(self):
        self.going = False
        self.join()
        return self.times


def run(way, capture, memory, report):
    """One sensor and one collector in a namespace of their own. Writes what came of it as JSON."""
    subprocess.run("ip link set lo up; sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1; ip link add near type veth peer name far; "
                   "ip link set near mtu 9000 up; ip link set far mtu 9000 up", shell=True, check=True, capture_output=True)
    pair = Pair(Programs(vidrad, vidra, build / "daemon/collector/vidra-collector", root))
    collector = pair.collector()
    key = next(line for line in pair.programs.run(vidra, "keys", "fingerprint", "--state", pair.collector_state)[1].decode().splitlines() if line.startswith("server_key"))
    settings(pair, key, WAYS.get(way, ""), memory)
    checked = subprocess.run([vidrad, "--config", pair.settings, "--check"], capture_output=True, text=True)
    result = {}
    if checked.returncode:
        result["cannot"] = checked.stderr.strip().splitlines()[0]
    else:
        words = ["--play", capture, "--pace", "0"] if way == "file" else []
        sensor = Process(vidrad, "--config", pair.settings, "--print", "--settle", "60", *words)
        sensor.says(r" hears ", 60)
        pair.approve(sensor)
        if way != "file":
            heard = sensor.says(r"heard through.*", 5)
            result["by"] = heard.group(0) if heard else ""
            time.sleep(0.5)
            stamps = Stamps()
            stamps.start()
            played = subprocess.run(["tcpreplay", "-q", "--intf1=far", str(capture)], capture_output=True, text=True)
            result["sent"] = int((re.search(r"Successful packets:\s+(\d+)", played.stdout) or [0, 0])[1])
            result["trouble"] = played.stderr.strip()[-300:] if played.returncode else ""
            result["stamps"] = stamps.end()
            status = sensor.end(signal.SIGTERM, 120)
        else:
            sensor.process.wait(600)
            status = sensor.end()
        result["status"] = status
        said = "\n".join(sensor.output)
        result["heard"] = int(re.sub(r"\D", "", (re.search(r"^heard\s+([\d\s]+?) packets", said, re.M) or ["", "0"])[1]))
        result["payload"] = (re.search(r"^payload\s+(.*)", said, re.M) or ["", ""])[1]
        result["log"] = sensor.errors[-30:]
        wait_for(lambda: not any(s.get("missing") for s in pair.sensors()), 5)
        result["stories"] = pair.stories()
    collector.end()
    report.write_text(json.dumps(result))
    if not options.keep:
        shutil.rmtree(pair.folder, ignore_errors=True)


def verdict(story):
    """What a story says, without when, which frame, and what counts time."""
    named = {k: {n: v for n, v in story[k].items() if n not in ("first", "last", "time")} if isinstance(story.get(k), dict) else story.get(k) for k in ("severity", "class", "src", "dst", "ics", "attck")}
    return story["rule"]["id"] + " " + json.dumps(named, sort_keys=True)


def compared(name, way, mine, file):
    """What is to hold of one way beside the file: (holds, text, more), a point each."""
    yield (mine["status"] == 0 and mine["heard"] == mine["sent"] and mine["sent"] == file["heard"], f"{name}, {way}: hears all of it: {mine['sent']} sent, {mine['heard']} heard, {file['heard']} in the file",
           [mine.get("trouble"), *mine["log"]])
    yield mine["payload"] == file["payload"], f"{name}, {way}: the same octets decoded, opaque and lost: {mine['payload']}", ["the file: " + file["payload"]]
    a, b = (collections.Counter(map(verdict, each["stories"])) for each in (mine, file))
    said = {verdict(s): s.get("what", "") for each in (mine, file) for s in each["stories"]}
    yield a == b, f"{name}, {way}: the same {sum(b.values())} stories", [f"only {who}: {v} {said[v]}" for who, more in ((way, a - b), ("the file", b - a)) for v in more.elements()]


def main():
    tap = Tap()
    if os.geteuid() or not shutil.which("tcpreplay") or subprocess.run(["unshare", "-n", "ip", "link", "add", "near", "type", "veth", "peer", "name", "far"], capture_output=True).returncode:
        tap.skip("ways in", "needs root, network namespaces with veth pairs, and tcpreplay")
        tap.end()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="vidra-ways-", dir="/var/tmp"))
    subprocess.run([vidra, "learn", root / "tests/captures/demo-baseline.pcapng.zst", "-o", folder / "memory.toml"], check=True, capture_output=True)
    recordings = [pathlib.Path(r) for r in options.recordings] or [root / "tests/captures/demo-attacks.pcapng.zst", root / "tests/captures/demo-baseline.pcapng.zst"]
    ways = [w for w in WAYS if not options.only or w in options.only.split(";")]
    if not module:
        ways = [w for w in ways if not w.startswith("DPDK")]
        tap.skip("DPDK", "built without DPDK")

    def begin(name, way, capture, memory):
        report = folder / f"{name}.{way}.json"
        one = json.dumps([way, str(capture), str(memory), str(report)])
        words = [sys.executable, __file__, str(build), "--one", one] + (["--keep"] if options.keep else [])
        return report, subprocess.Popen(["unshare", "-n", *words], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

    def capture_of(name):
        return folder / f"{name}.pcap"

    def result(report, process):
        _, errors = process.communicate()
        if not report.exists():
            return {"failed": errors[-1000:]}
        said = json.loads(report.read_text())
        report.unlink()
        return said

    def beside(name, way, mine, capture, every, memory):
        """The points of one way that was played; a point that holds neither way (None) is left out, and says why."""
        if "failed" in mine:
            return [(False, f"{name}, {way}: runs", [mine["failed"]])]
        if "cannot" in mine:
            return [(None, f"{name}, {way}", [mine["cannot"]])]
        if len(mine["stamps"]) != len(every):
            return [(False, f"{name}, {way}: {len(every)} frames were played, {len(mine['stamps'])} came", [mine["trouble"]])]
        moved = folder / f"{name}.{way}.pcap"
        write(moved, [(t, octets) for t, (_, octets) in zip(mine["stamps"], every)])
        file = result(*begin(name, "file", moved, memory))
        if "failed" in file:
            return [(False, f"{name}, file: runs", [file["failed"]])]
        print(f"# {name}, {way}: {mine['by']}")
        return list(compared(name, way, mine, file))

    playing = []
    for recording in recordings:
        name = recording.name.split(".")[0]
        memory = folder / "memory.toml" if name.startswith("demo-") else ""
        every = [f for f in frames(recording)]
        if options.seconds:
            every = [f for f in every if f[0] < every[0][0] + options.seconds * SECOND]
        capture = capture_of(name)
        write(capture, every)
        playing.append((name, every, memory, {w: begin(name, w, capture, memory) for w in ways}))
    for name, every, memory, each in playing:
        ended = {way: result(*begun) for way, begun in each.items()}
        for way, mine in ended.items():
            points = beside(name, way, mine, capture_of(name), every, memory)
            if way.startswith("DPDK") and any(holds is False for holds, *_ in points):
                # The kernel stamps a frame when it comes, DPDK when it is asked for: between the two a machine that stands for a moment makes
                # another second of it. By itself, then, once more; what differs by anything else differs again.
                for holds, text, more in points:
                    if holds is False:
                        print("# once more:", text, *more, sep="\n#   ")
                points = beside(name, way, result(*begin(name, way, capture_of(name), memory)), capture_of(name), every, memory)
            for holds, text, more in points:
                tap.skip(text, more[0]) if holds is None else tap.check(holds, text, *more)
    tap.end(None if options.keep else folder)


if options.one:
    way, capture, memory, report = json.loads(options.one)
    run(way, pathlib.Path(capture), memory, pathlib.Path(report))
else:
    main()
