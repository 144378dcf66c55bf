# SPDX-License-Identifier: Apache-2.0
"""EtherNet/IP packets by command, CIP messages by service and direction."""
import collections

COMMANDS = {0: 'NOP', 4: 'ListServices', 0x63: 'ListIdentity', 0x64: 'ListInterfaces', 0x65: 'RegisterSession', 0x66: 'UnRegisterSession', 0x6f: 'SendRRData', 0x70: 'SendUnitData'}


def theirs(truth):
    out = collections.Counter()
    for command, n in (truth.get('enip') or {}).get('command', {}).items():
        out[f'enip {COMMANDS.get(int(command.split(" ")[1].split(":")[0]), "other")}'] += n
    for service, n in (truth.get('cip') or {}).get('service', {}).items():
        side, number = service.split(':', 1)[1].split(' ')[:2]
        out[f'enip CIP {side.lower()} {number.split(":")[0]}'] += n
    return out


def ours(protocols):
    out = collections.Counter()
    p = protocols.get('enip')
    if p:
        for frame, n in p.get('frames', {}).items():
            if frame not in ('inner', 'I/O'):
                out[f'enip {frame}'] += n
        for function, f in p['functions'].items():
            if int(function) < 0x80:
                for side in ('request', 'response'):
                    out[f'enip CIP {side} {function}'] += f[side]
    return out
