#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The confusion matrix: every capture of the corpus through every recogniser. Prints TAP.

usage: recognise.py ASKED [--corpus DIR] [--every N] [--matrix] [--list]
ASKED is the program that asks (asked.cc). --every N takes each N-th capture only; --matrix prints the table; --list prints what
is not explained as rows for EXPLAINED.md.

Three things must hold of each capture: no two recognisers are sure of the same octets; what we read, another dissector reads too
(expected/*.json), or the capture is known for it (its folder), or EXPLAINED.md says why; what another dissector reads by a
name that we know, we read too, or EXPLAINED.md says why not."""
import argparse, collections, glob, json, os, subprocess, sys

here = os.path.dirname(os.path.abspath(__file__))

# Our name: what tshark calls it (where it is not the same), and the folder of captures that tshark cannot name.
NAMES = {
    'iec104': 'iec60870_104', 'iec101': 'iec60870_101', 'modbus': 'mbtcp modbus mbrtu mbudp', 's7': 's7comm', 'c37118': 'synphasor',
    'fins': 'omron', 'ads': 'ams', 'hartip': 'hart_ip', 'profinet': 'pn_io pn_rt pn_dcp pn_ptcp', 'ethercat': 'ecat ecatf ecat_mailbox', 'powerlink': 'epl epl_v1',
    'sercos': 'siii', 'smb': 'smb smb2', 'dhcp': 'dhcp', 'dns': 'dns mdns llmnr nbns', 'stp': 'stp', 'cdp': 'cdp', 'prp': 'hsr_prp_supervision', 'telnet': 'telnet',
    'bacnet': 'bacnet bvlc bacapp', 'tds': 'tds', 'kerberos': 'kerberos', 'ldap': 'ldap cldap', 'http': 'http', 'enip': 'enip cipio', 'mms': 'mms ses', 'vnc': 'vnc',
    'igmp': 'igmp', 'gmrp': 'gmrp gvrp', 'syslog': 'syslog', 'c1222': 'c1222', 'sv': 'sv', 'ffhse': 'ff',
}
FOLDERS = {'dlms': 'dlms', 's7plus': 's7comm_plus', 'slmp': 'melsec', 'bsap': 'bsap', 'genisys': 'genisys', 'roc': 'roc_plus', 'sel': 'sel_mirrored_bits', 'codesys': 'codesys'}


def explained():
    """Rows of EXPLAINED.md: {(capture, protocol)}."""
    rows = set()
    for line in open(os.path.join(here, 'EXPLAINED.md'), encoding='utf8'):
        cells = [c.strip() for c in line.strip().strip('|').split('|')]
        if line.startswith('|') and len(cells) == 3 and cells[0] not in ('capture', '---'):
            rows.add((cells[0], cells[1]))
    return rows


def main():
    args = argparse.ArgumentParser()
    args.add_argument('asked')
    args.add_argument('--corpus', default=os.path.join(here, '..', '..', '..', 'shared', 'corpus'))
    args.add_argument('--every', type=int, default=1)
    args.add_argument('--matrix', action='store_true')
    args.add_argument('--list', action='store_true')
    args = args.parse_args()
    if not os.path.exists(os.path.join(args.corpus, 'INDEX.tsv')):
        print('1..0 # SKIP skipped: no corpus')
        return 0
    captures = []
    for path in sorted(glob.glob(os.path.join(args.corpus, '*', '*'))):
        expected = os.path.join(args.corpus, 'expected', os.path.basename(path) + '.json')
        if os.path.exists(expected) and os.path.dirname(path) != os.path.dirname(expected):
            captures.append((path, expected))
    captures = captures[::args.every]
    rows, used, failed = explained(), set(), 0
    matrix = collections.defaultdict(collections.Counter)   # folder: protocol: captures
    missing = []
    print(f'1..{len(captures) + 1}')
    for number, (path, expected) in enumerate(captures, 1):
        name, folder = os.path.basename(path), os.path.basename(os.path.dirname(path))
        done = subprocess.run([args.asked, path], capture_output=True, text=True)
        truth = json.load(open(expected, encoding='utf8'))
        theirs = set(truth['protocol_frames'])
        for more in ('truth_every_segment', '_v2'):
            if isinstance(truth.get(more), dict):
                theirs |= set(truth[more].get('protocol_frames', {}))
        wrong = []
        if done.returncode or not done.stdout:
            wrong.append(f'asked: {done.stderr.strip() or done.returncode}')
        said = json.loads(done.stdout) if done.stdout else {'read': {}, 'doubles': {}}
        for pair, n in said['doubles'].items():
            if (name, pair) in rows:
                used.add((name, pair))
            else:
                wrong.append(f'{pair}: both sure, {n} times')
                missing.append((name, pair, f'both sure, {n} times'))
        for protocol in said['read']:
            matrix[folder][protocol] += 1
            if theirs & set(NAMES.get(protocol, protocol).split()) or FOLDERS.get(protocol) == folder:
                continue
            if (name, protocol) in rows:
                used.add((name, protocol))
            else:
                wrong.append(f'{protocol}: heard by us alone')
                missing.append((name, protocol, f'heard by us alone ({said["read"][protocol]} conversations)'))
        for protocol in said.get('known', ()):
            frames = sum(truth['protocol_frames'].get(n, 0) for n in NAMES.get(protocol, protocol).split())
            if protocol == 'smb':
                frames -= truth['protocol_frames'].get('nbdgm', 0)   # tshark's word for what mailslots carry in NetBIOS datagrams
            if frames <= 0 or protocol in said['read']:
                continue
            if (name, 'no ' + protocol) in rows:
                used.add((name, 'no ' + protocol))
            else:
                wrong.append(f'{protocol}: tshark reads it in {frames} frames, we in none')
                missing.append((name, 'no ' + protocol, f'tshark reads {frames} frames'))
        failed += bool(wrong)
        print(f"{'not ok' if wrong else 'ok'} {number} {folder}/{name}")
        for w in wrong:
            print('#', w)
    stale = sorted(rows - used) if args.every == 1 else []
    print(f"{'not ok' if stale else 'ok'} {len(captures) + 1} every explanation is needed")
    for s in stale:
        print('# no such thing:', *s)
    if args.matrix:
        columns = sorted({p for row in matrix.values() for p in row})
        print('# captures of each folder (rows) in which a protocol (columns) was read')
        for folder in sorted(matrix):
            print(f'# {folder:<18}', ' '.join(f'{p} {matrix[folder][p]}' for p in columns if matrix[folder][p]))
    if args.list:
        for m in missing:
            print('| ' + ' | '.join(m) + ' |', file=sys.stderr)
    return 1 if failed or stale else 0


if __name__ == '__main__':
    sys.exit(main())
