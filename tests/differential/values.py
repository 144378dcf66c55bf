#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares what we say of a frame, value by value, with the fields that tshark shows of it. Prints TAP.

usage: values.py VIDRA [--corpus DIR] [--only PROTOCOL] [--frames N] [--show N]

What is compared of a protocol is said in values/NAME.py:
  CAPTURES               paths in the corpus (its folder and name) or "lab/NAME"
  FIELDS                 tshark's fields, as in `-e`
  FILTER                 tshark's display filter, "" for none
  theirs(row)            row: {field: [occurrences as text]} → list of values of this frame, in the order of the wire
  ours(messages)         messages: what `vidra decode --json` says of this frame → the same list
or, where fields alone do not say enough (PDML = True; no FIELDS, no FILTER), of a sample of the frames that we say something of:
  theirs(fields)         fields: [(name, show, showname, octets in hex)] in order → [(what, value)] in any order, None where the frame is not compared
  ours(messages)         → the same; WITHIN = (absolute, relative) says how near numbers must be
Values are texts, numbers and booleans; numbers agree within 1e-6 of their size. A module may set SKIP = a set of (capture, frame) with the reason
beside it, where tshark itself is wrong."""
import argparse, glob, importlib.util, json, math, os, shutil, subprocess, sys
import xml.etree.ElementTree as xml

here = os.path.dirname(os.path.abspath(__file__))
SEPARATOR = '\x1f'


def load(path):
    spec = importlib.util.spec_from_file_location(os.path.basename(path)[:-3], path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def same(a, b):
    if isinstance(a, bool) or isinstance(b, bool) or isinstance(a, str) or isinstance(b, str):
        return a == b
    if a != a or b != b:
        return a != a and b != b
    return abs(a - b) <= 1e-6 * max(abs(a), abs(b), 1e-6)


def tshark(path, module):
    command = ['tshark', '-n', '-r', path, '-T', 'fields', '-E', 'occurrence=a', '-E', 'aggregator=' + SEPARATOR, '-E', 'separator=/t', '-e', 'frame.number']
    for f in module.FIELDS:
        command += ['-e', f]
    for option in getattr(module, 'OPTIONS', ()):
        command += ['-o', option]
    for rule in getattr(module, 'DECODE_AS', ()):
        command += ['-d', rule]
    if module.FILTER:
        command += ['-Y', module.FILTER]
    done = subprocess.run(command, capture_output=True)
    for line in done.stdout.decode('utf8', 'replace').split('\n'):
        cells = line.split('\t')
        if len(cells) == len(module.FIELDS) + 1:
            yield int(cells[0]), {f: (c.split(SEPARATOR) if c else []) for f, c in zip(module.FIELDS, cells[1:])}


def vidra(program, path, protocol):
    frames = {}
    done = subprocess.run([program, 'decode', '--json', '--protocol', protocol, path], capture_output=True)
    for line in done.stdout.decode('utf8', 'replace').split('\n'):
        if line:
            message = json.loads(line)
            frames.setdefault(message['frame'], []).append(message)
    return frames


def described(path, frames):
    """Fields of the frames with these numbers, as tshark describes them."""
    shown = subprocess.run(['tshark', '-n', '-r', path, '-Y', 'frame.number in {' + ','.join(map(str, frames)) + '}', '-T', 'pdml'], capture_output=True)
    for packet in xml.fromstring(shown.stdout):
        fields = [(f.get('name'), f.get('show') or '', f.get('showname') or '', f.get('unmaskedvalue') or f.get('value') or '') for f in packet.iter('field')]
        yield int(next(show for name, show, _, _ in fields if name == 'frame.number')), fields


def left_over(mine, other, within):
    """What of two lists of (what, value), in any order, has no equal in the other."""
    other, missing = list(other), []
    for what, value in mine:
        number = isinstance(value, (int, float))
        at = next((i for i, (w, v) in enumerate(other) if w == what and (math.isclose(value, v, rel_tol=within[1], abs_tol=within[0]) if number and isinstance(v, (int, float)) else value == v)), None)
        if at is None:
            missing.append((what, value))
        else:
            other.pop(at)
    return missing, other


def pairs(module, capture, path, heard, most, shown):
    compared = equal = 0
    frames = [f for f in sorted(heard)[:-1] if module.ours(heard[f])]      # with the last one every stream says what it has left unsaid
    frames = frames[::max(1, len(frames) // most)][:most]
    for frame, fields in described(path, frames) if frames else ():
        theirs, ours = module.theirs(fields), module.ours(heard[frame])
        if theirs is None:
            continue
        mine, other = left_over(ours, theirs, getattr(module, 'WITHIN', (1e-9, 1e-6)))
        equal += len(ours) - len(mine)
        compared += len(ours) - len(mine) + max(len(mine), len(other))
        if mine or other:
            shown.append(f'{capture} {frame}: theirs {other[:20]} ours {mine[:20]}')
    return compared, equal


def main():
    args = argparse.ArgumentParser()
    args.add_argument('vidra')
    args.add_argument('--corpus', default=os.path.join(here, '..', '..', '..', 'shared', 'corpus'))
    args.add_argument('--only', default='')
    args.add_argument('--frames', type=int, default=2000, help='compared of each capture')
    args.add_argument('--show', type=int, default=10)
    args = args.parse_args()
    if not shutil.which('tshark') or not os.path.exists(os.path.join(args.corpus, 'INDEX.tsv')):
        print('1..0 # SKIP skipped: no ' + ('corpus' if shutil.which('tshark') else 'tshark'))
        return 0
    modules = [load(p) for p in sorted(glob.glob(os.path.join(here, 'values', '[a-z]*.py')))]
    modules = [m for m in modules if args.only in ('', m.__name__)]
    print(f'1..{len(modules)}')
    failed = False
    for number, module in enumerate(modules, 1):
        protocol = module.__name__
        compared = equal = 0
        shown = []
        for capture in module.CAPTURES:
            path = os.path.join(args.corpus, '..', capture) if capture.startswith('lab/') else os.path.join(args.corpus, capture)
            heard = vidra(args.vidra, path, protocol)
            if getattr(module, 'PDML', False):
                more, same_ones = pairs(module, capture, path, heard, args.frames, shown)
                compared, equal = compared + more, equal + same_ones
                continue
            for n, (frame, row) in enumerate(tshark(path, module)):
                if n == args.frames:
                    break
                if (capture, frame) in getattr(module, 'SKIP', {}):
                    continue
                a, b = module.theirs(row), module.ours(heard.get(frame, []))
                agree = sum(same(x, y) for x, y in zip(a, b))
                compared += max(len(a), len(b))
                equal += agree
                if agree < max(len(a), len(b)):
                    shown.append(f'{capture} {frame}: theirs {a[:40]} ours {b[:40]}')
        good = compared > 0 and equal >= 0.999 * compared
        failed |= not good
        print(f'{"ok" if good else "not ok"} {number} - {protocol}: {equal} of {compared} values agree')
        for line in shown[:args.show]:
            print('#', line[:600])
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
