#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Wire to durable acknowledgement at 20,000 packets a second: a pair of virtual interfaces in a network namespace of its own, the
mix played on one end, the sensor's pipeline on the other, a real vidra-collector on loopback, ten distinct alerts a second.

usage: wire_to_ack.py BUILD [--seconds N] [--pps N] [--on FOLDER]

Needs root (or unshare -r) and tcpreplay. FOLDER is where the sensor's outbox and the collector's journal lie: the disk that counts."""
import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

root = pathlib.Path(__file__).resolve().parent.parent
parser = argparse.ArgumentParser()
parser.add_argument("build")
parser.add_argument("--seconds", type=int, default=60)
parser.add_argument("--pps", type=int, default=20_000)
parser.add_argument("--on", default=None)
options = parser.parse_args()
build = (root / options.build).resolve()

if "VIDRA_WIRE" not in os.environ:                      # once more, in a network of its own
    os.environ["VIDRA_WIRE"] = "1"
    os.execvp("unshare", ["unshare", "-n"] + ([] if os.geteuid() == 0 else ["-r"]) + [sys.executable] + sys.argv)
if not shutil.which("tcpreplay"):
    sys.exit("skipped: no tcpreplay")

folder = pathlib.Path(tempfile.mkdtemp(prefix="vidra-wire-", dir=options.on))
vidra = build / "daemon/tool/vidra"
for command in ("ip link set lo up", "ip link add wire0 type veth peer name wire1", "ip link set wire0 up", "ip link set wire1 up"):
    subprocess.run(command.split(), check=True)
packets = (options.seconds + 8) * options.pps
mix = folder / "mix.pcap"
subprocess.run([build / "bench/load/mix", mix, str(packets)], check=True, stdout=subprocess.DEVNULL)
subprocess.run([vidra, "learn", mix, "-o", folder / "memory.toml"], check=True, stderr=subprocess.DEVNULL)

started = []
try:
    collector = folder / "collector"
    started.append(subprocess.Popen([build / "daemon/collector/vidra-collector", "--state", collector, "--listen", "127.0.0.1:7421", "--show", "nothing", "--quiet"],
                                    stdout=subprocess.DEVNULL, stderr=open(folder / "collector.log", "w")))
    for _ in range(100):
        found = subprocess.run([vidra, "keys", "--state", collector, "fingerprint"], capture_output=True, text=True).stdout
        if "server_key" in found:
            break
        time.sleep(0.05)
    lines = ['[sensor]', f'state = "{folder}/sensor"', '[capture]', 'interfaces = ["wire1"]', '[judge]', f'memory = "{folder}/memory.toml"',
             '[site]', 'name = "wire"', 'prefixes = ["10.1.0.0/16", "10.2.0.0/16"]',
             '[[collector]]', 'name = "bench"', 'endpoint = "tcp://127.0.0.1:7421"', found.splitlines()[0]]
    for n in range(1, 1001):
        lines += ['[[host]]', f'name = "s{n}"', f'address = "10.2.{n >> 8}.{n & 255}"', 'role = "rtu"']
    for n in range(1, 21):
        lines += ['[[host]]', f'name = "m{n}"', f'address = "10.1.0.{n}"', 'role = "master"']
    (folder / "vidra.toml").write_text("\n".join(lines) + "\n")
    sensor = subprocess.Popen([build / "bench/wire_bench", folder / "vidra.toml", "wire0", str(options.seconds)], stdout=subprocess.PIPE, text=True)
    started.append(sensor)
    for _ in range(200):                                # its key knocks, and is let in
        known = subprocess.run([vidra, "keys", "--state", collector], capture_output=True, text=True).stdout
        keys = [line.split()[1] for line in known.splitlines() if line.startswith("pending")]
        if keys:
            subprocess.run([vidra, "keys", "--state", collector, "approve", keys[0]], check=True, stdout=subprocess.DEVNULL)
            break
        time.sleep(0.05)
    if sensor.stdout.readline().strip() != "connected":
        sys.exit("the sensor did not reach its collector")
    replay = subprocess.Popen(["tcpreplay", "-q", "--intf1=wire0", f"--pps={options.pps}", "--preload-pcap", mix], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    started.append(replay)
    print(sensor.stdout.read(), end="")
    status = sensor.wait()
    for line in replay.communicate()[0].splitlines():
        if "Rated" in line or "Actual" in line:
            print("tcpreplay:", line.strip())
    sys.exit(status)
finally:
    for process in started:
        if process.poll() is None:
            process.terminate()
            process.wait()
    shutil.rmtree(folder, ignore_errors=True)
