#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A real sensor and a real collector with a network between them that goes wrong in every way a network can: connections are cut, reset,
left half open, stalled, dribbled, answered by something else; octets are added, changed, lost. Whatever it was, when it is over records
arrive again by themselves within ten seconds, and in the end all that was accepted is in the journal exactly once.

usage: network.py VIDRAD VIDRA VIDRA-COLLECTOR ROOT; VIDRA_ROUNDS=N lets N troubles happen, drawn from VIDRA_SEED (without it ten of them, once
each)"""
import collections
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from programs import DiskProbe, Feed, Pair, Programs, Tap, drawn, free_port, wait_for, waited, without_a_core  # noqa: E402

programs = Programs(*sys.argv[1:5])
rounds = int(os.environ.get("VIDRA_ROUNDS", "0"))
seed, dice = drawn()
tap = Tap()
print(f"# seed {seed}, {rounds or 10} troubles", flush=True)


class Through:
    """One connection of the sensor's, and its other half to the collector. What a direction does with octets is one of its words:
    'pass', 'hold' (they wait), 'swallow', 'change', 'add', 'dribble'."""

    def __init__(self, client, server):
        self.client, self.server = client, server
        self.doing = {client: "pass", server: "pass"}     # by the end that it comes from
        self.left = {client: None, server: None}          # octets until the connection is cut, None: it is not
        self.passed = collections.Counter()
        self.held = {client: b"", server: b""}
        self.gone = False

    def other(self, end):
        return self.server if end is self.client else self.client

    def take(self, end):
        """Octets have come from this end; False when the connection is over."""
        doing = self.doing[end]
        try:
            octets = end.recv(1 if doing == "dribble" else 65_536)
            if not octets:
                return False
            if doing == "swallow":
                octets = octets[len(octets) // 2:] if len(octets) > 1 else b""
                self.doing[end] = "pass"
            elif doing == "change":
                at = dice.randrange(len(octets))
                octets = octets[:at] + bytes([octets[at] ^ 1 << dice.randrange(8)]) + octets[at + 1:]
                self.doing[end] = "pass"
            elif doing == "add":
                octets += dice.randbytes(dice.choice([1, 9, 300]))
                self.doing[end] = "pass"
            elif doing == "dribble":
                time.sleep(0.0005)
            if self.left[end] is not None:
                octets, self.left[end] = octets[:self.left[end]], self.left[end] - len(octets)
            self.passed[end] += len(octets)
            self.other(end).sendall(octets)
            return self.left[end] is None or self.left[end] > 0
        except OSError:
            return False

    def close(self, how="both"):
        for end in (self.client, self.server):
            try:
                if how == "reset":
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                if how == "both" or how == "reset" or (how == "client") == (end is self.client):
                    end.close()
                else:
                    network.forgotten.append(end)      # it stays open, and nobody is told
            except OSError:
                pass
        self.gone = True


class Network:
    """Listens where the sensor looks for its collector."""

    def __init__(self, collector_port):
        self.port, self.collector_port = free_port(), collector_port
        self.lock, self.connections, self.forgotten = threading.RLock(), [], []
        self.answers = None            # what new connections are answered instead, a function of the socket
        self.cut_after = []            # for the next connections: so many octets from the sensor, then the end
        self.refuses = False
        self.came = 0
        self.over, self.listener = False, None
        self.listen()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def listen(self):
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(("127.0.0.1", self.port))
        self.listener.listen(64)

    def run(self):
        while not self.over:
            with self.lock:
                if self.refuses and self.listener:
                    self.listener.close()
                    self.listener = None
                elif not self.refuses and not self.listener:
                    self.listen()
                listener = self.listener
                ends = {end: c for c in self.connections for end in (c.client, c.server) if c.doing[end] != "hold" and not c.gone}
            try:
                ready, _, _ = select.select([*ends, *([listener] if listener else [])], [], [], 0.01)
            except (OSError, ValueError):          # closed meanwhile
                continue
            with self.lock:
                for end in ready:
                    if end is listener:
                        self.accept()
                    elif not ends[end].gone and ends[end].doing[end] != "hold" and not ends[end].take(end):
                        ends[end].close()
                self.connections = [c for c in self.connections if not c.gone]

    def accept(self):
        client, _ = self.listener.accept()
        self.came += 1
        client.settimeout(5)
        if self.answers:
            self.forgotten.append(client)
            try:
                self.answers(client)
            except OSError:
                pass
            return
        try:
            server = socket.create_connection(("127.0.0.1", self.collector_port), 5)
        except OSError:
            client.close()
            return
        server.settimeout(5)
        for s in (client, server):
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        c = Through(client, server)
        if self.cut_after:
            c.left[client] = self.cut_after.pop(0)
        self.connections.append(c)

    def now(self):
        with self.lock:
            return list(self.connections)

    def end(self):
        self.over = True
        self.thread.join(10)
        for c in self.connections:
            c.close()


pair = Pair(programs)
disk = DiskProbe(pair.folder)
accepted, feed = {}, Feed(rate=50)
collector = pair.collector()
network = Network(pair.port)
pair.configure(pair.server_key())
pair.settings.write_text(pair.settings.read_text().replace(f":{pair.port}\"", f":{network.port}\""))
sensor = pair.sensor(feed, witness=accepted)
status, text = pair.approve(sensor)
tap.check(status == 0, "the sensor knocks through the network and is let in", text, *sensor.errors)


def journal():
    return sum(p.stat().st_size for p in (pair.collector_state / "journal").glob("*/*/*.seg"))


tap.check(wait_for(journal, 120), "records arrive", *sensor.errors)


def close_all(how):
    for c in network.now():
        c.close(how)


def all_do(word, ends="both", seconds=0.0):
    """Both directions of what is there now, or one of them, for some time or for good."""
    those = network.now()
    with network.lock:
        for c in those:
            for end in (c.client, c.server):
                if ends == "both" or (ends == "client") == (end is c.client):
                    c.doing[end] = word
    if seconds:
        time.sleep(seconds)
        with network.lock:
            for c in those:
                for end in (c.client, c.server):
                    c.doing[end] = "pass"
    else:                              # it happens to the next octets that come
        wait_for(lambda: all(c.gone or word not in c.doing.values() for c in those), 10, 0.01)


def half_open(closes):
    """It leads nowhere, and no end is told; or only one."""
    with network.lock:
        those = network.now()
        for c in those:
            network.connections.remove(c)
            network.forgotten += [c.client, c.server]
            if closes:
                (c.client if closes == "client" else c.server).close()


def another_service(answer, seconds):
    with network.lock:
        network.answers = answer
    close_all("reset")
    time.sleep(seconds)
    with network.lock:
        network.answers = None
        for s in network.forgotten:
            s.close()
        network.forgotten.clear()


def refuse(seconds):
    network.refuses = True
    close_all("both")
    time.sleep(seconds)
    network.refuses = False


def cut_handshakes(lengths):
    """The next connections end after so many octets of the sensor's: somewhere in its greeting, HELLO, INITIATE or first messages."""
    with network.lock:
        network.cut_after = list(lengths)
    close_all("both")
    wait_for(lambda: not network.cut_after, 60)


