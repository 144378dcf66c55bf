# SPDX-License-Identifier: Apache-2.0
"""The real programs as processes, for the end-to-end tests: start them, let the sensor in, give it something to hear, read what
the collector keeps. Nothing here waits for a fixed time where something can be waited for."""
import collections
import json
import os
import pathlib
import random
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


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def drawn():
    """The seed of what a test draws, VIDRA_SEED's where one is played again, and the dice."""
    seed = int(os.environ.get("VIDRA_SEED", str(random.SystemRandom().randrange(1 << 32))))
    return seed, random.Random(seed)


def wait_for(what, seconds=20, every=0.05):
    """The first true value of what(), or what it said last."""
    until = time.monotonic() + seconds
    while True:
        value = what()
        if value or time.monotonic() > until:
            return value
        time.sleep(every)


def waited(pid):
    """Seconds for which the threads of a process were ready to run and had no core, by thread; nothing where the kernel does not say.
    A limit in seconds is a promise of the program's: what others took of the machine is added to it, see `without_a_core`."""
    times = {}
    for task in pathlib.Path(f"/proc/{pid}/task").glob("*/schedstat"):
        try:
            times[task.parent.name] = int(task.read_text().split()[1]) / 1e9
        except (OSError, IndexError):
            pass
    return times


def without_a_core(pid, before):
    """Of these seconds, what passed since `before` for the one thread that waited longest. A sensor that sleeps, computes or stands still
    waits for no core, so that nothing is forgiven it; all its threads together would be too much, they wait at the same time."""
    return max((time - before.get(thread, 0) for thread, time in waited(pid).items()), default=0)


class DiskProbe(threading.Thread):
    """Asks the disk of a folder for an fdatasync four times a second: where it does not answer, as after a build that wrote gigabytes,
    nothing that waits for it goes on, and that is forgiven."""

    def __init__(self, folder):
        super().__init__(daemon=True)
        self.file, self.asked, self.slow = open(folder / "asked", "wb", buffering=0), time.monotonic(), []
        self.start()

    def run(self):
        while True:
            self.asked = time.monotonic()
            self.file.write(b".")
            os.fdatasync(self.file.fileno())
            answered = time.monotonic()
            if answered - self.asked > 0.5:
                self.slow.append((self.asked, answered))
            self.asked = answered
            time.sleep(0.25)

    def stood(self, since):
        """Seconds since then for which somebody waited for it, without the half second that each may take."""
        now = time.monotonic()
        waits = self.slow + [(self.asked, now)] * (now - self.asked > 0.5)
        return sum(max(0, to - max(begin, since)) for begin, to in waits)


class Tap:
    """Test points as they are decided; the plan comes last, so that a test that dies is noticed."""

    def __init__(self):
        self.number = self.failed = 0

    def check(self, holds, text, *more):
        self.number += 1
        self.failed += not holds
        print(f"{'ok' if holds else 'not ok'} {self.number} - {text}", flush=True)
        if not holds:
            said = [f"not ok {self.number} - {text}"] + ["#   " + line for each in more for line in str(each).splitlines()[-40:]]
            print(*said[1:], sep="\n", end="\n" if more else "", flush=True)
            print(*said, sep="\n", file=sys.stderr, flush=True)             # Meson shows of a test that failed what it says here
        return bool(holds)

    def skip(self, text, why):
        self.number += 1
        print(f"ok {self.number} - {text} # SKIP {why}", flush=True)

    def end(self, folder=None):
        print(f"1..{self.number}", flush=True)
        if folder and self.failed:
            print(f"# kept for a look: {folder}", flush=True)
        elif folder:
            shutil.rmtree(folder, ignore_errors=True)
        raise SystemExit(1 if self.failed else 0)


def cable_of_its_own(tap, name):
    """The test begins anew in a network of its own, with a cable from `near` to `far` on which the machine itself says nothing."""
    if os.environ.get("VIDRA_INSIDE") != name:
        if not shutil.which("tcpreplay") or subprocess.run(["unshare", "-n", "sh", "-c", "ip link add near type veth peer name far"], capture_output=True).returncode:
            tap.skip(name, "no tcpreplay, no network namespaces or veth pairs here")
            tap.end()
        os.environ["VIDRA_INSIDE"] = name
        os.execvp("unshare", ["unshare", "-n", sys.executable, *sys.argv])
    for words in ("link set lo up", "link add near type veth peer name far"):
        subprocess.run(["ip", *words.split()], check=True)
    for end in ("near", "far"):
        pathlib.Path(f"/proc/sys/net/ipv6/conf/{end}/disable_ipv6").write_text("1")
        subprocess.run(["ip", "link", "set", end, "up"], check=True)


