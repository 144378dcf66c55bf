#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Real captures with damaged octets, played through the whole way of the tool. Prints TAP.

usage: hostile.py VIDRA [--corpus DIR] [--every N] [--seed N] [--largest OCTETS]
Of each frame of each N-th capture of the corpus some octets are replaced (one in 200, and one frame in ten is cut); decode must end
with status 0 or 3, within its time, and every octet must be accounted for: seen = decoded + opaque + lost. Under a sanitizer its reports
are failures too."""
import argparse
import glob
import json
import os
import random
import struct
import subprocess
import sys
import tempfile
import zlib

here = os.path.dirname(os.path.abspath(__file__))
arguments = argparse.ArgumentParser()
arguments.add_argument("vidra")
arguments.add_argument("--corpus", default=os.path.join(here, "..", "..", "..", "shared", "corpus"))
arguments.add_argument("--every", type=int, default=1)
arguments.add_argument("--seed", type=int, default=1)
arguments.add_argument("--largest", type=int, default=4 << 20)
options = arguments.parse_args()


def frames_of(octets):
    """(link type, [(seconds, microseconds, frame)]) of a pcap or pcapng with one kind of link; nothing of others."""
    if octets[:4] == b"\x0a\x0d\x0d\x0a":
        order = "<" if octets[8:12] == b"\x4d\x3c\x2b\x1a" else ">"
        at, link, out = 0, None, []
        while at + 12 <= len(octets):
            kind, length = struct.unpack_from(order + "II", octets, at)
            if length < 12 or at + length > len(octets):
                break
            if kind == 1:
                other = struct.unpack_from(order + "H", octets, at + 8)[0]
                if link not in (None, other):
                    return None, []
                link = other
            elif kind == 6:
                high, low, kept = struct.unpack_from(order + "III", octets, at + 12)
                t = high << 32 | low
                out.append((t // 1_000_000 & 0xFFFFFFFF, t % 1_000_000, octets[at + 28:at + 28 + kept]))
            at += length
        return link, out
    magic = octets[:4]
    order = {b"\xd4\xc3\xb2\xa1": "<", b"\xa1\xb2\xc3\xd4": ">", b"\x4d\x3c\xb2\xa1": "<", b"\xa1\xb2\x3c\x4d": ">"}.get(magic)
    if not order:
        return None, []
    link, at, out = struct.unpack_from(order + "I", octets, 20)[0], 24, []
    while at + 16 <= len(octets):
        seconds, fraction, kept, _ = struct.unpack_from(order + "IIII", octets, at)
        out.append((seconds, fraction % 1_000_000, octets[at + 16:at + 16 + kept]))
        at += 16 + kept
    return link, out


if not os.path.exists(os.path.join(options.corpus, "INDEX.tsv")):
    print("1..0 # SKIP skipped: no corpus")
    sys.exit(0)
paths = [p for p in sorted(glob.glob(os.path.join(options.corpus, "*", "*.pcap*"))) if not p.endswith(".json") and os.path.getsize(p) <= options.largest][::options.every]
print(f"1..{len(paths)}")
failed = 0
with tempfile.TemporaryDirectory() as folder:
    noisy = os.path.join(folder, "noisy.pcap")
    for number, path in enumerate(paths, 1):
        name = os.path.relpath(path, options.corpus)
        chance = random.Random(options.seed * 1_000_003 + zlib.crc32(name.encode()))
        link, frames = frames_of(open(path, "rb").read())
        if not frames or link is None:
            print(f"ok {number} - {name} # SKIP skipped: of another form")
            continue
        with open(noisy, "wb") as out:
            out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, link))
            for seconds, fraction, frame in frames:
                frame = bytearray(frame)
                for _ in range(len(frame) // 200 + (chance.random() < len(frame) % 200 / 200)):
                    if len(frame) > 14:
                        frame[chance.randrange(14, len(frame))] = chance.choice((0, 1, 0x7F, 0x80, 0xFE, 0xFF, chance.randrange(256)))
                if chance.random() < 0.1 and len(frame) > 60:
                    del frame[chance.randrange(54, len(frame)):]
                out.write(struct.pack("<IIII", seconds, fraction, len(frame), len(frame)) + frame)
        wrong = ""
        try:
            done = subprocess.run([options.vidra, "decode", "--count", noisy], capture_output=True, timeout=120)
            if done.returncode not in (0, 3):
                wrong = f"status {done.returncode}: {done.stderr.decode(errors='replace')[-1500:]}"
            else:
                b = json.loads(done.stdout)["bytes"]
                if b["seen"] != b["decoded"] + b["opaque"] + b["lost"]:
                    wrong = f"octets not accounted for: {b}"
        except subprocess.TimeoutExpired:
            wrong = "took more than two minutes"
        failed += bool(wrong)
        print(f"{'not ok' if wrong else 'ok'} {number} - {name}", flush=True)
        for line in wrong.splitlines():
            print("#", line)
sys.exit(bool(failed))
