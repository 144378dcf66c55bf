#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Strangers at the collector's door: connections whose handshakes are malformed in every way, as many as the machine makes, and others
that are opened and left. Meanwhile the sensor's records arrive, a sensor that starts in the middle is let in, and the collector's memory
and open files stay bounded; when it is over they are what they were.

usage: flood.py VIDRAD VIDRA VIDRA-COLLECTOR ROOT; VIDRA_SECONDS of the flood (4)"""
import collections
import errno
import os
import pathlib
import select
import signal
import socket
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from programs import DiskProbe, Feed, Pair, Programs, Tap, drawn, wait_for, waited, without_a_core  # noqa: E402

programs = Programs(*sys.argv[1:5])
seconds = float(os.environ.get("VIDRA_SECONDS", "4"))
seed, dice = drawn()
tap = Tap()
print(f"# seed {seed}, {seconds:g} seconds", flush=True)

# RFC 23 (ZMTP 3.1): signature, version, mechanism, as-server, filler. RFC 26 (CURVE): HELLO is a command of 200 octets.
SIGNATURE = b"\xff" + bytes(7) + b"\x01\x7f"


def greeting(major=3, minor=1, mechanism=b"CURVE", server=0):
    return SIGNATURE + bytes([major, minor]) + mechanism.ljust(20, b"\0")[:20] + bytes([server]) + bytes(31)


def command(name, body, flag=4):
    octets = bytes([len(name)]) + name + body
    return bytes([flag, len(octets)]) + octets if len(octets) < 256 else bytes([flag | 2]) + len(octets).to_bytes(8, "big") + octets


def hello():
    return command(b"HELLO", b"\x01\x00" + bytes(72) + dice.randbytes(32) + dice.randbytes(8) + dice.randbytes(80))


whole = greeting()
KINDS = {
    "random octets": lambda: dice.randbytes(dice.randrange(1, 600)),
    "a web browser": lambda: b"GET / HTTP/1.1\r\nHost: collector\r\n\r\n",
    "a TLS client": lambda: b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + dice.randbytes(500),
    "a greeting cut off": lambda: whole[:dice.randrange(1, 64)],
    "a greeting and nothing": lambda: whole,
    "a greeting with a bit changed": lambda: (lambda b: b[:(at := dice.randrange(64))] + bytes([b[at] ^ 1 << dice.randrange(8)]) + b[at + 1:])(whole),
    "versions": lambda: greeting(major=dice.randrange(256), minor=dice.randrange(256)) + hello(),
    "mechanisms": lambda: greeting(mechanism=dice.choice([b"NULL", b"PLAIN", b"GSSAPI", b"CURVECURVECURVECURVE", b"", b"\xff" * 20])) + command(b"READY", b"\x0bSocket-Type\0\0\0\6DEALER"),
    "a server on both sides": lambda: greeting(server=1) + hello(),
    "HELLO that no key opens": lambda: whole + hello(),
    "HELLO cut off": lambda: whole + hello()[:dice.randrange(1, 200)],
    "HELLO twice": lambda: whole + hello() + hello(),
    "HELLO too short, too long": lambda: whole + command(b"HELLO", dice.randbytes(dice.choice([0, 1, 100, 193, 195, 250, 1000]))),
    "INITIATE first": lambda: whole + command(b"INITIATE", dice.randbytes(dice.choice([0, 96, 248, 600]))),
    "MESSAGE first": lambda: whole + command(b"MESSAGE", dice.randbytes(dice.choice([0, 24, 200]))),
    "ERROR, PING, SUBSCRIBE": lambda: whole + b"".join(command(dice.choice([b"ERROR", b"PING", b"PONG", b"SUBSCRIBE", b"CANCEL", b""]), dice.randbytes(dice.randrange(20))) for _ in range(8)),
    "names without end": lambda: whole + command(b"A" * 255, b""),
    "a frame of 2^63 octets": lambda: whole + bytes([6]) + (1 << 63).to_bytes(8, "big") + dice.randbytes(1000),
    "a frame of 1 MiB": lambda: whole + bytes([6]) + (1 << 20).to_bytes(8, "big") + bytes(1 << 20),
    "frames of a peer that is through": lambda: whole + b"\x01\x05hello\x00\x05there" * 40,
    "reserved flags": lambda: whole + bytes([dice.randrange(8, 256)]) + dice.randbytes(60),
    "ZMTP 1.0": lambda: b"\x01\x00\x05\x00test",
}

pair = Pair(programs)
disk = DiskProbe(pair.folder)
accepted, feed = {}, Feed(rate=50)
collector = pair.collector()
pair.configure(pair.server_key())
sensor = pair.sensor(feed, witness=accepted)
status, text = pair.approve(sensor)
tap.check(status == 0, "a sensor is let in", text, *sensor.errors)


def journal():
    return sum(p.stat().st_size for p in (pair.collector_state / "journal").glob("*/*/*.seg"))


def memory():
    """Octets of the collector's own, in MB."""
    return next(int(line.split()[1]) for line in open(f"/proc/{collector.process.pid}/status") if line.startswith("RssAnon")) / 1024


def files():
    return len(os.listdir(f"/proc/{collector.process.pid}/fd"))


tap.check(wait_for(journal, 120), "its records arrive", *sensor.errors)

said = collections.Counter()
over = threading.Event()


