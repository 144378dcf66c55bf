#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""doctor.py VIDRAD VIDRA COLLECTOR ROOT: vidra doctor at a link of its own: hears what comes, notices what this machine itself sends on it,
and is content once the port is quiet. In a network of its own."""
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from programs import Tap  # noqa: E402

vidra = sys.argv[2]
tap = Tap()
if "--inside" not in sys.argv:
    if subprocess.run(["unshare", "-n", "-m", "sh", "-c", "mount -t sysfs none /sys && ip link add near type veth peer name far"], capture_output=True).returncode:
        tap.skip("doctor", "no network namespaces or veth pairs here")
        tap.end()
    os.execvp("unshare", ["unshare", "-n", "-m", sys.executable, __file__, *sys.argv[1:], "--inside"])


def run(*words):
    subprocess.run(words, check=True, capture_output=True)


def tcp(answer, number):
    """One segment of a conversation, padded."""
    a, b = (b"\x0a\x01\x01\x14", b"\x0a\x01\x01\x0b")
    src, dst, macs = (b, a, b"\x02\0\0\0\0\x0a\x02\0\0\0\0\x0b") if answer else (a, b, b"\x02\0\0\0\0\x0b\x02\0\0\0\0\x0a")
    ports = (b"\x09\x64\x75\x30", b"\x75\x30\x09\x64")[not answer]
    body = ports + number.to_bytes(4, "big") * 2 + b"\x50\x18\xff\xff" + bytes(4) + b"\x68\x04\x43\0\0\0"
    head = b"\x45\0" + (20 + len(body)).to_bytes(2, "big") + (number & 0xffff).to_bytes(2, "big") + bytes(2) + b"\x40\x06" + bytes(2) + src + dst
    return (macs + b"\x08\0" + head + body).ljust(60, b"\0")


run("ip", "link", "add", "near", "type", "veth", "peer", "name", "far")
with tempfile.TemporaryDirectory() as folder:
    config = pathlib.Path(folder) / "vidra.toml"
    config.write_text('[capture]\ninterfaces = ["near"]\n')
    done = subprocess.run([vidra, "doctor", "--config", str(config), "--state", folder, "--listen", "1"], capture_output=True, text=True, timeout=60)
    said = done.stdout
    tap.check(done.returncode and "/sys shows another network" in said and "mount -t sysfs none /sys" in said and "silent" not in said, "a /sys of another network is said, and nothing is read from it", said)
run("mount", "-t", "sysfs", "none", "/sys")
for end in ("near", "far"):
    pathlib.Path(f"/proc/sys/net/ipv6/conf/{end}/disable_ipv6").write_text("1") if pathlib.Path(f"/proc/sys/net/ipv6/conf/{end}").exists() else None
    run("ip", "link", "set", end, "up", "arp", "off", "multicast", "off")
with tempfile.TemporaryDirectory() as folder:
    config = pathlib.Path(folder) / "vidra.toml"
    config.write_text('[capture]\ninterfaces = ["near"]\n')

    def doctor(sender, seconds="3"):
        over = threading.Event()
        thread = threading.Thread(target=sender, args=(over,))
        thread.start()
        done = subprocess.run([vidra, "doctor", "--config", str(config), "--state", folder, "--listen", seconds], capture_output=True, text=True, timeout=60)
        over.set()
        thread.join()
        return done.returncode, done.stdout

    def good(over):
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as s:
            s.bind(("far", 0))
            n = 0
            while not over.is_set():
                for answer in (False, True):
                    n += 1
                    s.send(tcp(answer, n))
                time.sleep(0.01)

    def one_way(over):
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as s:
            s.bind(("far", 0))
            n = 0
            while not over.is_set():
                n += 1
                s.send(tcp(False, n))
                time.sleep(0.01)

    def talkative(over):
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as s:
            s.bind(("near", 0))
            while not over.is_set():
                s.send(bytes.fromhex("ffffffffffff02000000000188b5") + bytes(46))
                time.sleep(0.1)

    status, out = doctor(good)
    tap.check(status == 0 and "between two hosts" in out and "both directions" in out and "silent: this machine sent nothing" in out, "a right mirror at a quiet port", out)
    tap.check("BAD" not in out, "and nothing to mend", out)
    tap.check("no packets are kept" in out, "that no packets are kept is said", out)
    last = pathlib.Path(folder) / "evidence/last"
    last.mkdir(parents=True)
    (last / f"ordinary-0-{time.time_ns() - 7200 * 10**9:019}.pcapng").write_bytes(bytes(5000))
    status, out = doctor(good)
    tap.check("look  evidence" in out and "keep = false" in out and f"rm -r {last}" in out, "what lies there from before: how it goes", out)
    config.write_text('[capture]\ninterfaces = ["near"]\n[evidence]\nkeep = true\nspare = 0\nordinary = "8 MiB"\ncommands = "8 MiB"\nbulk = 0\nsets = "8 MiB"\nstory = "1 MiB"\n')
    status, out = doctor(good)
    tap.check("ok    evidence" in out and "the last 2 h" in out and "of ordinary" in out and "room for" in out, "how far back the packets reach", out)
    config.write_text('[capture]\ninterfaces = ["near"]\n[evidence]\nkeep = true\nspare = "16 TiB"\n')
    status, out = doctor(good)
    tap.check("look  evidence" in out and "16.0 TiB of the disk stay free" in out and "df -h" in out, "a disk without room for the quotas", out)
    config.write_text('[capture]\ninterfaces = ["near"]\n')
    (last / next(iter(last.iterdir())).name).unlink()
    status, out = doctor(one_way)
    tap.check(status in (0, 1) and "too few" not in out and "between two hosts" in out, "one conversation heard in one direction is told by nobody: it may be so", out)
    status, out = doctor(talkative)
    tap.check(status == 1 and "this machine sent" in out and "ip link set near arp off" in out, "what this machine sends on the port is noticed", out)
    status, out = doctor(lambda over: None, "1")
    tap.check(status == 1 and "not one frame" in out, "a port where nothing comes", out)
    run("ip", "link", "set", "near", "down")
    status, out = doctor(lambda over: None, "1")
    tap.check(status == 1 and "it is down" in out and "ip link set near up" in out, "a port that is down, and what to type", out)
    config.write_text('[capture]\ninterfaces = ["nar"]\n')
    status, out = doctor(lambda over: None, "1")
    tap.check(status == 1 and "no such interface; there are" in out and "near" in out, "a name that is none, and those there are", out)
tap.end()
