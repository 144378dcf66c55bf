#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares what a capture says, as we count it, with what another dissector counted (the corpus's expected/*.json).

usage: differential.py [--corpus DIR] [--only TEXT] [--every N] [--list] COUNTER…
COUNTER is a command that prints for each capture named behind it one line of JSON as `vidra decode --count` does.

What is counted of a protocol is said in counts/NAME.py: theirs(truth) and ours(protocols) give the same names; truth['frames'] counts frames by protocol. A difference passes only if EXPLAINED.md has a row with
the same capture, count and two numbers. Prints TAP."""
import argparse, collections, glob, importlib, json, os, subprocess, sys

here = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, here)
counts = [importlib.import_module('counts.' + os.path.basename(p)[:-3]) for p in sorted(glob.glob(os.path.join(here, 'counts', '[a-z]*.py')))]


def theirs(truth):
    """Their counts, as {count's name: n}; each name begins with its protocol."""
    out = collections.Counter()
    for count in counts:
        out.update(count.theirs(truth))
    return +out


def ours(counted):
    out = collections.Counter()
    for count in counts:
        out.update(count.ours(counted['protocols']))
    return +out


def explained():
    """Rows of EXPLAINED.md: {(capture, count): (theirs, ours)}."""
    rows = {}
    for line in open(os.path.join(here, 'EXPLAINED.md'), encoding='utf8'):
        cells = [c.strip() for c in line.strip().strip('|').split('|')]
        if line.startswith('|') and len(cells) == 5 and cells[2].isdigit():
            rows[cells[0], cells[1]] = (int(cells[2]), int(cells[3]))
    return rows


def main():
    args = argparse.ArgumentParser()
    args.add_argument('counter', nargs=argparse.REMAINDER)
    args.add_argument('--corpus', default=os.path.join(here, '..', '..', '..', 'shared', 'corpus'))
    args.add_argument('--only', default='')
    args.add_argument('--every', type=int, default=1, help='one of so many captures; then no explanation is missed')
    args.add_argument('--list', action='store_true', help='print unexplained differences as rows of a table')
    args = args.parse_args()
    if not os.path.exists(os.path.join(args.corpus, 'INDEX.tsv')):
        print('1..0 # SKIP skipped: no corpus')
        return 0
    paths = {os.path.basename(p): p for p in glob.glob(os.path.join(args.corpus, '*', '*'))}
    captures = []
    for path in sorted(glob.glob(os.path.join(args.corpus, 'expected', '*.json'))):
        name = os.path.basename(path)[:-5]
        expected = json.load(open(path, encoding='utf8'))
        truths = [theirs({**expected.get('truth', {}), 'frames': expected.get('protocol_frames', {})})]
        if 'truth_every_segment' in expected:
            truths.append(theirs({**expected['truth_every_segment'].get('truth', {}), 'frames': expected['truth_every_segment'].get('protocol_frames', {})}))
        if any(truths) and name in paths and args.only in name:
            captures.append((name, paths[name], [t for t in truths if t]))
    captures = captures[::args.every]
    print(f'1..{len(captures) + 2}')
    rows, used, failed, agreed, compared, equal = explained(), set(), 0, collections.Counter(), collections.Counter(), collections.Counter()
    todo = []
    for i, (name, path, truths) in enumerate(captures, 1):
        done = subprocess.run(args.counter + [path], capture_output=True, text=True)
        if done.returncode != 0:
            failed += 1
            print(f'not ok {i} {name}\n# {done.stderr.strip() or done.returncode}')
            continue
        mine = ours(json.loads(done.stdout))
        # Where a capture's segments repeat there are two truths, without and with the repetitions: the nearer one counts.
        truth = min(truths, key=lambda t: sum(abs(t[k] - mine[k]) for k in t.keys() | mine.keys()))
        wrong = []
        for what in sorted(truth.keys() | mine.keys()):
            a, b = truth[what], mine[what]
            protocol = what.split()[0]
            compared[protocol] += max(a, b)
            agreed[protocol] += min(a, b)
            equal[protocol] += min(a, b)
            if a == b:
                continue
            used.add((name, what))
            if rows.get((name, what)) == (a, b):
                agreed[protocol] += max(a, b) - min(a, b)
            else:
                wrong.append((what, a, b))
        todo += [f'| {name} | {what} | {a} | {b} | |' for what, a, b in wrong]
        failed += bool(wrong)
        print(('not ok' if wrong else 'ok'), i, name)
        for what, a, b in wrong:
            print(f'# {what}: theirs {a}, ours {b}')
    stale = [k for k in rows if k not in used and args.only in k[0]] if args.every == 1 else []
    print('not ok' if stale else 'ok', len(captures) + 1, 'every explanation is needed')
    for k in stale:
        print('# no such difference:', *k)
    short = [p for p in compared if agreed[p] < 0.999 * compared[p]]
    print('not ok' if short else 'ok', len(captures) + 2, 'at least 99.9 % agree or are explained')
    for p in sorted(compared):
        print(f'# {p}: {equal[p]} of {compared[p]} equal ({100 * equal[p] / compared[p]:.3f} %), {agreed[p] - equal[p]} explained')
    if args.list:
        print('\n'.join(todo), file=sys.stderr)
    return 1 if failed or stale or short else 0


if __name__ == '__main__':
    sys.exit(main())
