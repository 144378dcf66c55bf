#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The sensor live on a pair of virtual interfaces, beside a bare reader of the kernel's ring on the same pair: CPU of a core at 20,000 and
100,000 packets a second, a process bus (20 streams of sampled values of 4,000 a second and a GOOSE storm), and how much of what the bare
reader takes at most the sensor takes without a drop.

usage: live.py BUILD [--seconds N] [--rounds N] [--only 20000|100000|bus|ceiling]

Memory and site of the traffic are loaded, every detector is on. CPU is that of all threads of the process, from the kernel's account, over
the time in which frames come. Needs root (network namespace) and tcpreplay."""
import argparse
import os
import pathlib
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from running import middle, root, site  # noqa: E402

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("build")
parser.add_argument("--seconds", type=int, default=10)
parser.add_argument("--rounds", type=int, default=3)
parser.add_argument("--only", choices=["20000", "100000", "bus", "ceiling"])
options = parser.parse_args()
build = (root / options.build).resolve()
vidra, vidrad, mix, bare = build / "daemon/tool/vidra", build / "daemon/sensor/vidrad", build / "bench/load/mix", build / "bench/receive_bench"
if not shutil.which("tcpreplay"):
    sys.exit("skipped: no tcpreplay")
if "VIDRA_LIVE" not in os.environ:                     # once more, in a network of its own
    os.environ["VIDRA_LIVE"] = "1"
    os.execvp("unshare", ["unshare", "-n"] + ([] if os.geteuid() == 0 else ["-r"]) + [sys.executable] + sys.argv)
subprocess.run("ip link set lo up; sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1; ip link add near type veth peer name far; "
               "ip link set near mtu 2000 up; ip link set far mtu 2000 up", shell=True, check=True, capture_output=True)


def cpu_of(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def play(capture, rate):
    words = ["--topspeed"] if not rate else [f"--pps={rate}"]
    return subprocess.Popen(["tcpreplay", "-q", "--preload-pcap", *words, "--intf1=far", capture], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def played(process):
    """(frames sent, seconds)"""
    said = process.communicate()[0]
    return int(re.search(r"Successful packets:\s+(\d+)", said).group(1)), float(re.search(r"packets.*sent in ([0-9.]+) seconds", said).group(1))


def sensor(folder, settings, capture, rate):
    """(share of a core, sent, heard, frames a second)"""
    process = subprocess.Popen([vidrad, "--config", settings, "--state", folder / "state", "--print"], stdout=open(folder / "out", "w"), stderr=open(folder / "log", "w"))
    try:
        for _ in range(200):
            if " hears " in (folder / "log").read_text():
                break
            time.sleep(0.05)
        time.sleep(0.5)
        before = cpu_of(process.pid)
        sent, seconds = played(play(capture, rate))
        spent = cpu_of(process.pid) - before
        time.sleep(1)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)
    heard = re.search(r"^heard\s+([\d\s]+?) packets", (folder / "out").read_text(), re.M)
    if not heard:
        sys.exit((folder / "log").read_text()[-2000:])
    return spent / seconds, sent, int(re.sub(r"\D", "", heard.group(1))), sent / seconds


def reader(capture, rate, longest):
    process = subprocess.Popen([bare, "--bare", "near", str(longest)], stdout=subprocess.PIPE, text=True)
    time.sleep(0.5)
    sent, seconds = played(play(capture, rate))
    said = process.communicate()[0]
    frames, lost, spent = re.search(r"(\d+) frames, (\d+) lost, ([0-9.]+) s", said).groups()
    return float(spent) / seconds, sent, int(frames), sent / seconds


def tlv(tag, contents):
    return bytes([tag, len(contents)]) + contents if len(contents) < 128 else bytes([tag, 0x81, len(contents)]) + contents


def process_bus(path, seconds, streams=20, rate=4000, storm=10):
    """Streams of nine-two samples, four currents and four voltages each, and so many GOOSE publishers whose state changes 50 times a second,
    each change repeated ten times."""
    count, now = 0, 1_795_000_000_000_000_000
    with open(path, "wb", 1 << 20) as out:
        out.write(struct.pack("<IHHiIII", 0xa1b23c4d, 2, 4, 0, 0, 65535, 1))

        def frame(data):
            nonlocal count
            out.write(struct.pack("<IIII", now // 1_000_000_000, now % 1_000_000_000, len(data), len(data)) + data)
            count += 1

        heads = []
        for n in range(streams):
            head = bytes([1, 0x0c, 0xcd, 4, 0, n, 0, 0x21, 0xc1, 0x40, 0, n]) + struct.pack(">HH", 0x88ba, 0x4000 + n)
            heads.append((head, tlv(0x80, b"MU%04dMSVCB01" % n)))
        for step in range(seconds * rate):
            values = b"".join(struct.pack(">iI", (step * 37 * (k + 1)) % 20_000 - 10_000, 0) for k in range(8))
            rest = tlv(0x82, struct.pack(">H", step % rate)) + tlv(0x83, struct.pack(">I", 1)) + tlv(0x85, b"\x02") + tlv(0x87, values)
            for head, name in heads:
                pdu = tlv(0x60, tlv(0x80, b"\x01") + tlv(0xa2, tlv(0x30, name + rest)))
                frame(head + struct.pack(">HHH", 8 + len(pdu), 0, 0) + pdu)
            for n in range(storm):
                if (step + n) % (rate // 500) == 0:                  # 500 a second each
                    at = step // (rate // 500)
                    state, again = at // 10 + 1, at % 10
                    ied = b"IED%02dLD0/LLN0$" % n
                    stamp = struct.pack(">I", 1_795_000_000 + step // rate) + struct.pack(">I", (state * 85_899_345) & 0xffffff00)[:3] + b"\x0a"
                    body = (tlv(0x80, ied + b"GO$trip") + tlv(0x81, struct.pack(">H", 2000)) + tlv(0x82, ied + b"trip") + tlv(0x84, stamp) + tlv(0x85, struct.pack(">I", state))
                            + tlv(0x86, struct.pack(">I", again)) + tlv(0x87, b"\x00") + tlv(0x88, struct.pack(">I", 1)) + tlv(0x89, b"\x00") + tlv(0x8a, b"\x02")
                            + tlv(0xab, tlv(0x83, bytes([state & 1])) + tlv(0x84, b"\x03\x00\x00")))
                    pdu = tlv(0x61, body)
                    frame(bytes([1, 0x0c, 0xcd, 1, 0, n, 0, 0x21, 0xc1, 0x50, 0, n]) + struct.pack(">HHHHH", 0x88b8, n + 1, 8 + len(pdu), 0, 0) + pdu)
            now += 1_000_000_000 // rate
    return count


def prepared(folder, name, capture, declared):
    memory, settings = folder / f"{name}.memory.toml", folder / f"{name}.toml"
    subprocess.run([vidra, "learn", capture, "-o", memory], check=True, stderr=subprocess.DEVNULL)
    settings.write_text(f'[capture]\ninterfaces = ["near"]\nsource = "ring"\n[judge]\nmemory = "{memory}"\n{declared}')
    return settings


def compare(folder, name, capture, settings, rate, goal, beside):
    mine, others, lost, rates = [], [], 0, []
    for _ in range(options.rounds):
        share, sent, heard, offered = sensor(folder, settings, capture, rate)
        mine.append(share)
        lost += sent - heard
        rates.append(offered)
        share, _, _, _ = reader(capture, rate, options.seconds + 4)
        others.append(share)
    ratio = middle([a / b for a, b in zip(mine, others)])
    offered = middle(rates)
    reached = "reached" if middle(mine) <= goal and not lost else "MISSED"
    if offered < 0.95 * rate and reached == "reached":             # a sender that starves proves nothing
        reached = f"undecided: only {offered:,.0f} of {rate:,} came to be sent; at that cost a packet all would be {middle(mine) * rate / offered:.1%}"
    print(f"{name:<34}{offered:>10,.0f}{middle(mine):>9.1%}{f'{min(mine):.1%} to {max(mine):.1%}':>18}{lost:>8}{middle(others):>9.1%}{ratio:>8.1f}   "
          f"≤ {goal:.0%}: {reached}" + (f"; ≤ {beside} × the reader: {'reached' if ratio <= beside else 'MISSED'}" if beside else ""), flush=True)


def ceiling(folder, capture, settings):
    """Halves the way between what is heard whole and what is not."""
    top, _, frames, offered = reader(capture, 0, 30)
    if frames < top * 0.999:
        print(f"ceiling: the bare reader itself loses {1 - frames / top:.1%} of {offered:,.0f} a second: taken is what it heard")
    taken = offered * min(1, frames / top)
    want = int(taken * 0.8)
    lost = []
    for _ in range(options.rounds):
        share, sent, heard, got = sensor(folder, settings, capture, want)
        lost.append(sent - heard)
    print(f"ceiling: the bare reader takes {taken:,.0f} frames a second; at 80 % of it ({got:,.0f} came to be sent, {share:.0%} of a core) the sensor loses {lost} in {options.rounds} runs: "
          f"{'MISSED' if any(lost) else 'reached' if got >= 0.95 * want else 'undecided: the sender did not manage'}")


def main():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="vidra-live-", dir="/var/tmp"))
    try:
        print(f"{'':<34}{'a second':>10}{'a core':>9}{'least to most':>18}{'lost':>8}{'reader':>9}{'×':>8}")
        for rate, goal, beside in ((20_000, 0.05, 3), (100_000, 0.15, None)):
            if options.only in (None, str(rate)):
                capture = folder / f"{rate}.pcap"
                subprocess.run([mix, capture, str(rate * options.seconds)], check=True, stdout=subprocess.DEVNULL)
                compare(folder, f"mix, {rate:,} a second", capture, prepared(folder, str(rate), capture, site(1000)), rate, goal, beside)
                capture.unlink()
        if options.only in (None, "bus"):
            capture = folder / "bus.pcap"
            frames = process_bus(capture, options.seconds)
            compare(folder, "process bus, 20 SV and a storm", capture, prepared(folder, "bus", capture, '[site]\nname = "bus"\n'), frames // options.seconds, 0.25, None)
            capture.unlink()
        if options.only in (None, "ceiling"):
            capture = folder / "most.pcap"
            subprocess.run([mix, capture, "1500000"], check=True, stdout=subprocess.DEVNULL)
            ceiling(folder, capture, prepared(folder, "most", capture, site(1000)))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


main()
