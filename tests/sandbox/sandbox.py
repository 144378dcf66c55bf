#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""sandbox.py PROBE VIDRAD VIDRA: a probe in the same sandbox as the daemons tries what they must not; then the sensor itself, live, is looked at: every
thread of it is inside, and it hears, is asked for its status, reloads and ends as before. Prints TAP."""
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
from programs import Process, Tap, wait_for  # noqa: E402

probe, vidrad, vidra = sys.argv[1:4]
tap = Tap()
folder = pathlib.Path(tempfile.mkdtemp(prefix="vidra-sandbox-", dir="/var/tmp"))   # /tmp and /run are a driver's
for name in ("state", "config", "elsewhere"):
    (folder / name).mkdir()
(folder / "config/vidra.toml").write_text("# settings\n" * 20)
(folder / "elsewhere/secret").write_text("x")
off = False
for kind in ("sensor", "collector"):
    done = subprocess.run([probe, kind, str(folder)], capture_output=True, text=True, timeout=60)
    points = re.findall(r"^(ok|not ok) \d+ - (.*)$", done.stdout, re.M)
    plan = re.search(r"^1\.\.(\d+)", done.stdout, re.M)
    off = "built with a sanitizer" in done.stdout
    tap.check(plan and len(points) == int(plan.group(1)), f"{kind}: the probe came to its end: {len(points)} attempts", done.stdout, done.stderr, done.returncode)
    for verdict, text in points:
        if "# SKIP" in text:
            tap.skip(f"{kind}: {text.split(' # SKIP ')[0]}", text.split(" # SKIP ")[1])
        else:
            tap.check(verdict == "ok", f"{kind}: {text}")
tap.check((folder / "elsewhere/secret").exists() and not (folder / "elsewhere/new").exists(), "nothing happened elsewhere")

inside = subprocess.run(["unshare", "-n", "true"], capture_output=True).returncode == 0
if off or not inside:
    tap.skip("the sensor itself", "built with a sanitizer" if off else "no network namespaces here")
    tap.end(folder)
(folder / "config/vidra.toml").write_text('[capture]\ninterfaces = ["lo"]\n[traffic]\nsilent_after = "0s"\n')
(folder / "run").mkdir()
script = f'ip link set lo up; exec {vidrad} --config {folder}/config/vidra.toml --state {folder}/state --run {folder}/run'
p = Process("unshare", "-n", "sh", "-c", script)
try:
    line = p.says(r"sandbox: (.*)", 30)
    tap.check(line and "seccomp" in line.group(1) and "net_raw" in line.group(1) and "no seccomp" not in line.group(1), f"the sensor says what holds it: {line and line.group(1)}", p.errors)
    tap.check(p.says(r"hears its interfaces", 30), "and hears", p.errors)
    pid = p.process.pid
    wait_for(lambda: len(os.listdir(f"/proc/{pid}/task")) > 3, 10)
    threads = {}
    for task in os.listdir(f"/proc/{pid}/task"):
        text = pathlib.Path(f"/proc/{pid}/task/{task}/status").read_text()
        threads[task] = {k: re.search(rf"^{k}:\s*(\S+)", text, re.M).group(1) for k in ("Seccomp", "NoNewPrivs", "CapEff", "CapPrm", "CapBnd", "CapAmb")}
    tap.check(len(threads) > 3 and all(t["Seccomp"] == "2" and t["NoNewPrivs"] == "1" for t in threads.values()), f"every one of its {len(threads)} threads is inside", threads)
    tap.check(all(int(t[k], 16) & ~(1 << 13) == 0 for t in threads.values() for k in ("CapEff", "CapPrm", "CapAmb")), "and has no capability but CAP_NET_RAW", threads)
    opened = [(int(n), os.readlink(f"/proc/{pid}/fd/{n}")) for n in os.listdir(f"/proc/{pid}/fd")]
    packets = {line.split()[8] for line in pathlib.Path(f"/proc/{pid}/net/packet").read_text().splitlines()[1:]}
    mine = [n for n, what in opened if what.startswith("socket:[") and what[8:-1] in packets]
    tap.check(mine and min(mine) >= 768, f"its capture sockets cannot be written to: {mine}", opened)
    status = lambda *w: subprocess.run([vidra, "status", "--socket", f"{folder}/run/vidra.sock", *w], capture_output=True, text=True, timeout=30)   # noqa: E731
    done = status("--metrics")
    tap.check(done.returncode == 0 and 'vidra_interface_up{interface="lo"} 1' in done.stdout and done.stdout.endswith("\n"), "vidra status --metrics", done.stdout, done.stderr)
    broken = [line for line in done.stdout.splitlines() if not re.fullmatch(r'# (HELP|TYPE) vidra_\w+ .+|vidra_\w+(\{\w+="([^"\\\n]|\\.)*"(,\w+="([^"\\\n]|\\.)*")*\})? -?[0-9.e+]+', line)]
    tap.check(not broken, "every line is Prometheus' format", broken)
    families = re.findall(r"^# TYPE (\S+)", done.stdout, re.M)
    tap.check(len(families) == len(set(families)) > 25, f"{len(families)} families, each once", families)
    done = status()
    tap.check(done.returncode == 0 and re.search(r"^lo +\S+ +\S+ pkt/s", done.stdout, re.M) and "payload" in done.stdout, "vidra status", done.stdout, done.stderr)
    try:
        import socket
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(f"{folder}/run/vidra.sock")
            s.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
            got = b""
            while part := s.recv(65536):
                got += part
        head, _, body = got.partition(b"\r\n\r\n")
        tap.check(head.startswith(b"HTTP/1.0 200 OK") and f"Content-Length: {len(body)}".encode() in head and b"vidra_info" in body, "the same by HTTP, for a scraper", got[:300])
    except OSError as e:
        tap.check(False, "the same by HTTP, for a scraper", e)
    tap.check(os.stat(folder / "run/vidra.sock").st_mode & 0o777 == 0o660, "its socket is for its group")
    mark = len(p.errors)
    p.process.send_signal(signal.SIGHUP)
    tap.check(p.says(r"site and detections taken over", 20, mark), "reloads inside", p.errors[mark:])
    (folder / "config/vidra.toml").write_text("[capture\n")
    mark = len(p.errors)
    p.process.send_signal(signal.SIGHUP)
    tap.check(p.says(r"running settings are kept", 20, mark), "and refuses what is wrong", p.errors[mark:])
finally:
    status = p.end()
tap.check(status == 0 and not (folder / "run/vidra.sock").exists() and not (folder / "run/starts").exists(), "ends well, and leaves nothing in the run folder", status, p.errors)
done = subprocess.run([vidra, "status", "--socket", f"{folder}/run/vidra.sock"], capture_output=True, text=True, timeout=30)
tap.check(done.returncode == 1 and "no sensor runs here" in done.stderr, "vidra status where no sensor runs: what to type", done.stderr)

# Killed again and again: the fourth start waits.
(folder / "config/vidra.toml").write_text('[capture]\ninterfaces = ["lo"]\n')
for n in range(3):
    p = Process("unshare", "-n", "sh", "-c", script)
    p.says("hears its interfaces", 30)
    p.end(signal.SIGKILL)
p = Process("unshare", "-n", "sh", "-c", script)
tap.check(p.says(r"did not end well: this one waits 1(\.\d*)? s", 10) and p.says("hears its interfaces", 30), "a sensor that dies again and again waits before it tries again, and says so", p.errors)
p.end()
p = Process("unshare", "-n", "sh", "-c", script)
tap.check(p.says("hears its interfaces", 30) and not p.said("did not end well"), "one that ended well does not", p.errors)
p.end()
shutil.rmtree(folder, ignore_errors=True)
tap.end()
