#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Everything that can be wrong between a real sensor and a real collector, one after the other: each time the sensor's log says what
it is and what to do, and when it is mended delivery goes on by itself. In the end nothing that was accepted is missing. Between them,
SIGHUP with a broken and with a right file.

usage: link_trouble.py VIDRAD VIDRA VIDRA-COLLECTOR ROOT"""
import os
import pathlib
import random
import signal
import socket
import subprocess
import sys
import threading
import time

# A mount namespace of its own for the full disk, where that is allowed.
if os.geteuid() == 0 and not os.environ.get("VIDRA_APART") and subprocess.run(["unshare", "-m", "true"], stderr=subprocess.DEVNULL).returncode == 0:
    os.environ["VIDRA_APART"] = "1"
    os.execvp("unshare", ["unshare", "-m", "--propagation", "private", sys.executable, *sys.argv])

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from programs import Feed, Pair, Programs, Tap, wait_for  # noqa: E402

programs = Programs(*sys.argv[1:5])
tap = Tap()


class Stranger:
    """Something else on the collector's port."""

    def __init__(self, port, answer):
        self.answer, self.visits = answer, 0
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(("127.0.0.1", port))
        self.socket.listen(16)
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while True:
            try:
                c, _ = self.socket.accept()
            except OSError:
                return
            self.visits += 1
            try:
                c.settimeout(1)
                c.recv(64)
                c.sendall(self.answer())
                time.sleep(0.1)
            except OSError:
                pass
            c.close()

    def end(self):
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.socket.close()
        self.thread.join(10)


pair = Pair(programs)
accepted = {}
feed = Feed(rate=50)
pair.collector().end()                # it makes its key, and is away
key = pair.server_key()
pair.configure(key)


def tells(what, pattern, seconds=30):
    """The sensor's log has said it since the last time something was waited for."""
    global mark
    seen = sensor.says(pattern, seconds, mark)
    ok = tap.check(seen, what, f"wanted: {pattern}", *sensor.errors[mark:])
    if seen:
        mark = max(mark, next(i for i, line in enumerate(sensor.errors) if i >= mark and line == seen.string) + 1)
    return ok


def goes_on(what):
    """More is accepted meanwhile: the link's troubles are not the sensor's."""
    before = len(accepted)
    tap.check(wait_for(lambda: len(accepted) > before + 10, 15), what, before, len(accepted))


def arrives(what):
    """All that is accepted now gets to the collector by itself."""
    wanted = {story for story, revision in list(accepted.values()) if story != "-"}
    tap.check(wait_for(lambda: wanted <= {s["story"] for s in pair.stories()}, 30, 0.5), what, f"{len(wanted)} stories accepted", *sensor.errors[mark:])


mark = 0
sensor = pair.sensor(feed, witness=accepted)
where = f"tcp://127.0.0.1:{pair.port}"
tells("collector away at the start: said so, and what happens", rf"<5>cert: collector away: nobody answers at {where}; tried again by itself, nothing is lost meanwhile")
goes_on("meanwhile the sensor goes on")

