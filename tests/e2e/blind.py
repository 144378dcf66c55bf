#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""blind.py VIDRAD VIDRA COLLECTOR ROOT: the sensor's link is taken down, removed, made anew, unplugged. It says when it is blind and
from when to when it was, hears again within two seconds, and costs next to nothing meanwhile. In a network of its own."""
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
from programs import Tap, wait_for  # noqa: E402

vidrad, root = sys.argv[1], sys.argv[4]
tap = Tap()
if "--inside" not in sys.argv:
    if subprocess.run(["unshare", "-n", "sh", "-c", "ip link add near type veth peer name far"], capture_output=True).returncode:
        tap.skip("blind", "no network namespaces or veth pairs here")
        tap.end()
        sys.exit(0)
    os.execvp("unshare", ["unshare", "-n", sys.executable, __file__, *sys.argv[1:], "--inside"])


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


def try_with(source, folder, workers=1):
    for f in ("near", "far"):
        subprocess.run(["ip", "link", "del", f], capture_output=True)
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
        chosen = wait_for(lambda: re.search(r"(interface near|port net_af_packet0): heard through .*", read()), 10)
        tap.check(chosen and wait_for(lambda: " hears its interfaces" in read(), 10), f"{label}: says by what it hears: {chosen and chosen.group(0)}", read())
        time.sleep(0.3)
        for name, away, back in (
            ("down", lambda: ip("link", "set", "near", "down"), lambda: ip("link", "set", "near", "up")),
            ("removed", lambda: ip("link", "del", "near"), cable),
            ("renamed", lambda: (ip("link", "set", "near", "down"), ip("link", "set", "near", "name", "other")), lambda: (ip("link", "set", "other", "name", "near"), ip("link", "set", "near", "up"))),
            ("unplugged", lambda: ip("link", "set", "far", "down"), lambda: ip("link", "set", "far", "up")),
        ):
            since, told = read().count("blind since"), read().count("heard again; blind from")
            away()
            tap.check(wait_for(lambda: read().count("blind since") > since, 5), f"{label}, {name}: says that it is blind", read())
            before = cpu(p.pid)
            time.sleep(2)
            spent = cpu(p.pid) - before
            tap.check(spent <= (0.3 if source == "dpdk" else 0.1), f"{label}, {name}: costs {spent / 2:.1%} of a core while it is blind")
            came = time.monotonic()
            back()
            heard = wait_for(lambda: send() or read().count("heard again; blind from") > told, 5)
            line = re.findall(r"heard again; blind from (\S+) to (\S+) \((.*?)\)", read())
            tap.check(heard, f"{label}, {name}: hears again and says how long it was blind: {line[-1][2] if line else None}", read())
            tap.check(time.monotonic() - came < 3, f"{label}, {name}: within two seconds, and told in the third")
            tap.check(read().count("blind since") == since + 1 and read().count("heard again; blind from") == told + 1, f"{label}, {name}: told once, however many workers hear it", read())
        tap.check(wait_for(lambda: "NET-16" in out.read_text(), 5), f"{label}: it is a finding", out.read_text())
    finally:
        p.send_signal(signal.SIGTERM)
        p.wait(20)
    tap.check(p.returncode == 0, f"{label}: ends well", read())


with tempfile.TemporaryDirectory() as folder:
    for each in ("pcap", "ring"):
        try_with(each, pathlib.Path(folder))
    try_with("ring", pathlib.Path(folder), workers=2)
    if any(a.endswith("vidra-dpdk.so") for a in sys.argv):
        try_with("dpdk", pathlib.Path(folder))
    else:
        tap.skip("dpdk", "built without DPDK")
tap.end()