def flood(left_open):
    """Many at once, each of a kind; most are left to the collector to end, some hang up at once."""
    poller, open_ones = select.poll(), {}
    kinds = list(KINDS)
    while not over.is_set():
        while len(open_ones) < left_open and not over.is_set():
            s = socket.socket()
            s.setblocking(False)
            try:
                s.connect(("127.0.0.1", pair.port))
            except BlockingIOError:
                pass
            except OSError as e:
                said[errno.errorcode[e.errno]] += 1
                s.close()
                time.sleep(0.01)
                break
            open_ones[s.fileno()] = [s, b"", time.monotonic() + dice.choice([0.01, 0.5, 5])]
            kind = dice.choice(kinds)
            said[kind] += 1
            open_ones[s.fileno()][1] = KINDS[kind]()
            poller.register(s, select.POLLOUT | select.POLLIN)
        for fd, what in poller.poll(20):
            s, octets, until = open_ones[fd]
            try:
                if what & select.POLLIN and not s.recv(4096):
                    raise OSError
                if octets:
                    open_ones[fd][1] = octets[s.send(octets):]
                elif what & select.POLLOUT:
                    poller.modify(s, select.POLLIN)
            except BlockingIOError:
                continue
            except OSError:
                until = 0
            if not until:
                poller.unregister(fd)
                del open_ones[fd]
                s.close()
        now = time.monotonic()
        for fd, (s, octets, until) in list(open_ones.items()):
            if until < now:
                poller.unregister(fd)
                del open_ones[fd]
                s.close()
    for s, _, _ in open_ones.values():
        s.close()


def leave(number):
    """Opened, and not a word. Opened again when the collector ends them."""
    idle = []
    while not over.is_set():
        while len(idle) < number and not over.is_set():
            try:
                idle.append(socket.create_connection(("127.0.0.1", pair.port), 5))
                said["silence"] += 1
            except OSError as e:
                said[str(e)] += 1
                time.sleep(0.1)
        time.sleep(0.05)
        gone, _, _ = select.select(idle[:500], [], [], 0)
        for s in gone:
            s.close()
            idle.remove(s)
    for s in idle:
        s.close()


def during(duration, sample):
    """Samples while the flood lasts: the longest time without a record, as the machine allows."""
    last, since, longest = journal(), time.monotonic(), 0.0
    core = waited(collector.process.pid)
    until = time.monotonic() + duration
    while time.monotonic() < until:
        time.sleep(0.05)
        sample()
        now = journal()
        if now != last or time.monotonic() >= until:
            longest = max(longest, time.monotonic() - since - without_a_core(collector.process.pid, core) - disk.stood(since))
            last, since, core = now, time.monotonic(), waited(collector.process.pid)
    return longest


def run(duration):
    over.clear()
    threads = [threading.Thread(target=flood, args=(60,), daemon=True), threading.Thread(target=leave, args=(100,), daemon=True)]
    for t in threads:
        t.start()
    peak = [0.0, 0]

    def sample():
        peak[0], peak[1] = max(peak[0], memory()), max(peak[1], files())
    longest = during(duration, sample)
    return threads, longest, peak


def stop(threads):
    over.set()
    for t in threads:
        t.join(20)


quiet_files = files()
threads, _, _ = run(1.5)                  # what is allocated once is allocated
stop(threads)
wait_for(lambda: files() <= quiet_files + 2, 20)
before = memory()
said.clear()
threads, longest, peak = run(seconds)
# One that starts in the middle of it: its key is known, it has to get through the same door.
sensor.end(signal.SIGKILL)
sensor.feeding()
before_start = set(accepted)
start, core = time.monotonic(), waited(collector.process.pid)
sensor = pair.sensor(feed, witness=accepted)
back = wait_for(lambda: any(entry[0] in accepted and entry[0] not in before_start for entry in pair.journal()), 40)   # not what it had sent before
took = time.monotonic() - start - without_a_core(collector.process.pid, core) - disk.stood(start)
stop(threads)
strangers = sum(n for kind, n in said.items() if kind in KINDS or kind == "silence")
print(f"# {strangers} connections of {len([k for k in said if k in KINDS])} kinds and silent ones, {strangers / (seconds + took):.0f} a second: {dict(said.most_common())}", flush=True)
tap.check(strangers > 500, f"{strangers} strangers came")
tap.check(longest <= 5, f"the sensor's records go on arriving: {longest:.1f} s at most without one", *collector.errors[-5:])
tap.check(back and took <= 10, f"a sensor that starts meanwhile is through after {took:.1f} s", *sensor.errors[-5:], *collector.errors[-5:])
tap.check(peak[1] <= quiet_files + 400, f"open files are bounded: {quiet_files} before, {peak[1]} at most")
tap.check(wait_for(lambda: files() <= quiet_files + 2, 20), f"when it is over none is left: {files()}")
grown = memory() - before
tap.check(peak[0] - before <= 32 and grown <= 16, f"memory is bounded: {before:.1f} MB before, {peak[0]:.1f} at most, {memory():.1f} after", said)
tap.check(len(collector.errors) < 30, "it is no reason for a line of the log each", *collector.errors[-20:])
sensor.feeding()
tap.check(sensor.end(signal.SIGCONT, 90) == 0, "in the end the sensor is acknowledged everything, and ends with 0", *sensor.errors[-10:])
tap.check(collector.end() == 0, "the collector ends with 0", *collector.errors[-5:])
pair.verify(tap, accepted)
tap.end(pair.folder)