class Process:
    """A program whose standard error (and output, unless it goes elsewhere) is kept line by line."""

    def __init__(self, *command, environment=None, **more):
        more.setdefault("stdout", subprocess.PIPE)
        self.errors, self.output = [], []
        self.started, self.ready = time.monotonic(), None
        self.process = subprocess.Popen([str(c) for c in command], stderr=subprocess.PIPE, env={**os.environ, **(environment or {})}, **more)
        self.readers = [threading.Thread(target=self.read, args=(self.process.stderr, self.errors), daemon=True)]
        if self.process.stdout:
            self.readers.append(threading.Thread(target=self.read, args=(self.process.stdout, self.output), daemon=True))
        for r in self.readers:
            r.start()

    def works(self):
        """It does what it is for: seconds since its start, without those in which it had no core."""
        self.ready = time.monotonic() - self.started - without_a_core(self.process.pid, {})

    def read(self, stream, to):
        for line in stream:
            if not self.ready and line.startswith(b"listening on"):
                self.works()
            to.append(line.decode("utf-8", "replace").rstrip("\n"))

    def said(self, pattern, since=0):
        return next((m for line in self.errors[since:] if (m := re.search(pattern, line))), None)

    def says(self, pattern, seconds=20, since=0):
        """Waits for a line of the log."""
        return wait_for(lambda: self.said(pattern, since) or self.process.poll() is not None and self.said(pattern, since), seconds)

    def end(self, how=signal.SIGTERM, seconds=60):
        if self.process.poll() is None:
            self.process.send_signal(how)
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for r in self.readers:
            r.join(10)
        return self.process.returncode


