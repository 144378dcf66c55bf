#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A real sensor and a real collector, either or both killed (SIGKILL) at random moments and started again at once. What the sensor
accepted is witnessed here, outside both: `vidrad --witness` writes a line for each record that is on its disk. In the end all of it is
in the collector's journal exactly once, in unbroken chains, and no record says that something is missing.

With a third program, the library of tests/support/unsynced.cc, what is written and not synced dies with the process: the sensor's
outbox, the collector's journal and its index. The table of keys is left out: `vidra keys`, another process, writes it too.

An end that was killed works again within a second of its start, whatever it finds: the sensor accepts, the collector listens.

usage: kill.py VIDRAD VIDRA VIDRA-COLLECTOR ROOT [UNSYNCED.so]; VIDRA_SEED repeats a run, VIDRA_ROUNDS makes it longer, VIDRA_ALERTS a
second are raised (250)"""
import collections
import os
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from programs import Feed, Pair, Programs, Tap, drawn  # noqa: E402

programs = Programs(*sys.argv[1:5])
shim = os.path.abspath(sys.argv[5]) if len(sys.argv) > 5 else None
rounds = int(os.environ.get("VIDRA_ROUNDS", "30"))
alerts = int(os.environ.get("VIDRA_ALERTS", "250"))
seed, dice = drawn()
tap = Tap()
print(f"# seed {seed}, {rounds} rounds, {alerts} alerts a second{', unsynced writes are lost' if shim else ''}", flush=True)
pair = Pair(programs)
environment = {"LD_PRELOAD": shim, "VIDRA_UNSYNCED": f"{pair.sensor_state}/outbox/:{pair.collector_state}/journal/:{pair.collector_state}/index.db:{pair.folder}/shim"} if shim else {}

if shim:   # the library does what it says, or all that follows shows nothing
    script = r'''
import os, signal, sys
d = sys.argv[1]
a = os.open(d + "/shim-synced", os.O_RDWR | os.O_CREAT); os.pwrite(a, b"0123456789", 0); os.fdatasync(a); os.pwrite(a, b"lost", 10); os.pwrite(a, b"xx", 2)
b = os.open(d + "/shim-unsynced", os.O_RDWR | os.O_CREAT); os.write(b, b"lost"); os.lseek(b, 0, 0)
c = os.open(d + "/shim-cut", os.O_RDWR | os.O_CREAT); os.pwrite(c, b"0123456789", 0); os.fsync(c); os.ftruncate(c, 4); os.pwrite(c, b"9", 5)
again = os.open(d + "/shim-cut", os.O_RDONLY)
sys.stdout.buffer.write(os.pread(a, 99, 0) + b"|" + os.read(b, 99) + b"|" + os.pread(again, 99, 0) + b"|%d" % os.fstat(again).st_size); sys.stdout.flush()
os.kill(os.getpid(), signal.SIGKILL)'''
    seen = subprocess.run([sys.executable, "-c", script, str(pair.folder)], env={**os.environ, **environment}, stdout=subprocess.PIPE).stdout
    left = {name: (pair.folder / f"shim-{name}").read_bytes() for name in ("synced", "unsynced", "cut")}
    tap.check(seen == b"01xx456789lost|lost|0123\x009|6" and left == {"synced": b"0123456789", "unsynced": b"", "cut": b"0123456789"},
              "kill -9 loses what was not synced, and what was read meanwhile was whole", seen, left)

accepted = {}
feed = Feed(rate=alerts)
collector = pair.collector(environment)
pair.configure(pair.server_key())
sensor = pair.sensor(feed, environment, accepted)
status, text = pair.approve(sensor)
tap.check(status == 0, "the sensor knocks and is let in", text, "\n".join(sensor.errors))
killed = collections.Counter()
began, before = time.monotonic(), len(accepted)
ends = [sensor, collector]
for _ in range(rounds):
    time.sleep(dice.choice([dice.uniform(0.02, 0.5), dice.uniform(0.5, 1.8)]))
    which = dice.choice(["sensor", "collector", "both"])
    killed[which] += 1
    if which != "collector":
        sensor.end(signal.SIGKILL)
        sensor.feeding()
    if which != "sensor":
        collector.end(signal.SIGKILL)
    if which != "sensor":
        collector = pair.collector(environment)
        ends.append(collector)
    if which != "collector":
        sensor = pair.sensor(feed, environment, accepted)
        ends.append(sensor)
lasted, told = time.monotonic() - began, len(accepted) - before
sensor.feeding()          # the recording is over: the sensor judges what it heard, waits for the acknowledgements, and ends
try:
    status = sensor.process.wait(90)
except subprocess.TimeoutExpired:
    status = "still running"
sensor.end()
summary = "\n".join(sensor.output + sensor.errors[-10:])
tap.check(status == 0 and " wait on disk" not in summary, "in the end the sensor has been acknowledged everything and ends with 0", status, summary)
status = collector.end()
tap.check(status == 0, "the collector stops when asked, with 0", status, "\n".join(collector.errors[-20:]))

print(f"# killed {dict(killed)}, {told / lasted:.0f} records a second were accepted meanwhile", flush=True)
for name, each in (("the sensor accepts", [e.ready for e in ends if hasattr(e, "witness") and e.ready]), ("the collector listens", [e.ready for e in ends if not hasattr(e, "witness")])):
    each.sort()                 # one in twenty, and one more, may have waited for a disk that others kept busy
    tap.check(each[max(0, len(each) - 2 - len(each) // 20)] <= 1, f"{name} within a second of its start: {len(each)} starts, median {each[len(each) // 2] * 1000:.0f} ms, longest {each[-1] * 1000:.0f} ms", each[-5:])
lanes = pair.verify(tap, accepted)
tap.check(sum(lanes.values()) > 20 * rounds and min(lanes[0], lanes[1], lanes[2]) > 0, "there was something to lose in every lane", lanes)
tap.end(pair.folder)
