#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""notify.py VIDRAD VIDRA COLLECTOR ROOT: what the sensor and the collector tell a service manager: ready, status, watchdog, reloading, stopping; and that
a sensor whose worker hangs does not say that all is well. In a network of its own."""
import ctypes
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from programs import Process, Tap, free_port, wait_for  # noqa: E402

vidrad, vidra, collector = sys.argv[1:4]
tap = Tap()
if "--inside" not in sys.argv:
    if subprocess.run(["unshare", "-n", "true"], capture_output=True).returncode:
        tap.skip("notify", "no network namespaces here")
        tap.end()
    os.execvp("unshare", ["unshare", "-n", sys.executable, __file__, *sys.argv[1:], "--inside"])
subprocess.run(["ip", "link", "set", "lo", "up"], check=True)


class Manager:
    """The other end of $NOTIFY_SOCKET."""

    def __init__(self, folder):
        self.path, self.told = os.path.join(folder, "notify"), []
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        while True:
            now = time.monotonic()
            text = self.socket.recv(65536).decode()
            self.told += [(time.monotonic(), line) for line in text.splitlines()]
            del now

    def lines(self, since=0.0):
        return [line for t, line in list(self.told) if t >= since]

    def waits(self, line, seconds=15, since=0.0):
        return wait_for(lambda: any(said.startswith(line) for said in self.lines(since)), seconds)


with tempfile.TemporaryDirectory() as folder:
    config = pathlib.Path(folder) / "vidra.toml"
    config.write_text('[capture]\ninterfaces = ["lo"]\n[traffic]\nsilent_after = "0s"\n')
    m = Manager(folder)
    p = Process(vidrad, "--config", config, "--state", folder + "/state", environment={"NOTIFY_SOCKET": m.path})
    tap.check(m.waits("READY=1", 30), "the sensor: READY=1 once it hears", p.errors)
    tap.check(m.waits("STATUS="), "says how it is")
    mark = time.monotonic()
    time.sleep(4)
    beats = [line for line in m.lines(mark) if line == "WATCHDOG=1"]
    tap.check(len(beats) >= 2, f"WATCHDOG=1 {len(beats)} times in 4 s of silence")
    mark = time.monotonic()
    p.process.send_signal(signal.SIGHUP)
    tap.check(m.waits("RELOADING=1", 15, mark) and m.waits("READY=1", 15, mark), "RELOADING=1 and READY=1 around a reload", m.lines(mark))

    # All threads but the first stand still, as if they hung: held as a debugger would.
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    libc.ptrace.restype = ctypes.c_long
    SEIZE, INTERRUPT, DETACH, WALL = 0x4206, 0x4207, 17, 0x40000000
    held = []
    for task in map(int, os.listdir(f"/proc/{p.process.pid}/task")):
        if task != p.process.pid and libc.ptrace(SEIZE, task, None, None) == 0 and libc.ptrace(INTERRUPT, task, None, None) == 0:
            os.waitpid(task, WALL)
            held.append(task)
    if held:
        time.sleep(13)
        mark = time.monotonic()
        time.sleep(4)
        tap.check("WATCHDOG=1" not in m.lines(mark), f"{len(held)} of its threads hang: it does not say that all is well", m.lines(mark))
        for task in held:
            libc.ptrace(DETACH, task, None, None)
        mark = time.monotonic()
        tap.check(m.waits("WATCHDOG=1", 15, mark), "they go on: it does again", m.lines(mark))
    else:
        tap.skip("a worker that hangs", "no right to hold threads here")
    mark = time.monotonic()
    status = p.end()
    tap.check(status == 0 and any(line == "STOPPING=1" for line in m.lines(mark)), "STOPPING=1, and the end", m.lines(mark), p.errors)

    os.unlink(m.path)
    m = Manager(folder)
    port = free_port()
    p = Process(collector, "--state", folder + "/collector", "--listen", f"127.0.0.1:{port}", "--show", "nothing", environment={"NOTIFY_SOCKET": m.path})
    tap.check(m.waits("READY=1", 30) and m.waits("STATUS=") and m.waits("WATCHDOG=1"), "the collector: READY=1, STATUS, WATCHDOG=1", p.errors)
    mark = time.monotonic()
    status = p.end()
    tap.check(status == 0 and "STOPPING=1" in m.lines(mark), "and STOPPING=1", m.lines(mark))
tap.end()
