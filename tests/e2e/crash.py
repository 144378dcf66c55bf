#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a crash of the sensor costs. A real sensor hears a link of its own (the generated mix at a steady rate, cards that claim others'
addresses, a station that is commanded) and tells a real collector; it is ended by SIGSEGV from outside at random moments and started again
as the unit does. Counted: for how long nobody listened and how many packets passed meanwhile, what was accepted and is lost (nothing may
be), what the judge had in mind and tells otherwise than a sensor that was not ended. Promised: each end is told to the collector, with
from when to when; and so is one that dies again and again in its first moments, though no life of it lasts.

usage: crash.py VIDRAD VIDRA VIDRA-COLLECTOR ROOT MIX; VIDRA_ROUNDS (3), VIDRA_PPS packets a second (2000), VIDRA_FLOWS conversations of the
mix, all of them learned (200); VIDRA_CALM seconds without an end before (5); VIDRA_SEED repeats a run; VIDRA_KEEP=1 keeps what was written; VIDRA_FOLDER where states lie (on a disk, for what is
synced)

The long form is that of docs/decisions/0245: VIDRA_ROUNDS=30 VIDRA_PPS=20000 VIDRA_FLOWS=1000 VIDRA_CALM=60."""
import atexit
import collections
import json
import os
import pathlib
import re
import signal
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time
from datetime import datetime

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from programs import Pair, Process, Programs, Tap, arp, cable_of_its_own, drawn, wait_for, without_a_core  # noqa: E402

rounds, pps, flows = (int(os.environ.get(f"VIDRA_{name}", default)) for name, default in (("ROUNDS", "3"), ("PPS", "2000"), ("FLOWS", "200")))
calm = float(os.environ.get("VIDRA_CALM", "5"))
tap = Tap()
cable_of_its_own(tap, "crash")
programs, mix = Programs(*sys.argv[1:5]), os.path.abspath(sys.argv[5])
tempfile.tempdir = os.environ.get("VIDRA_FOLDER") or None
seed, dice = drawn()
print(f"# seed {seed}: {rounds} ends, {pps} packets a second, {flows} conversations", flush=True)

RESTART_SEC = float(re.search(r"^RestartSec=(\d+)ms", (pathlib.Path(programs.root) / "systemd/vidra-sensor.service.in").read_text(), re.M).group(1)) / 1000
pair = Pair(programs)
loop, run = pair.folder / "mix.pcap", pair.folder / "run"
run.mkdir()
subprocess.run([mix, loop, str(max(10 * pps, 20 * flows)), str(flows), "1", "closed"], check=True, stdout=subprocess.DEVNULL)
subprocess.run([programs.vidra, "learn", loop, "-o", pair.folder / "memory.toml"], check=True, capture_output=True)
collector = pair.collector()
atexit.register(collector.process.kill)
pair.settings.write_text(f'''[sensor]
name = "alder-1"
state = "{pair.sensor_state}"
health_every = "10s"
[capture]
interfaces = ["near"]
[judge]
memory = "{pair.folder}/memory.toml"
[detection.NET-01]
off = true
[[collector]]
name = "cert"
endpoint = "tcp://127.0.0.1:{pair.port}"
server_key = "{pair.server_key()}"
retry_longest = "1s"
addresses = "plain"
names = "plain"
[site]
name = "Alder 110/20 kV"
prefixes = ["10.0.0.0/8"]
[[host]]
name = "master"
address = "10.120.0.1"
role = "master"
[[host]]
name = "station"
address = "10.120.0.2"
role = "rtu"
[[conversation]]
client = "master"
server = "station"
protocol = "iec104"
acts = ["reading", "operate", "select"]
''')


class Wire(threading.Thread):
    """Two cards claim one address that is used once: a story each (NET-04), by which it is known what was heard. `every` seconds."""

    def __init__(self):
        super().__init__(daemon=True)
        self.every, self.sent, self.over = 0.1, [], False
        self.start()

    @staticmethod
    def packets():
        """Sent into the link so far: /sys may be that of another network."""
        return int(re.search(r"far:(?:\s+\d+){9}\s+(\d+)", pathlib.Path("/proc/net/dev").read_text()).group(1))

    def run(self):
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as s:
            s.bind(("far", 0))
            while not self.over:
                n = len(self.sent)
                address = (10, 128 + (n >> 16), n >> 8 & 255, n & 255)
                s.send(arp(bytes([2, 0, 0, 0, 0, 0xA]), address, address))
                self.sent.append((time.monotonic(), self.packets()))
                s.send(arp(bytes([2, 0, 0, 0, 0, 0xB]), address, address))
                time.sleep(self.every)


class Station(threading.Thread):
    """A master commands an object of its station five times a second, each another; it is confirmed after a second, and executed after three."""

    def __init__(self):
        super().__init__(daemon=True)
        self.over, self.sequence, self.number, self.commands = False, [1000, 5000], [0, 0], []
        self.start()

    def frame(self, side, flags, payload=b""):
        a, b = socket.inet_aton("10.120.0.1"), socket.inet_aton("10.120.0.2")
        (source, to), ports = ((a, b), (40000, 2404)) if side == 0 else ((b, a), (2404, 40000))
        macs = (b"\x00\x0e\x8c\x77\0\1", b"\x00\x0e\x8c\x77\0\2")

        def checksum(data):
            total = sum(struct.unpack(f">{len(data) // 2}H", data)) if len(data) % 2 == 0 else sum(struct.unpack(f">{len(data) // 2 + 1}H", data + b"\0"))
            while total >> 16:
                total = (total & 0xffff) + (total >> 16)
            return ~total & 0xffff

        tcp = struct.pack(">HHIIBBHHH", *ports, self.sequence[side], self.sequence[1 - side] if flags & 16 else 0, 0x50, flags, 8192, 0, 0) + payload
        tcp = tcp[:16] + struct.pack(">H", checksum(source + to + struct.pack(">HH", 6, len(tcp)) + tcp)) + tcp[18:]
        ip = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(tcp), 0, 0x4000, 64, 6, 0) + source + to
        ip = ip[:10] + struct.pack(">H", checksum(ip)) + ip[12:]
        self.sequence[side] += len(payload) + (1 if flags & 2 else 0)
        self.socket.send((macs[1 - side] + macs[side] + b"\x08\x00" + ip + tcp).ljust(60, b"\0"))

    def says(self, side, reason, which):
        asdu = bytes([45, 1, reason, 0, 1, 0]) + (1000 + which % 50).to_bytes(3, "little") + b"\x01"
        apci = struct.pack("<HH", self.number[side] % 32768 << 1, self.number[1 - side] % 32768 << 1)
        self.number[side] += 1
        self.frame(side, 0x18, bytes([0x68, 4 + len(asdu)]) + apci + asdu)

    def run(self):
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as self.socket:
            self.socket.bind(("far", 0))
            for side, flags, payload in ((0, 2, b""), (1, 18, b""), (0, 16, b""), (0, 24, b"\x68\x04\x07\0\0\0"), (1, 24, b"\x68\x04\x0b\0\0\0")):
                self.frame(side, flags, payload)
            due, which = [], 0
            while not self.over:
                now = time.monotonic()
                due.append((now, 0, 6, which))
                due += [(now + 1, 1, 7, which), (now + 3, 1, 10, which)]
                self.commands.append(now)
                which += 1
                until = now + 0.2
                while not self.over and time.monotonic() < until:
                    due.sort()
                    while due and due[0][0] <= time.monotonic():
                        _, side, reason, what = due.pop(0)
                        self.says(side, reason, what)
                    time.sleep(0.01)

    def under_way(self, at):
        return sum(at - 3 < t <= at for t in self.commands)


def sensor():
    read, write = os.pipe()
    p = Process(programs.vidrad, "--config", pair.settings, "--run", run, "--print", "--settle", "30", "--witness", write, pass_fds=[write])
    os.close(write)
    p.accepted = {}
    atexit.register(p.process.kill)
    threading.Thread(target=Pair.listen, args=(p, read, p.accepted), daemon=True).start()
    return p


def started_again():
    """As the service manager does it: the sensor, when it was started, whether it hears, and since when."""
    time.sleep(RESTART_SEC)
    executed = time.monotonic()
    p = sensor()
    hears = p.says(r" hears its interfaces", 60)
    return p, executed, hears, time.monotonic()


def end(p):
    """As a null pointer would; (moment, when it was gone)."""
    at = time.monotonic()
    p.process.send_signal(signal.SIGSEGV)
    p.process.wait(60)
    gone = time.monotonic()
    for r in p.readers:
        r.join(10)
    return at, gone


claimed = re.compile(r"\b10\.(1[2-9]\d|2\d\d)\.(\d+)\.(\d+)\b")


def what(story):
    """Its sentence, whole."""
    said = story["what"]
    if isinstance(said, str):
        return said
    values = iter(said["values"])
    return re.sub(r"\{\}", lambda _: str(next(values)), said["key"])


def pairs_of(text):
    return {(int(a) - 128) << 16 | int(b) << 8 | int(c) for a, b, c in claimed.findall(text) if int(a) >= 128}


def first_pair(p):
    return next((min(n) for line in list(p.output) if (n := pairs_of(line))), None)


def metric(name):
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(str(run / "vidra.sock"))
        text = b""
        while part := s.recv(65536):
            text += part
    return sum(float(line.rsplit(" ", 1)[1]) for line in text.decode().splitlines() if re.match(rf"vidra_{name}(?:[ {{].*|) ", line))


accepted = {}
lives = []
p = sensor()
if not tap.check(p.says(r" hears its interfaces", 60), "the sensor hears", *p.errors):
    p.end(), collector.end()
    tap.end()
status, text = pair.approve(p)
tap.check(status == 0, "it is let in", text)
traffic = subprocess.Popen(["tcpreplay", "-q", "--preload-pcap", "--loop=0", f"--pps={pps}", "--intf1=far", str(loop)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
atexit.register(traffic.kill)
wire, station = Wire(), Station()
tap.check(wait_for(lambda: first_pair(p) is not None, 20), "it tells what the wire brings", *p.errors[-5:])
wall = time.time() - time.monotonic()
calm_from = time.monotonic() + calm / 3        # until then it met what it hears
time.sleep(calm)
calm_until = time.monotonic()
Life = collections.namedtuple("Life", "killed gone executed ready first_told first packets waited under_way accepted")
ends = []
for i in range(rounds):
    time.sleep(dice.uniform(5.5, 9))                # what has heard for five seconds has told of its predecessor's end
    (run / "starts").unlink(missing_ok=True)        # one end, not many in a row
    under_way = station.under_way(time.monotonic())
    packets = wire.packets()
    wire.every = 0.001
    killed, gone = end(p)
    accepted.update(p.accepted)
    lives.append(p)
    p, executed, hears, ready = started_again()
    waited = without_a_core(p.process.pid, {})
    n = wait_for(lambda: first_pair(p), 30, 0.005)
    told = time.monotonic()
    wire.every = 0.1
    if not hears or n is None:
        tap.check(False, "it hears again", *p.errors)
        break
    ends.append(Life(killed, gone, executed, ready, told, wire.sent[n][0], wire.sent[n][1] - packets, waited, under_way, len(p.accepted)))
time.sleep(6)

# It dies in its first moments, again and again: the service's own count makes it wait, and what cannot last is told all the same.
pauses, died = [], 6
for i in range(died):
    _, gone = end(p)
    accepted.update(p.accepted)
    lives.append(p)
    p, executed, _, ready = started_again()
    pauses.append(ready - executed)
    if i + 1 < died:
        time.sleep(0.05)
told_in_loop = wait_for(lambda: [s for s in pair.stories() if s["rule"]["id"] == "NET-16" and re.search(r"ended [3-9] times", what(s))], 5)
time.sleep(6)

wire.over = station.over = True
wire.join(), station.join()
traffic.terminate()
traffic.wait()
status = p.end()
accepted.update(p.accepted)
tap.check(status == 0, "in the end it stops when asked, with 0", status, *p.errors[-5:])
left = (pair.sensor_state / "hearing").exists()
tap.check(not left, "and leaves no word of having been ended")
status = collector.end()
tap.check(status == 0, "so does the collector", status, *collector.errors[-5:])

journal = {entry[0] for entry in pair.journal()}
lost = sorted(set(accepted) - journal)
tap.check(accepted and not lost, f"everything accepted is in the journal: of {len(accepted)} records {len(lost)} are not", lost[:10])
stories = pair.stories()
kept = pair.folder / "stories.json"
kept.write_text("\n".join(json.dumps(s) for s in stories))


def seconds_of(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


told = [(seconds_of(a), seconds_of(b)) for s in stories if s["rule"]["id"] == "NET-16" for a, b in re.findall(r"asked to; from (\S+) to (\S+) \(", what(s))]
named = [min(((e.killed + wall - a, b - e.executed - wall) for a, b in told if a <= e.killed + wall + 0.05 and b >= e.executed + wall), default=None) for e in ends]
tap.check(ends and None not in named, f"each of {len(ends)} ends is told to the collector, from before it to after it", named, told)
early = [kill_to_word for kill_to_word, _ in filter(None, named)]
tap.check(early and max(early) < 4, f"from at most 4 s before it was: {max(early, default=0):.1f} s")
tap.check(told_in_loop, f"one that dies {died} times in its first moments is known at the collector before it lives", [s for s in stories if s["rule"]["id"] == "NET-16"][-3:])
tap.check(pauses[-1] >= 3, f"and waits ever longer: {', '.join(f'{s:.1f}' for s in pauses)} s from start to hearing")


def row(name, values, unit="ms", scale=1000.0):
    v = sorted(x * scale for x in values)
    print(f"# {name:<58} median {statistics.median(v):>9.0f} {unit}, 9 of 10 {v[min(len(v) - 1, int(len(v) * 0.9))]:>9.0f}, worst {v[-1]:>9.0f}", flush=True)


row("nobody listens, from the end to the first packet heard", [e.first - e.killed for e in ends])
row("  of this until the process is gone", [e.gone - e.killed for e in ends])
row("  the service manager's RestartSec", [e.executed - e.gone for e in ends])
row("  from its start to the first packet heard", [e.first - e.executed for e in ends])
row("from its start, one thread had no core for", [e.waited for e in ends])
row("from its start to the log's word that it hears", [e.ready - e.executed for e in ends])
row("from its start to the first alert told", [e.first_told - e.executed for e in ends])
row("packets that nobody heard", [e.packets for e in ends], "packets", 1)
row("commands under way when it ended", [e.under_way for e in ends], "commands", 1)
slowest = max((max(0, e.first - e.executed - e.waited) for e in ends), default=99)
tap.check(slowest < 1.5, f"the kernel listens for it within a second and a half of its start, not counting that it had no core: {slowest * 1000:.0f} ms at the worst")

heard = set().union(*(pairs_of(what(s)) for s in stories if s["rule"]["id"] == "NET-04"))
gone_with_it = []
for e in ends:      # pairs of the last second before the end that nobody was told of
    last = [n for n, (t, _) in enumerate(wire.sent) if e.killed - 1 < t < e.killed - 0.002]
    missing = [n for n in last if n not in heard]
    gone_with_it.append(e.killed - wire.sent[missing[0]][0] if missing else 0)
row("claims heard and gone with it: the oldest is so old", gone_with_it)
# The link says the same all the time: what is told more often after an end than in calm is told because of it.
counts = collections.Counter(), collections.Counter(), collections.Counter()
after = ends[-1].executed + 5 - ends[0].killed
for s in stories:
    at = seconds_of(s["t_start"]) - wall
    if calm_from <= at < calm_until:
        counts[0][s["rule"]["id"]] += 1
    elif ends[0].killed <= at < ends[0].killed + after:
        counts[1][s["rule"]["id"]] += 1
    elif at < calm_from:
        counts[2][s["rule"]["id"]] += 1
print(f"# alerts by detection, in {calm_until - calm_from:.0f} s of calm and in {after:.0f} s with {len(ends)} ends; in the first {calm / 3:.0f} s of the first life:", flush=True)
for d in sorted(set().union(*counts)):
    more = counts[1][d] - counts[0][d] / max(1e-9, calm_until - calm_from) * after
    print(f"#   {d:<10} {counts[0][d]:>6} {counts[1][d]:>6}, {more / len(ends):+.2f} for each end; {counts[2][d]}", flush=True)
if os.environ.get("VIDRA_KEEP"):
    print(f"# kept: {pair.folder}", flush=True)
    tap.end()
tap.end(pair.folder)