class Programs:
    def __init__(self, vidrad, vidra, collector, root):
        self.vidrad, self.vidra, self.vidra_collector, self.root = (os.path.abspath(p) for p in (vidrad, vidra, collector, root))

    def run(self, *command, seconds=120, **more):
        """A program to its end: its status, its output and its errors as octets."""
        done = subprocess.run([str(c) for c in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=seconds, **more)
        return done.returncode, done.stdout, done.stderr


def segment_entries(data):
    """The entries of a segment's octets (docs/LINK.md): number, header, what follows it. What is damaged is passed over."""
    at = 64
    while at + 20 <= len(data):
        length = int.from_bytes(data[at + 4:at + 8], "little")
        if data[at:at + 4] != b"CRP\x1e" or at + 20 + length > len(data):
            at += 1
            continue
        yield int.from_bytes(data[at + 13:at + 20], "little"), data[at + 20:at + 148], data[at + 148:at + 20 + length]
        at += 20 + length


class Pair:
    """A folder with a collector's and a sensor's state and settings."""

    def __init__(self, programs, port=None, collector_state=None):
        self.programs = programs
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="vidra-e2e-"))
        self.collector_state, self.sensor_state = pathlib.Path(collector_state or self.folder / "collector"), self.folder / "sensor"
        self.port = port or free_port()
        self.settings, self.collector_settings = self.folder / "vidra.toml", self.folder / "collector.toml"
        self.collector_settings.write_text('[link]\nheartbeat = "1s"\n[journal]\nsegment = "64 KiB"\nsize = "1 GiB"\nmin_free = "1 MiB"\n')

    def collector_process(self, environment=None, *arguments):
        return Process(self.programs.vidra_collector, "--config", self.collector_settings, "--state", self.collector_state, "--listen", f"127.0.0.1:{self.port}",
                       "--show", "nothing", "--quiet", *arguments, environment=environment)

    def collector(self, environment=None, *arguments):
        p = self.collector_process(environment, *arguments)
        if not p.says(r"^listening on", 60):
            raise SystemExit("Bail out! the collector does not start: " + "\n".join(p.errors))
        return p

    def server_key(self):
        out = self.programs.run(self.programs.vidra, "keys", "fingerprint", "--state", self.collector_state)[1].decode()
        return re.search(r'server_key = "(.{40})"', out).group(1)

    def configure(self, server_key, extra=""):
        self.settings.write_text(f'''[sensor]
name = "alder-1"
state = "{self.sensor_state}"
health_every = "1s"
[report]
quiet = "1s"
[detection.NET-01]
off = true
[[collector]]
name = "cert"
endpoint = "tcp://127.0.0.1:{self.port}"
server_key = "{server_key}"
heartbeat = "1s"
retry_longest = "1s"
{extra}[site]
name = "Alder 110/20 kV"
prefixes = ["10.0.0.0/8"]
''' + "".join(f'[[host]]\nname = "h{n}"\naddress = "10.0.0.{n}"\nmac = "{mac_text(owner_mac(n))}"\nrole = "{"rtu" if n % 8 == 0 else "other"}"\n' for n in range(1, 33)))

    def sensor(self, feed, environment=None, witness=None, settle=60):
        read, write = os.pipe()
        p = Process(self.programs.vidrad, "--config", self.settings, "--play", "-", "--pace", "0", "--settle", settle, "--witness", write, environment=environment,
                    stdin=subprocess.PIPE, pass_fds=[write])
        os.close(write)
        p.witness = threading.Thread(target=self.listen, args=(p, read, witness if witness is not None else {}), daemon=True)
        p.witness.start()
        p.readers.append(p.witness)
        p.feeding = feed.into(p.process.stdin)
        return p

    @staticmethod
    def listen(process, fd, to):
        with os.fdopen(fd, "rb") as lines:
            for line in lines:
                if not process.ready:
                    process.works()
                if line.endswith(b"\n"):
                    word, collector, epoch, lane, seq, story, revision = line.decode().split()
                    to[(int(epoch), int(lane), int(seq))] = (story, int(revision))

    def keys(self, *arguments):
        status, out, err = self.programs.run(self.programs.vidra, "keys", "--state", self.collector_state, *arguments)
        return status, (out + err).decode()

    def fingerprint(self, sensor):
        m = sensor.says(r", key ([0-9a-f-]+)$")
        return m and m.group(1)

    def approve(self, sensor):
        """As a person at the CERT would, once the sensor has knocked."""
        mark = self.fingerprint(sensor)
        wait_for(lambda: "pending" in self.keys()[1])
        return self.keys("approve", "--name", "alder-1", mark[:9])

    def stories(self, *arguments):
        status, out, err = self.programs.run(self.programs.vidra, "alerts", "--state", self.collector_state, "--json", "--limit", "0", *arguments)
        return [json.loads(line) for line in out.decode().splitlines()]

    def sensors(self):
        return [json.loads(line) for line in self.programs.run(self.programs.vidra, "sensors", "--state", self.collector_state, "--json")[1].decode().splitlines()]

    def journal(self):
        """What the collector keeps, read from its files: (epoch, lane, seq), type, prev, self, body, in the order in which they lie there."""
        entries = []
        folders = collections.defaultdict(list)
        for path in (self.collector_state / "journal").glob("*/*/*.seg"):
            data = path.read_bytes()
            folders[path.parent].append((int.from_bytes(data[32:40], "little"), len(path.name), path.name, data))   # first number; a later attempt has a longer name
        for _, files in sorted(folders.items()):
            files.sort()
            for i, (_, _, _, data) in enumerate(files):
                # A file that could not be written or synced was left, and what it held behind its durable end begins the next one.
                until = files[i + 1][0] if i + 1 < len(files) else 1 << 56
                for number, header, payload in segment_entries(data):
                    if number >= until:
                        continue
                    body = payload[:int.from_bytes(header[60:64], "little")]
                    entries.append(((int.from_bytes(header[24:32], "little"), header[6], int.from_bytes(header[32:40], "little")), header[4], header[64:96], header[96:128], body))
        return entries


    def verify(self, tap, accepted, named=False):
        """What the sensor accepted is in the collector's journal exactly once and as it was, and shown. Both have ended; how many by lane.
        `named`: or a GAP record names it, as where a disk was full."""
        entries, held, twice, heads, broken = self.journal(), {}, 0, {}, []
        for entry in entries:
            (epoch, lane, seq), kind, prev, own, body = entry
            twice += entry[0] in held
            held[entry[0]] = entry
            last = heads.get((epoch, lane), (0, bytes(32)))
            if (seq, prev) != (last[0] + 1, last[1]):
                broken.append(entry[0])
            heads[(epoch, lane)] = (seq, own)
        lost = sorted(set(accepted) - set(held))
        told = {k: json.loads(held[k][4]) for k in accepted if k in held}
        wrong = [k for k, what in accepted.items() if k in told and (told[k].get("story", "-"), told[k].get("revision", 0)) != what]
        gaps = [json.loads(e[4]) for e in entries if e[1] == 8]
        if named:
            missing = [(int(g["epoch"]), g["lane"], g["from"], g["to"]) for g in gaps if g.get("from")]
            excused = {k for k in lost if any((epoch, lane) == k[:2] and first <= k[2] <= last for epoch, lane, first, last in missing)}
            lost = [k for k in lost if k not in excused]
            broken = [k for k in broken if not any((epoch, lane) == k[:2] and k[2] == last + 1 for epoch, lane, first, last in missing)]
            accepted = {k: what for k, what in accepted.items() if k not in excused}
            print(f"# {len(excused)} of the accepted were lost and named, by {len(missing)} records", flush=True)
            tap.check(len(excused) <= max(len(accepted) // 100, 10), f"and no more than a hundredth of them: {len(excused)} of {len(accepted)}")
        lanes = collections.Counter(k[1] for k in accepted)
        print(f"# {len(accepted)} accepted (lanes {dict(sorted(lanes.items()))}), {len(entries)} journalled, {len({k[0] for k in held})} epochs, {len(gaps)} torn ends", flush=True)
        tap.check(accepted and not lost, f"everything accepted is in the journal: {len(lost)} are not", lost[:10])
        tap.check(not twice, f"each once, known by its id: {twice} are there twice")
        tap.check(not wrong, f"and as it was accepted: {len(wrong)} tell something else", wrong[:10])
        tap.check(not broken, f"every lane of every epoch is one unbroken chain from number 1 on: {len(broken)} breaks", broken[:10])
        if not named:
            tap.check(not [g for g in gaps if g.get("from")], "no GAP record says that a number is missing", gaps[:5])

        # What people are shown comes from the index, made anew or brought up to the journal after each kill.
        stories = self.stories()
        ids = [s["story"] for s in stories]
        newest = {}
        for story, revision in accepted.values():
            if story != "-":
                newest[story] = max(revision, newest.get(story, 0))
        tap.check(len(ids) == len(set(ids)) and set(newest) <= set(ids), f"vidra alerts shows each of the {len(newest)} accepted stories once", len(ids), list(set(newest) - set(ids))[:5])
        stale = [s["story"] for s in stories if s["revision"] < newest.get(s["story"], 0)]
        tap.check(not stale, f"in its last state: {len(stale)} are older", stale[:5])
        about = self.sensors()
        tap.check(len(about) == 1 and not any(about[0][k] for k in (("quarantined",) if named else ("missing", "chain_breaks", "quarantined"))), "vidra sensors: one sensor, nothing missing, broken or set aside", about)
        return lanes


def mac_text(octets):
    return ":".join(f"{o:02x}" for o in octets)


def owner_mac(n):
    return bytes([0x00, 0x0e, 0x8c, 0, 0, n])


def arp(sender_mac, sender, target):
    """An ARP request: who has `target`, asked by `sender`."""
    frame = b"\xff" * 6 + sender_mac + b"\x08\x06" + struct.pack(">HHBBH", 1, 0x0800, 6, 4, 1) + sender_mac + bytes(sender) + bytes(6) + bytes(target)
    return frame + bytes(60 - len(frame))


class Feed:
    """Endless traffic in which ever new cards claim the addresses of declared hosts: each claim is a story of its own (NET-04), one
    in eight of the highest severity, which has the critical lane; all are closed a second later. Its clock goes on over restarts."""
    step = 60_000_000     # of recorded time between two claims: fewer of one kind in a second than are told together

    def __init__(self, rate=250):
        self.rate, self.number, self.clock, self.lock = rate, 0, int(time.time() - 86_400) * 1_000_000_000, threading.Lock()

    def packets(self, claims):
        out = []
        with self.lock:
            for _ in range(claims):
                if self.number % 32 == 0:
                    out += [(self.clock, arp(owner_mac(n), (10, 0, 0, n), (10, 0, 0, n % 32 + 1))) for n in range(1, 33)]
                n = self.number % 32 + 1
                out.append((self.clock, arp(b"\x02\x00" + struct.pack(">I", self.number), (10, 0, 0, n), (10, 0, 0, n % 32 + 1))))
                self.number += 1
                self.clock += self.step
        return b"".join(struct.pack("<IIII", t // 1_000_000_000, t % 1_000_000_000, len(f), len(f)) + f for t, f in out)

    def into(self, pipe):
        stop = threading.Event()

        def write():
            try:
                pipe.write(struct.pack("<IHHiIII", 0xa1b23c4d, 2, 4, 0, 0, 262_144, 1))
                while not stop.is_set():
                    pipe.write(self.packets(max(1, self.rate // 50)))
                    pipe.flush()
                    time.sleep(0.02)
            except OSError:
                pass
            try:
                pipe.close()
            except OSError:
                pass

        thread = threading.Thread(target=write, daemon=True)
        thread.start()

        def end():
            stop.set()
            thread.join(10)
        return end