def http(s):
    s.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")


TROUBLES = {
    "cut": lambda: close_all("both"),
    "cut at the sensor's side alone": lambda: close_all("client"),
    "cut at the collector's side alone": lambda: close_all("server"),
    "reset": lambda: close_all("reset"),
    "half open": lambda: half_open(None),
    "half open, the sensor is told": lambda: half_open("client"),
    "half open, the collector is told": lambda: half_open("server"),
    "stalled for two seconds": lambda: all_do("hold", seconds=2),
    "stalled for six seconds": lambda: all_do("hold", seconds=6),
    "only the sensor is heard, for five seconds": lambda: all_do("hold", "server", 5),
    "only the collector is heard, for five seconds": lambda: all_do("hold", "client", 5),
    "octet by octet for a second": lambda: all_do("dribble", seconds=1),
    "octets of the sensor's lost": lambda: all_do("swallow", "client"),
    "octets of the collector's lost": lambda: all_do("swallow", "server"),
    "a bit of the sensor's changed": lambda: all_do("change", "client"),
    "a bit of the collector's changed": lambda: all_do("change", "server"),
    "garbage to the collector": lambda: all_do("add", "client"),
    "garbage to the sensor": lambda: all_do("add", "server"),
    "refused for two seconds": lambda: refuse(2),
    "a web server answers": lambda: another_service(http, 2),
    "random octets answer": lambda: another_service(lambda s: s.sendall(dice.randbytes(200)), 2),
    "ZeroMQ without CURVE answers": lambda: another_service(lambda s: s.sendall(b"\xff\0\0\0\0\0\0\0\1\x7f\3\1NULL" + bytes(48) + b"\4\x1a\5READY\x0bSocket-Type\0\0\0\6ROUTER"), 2),
    "something that says nothing answers": lambda: another_service(lambda s: None, 4),
    "something that hangs up answers": lambda: another_service(lambda s: s.close(), 2),
    "handshakes cut": lambda: cut_handshakes(sorted(dice.sample(range(1, 700), 3))),
    "the collector is killed behind it": None,
}


