#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""lists.py VIDRAD VIDRA COLLECTOR ROOT: lists of indicators and rules are replaced while the sensor hears: all of them or none, and what a broken
one would have replaced goes on. In a network of its own."""
import os
import pathlib
import socket
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from programs import Process, Programs, Tap, wait_for  # noqa: E402

tap = Tap()
if "--inside" not in sys.argv:
    if subprocess.run(["unshare", "-n", "ip", "link", "set", "lo", "up"], capture_output=True).returncode:
        tap.skip("lists", "no network namespaces here")
        tap.end()
        sys.exit(0)
    os.execvp("unshare", ["unshare", "-n", sys.executable, __file__, *sys.argv[1:], "--inside"])

programs = Programs(*sys.argv[1:5])
subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
for n in range(7, 12):
    subprocess.run(["ip", "address", "add", f"198.51.100.{n}/32", "dev", "lo"], check=True)


def reach(n):                              # nobody listens there
    with socket.socket() as s:
        s.settimeout(2)
        s.connect_ex((f"198.51.100.{n}", 4444))


with tempfile.TemporaryDirectory() as name:
    folder = pathlib.Path(name)
    config, lists, rules = folder / "vidra.toml", folder / "lists", folder / "rules.toml"
    lists.mkdir()

    def put(path, text):                   # as programs do that replace files
        path.with_suffix(".new").write_text(text)
        os.replace(path.with_suffix(".new"), path)

    def told(pattern):
        return lambda: any(pattern in line for line in sensor.output)

    put(lists / "cert.txt", "198.51.100.7  alpha\n")
    put(rules, "")
    config.write_text('[capture]\ninterfaces = ["lo"]\nsource = "pcap"\n[indicators]\nfiles = ["lists"]\n[rules]\nfiles = ["rules.toml"]\n')
    put(lists / "bad.txt", "<html>\n")
    status, out, err = programs.run(programs.vidrad, "--config", config, "--state", folder / "state", "--check")
    tap.check(status == 2 and b"bad.txt:1: this is JSON or XML" in err, "a list of which nothing can be used is refused when somebody asks", err.decode())
    put(lists / "odd.txt", "198.51.100.300\n198.51.100.12\n")
    (lists / "bad.txt").unlink()
    status, out, err = programs.run(programs.vidrad, "--config", config, "--state", folder / "state", "--check")
    tap.check(status == 0 and b"odd.txt:1: \"198.51.100.300\" is no indicator" in err and b"1 line of the lists refused" in out, "a wrong line is named, the rest is right", (out + err).decode())
    (lists / "odd.txt").unlink()
    put(lists / "bad.txt", "<html>\n")

    sensor = Process(programs.vidrad, "--config", config, "--state", folder / "state", "--print")
    try:
        tap.check(sensor.says(r"1 indicators \(0 lines passed over, 1 REFUSED\), 0 rules"), "it says what it watches for", sensor.errors)
        tap.check(sensor.says("hears its interfaces") and sensor.says("bad.txt:1: this is JSON or XML"), "with a broken list it starts, and says which", sensor.errors)
        (lists / "bad.txt").unlink()
        tap.check(wait_for(lambda: reach(7) or told("alpha")(), 20, 0.5), "an address of the list is told", sensor.output, sensor.errors)

        put(lists / "cert.txt", "198.51.100.8  bravo\n198.51.100.9  charlie\n")
        put(lists / "more.csv", "type,value,comment\nip-dst,198.51.100.10,delta\n")
        put(rules, '[[rule]]\nname = "refused"\ntitle = "Nobody is at home"\nprotocol = "tcp"\nfunction = "connection refused"\nserver = "198.51.100.11"\nrole = ["request", "response", "report"]\n')
        tap.check(sensor.says(r"lists taken over: 3 indicators \(0 lines passed over\), 1 rules"), "other files are taken over by themselves", sensor.errors)
        reach(8), reach(11)
        tap.check(wait_for(told("bravo")), "what is new in them is told", sensor.output)
        tap.check(wait_for(told("RUL-01/refused")), "and what a rule says", sensor.output)

        put(lists / "cert.txt", "404 not found\n")
        tap.check(sensor.says(r"cert\.txt:1: \"404\" is no indicator"), "a list of which nothing can be used is refused with its line", sensor.errors)
        tap.check(sensor.says("the lists are refused; the ones before are kept"), "and the ones before are kept", sensor.errors)
        reach(9), reach(10)
        tap.check(wait_for(told("charlie")) and wait_for(told("delta")), "they are told of as before", sensor.output)
        put(lists / "cert.txt", "198.51.100.9\nnonsense\n")
        tap.check(sensor.says(r"cert\.txt:2: \"nonsense\" is no indicator") and sensor.says(r"lists taken over: 2 indicators \(0 lines passed over, 1 REFUSED\)"), "a wrong line costs itself alone", sensor.errors)
        put(lists / "cert.txt", "198.51.100.9\n198.51.100.10\n198.51.100.13\n")
        tap.check(sensor.says(r"lists taken over: 3 indicators"), "once it is right it is taken over", sensor.errors)
    finally:
        tap.check(sensor.end() == 0, "and ends well", sensor.errors)
tap.end()
