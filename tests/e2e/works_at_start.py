#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""works_at_start.py VIDRAD VIDRA COLLECTOR ROOT: works are opened on the box after the sensor has read its settings and before it hears. They are
taken over, once. A windows file that is cut keeps no sensor from hearing. In a network of its own."""
import os
import pathlib
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from programs import Process, Programs, Tap, wait_for  # noqa: E402

tap = Tap()
if "--inside" not in sys.argv:
    if subprocess.run(["unshare", "-n", "ip", "link", "set", "lo", "up"], capture_output=True).returncode:
        tap.skip("works at start", "no network namespaces here")
        tap.end()
        sys.exit(0)
    os.execvp("unshare", ["unshare", "-n", sys.executable, __file__, *sys.argv[1:], "--inside"])

programs = Programs(*sys.argv[1:5])
subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
with tempfile.TemporaryDirectory() as name:
    folder = pathlib.Path(name)
    config, memory = folder / "vidra.toml", folder / "memory.toml"
    config.write_text('[capture]\ninterfaces = ["lo"]\n[judge]\nmemory = "memory.toml"\n')
    os.mkfifo(memory)                      # the memory is read after the settings, and the sensor waits for it
    sensor = Process(programs.vidrad, "--config", config, "--state", folder / "state")

    def reader():                          # of the pipe, once there is one
        try:
            return os.open(memory, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:
            return None
    pipe = wait_for(reader, 20)
    try:
        tap.check(pipe, "the sensor has read its settings and waits for its memory", sensor.errors)
        status, out, err = programs.run(programs.vidra, "window", "open", "--config", config, "--everything", "--permit", "P-1", "--for", "1h")
        tap.check(status == 0, "works are opened", (out + err).decode())
        os.close(pipe)
        tap.check(sensor.says("hears its interfaces"), "it hears", sensor.errors)
        tap.check(sensor.says(r"windows\.toml: 1 window of works open", 5), "and takes the works over", sensor.errors)
        time.sleep(2.5)
        tap.check(sum("of works open" in line for line in sensor.errors) == 1, "once", sensor.errors)
    finally:
        tap.check(sensor.end() == 0, "and ends well", sensor.errors)

    # Works that cannot be read stop no sensor.
    memory.unlink()
    config.write_text('[capture]\ninterfaces = ["lo"]\n')
    (folder / "windows.toml").write_text('[[window]]\nname = "cu')
    sensor = Process(programs.vidrad, "--config", config, "--state", folder / "state")
    try:
        tap.check(sensor.says("hears its interfaces"), "a windows file that is cut: the sensor hears all the same", sensor.errors)
        time.sleep(2.5)
        tap.check(sum("windows.toml:2:" in line for line in sensor.errors) == 1 and any("not in force" in line for line in sensor.errors), "and says once what is not in force", sensor.errors)
        (folder / "windows.toml").unlink()
        status, out, err = programs.run(programs.vidra, "window", "open", "--config", config, "--everything", "--permit", "P-2", "--for", "1h")
        tap.check(sensor.says(r"windows\.toml: 1 window of works open", 5), "until it is put right", sensor.errors, err.decode())
    finally:
        tap.check(sensor.end() == 0, "and ends well", sensor.errors)
tap.end()
