#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A real collector is killed again and again while a sensor's end feeds it: every alert that was accepted is in the journal
exactly once, the index tells the same when it is made anew, and none was shown that is not there. (Found here first: a WELCOME
that answers an older HELLO let a sensor send while the collector was not listening, and the hole was jumped.)

usage: kill_test.py VIDRA-COLLECTOR FEEDER [KILLS] [ALERTS]"""
import json
import pathlib
import random
import re
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time

collector_program, feeder_program = sys.argv[1:3]
kills = int(sys.argv[3]) if len(sys.argv) > 3 else 10
alerts = int(sys.argv[4]) if len(sys.argv) > 4 else 1500
random.seed(2)
shown = []           # numbers of the alerts on the collectors' standard output
shown_lock = threading.Lock()


def fail(text):
    print("FAILED:", text)
    sys.exit(1)


class Collector:
    def __init__(self, state, listen):
        self.process = subprocess.Popen([collector_program, "--config", state + "/c.toml", "--state", state, "--listen", listen, "--show", "json"],
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.text, self.ready = [], threading.Event()
        threading.Thread(target=self.read_remarks, daemon=True).start()
        self.reader = threading.Thread(target=self.read_alerts, daemon=True)
        self.reader.start()
        if not self.ready.wait(60):
            fail("the collector does not start: " + "".join(self.text))

    def read_remarks(self):
        for line in self.process.stderr:
            self.text.append(line)
            if (m := re.match(r"listening on tcp://(\S+),", line)):
                self.listen = m.group(1)
            if (m := re.search(r'server_key = "(\S+)"', line)):
                self.key = m.group(1)
            if line.startswith("listening on"):
                threading.Timer(0.05, self.ready.set).start()

    def read_alerts(self):
        for line in self.process.stdout:
            if line.endswith("\n"):
                try:
                    body = json.loads(line)
                except ValueError:
                    continue             # cut in the middle by a kill
                with shown_lock:
                    shown.append(body["number"])

    def end(self, how):
        self.process.send_signal(how)
        self.process.wait(60)
        self.reader.join(10)


with tempfile.TemporaryDirectory(prefix="vidra-kill-") as folder:
    state, sensor = folder + "/collector", folder + "/sensor"
    for path in (state, sensor):
        pathlib.Path(path).mkdir(mode=0o700)
    pathlib.Path(state, "c.toml").write_text('[link]\nheartbeat = "1s"\n[journal]\nsegment = "64 KiB"\nsize = "1 GiB"\nmin_free = "1 MiB"\n')
    collector = Collector(state, "127.0.0.1:0")
    listen, key = collector.listen, collector.key
    feeder = subprocess.Popen([feeder_program, sensor, "tcp://" + listen, key, str(alerts)], stdout=subprocess.PIPE, text=True)
    curve = feeder.stdout.readline().split()[1]
    accepted = []
    threading.Thread(target=lambda: accepted.extend(int(n) for n in feeder.stdout), daemon=True).start()
    # Let the key in, as `vidra keys approve` does.
    for _ in range(500):
        with sqlite3.connect(state + "/keys.db", timeout=10) as db:
            table = [r[0] for r in db.execute("SELECT name FROM sqlite_master WHERE type='table' AND name LIKE '%key%'")][0]
            if db.execute(f"UPDATE {table} SET state='active' WHERE curve=?", (curve,)).rowcount:
                break
        time.sleep(0.02)
    else:
        fail("the feeder never knocked: " + "".join(collector.text))
    done = 0
    while done < kills:
        time.sleep(random.uniform(0.02, 0.6))
        collector.end(signal.SIGKILL)
        done += 1
        collector = Collector(state, listen)
    if feeder.wait(180) != 0:
        fail("the feeder was not acknowledged: " + "".join(collector.text)[-2000:])
    time.sleep(0.5)
    collector.end(signal.SIGTERM)
    if collector.process.returncode != 0:
        fail(f"the collector ended with {collector.process.returncode}")

    def stories():
        with sqlite3.connect(state + "/index.db") as db:
            rows = sorted(json.loads(r[0])["number"] for r in db.execute("SELECT body FROM stories"))
            sums = db.execute("SELECT sum(missing), sum(breaks), sum(quarantined) FROM sensors").fetchone()
        return rows, sums

    rows, sums = stories()
    if accepted != list(range(1, alerts + 1)):
        fail(f"accepted {len(accepted)} of {alerts}")
    if rows != accepted:
        fail(f"{len(rows)} in the index, {len(accepted)} accepted; missing {sorted(set(accepted) - set(rows))[:20]}")
    if sums != (0, 0, 0):
        fail(f"missing, broken, set aside: {sums}")
    again = subprocess.Popen([collector_program, "--config", state + "/c.toml", "--state", state, "--listen", "127.0.0.1:0", "--reindex", "--show", "nothing"],
                             stderr=subprocess.PIPE, text=True)
    for line in again.stderr:
        if line.startswith("listening"):
            break
    again.send_signal(signal.SIGTERM)
    again.wait(60)
    if stories()[0] != rows:
        fail("the index made anew tells something else")
    if set(shown) - set(rows):
        fail("an alert was shown that is not in the journal")
    twice = len(shown) - len(set(shown))
    print(f"{done} kills, {alerts} alerts accepted, all in the journal exactly once; {len(set(shown))} shown, {twice} of them twice")
    if not shown:    # a kill between the commit and the terminal costs the showing, never the record: vidra alerts has it
        fail("nothing was shown")
