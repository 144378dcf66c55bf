#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""pages.py VIDRA: the pages of docs/ that are generated are what the program writes today. Prints TAP."""
import difflib, os, subprocess, sys

docs = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', 'docs')
root = os.path.join(docs, '..')
PAGES = [('ALERTS.md', ['catalogue']), ('PROTOCOLS.md', ['protocols']), ('RULES.md', ['rules']),
         ('PRIVACY.md', ['preview', '--config', root + '/config/sites/alder.toml', root + '/tests/captures/demo-attacks.pcapng.zst'])]

print(f'1..{len(PAGES)}')
failed = False
for number, (page, command) in enumerate(PAGES, 1):
    written = subprocess.run([sys.argv[1], *command, '--markdown'], capture_output=True, check=True).stdout.decode().splitlines()
    with open(os.path.join(docs, page), encoding='utf8') as f:
        there = f.read().splitlines()
    differences = list(difflib.unified_diff(there, written, 'docs/' + page, f'vidra {command[0]} --markdown', n=0, lineterm=''))
    failed |= bool(differences)
    print(f'{"not ok" if differences else "ok"} {number} - docs/{page}' + (' is generated; run ./dev docs' if differences else ''))
    for line in differences[:20]:
        print('#', line[:200])
sys.exit(failed)
