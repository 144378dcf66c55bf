#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the tool says of the recordings in tests/captures, held against what was read and found right before. TAP on standard output.

usage: golden.py VIDRA [--write]      --write takes what it says now as right: read the difference before you commit it"""
import difflib
import pathlib
import subprocess
import sys
import tempfile

root = pathlib.Path(__file__).resolve().parent.parent.parent
golden = root / "tests/golden"
captures = root / "tests/captures"
vidra = sys.argv[1]
write = "--write" in sys.argv


def run(*arguments):
    done = subprocess.run([vidra, *map(str, arguments)], capture_output=True, text=True)
    return done.stdout if done.returncode == 0 else f"exit {done.returncode}: {done.stderr}"


def told(*arguments):
    return run(*arguments).split("\n\n")[0] + "\n"


def sentences(protocol):
    """All sentences, without the table of counts behind them (those are in the count files); of a protocol whose reports would be most of it, all the others and some of those."""
    decode = ("decode", captures / "demo-attacks.pcapng.zst", "--protocol", protocol)
    if protocol in ("goose", "sv"):                       # a summary a second of each stream: as far as behind the attacks
        return told(*decode, "--limit", {"goose": 520, "sv": 330}[protocol])
    reports = {"opcua": 0, "mms": 60}.get(protocol)
    if reports is None:
        return told(*decode)
    acts = "session identify browse read subscribe write select operate cancel configure program run file".split()
    return told(*decode, *(word for act in acts for word in ("--act", act))) + (told(*decode, "--act", "report", "--limit", reports) if reports else "")


cases = []
for protocol in sorted(p.name.split(".")[1] for p in golden.glob("attacks.*.txt")):   # an empty file and --write begin a new one
    cases.append((f"attacks.{protocol}.txt", lambda p=protocol: sentences(p)))
cases.append(("attacks.count.json", lambda: run("decode", "--count", captures / "demo-attacks.pcapng.zst").replace(',"', ',\n"')))
cases.append(("baseline.count.json", lambda: run("decode", "--count", captures / "demo-baseline.pcapng.zst").replace(',"', ',\n"')))
with tempfile.TemporaryDirectory() as folder:
    memory = pathlib.Path(folder) / "memory.toml"
    memory.write_text(run("learn", captures / "demo-baseline.pcapng.zst"))
    declared = ["--config", root / "config/sites/alder.toml"]
    learned = ["--memory", memory]
    cases.append(("baseline.memory.toml", memory.read_text))
    for name, known in (("declared", declared), ("learned", learned), ("both", declared + learned), ("nothing", [])):
        cases.append((f"attacks.stories.{name}.jsonl", lambda k=known: run("replay", "--json", *k, captures / "demo-attacks.pcapng.zst")))
        cases.append((f"baseline.stories.{name}.jsonl", lambda k=known: run("replay", "--json", *k, captures / "demo-baseline.pcapng.zst")))
    print(f"1..{len(cases)}")
    failed = 0
    for number, (name, say) in enumerate(cases, 1):
        path, now = golden / name, say()
        if write:
            path.write_text(now)
        before = path.read_text() if path.exists() else ""
        same = path.exists() and before == now
        failed += not same
        print(f"{'' if same else 'not '}ok {number} - {name}")
        if not same:
            difference = list(difflib.unified_diff(before.splitlines(), now.splitlines(), "kept", "now", lineterm="", n=0))
            for line in difference[:20]:
                print("#", line[:300])
            if len(difference) > 20:
                print(f"# … {len(difference) - 20} more lines; read them, then {pathlib.Path(sys.argv[0]).name} {vidra} --write")
sys.exit(bool(failed))
