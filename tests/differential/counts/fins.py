# SPDX-License-Identifier: Apache-2.0
"""FINS commands by code and direction, and FINS/TCP's own."""
import collections


def theirs(truth):
    out = collections.Counter()
    t = truth.get('fins') or {}
    for command, n in t.get('command', {}).items():
        side, rest = command.split(' ', 1)
        out[f'fins {"request" if side[0] == "0" else "response"} {rest[:4].lower()}'] += n
    for command, n in t.get('tcp_command', {}).items():
        if command[0] != '2':
            out[f'fins tcp {command[0]}'] += n
    return out


def ours(protocols):
    out = collections.Counter()
    p = protocols.get('fins')
    for function, f in (p['functions'].items() if p else ()):
        code = int(function)
        if code <= 6:
            out[f'fins tcp {code}'] += f['request'] + f['response']
        else:
            for side in ('request', 'response'):
                out[f'fins {side} {code:04x}'] += f[side]
    return out
