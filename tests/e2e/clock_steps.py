#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The wall clocks of a real sensor and a real collector are set while they run and between runs: by seconds, hours, years, to 1970 and to
2100, forward and back. Records go on arriving, nobody is called silent who is not, and who really falls silent is, in the usual time;
the logs are no longer for it. In the end all that was accepted is in the journal exactly once.

usage: clock_steps.py VIDRAD VIDRA VIDRA-COLLECTOR ROOT STEPPED.so; VIDRA_ROUNDS=N lets N steps happen, drawn from VIDRA_SEED"""
import os
import re
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
HOUR, DAY, YEAR = 3600, 86_400, 365 * 86_400


class Clock:
    """A process's wall clock: seconds ahead of the machine's."""

    def __init__(self, path):
        self.path, self.ahead = path, 0.0
        path.write_bytes(bytes(8))
        self.environment = {"LD_PRELOAD": shim, "VIDRA_CLOCK": str(path)}

    def set(self, ahead):
        self.ahead = max(ahead, 60 - time.time())           # no machine is before 1970
        with open(self.path, "r+b", buffering=0) as f:      # in its place: it is mapped
            f.write(struct.pack("=q", int(self.ahead * 1_000_000_000)))

    def step(self, by):
        self.set(self.ahead + by)


pair = Pair(programs)
disk = DiskProbe(pair.folder)
pair.collector_settings.write_text(pair.collector_settings.read_text() + '[sensors]\nsilent_after = "10s"\n')
clocks = {"sensor": Clock(pair.folder / "sensor.clock"), "collector": Clock(pair.folder / "collector.clock")}
accepted, feed = {}, Feed(rate=50)
collector = pair.collector(clocks["collector"].environment)
pair.configure(pair.server_key())
sensor = pair.sensor(feed, clocks["sensor"].environment, accepted)
status, text = pair.approve(sensor)
tap.check(status == 0, "a sensor is let in", text, *sensor.errors)


def journal():
    return sum(p.stat().st_size for p in (pair.collector_state / "journal").glob("*/*/*.seg"))


tap.check(wait_for(journal, 120), "its records arrive", *sensor.errors)
clocks["collector"].step(2 * YEAR)
wait_for(lambda: collector.said("was set forward"), 120)      # a disk that stands keeps it from looking: how soon is not what is asked here
tap.check(collector.said("the clock of this machine was set forward by"), "the library does what it says, and the collector says that its clock was set", *collector.errors)
clocks["collector"].set(0)

now = time.time()
STEPS = {"a second forward": 1, "a second back": -1, "a minute forward": 60, "a minute back": -60, "an hour forward": HOUR, "an hour back": -HOUR, "two days forward": 2 * DAY,
         "two days back": -2 * DAY, "forty days forward": 40 * DAY, "a year back": -YEAR, "ten years forward": 10 * YEAR, "to 1970": 60 - now, "to 2100": 130 * YEAR - now + 30 * DAY}
plan = [(dice.choice(["sensor", "collector", "both"]), dice.choice(list(STEPS)), dice.choice(["", "", "while it is down"])) for _ in range(rounds)] or \
       [(("sensor", "collector", "both")[n % 3], what, "while it is down" if n % 4 == 3 else "") for n, what in enumerate(dice.sample(list(STEPS), 8))]
longest = 0.0
for n, (who, what, when) in enumerate(plan):
    those = ["sensor", "collector"] if who == "both" else [who]
    lines = len(sensor.errors), len(collector.errors)
    if when and "sensor" in those:
        sensor.end(signal.SIGKILL)
        sensor.feeding()
        lines = 0, lines[1]
    if when and "collector" in those:
        collector.end(signal.SIGKILL)
        lines = lines[0], 0
    for each in those:
        if what.startswith("to "):
            clocks[each].set(STEPS[what])
        else:
            clocks[each].step(STEPS[what])
    if when and "collector" in those:
        collector = pair.collector(clocks["collector"].environment)
    if when and "sensor" in those:
        sensor = pair.sensor(feed, clocks["sensor"].environment, accepted)
    before, began, core = journal(), time.monotonic(), waited(sensor.process.pid)
    back = wait_for(lambda: journal() > before, 60) and wait_for(lambda b=journal(): journal() > b, 60)
    took = time.monotonic() - began - without_a_core(sensor.process.pid, core) - disk.stood(began)
    longest = max(longest, took)
    time.sleep(dice.uniform(1.1, 1.6))                # what is done once a second is done
    said = sensor.errors[lines[0]:] + collector.errors[lines[1]:]
    if not back or took > 10 or len(said) > 25 or not rounds:
        tap.check(back and took <= 10 and len(said) <= 25, f"{what}, {who} {when}".strip() + f": records arrive, {took:.1f} s after it, {len(said)} lines in the logs",
                  f"seed {seed}, step {n}", *said[-20:])
    stood = disk.stood(began - 10)                    # one that waited for its disk said nothing meanwhile
    wrong = [line for line in said if re.search(r"clone|another sensor|refuse" + ("|SILENT" if stood < 5 else ""), line)]
    if wrong or not rounds:
        tap.check(not wrong, "nobody is called silent, a copy or a stranger by it", *wrong)
    if not back:
        break
    if dice.random() < 0.3:                           # somebody sets it right
        for each in those:
            clocks[each].set(0)
if rounds:
    tap.check(back, f"{len(plan)} steps: records went on within {longest:.1f} s of each")

# A day back, and then it really falls silent: not noticed a day late.
for each in clocks.values():
    each.set(0)
time.sleep(2)
mark, before = len(collector.errors), journal()
clocks["collector"].step(-DAY)
wait_for(lambda: journal() > before, 20)
time.sleep(1.5)
began, core = time.monotonic(), waited(collector.process.pid)
sensor.process.send_signal(signal.SIGSTOP)
noticed = collector.says(r"SILENT: not heard since", 90, mark)
took = time.monotonic() - began - without_a_core(collector.process.pid, core) - disk.stood(began)
sensor.process.send_signal(signal.SIGCONT)
tap.check(noticed and took < 20, f"a sensor that falls silent after the clock was set back a day is called silent, after {took:.0f} s", *collector.errors[mark:])
tap.check(collector.says(r"is heard again", 30, mark), "and heard again when it is", *collector.errors[mark:])
for each in clocks.values():
    each.set(0)
sensor.feeding()
tap.check(sensor.end(signal.SIGCONT, 90) == 0, "in the end the sensor is acknowledged everything, and ends with 0", *sensor.errors[-10:])
tap.check(collector.end() == 0, "the collector ends with 0", *collector.errors[-5:])
pair.verify(tap, accepted)
tap.end(pair.folder)
