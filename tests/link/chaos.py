#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Kills either end of a link 30 times at random moments. What the sensor's end accepted and what the collector's end kept
is witnessed here, outside both: nothing accepted may be lost, a record that comes again must be known by its id, and the
journal's chains must be unbroken. Prints TAP. usage: chaos.py CHAOS_PEER [kills] [seed]"""
import collections
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
from programs import segment_entries  # noqa: E402

peer = sys.argv[1]
kills = int(sys.argv[2]) if len(sys.argv) > 2 else int(os.environ.get("VIDRA_KILLS", "30"))
seed = int(sys.argv[3]) if len(sys.argv) > 3 else int(os.environ.get("VIDRA_SEED", str(random.SystemRandom().randrange(1 << 32))))
dice = random.Random(seed)
print(f"1..7\n# seed {seed}, {kills} kills", flush=True)

directory = tempfile.mkdtemp(prefix="vidra-chaos-")
with socket.socket() as s:
    s.bind(("127.0.0.1", 0))
    port = str(s.getsockname()[1])
subprocess.run([peer, "keys", directory], check=True)

accepted, kept, alarms, again = set(), collections.defaultdict(list), [], 0
delivered = threading.Event()


class End:
    """A process and the thread that hears what it says. Half a line, of a process killed while it wrote, does not count."""

    def __init__(self, *arguments):
        self.process = subprocess.Popen([peer, *arguments], stdout=subprocess.PIPE)
        self.listener = threading.Thread(target=self.listen)
        self.listener.start()

    def listen(self):
        global again
        for line in self.process.stdout:
            if not line.endswith(b"\n"):
                continue
            word, *rest = line.decode().split()
            if word == "accepted":
                accepted.add(int(rest[0]))
            elif word == "kept":
                kept[(int(rest[0]), int(rest[1]), int(rest[2]))].append((rest[3], " ".join(rest[4:])))
            elif word == "alarm":
                alarms.append(line.decode().strip())
            elif word == "again":
                again += int(rest[0])
            elif word == "delivered":
                delivered.set()

    def kill(self, how=signal.SIGKILL):
        self.process.send_signal(how)
        self.process.wait()
        self.listener.join()


offered = 0
rate = "4000"


def start_sender():
    return End("sender", directory, port, str(offered), "1000000", rate)


receiver, sender = End("receiver", directory, port), start_sender()
killed = collections.Counter()
for _ in range(kills):
    time.sleep(dice.uniform(0.02, 0.35))
    if dice.random() < 0.1:            # it stands still for longer than a sender waits for an acknowledgement
        receiver.process.send_signal(signal.SIGSTOP)
        time.sleep(dice.uniform(0.6, 0.9))
        receiver.process.send_signal(signal.SIGCONT)
        killed["stood still"] += 1
        time.sleep(dice.uniform(0, 0.1))
    which = dice.choice(["sender", "receiver", "both"])
    killed[which] += 1
    if which != "receiver":
        sender.kill()
        offered += 1_000_000   # numbers that may be half-way in are never offered again
    if which != "sender":
        receiver.kill()
    time.sleep(dice.uniform(0, 0.1))
    if which != "sender":
        receiver = End("receiver", directory, port)
    if which != "receiver":
        sender = start_sender()
time.sleep(0.5)
sender.kill(signal.SIGTERM)
offered += 1_000_000
sender = End("sender", directory, port, str(offered), "10", "0")
finished = delivered.wait(60)
if not finished:
    sender.kill()
sender.process.wait()
sender.listener.join()
receiver.kill(signal.SIGTERM)

failed = 0


def check(number, holds, text):
    global failed
    failed += not holds
    print(f"{'ok' if holds else 'not ok'} {number} - {text}", flush=True)


# What the journal holds is read from its files: the witness must not depend on the last lines of a killed process.
journal = os.path.join(directory, "journal")
entries = []
for name in sorted(n for n in os.listdir(journal) if n.endswith(".seg")):
    with open(os.path.join(journal, name), "rb") as f:
        data = f.read()
    for _, header, body in segment_entries(data):
        entries.append((int.from_bytes(header[24:32], "little"), header[6], int.from_bytes(header[32:40], "little"), header[4], header[64:96], header[96:128], body))
held = {(e[0], e[1], e[2]): e[5][:8].hex() for e in entries}
journalled = {int(e[6]) for e in entries if e[3] == 4}
lost = accepted - journalled
unkept = [k for k, v in kept.items() if any(held.get(k) != said[0] for said in v)]
heads, broken = {}, 0
for epoch, lane, seq, kind, prev, own, body in entries:
    last = heads.get((epoch, lane), (0, bytes(32)))
    broken += seq != last[0] + 1 or prev != last[1]
    heads[(epoch, lane)] = (seq, own)

print(f"# {dict(killed)}; {len(accepted)} accepted, {len(entries)} journalled, {len(heads)} streams, {again} came again")
check(1, finished, "the link comes back by itself and delivers everything")
check(2, len(accepted) > 30 * kills, f"there was something to lose ({len(accepted)} accepted)")
check(3, not lost, f"nothing accepted is lost ({len(lost)} lost{': ' + str(sorted(lost)[:5]) if lost else ''})")
check(4, len(held) == len(entries) and not unkept, f"each record is journalled once, as it was first kept ({len(entries) - len(held)} twice, {len(unkept)} changed)")
check(5, broken == 0, f"every lane is one unbroken chain ({broken} breaks)")
# The window: what may be on the way of each of the two lanes when an end goes, or does not answer in time.
check(6, again <= 2 * 256 * 2 * (kills + 2), f"what came again was known by its id, and no more than was on the way ({again})")
check(7, not alarms, "no alarm" + "".join("; " + a for a in alarms[:3]))
if failed:
    print(f"# kept for a look: {directory}")
else:
    shutil.rmtree(directory)
sys.exit(1 if failed else 0)