def collector_killed():
    global collector
    collector.end(signal.SIGKILL)
    time.sleep(dice.uniform(0, 1))
    collector = pair.collector()


TROUBLES["the collector is killed behind it"] = collector_killed

wait, worst, times = 10, collections.Counter(), collections.Counter()
plan = [dice.choice(list(TROUBLES)) for _ in range(rounds)] or dice.sample(list(TROUBLES), 10)
for n, what in enumerate(plan):
    TROUBLES[what]()
    before, began, core = journal(), time.monotonic(), waited(sensor.process.pid)
    # Twice: what was still on its way may arrive once.
    back = wait_for(lambda: journal() > before, 60) and wait_for(lambda b=journal(): journal() > b, 60)
    took = time.monotonic() - began - without_a_core(sensor.process.pid, core) - disk.stood(began)
    worst[what], times[what] = max(worst[what], took), times[what] + 1
    if not rounds or not back or took > wait:
        tap.check(back and took <= wait, f"{what}: records arrive again, {took:.1f} s after it", f"seed {seed}, trouble {n}", *sensor.errors[-10:])
    if not back:
        break
    time.sleep(dice.uniform(0, 0.3))
if rounds:
    for what, seconds in worst.most_common():
        print(f"# {what}: {times[what]} times, back within {seconds:.1f} s", flush=True)
    tap.check(max(worst.values()) <= wait, f"{len(plan)} troubles of {len(worst)} kinds: records arrived again within {max(worst.values()):.1f} s of each")
goes = accepted and len(accepted)
began, core = time.monotonic(), waited(sensor.process.pid)
went_on = wait_for(lambda: len(accepted) > goes + 10, 60)
took = time.monotonic() - began - without_a_core(sensor.process.pid, core) - disk.stood(began)
tap.check(went_on and took <= 15, "meanwhile the sensor goes on", goes, len(accepted), f"after {took:.1f} s; the disk stood {disk.stood(began):.1f} s", *sensor.errors[-10:])
sensor.feeding()
tap.check(sensor.end(signal.SIGCONT, 90) == 0, "in the end it is acknowledged everything, and ends with 0", *sensor.errors[-10:])
tap.check(collector.end() == 0, "the collector ends with 0", *collector.errors[-5:])
print(f"# {network.came} connections", flush=True)
pair.verify(tap, accepted)
network.end()
tap.end(pair.folder)
