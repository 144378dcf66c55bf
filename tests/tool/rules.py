#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""rules.py VIDRA ROOT: the examples of rules are right and find what they say in the recordings of tests/captures; nothing of a wrong file is taken. Prints TAP."""
import json
import pathlib
import subprocess
import sys
import tempfile

vidra, root = sys.argv[1], pathlib.Path(sys.argv[2]).resolve()
number = failed = 0


def check(good, text, more=""):
    global number, failed
    number += 1
    failed += not good
    print(f"{'ok' if good else 'not ok'} {number} - {text}")
    if not good:
        for line in str(more).splitlines()[-30:]:
            print("#   " + line)


def run(*command):
    return subprocess.run([vidra, *map(str, command)], capture_output=True, text=True)


examples = root / "config/rules.toml"
done = run("rules", "check", examples)
check(done.returncode == 0 and "RUL-01/setpoint-too-high" in done.stdout and "C_SE_NC_1" in done.stdout, "the examples are right, and each is said in words", done.stderr + done.stdout)
with tempfile.TemporaryDirectory() as name:
    folder = pathlib.Path(name)
    config = folder / "vidra.toml"
    config.write_text(f'[rules]\nfiles = ["{examples}"]\n')

    def stories(capture):
        done = run("replay", "--json", "--config", config, root / f"tests/captures/{capture}.pcapng.zst")
        return [s for s in map(json.loads, done.stdout.splitlines()) if s["detection"].startswith("RUL-01/")]

    found = stories("demo-attacks")
    by = {s["detection"].split("/")[1]: s for s in found}
    check({"meter-written", "setpoint-too-high", "outstation-restart"} <= set(by), "the recording under attack breaks three of them", sorted(by))
    check("meter-written" in by and by["meter-written"]["source"] == "10.10.1.199" and "holding register" in by["meter-written"]["what"] and by["meter-written"]["severity"] == 4, "in their words", by.get("meter-written"))
    ordinary = {s["detection"] for s in stories("demo-baseline")} - {"RUL-01/night-switching", "RUL-01/terminal-at-weekend"}   # its clock is what it is
    check(not ordinary, "the ordinary one breaks none", ordinary)

    wrong = folder / "wrong.toml"
    wrong.write_text('[[rule]]\nname = "good"\ntitle = "Good"\nprotocol = "modbus"\nact = "write"\n\n[[rule]]\nname = "bad"\ntitle = "Bad"\nprotocol = "modbus"\norigin = 3\n')
    config.write_text('[rules]\nfiles = ["wrong.toml"]\n')
    for command in (("rules", "check", wrong), ("check", config), ("replay", "--config", config, root / "tests/captures/demo-baseline.pcapng.zst")):
        done = run(*command)
        check(done.returncode == 1 and "wrong.toml:11:1: 'origin' is never said by modbus; it says: " in done.stderr and not done.stdout, f"{command[0]} refuses all of a file with one mistake", done.stderr + done.stdout)
    (folder / "list.txt").write_text("".join(f"100.{i >> 16 & 255}.{i >> 8 & 255}.{i & 255}\n" for i in range(100_000)) + "10.10.1.199 the attacker\n")
    config.write_text('[indicators]\nfiles = ["list.txt"]\n')
    done = run("replay", "--json", "--config", config, root / "tests/captures/demo-attacks.pcapng.zst")
    named = [s for s in map(json.loads, done.stdout.splitlines()) if s["detection"] == "IOC-01"]
    check(named and all(s["object"] == "10.10.1.199" and "list.txt:100001" in s["what"] for s in named), "one address among a hundred thousand is found", [s["what"] for s in named])
print(f"1..{number}")
sys.exit(bool(failed))
