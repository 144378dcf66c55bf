#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""overload.py VIDRAD VIDRA COLLECTOR ROOT: the sensor gets a small part of a core (it is stopped most of the time) while frames keep
coming, heard by one worker and by two. Every frame that was sent is one that it worked through or one that it says was lost; that it is
overloaded is told, and its end. In a network of its own."""
import os
import pathlib
import re
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from programs import Tap, wait_for  # noqa: E402

vidrad = sys.argv[1]
tap = Tap()
if "--inside" not in sys.argv:
    if subprocess.run(["unshare", "-n", "sh", "-c", "ip link add near type veth peer name far"], capture_output=True).returncode:
        tap.skip("overload", "no network namespaces or veth pairs here")
        tap.end()
        sys.exit(0)
    os.execvp("unshare", ["unshare", "-n", sys.executable, __file__, *sys.argv[1:], "--inside"])


def ip(*words):
    subprocess.run(["ip", *words], check=True, capture_output=True)


def frame(host, n):
    """Undissected UDP from one of many hosts, so that every worker has its part."""
    payload = b"\xa5" * 400
    udp = struct.pack(">HHHH", 40000, 9999, 8 + len(payload), 0) + payload
    head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), n & 0xFFFF, 0, 64, 17, 0, bytes([10, 9, host, 1]), bytes([10, 9, host, 2]))
    return bytes.fromhex("020000000002" "020000000001" "0800") + head + udp


def number(pattern, text):
    found = re.search(pattern, text)
    return int(re.sub(r"\D", "", found.group(1))) if found else 0


def overload(workers, folder):
    subprocess.run(["ip", "link", "del", "near"], capture_output=True)
    ip("link", "add", "near", "type", "veth", "peer", "name", "far")
    for end in ("near", "far"):
        open(f"/proc/sys/net/ipv6/conf/{end}/disable_ipv6", "w").write("1")
        ip("link", "set", end, "up")
    config = folder / "vidra.toml"
    config.write_text(f'[capture]\ninterfaces = ["near"]\nsource = "ring"\nworkers = {workers}\nbuffer = "8 MiB"\n[traffic]\nclassify = false\n[report]\nupdate_every = "100ms"\n')
    log, out = folder / f"{workers}.log", folder / f"{workers}.out"
    with open(log, "w") as err, open(out, "w") as stdout:
        p = subprocess.Popen([vidrad, "--config", str(config), "--state", str(folder / str(workers)), "--print"], stderr=err, stdout=stdout)
    name = f"{workers} worker{'s' if workers > 1 else ''}"
    sent, enough = 0, 24_000                               # the first time more than its buffer takes, however slowly they are sent
    try:
        tap.check(wait_for(lambda: " hears its interfaces" in log.read_text(), 10), f"{name}: begins", log.read_text())
        time.sleep(0.5)
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as s:
            s.bind(("far", 0))
            began = time.monotonic()
            while time.monotonic() - began < 4:             # a tenth of the time it runs
                p.send_signal(signal.SIGSTOP)
                until = time.monotonic() + 0.09
                while time.monotonic() < until or sent < enough:
                    for host in range(16):
                        s.send(frame(host, sent))
                        sent += 1
                p.send_signal(signal.SIGCONT)
                time.sleep(0.01)
            told = wait_for(lambda: "degraded: " in log.read_text(), 5)
            tap.check(told, f"{name}: says that it is degraded", log.read_text())
            tap.check(wait_for(lambda: "NET-21" in out.read_text(), 5), f"{name}: it is a finding", out.read_text())
            tap.check(wait_for(lambda: "everything is worked through again" in log.read_text(), 15), f"{name}: says when it is over", log.read_text())
    finally:
        p.send_signal(signal.SIGCONT)
        p.send_signal(signal.SIGTERM)
        p.wait(20)
    summary = out.read_text()
    heard, lost = number(r"heard +([\d ]+) packets", summary), number(r"lost +([\d ]+) frames", summary)
    tap.check(heard + lost == sent, f"{name}: {sent} frames sent = {heard} worked through + {lost} lost", summary)
    tap.check(lost > 0, f"{name}: some were lost, or this test is none")
    left = number(r"([\d ]+) frames with undissected payload only counted", summary)
    tap.check(left > 0, f"{name}: {left} frames were only counted, by plan", summary)


with tempfile.TemporaryDirectory() as folder:
    for each in (1, 2):
        overload(each, pathlib.Path(folder))
tap.end()
