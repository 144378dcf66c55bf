#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A real sensor and a real collector on disks whose calls fail: with EIO, ENOSPC or EROFS, once, five times or until somebody mends the disk,
while they run and while they start. A program that runs lives on; one that cannot start says why; mended, records arrive again by
themselves. In the end all that was accepted is in the journal once, or a record of loss names it, as a full disk may ask.

usage: disk.py VIDRAD VIDRA VIDRA-COLLECTOR ROOT FAILING.so; VIDRA_ROUNDS=N lets N failures happen, drawn from VIDRA_SEED"""
import collections
import errno
import os
import signal
import struct
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from programs import DiskProbe, Feed, Pair, Programs, Tap, drawn, wait_for, waited, without_a_core  # noqa: E402

programs = Programs(*sys.argv[1:5])
shim = os.path.abspath(sys.argv[5])
rounds = int(os.environ.get("VIDRA_ROUNDS", "0"))
seed, dice = drawn()
tap = Tap()
print(f"# seed {seed}", flush=True)
NEVER, FOR_LONG = (1 << 63) - 1, 1 << 62


class Disk:
    """The disk of one program: its calls are counted, and some fail from a number on: of those from which the error can come."""

    def __init__(self, name, below):
        self.path = pair.folder / f"{name}.disk"
        self.path.write_bytes(struct.pack("=5Q", 0, NEVER, 0, 0, 0))
        self.environment = {"LD_PRELOAD": shim, "VIDRA_FAILING": str(below), "VIDRA_FAILING_CONTROL": str(self.path)}
        self.before = self.times = 0

    def calls(self):
        return struct.unpack("=Q", self.path.read_bytes()[:8])[0]

    def failed(self):
        """How many calls have, since fail()."""
        return struct.unpack("=Q", self.path.read_bytes()[32:40])[0] - self.before

    def write(self, start, left, error):
        with open(self.path, "r+b", buffering=0) as f:      # in its place: it is mapped
            f.seek(8)
            f.write(struct.pack("=3Q", NEVER, 0, 0))
            f.seek(8)
            f.write(struct.pack("=3Q", start, left, error))

    def fail(self, ahead, error, times):
        """The call that lies so far ahead, or the next that can, and those behind it."""
        self.before, self.times = self.before + self.failed(), times
        self.write(self.calls() + ahead, times, error)

    def mend(self):
        self.write(NEVER, 0, 0)


pair = Pair(programs)
own = DiskProbe(pair.folder)
disks = {"sensor": Disk("sensor", pair.sensor_state), "collector": Disk("collector", pair.collector_state)}
accepted, feed = {}, Feed(rate=50)
collector = pair.collector(disks["collector"].environment)
pair.configure(pair.server_key())
sensor = pair.sensor(feed, disks["sensor"].environment, accepted)
status, text = pair.approve(sensor)
tap.check(status == 0, "a sensor is let in", text, *sensor.errors)


def journal():
    return sum(p.stat().st_size for p in (pair.collector_state / "journal").glob("*/*/*.seg"))


tap.check(wait_for(journal, 120) and all(wait_for(d.calls, 5) for d in disks.values()), "its records arrive; the calls to both disks are counted", *sensor.errors)


def end(who):
    if who == "sensor":
        sensor.end(signal.SIGKILL)
        sensor.feeding()
    else:
        collector.end(signal.SIGKILL)


def start(who):
    """It runs, or it has ended and said why."""
    global sensor, collector
    if who == "sensor":
        before = len(accepted)
        sensor = pair.sensor(feed, disks["sensor"].environment, accepted)
        wait_for(lambda: len(accepted) > before or sensor.process.poll() is not None, 3)
        if sensor.process.poll() is not None:
            sensor.feeding()
        return sensor
    collector = pair.collector_process(disks["collector"].environment)
    wait_for(lambda: collector.said("^listening on") or collector.process.poll() is not None, 20)
    return collector


def restart(who, failed):
    """As a service manager does it, until it runs; the disk is mended after three ends."""
    end(who)
    failed()
    said = []
    for n in range(30):
        p = start(who)
        if p.process.poll() is None:
            return said
        p.end()
        said.append((p.process.returncode, p.errors[-1] if p.errors else ""))
        if n == 2:
            disks[who].mend()
    return None


kinds, longest, refusals, failed, none = collections.Counter(), 0.0, collections.Counter(), 0, 0
ERRORS = (errno.EIO, errno.ENOSPC, errno.EROFS)
plan = [(dice.choice(["sensor", "collector"]), dice.choice(ERRORS), dice.choice([1, 5, FOR_LONG]), dice.random() < 0.5) for _ in range(rounds)] or \
       dice.sample([(who, error, (1, 5, FOR_LONG)[n % 3], n % 4 > 1) for n, (who, error) in enumerate((w, e) for e in ERRORS for w in ("sensor", "collector", "sensor", "collector"))], 8)
for n, (who, error, times, at_start) in enumerate(plan):
    disk = disks[who]
    what = f"{who}: {errno.errorcode[error]}, {'once' if times == 1 else 'for long' if times == FOR_LONG else f'{times} times'}, {'at its start' if at_start else 'while it runs'}"
    if at_start:
        ahead = dice.randrange(1, 120)
        said = restart(who, lambda: disk.fail(ahead, error, times))
        ran = said is not None
        mute = [each for each in said or [] if not each[1] or each[0] not in (1, 2)]
        refusals.update(text for _, text in said or [])
        if not ran or mute:
            tap.check(ran and not mute, f"{what}: it starts, or says why not", ahead, said, f"seed {seed}, failure {n}")
        if not ran:
            break
    else:
        ahead = dice.randrange(1, 30)
        disk.fail(ahead, error, times)
        wait_for(disk.failed, 10)
    if times == FOR_LONG:
        time.sleep(dice.uniform(0.3, 2.5))
    else:
        wait_for(lambda: disk.failed() >= times, 10)
    lives = [p.process.poll() for p in (sensor, collector)] == [None, None]
    hit = disk.failed()
    disk.mend()
    kinds[what] += 1
    failed += hit
    none += not hit
    if not rounds:
        tap.check(hit, f"{what}: {hit} calls failed", f"seed {seed}, failure {n}")
    before, began, core = journal(), time.monotonic(), waited(sensor.process.pid) if lives else {}
    back = lives and wait_for(lambda: journal() > before, 90) and wait_for(lambda b=journal(): journal() > b, 90)
    took = time.monotonic() - began - without_a_core(sensor.process.pid, core) - own.stood(began) if back else 0
    longest = max(longest, took)
    if not rounds or not back or took > 15:
        tap.check(back and took <= 15, f"{what}, from call {ahead} on: it lives, and records arrive {took:.1f} s after the disk is mended", f"seed {seed}, failure {n}",
                  *sensor.errors[-10:], "---", *collector.errors[-10:])
    if not back:
        break
for text, often in refusals.most_common(12):
    print(f"# did not start, {often} times: {text[:160]}", flush=True)
print(f"# {failed} calls failed", flush=True)
tap.check(none <= rounds // 20, f"of {sum(kinds.values())} failures {none} met no call")
if rounds:
    tap.check(sum(kinds.values()) == rounds, f"{sum(kinds.values())} failures of {len(kinds)} kinds: records arrived again within {longest:.1f} s of each")
for d in disks.values():
    d.mend()
time.sleep(1.5)                       # what the sensor holds in memory is on the disk
sensor.feeding()
tap.check(sensor.end(signal.SIGCONT, 90) == 0, "in the end the sensor is acknowledged everything, and ends with 0", *sensor.errors[-10:])
tap.check(collector.end() == 0, "the collector ends with 0", *collector.errors[-5:])
pair.verify(tap, accepted, named=True)
tap.end(pair.folder)
