#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The include arrows of docs/ARCHITECTURE.md, held against the tree, and one type for each name: of two that no file includes together the linker keeps
one's functions for both. TAP on standard output."""
import fnmatch
import pathlib
import re
import sys

root = pathlib.Path(__file__).resolve().parent.parent
text = (root / "docs/ARCHITECTURE.md").read_text()


def block(mark):
    rows = {}
    for line in text.split(f"<!-- {mark} -->\n")[1].splitlines():
        if not line.startswith("    "):
            break
        key, _, value = line.partition(":")
        rows[key.strip()] = value.split()
    return rows


rooms, libraries = block("arrows"), block("libraries")
banned = {"chrono", "iostream", "regex", "mutex", "thread", "sstream"}
files = sorted(p for folder in ("dissectors", "daemon") for p in (root / folder).rglob("*") if p.suffix in (".h", ".cc", ".in"))
wrong = []
for path in files:
    name = path.relative_to(root).as_posix()
    room = next((r for r in rooms if name.startswith(r + "/")), None)
    if room is None:
        wrong.append(f"{name}: no room of docs/ARCHITECTURE.md")
        continue
    for number, line in enumerate(path.read_text().splitlines(), 1):
        m = re.match(r'\s*#\s*include\s*(["<])([^">]+)[">]', line)
        if not m:
            continue
        quoted, target = m.group(1) == '"', m.group(2)
        if quoted and (root / target).exists():
            if not any(target == to or target.startswith(to + "/") for to in rooms[room] + [room]):
                wrong.append(f"{name}:{number}: {room} may not include {target}")
            continue
        for starts, where in libraries.items():
            if any(target.startswith(s) for s in starts.split()) and not any(fnmatch.fnmatch(name, w) or fnmatch.fnmatch(path.name, w) for w in where):
                wrong.append(f"{name}:{number}: {target} belongs in {' '.join(where)}")
        if room == "dissectors" and target in banned:
            wrong.append(f"{name}:{number}: dissectors do not include <{target}>")

# Types of a namespace, with their bodies; `struct Outbox::Stream {` is part of another.
types = {}
for path in files:
    content = path.read_text()
    if path.suffix == ".h":
        space = (re.findall(r"^namespace ([\w:]+)", content, re.M) or [""])[0]
    else:
        content, space = re.sub(r"^namespace \{.*?^\}  // namespace$", "", content, flags=re.M | re.S), (re.findall(r"^namespace ([\w:]+)", content, re.M) or [""])[0]
    for m in re.finditer(r"^(?:class|struct|enum class) (?:alignas\(\w+\) )?(\w+)(?!\w|::)[^;{(]*\{", content, re.M):
        types.setdefault((space, m.group(1)), set()).add(path.relative_to(root).as_posix())
twice = [f"{space}::{name}: {', '.join(sorted(where))}" for (space, name), where in sorted(types.items()) if space and len(where) > 1]

print("1..3")
print(f"{'not ' if wrong else ''}ok 1 - {len(files)} files keep the arrows of docs/ARCHITECTURE.md")
for w in wrong:
    print("#", w)
unread = [r for r in rooms if not (root / r).is_dir()]
print(f"{'not ' if unread else ''}ok 2 - every room in the list exists{' except ' + ', '.join(unread) if unread else ''}")
print(f"{'not ' if twice else ''}ok 3 - {len(types)} types, each name one")
for t in twice:
    print("#", t)
sys.exit(bool(wrong or unread or twice))
