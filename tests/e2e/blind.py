#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""blind.py VIDRAD VIDRA COLLECTOR ROOT: the sensor's link is taken down, removed, made anew, unplugged. It says when it is blind and
from when to when it was, hears again within two seconds, and costs next to nothing meanwhile. Every way in is tried in a network of its
own, all at once: they wait more than they work."""
import datetime
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from programs import Tap, wait_for, waited, without_a_core  # noqa: E402

vidrad = sys.argv[1]
tap = Tap()
if "--inside" not in sys.argv:
    if subprocess.run(["unshare", "-n", "sh", "-c", "ip link add near type veth peer name far"], capture_output=True).returncode:
        tap.skip("blind", "no network namespaces or veth pairs here")
        tap.end()
    dpdk = any(a.endswith("vidra-dpdk.so") for a in sys.argv)
    ways = [("pcap", 1), ("ring", 1), ("ring", 2), *([("dpdk", 1)] if dpdk else [])]
    tries = [subprocess.Popen(["unshare", "-n", sys.executable, __file__, *sys.argv[1:], "--inside", source, str(workers)], stdout=subprocess.PIPE, text=True)
             for source, workers in ways]
    for (source, workers), each in zip(ways, tries):
        told = each.communicate()[0].splitlines()
        for n, line in enumerate(told):
            if point := re.match(r"(not )?ok \d+ - (.*)", line):
                more = [m[4:] for m in told[n + 1:next((k for k in range(n + 1, len(told)) if not told[k].startswith("#")), len(told))]]
                tap.check(not point[1], point[2], *more)
        tap.check(told and told[-1].startswith("1.."), f"{source}, workers: {workers}: was tried to its end", "\n".join(told[-20:]))
    if not dpdk:
        tap.skip("dpdk", "built without DPDK")
    tap.end()


def ip(*words):
    subprocess.run(["ip", *words], check=True, capture_output=True)


def cable():
    ip("link", "add", "near", "type", "veth", "peer", "name", "far")
    for end in ("near", "far"):
        ip("link", "set", end, "up")


def send(n=1):
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as s:
        s.bind(("far", 0))
        for _ in range(n):
            s.send(bytes.fromhex("ffffffffffff02000000000188b5") + bytes(46))


def cpu(pid):
    fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def try_with(source, workers, folder):
    cable()
    label = source if workers == 1 else f"{source}, {workers} workers"
    config = folder / f"{label}.toml"
    heard = "net_af_packet0,iface=near" if source == "dpdk" else "near"
    config.write_text(f'[capture]\ninterfaces = ["{heard}"]\nsource = "{source}"\nworkers = {workers}\n[traffic]\nsilent_after = "1h"\n[report]\nupdate_every = "100ms"\n')
    log, out = folder / f"{label}.log", folder / f"{label}.out"
    with open(log, "w") as err, open(out, "w") as stdout:
        p = subprocess.Popen([vidrad, "--config", str(config), "--state", str(folder / label), "--print"], stderr=err, stdout=stdout)
    read = lambda: log.read_text()   # noqa: E731
    try:
        chosen = wait_for(lambda: re.search(r"(interface near|port net_af_packet0): heard through .*", read()), 30)
        tap.check(chosen and wait_for(lambda: " hears its interfaces" in read(), 30), f"{label}: says by what it hears: {chosen and chosen.group(0)}", read())
        time.sleep(0.3)
        for name, away, back in (
            ("down", lambda: ip("link", "set", "near", "down"), lambda: ip("link", "set", "near", "up")),
            ("removed", lambda: ip("link", "del", "near"), cable),
            ("renamed", lambda: (ip("link", "set", "near", "down"), ip("link", "set", "near", "name", "other")), lambda: (ip("link", "set", "other", "name", "near"), ip("link", "set", "near", "up"))),
            ("unplugged", lambda: ip("link", "set", "far", "down"), lambda: ip("link", "set", "far", "up")),
        ):
            since, told = read().count("blind since"), read().count("heard again; blind from")
            away()
            tap.check(wait_for(lambda: read().count("blind since") > since, 20), f"{label}, {name}: says that it is blind", read())
            before = cpu(p.pid)
            time.sleep(2)
            spent = cpu(p.pid) - before
            tap.check(spent <= 0.1, f"{label}, {name}: costs {spent / 2:.1%} of a core while it is blind")
            cores = waited(p.pid)
            back()
            came = time.time()
            heard = wait_for(lambda: send() or read().count("heard again; blind from") > told, 20)
            said = log.stat().st_mtime - came
            busy = without_a_core(p.pid, cores)
            line = re.findall(r"heard again; blind from (\S+) to (\S+) \((.*?)\)", read())
            if tap.check(heard, f"{label}, {name}: hears again and says how long it was blind: {line[-1][2] if line else None}", read()):
                until = datetime.datetime.fromisoformat(line[-1][1]).timestamp() - came
                tap.check(until <= 2 + busy and said <= 3 + busy, f"{label}, {name}: within two seconds ({until:.2f}), and told in the third ({said:.2f}); waited for a core: {busy:.2f} s", read())
            tap.check(read().count("blind since") == since + 1 and read().count("heard again; blind from") == told + 1, f"{label}, {name}: told once, however many workers hear it", read())
        tap.check(wait_for(lambda: "NET-16" in out.read_text(), 20), f"{label}: it is a finding", out.read_text())
    finally:
        p.send_signal(signal.SIGTERM)
        p.wait(20)
    tap.check(p.returncode == 0, f"{label}: ends well", read())


with tempfile.TemporaryDirectory() as folder:
    try_with(sys.argv[-2], int(sys.argv[-1]), pathlib.Path(folder))
tap.end()