stranger = Stranger(pair.port, lambda: b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
tells("a web server on the port: said what answers there", rf"<4>cert: wrong server on the port: what answers at {where} is no collector.*records wait")
stranger.end()
tells("it goes: away again", r"<5>cert: collector away")
stranger = Stranger(pair.port, lambda: random.randbytes(300))
tells("random octets on the port: the same words", rf"<4>cert: wrong server on the port: what answers at {where} is no collector")
tap.check(stranger.visits > 0, "it was asked")
stranger.end()

collector = pair.collector()
mark_text = pair.fingerprint(sensor)
tells("the collector takes the port, and does not know the key: said what to type there",
      rf"<5>cert: .*waiting for approval.*fingerprint {mark_text}; there: vidra keys approve {mark_text[:9]}.*records wait")
wait_for(lambda: "pending" in pair.keys()[1])
status, text = pair.keys()
tap.check(status == 0 and "pending" in text and mark_text in text and "vidra keys approve" in text, "vidra keys: the same fingerprint waits, and what to type", text)
goes_on("meanwhile the sensor goes on")
status, text = pair.keys("approve", "0000-0000")
tap.check(status == 1 and "vidra keys list" in text, "vidra keys approve of a fingerprint that nobody has: refused, with what to do", status, text)
status, text = pair.keys("approve", "--name", "alder-1", mark_text[:9])
tap.check(status == 0 and "alder-1 is active" in text, "vidra keys approve with its beginning", text)
tells("approved while it runs: connected", rf"<6>cert: connected to {where}")
arrives("what waited arrives")

for verb, word in (("suspend", "suspended"), ("revoke", "revoked")):
    status, text = pair.keys(verb, "alder-1")
    tap.check(status == 0, f"vidra keys {verb}", text)
    tells(f"{word} with a live connection: said so", rf"<4>cert: the collector refuses this sensor.*{word}.*{mark_text}")
    status, text = pair.keys()
    tap.check(word in text, f"vidra keys: {word}", text)
    goes_on("meanwhile the sensor goes on")
    tap.check(pair.keys("approve", "alder-1")[0] == 0, "vidra keys approve by its name")
    tells("active again: back by itself", rf"<6>cert: connected to {where}")
    arrives("what waited arrives")

# Settings while it runs. A mistake changes nothing; a right file is taken over at once.
right = pair.settings.read_text()
for text, wrong in ((right.replace("off = true", "of = true"), r"vidra\.toml:\d+:1: unknown key 'of' in \[detection\.NET-01\], did you mean 'off'\?"),
                    (right.replace('quiet = "1s"', 'quiet = '), r"vidra\.toml:\d+:\d+: ")):
    pair.settings.write_text(text)
    sensor.process.send_signal(signal.SIGHUP)
    tells("HUP with a broken file: refused with its place", "<3>.*" + wrong)
    tells("and the running settings kept", r"<3>.*vidra\.toml is refused; the running settings are kept")
    goes_on("nothing changes")


def claims():
    return sum(revision == 0 for story, revision in list(accepted.values()) if story != "-")


def no_more_claims():
    """Nothing new for two seconds: at this rate a hundred stories would have come."""
    before = claims()
    time.sleep(2)
    return claims() == before


pair.settings.write_text(right.replace("[detection.NET-01]", "[detection.NET-04]\noff = true\n[detection.NET-01]"))
sensor.process.send_signal(signal.SIGHUP)
tells("HUP with a right one: taken over", r"<6>.*vidra\.toml: site and detections taken over; capture, traffic and collectors change at the next start")
tap.check(wait_for(no_more_claims, 12, 0), "what it switches off is off")
before = claims()
pair.settings.write_text(right)
sensor.process.send_signal(signal.SIGHUP)
tells("HUP with the first one again", r"<6>.*taken over")
tap.check(wait_for(lambda: claims() > before + 10, 15), "and it is on again")

# The collector stops for a while in the good order, then without a word.
collector.end()
tells("the collector is stopped: its good-bye is told", r"<5>cert: collector away: .* said that it stops; tried again by itself")
collector = pair.collector()
tells("it is back: connected", rf"<6>cert: connected to {where}")
arrives("what waited arrives")

# Another key than the collector's in the settings.
sensor.end(signal.SIGKILL)
sensor.feeding()
other = Pair(programs)
other.collector().end()
pair.configure(other.server_key())
mark = 0
sensor = pair.sensor(feed, witness=accepted, settle=0)
tells("a wrong server_key: said whose key it is not, and where to look", rf"<4>cert: the server at {where} does not hold the key that the settings name \(server_key .*wrong key here, or another server there")
goes_on("meanwhile the sensor goes on")
tap.check(sensor.end() == 0, "TERM while nothing can be delivered: it ends, with 0", *sensor.errors[-5:])
sensor.feeding()
tap.check(any("wait on disk" in line for line in sensor.output), "its summary says what waits on disk", *sensor.output)
pair.configure(key)
mark = 0
sensor = pair.sensor(feed, witness=accepted)
tells("with the right one: connected", rf"<6>cert: connected to {where}")
arrives("what waited arrives")
sensor.feeding()
tap.check(sensor.end(signal.SIGCONT, 70) == 0, "at the recording's end it is acknowledged everything, and ends with 0", *sensor.errors[-5:])
tap.check(collector.end() == 0, "the collector ends with 0", *collector.errors[-5:])
pair.verify(tap, accepted)

# A full disk at the collector.
small = other.folder / "small"
small.mkdir()
if not os.environ.get("VIDRA_APART") or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=32m", "none", small], stderr=subprocess.DEVNULL).returncode:
    tap.skip("the collector's disk is full", "a tmpfs of its own needs root and a mount namespace")
else:
    pair = Pair(programs, collector_state=small / "collector")
    accepted, feed = {}, Feed(rate=50)
    collector = pair.collector()
    pair.configure(pair.server_key())
    mark = 0
    sensor = pair.sensor(feed, witness=accepted)
    where = f"tcp://127.0.0.1:{pair.port}"
    status, text = pair.approve(sensor)
    tells("connected", rf"<6>cert: connected to {where}")
    arrives("something arrives")
    ballast = small / "ballast"
    with open(ballast, "wb", buffering=0) as f:
        try:
            while True:
                f.write(bytes(4096))
        except OSError:
            pass
    tells("the collector's disk is full: the sensor says that it waits, and why", rf"<5>cert: {where} asks to wait: its journal is full")
    tap.check(collector.says(r"free below .*make room, sensors wait meanwhile|cannot be written.*sensors wait meanwhile"), "the collector says so too, and what to do", *collector.errors[-5:])
    goes_on("meanwhile the sensor goes on")
    tap.check(collector.process.poll() is None, "the collector lives")
    ballast.unlink()
    tells("there is room again: delivery resumes by itself", rf"<6>cert: connected to {where}")
    tap.check(collector.says(r"there is room again"), "the collector says so", *collector.errors[-5:])
    arrives("what waited arrives")
    sensor.feeding()
    tap.check(sensor.end(signal.SIGCONT, 70) == 0, "in the end it is acknowledged everything", *sensor.errors[-5:])
    tap.check(collector.end() == 0, "the collector ends with 0", *collector.errors[-5:])
    pair.verify(tap, accepted)
    folder = pathlib.Path(pair.folder)
    subprocess.run(["umount", small])
tap.end(pair.folder)
