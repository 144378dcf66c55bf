# SPDX-License-Identifier: Apache-2.0
"""PDUs by kind (ROSCTR) and function; user data by function group and direction. An acknowledgement without data names no function:
for us it is the answer of the job that it ends."""
import collections
import re

kinds = {'1': 'job', '2': 'ack', '3': 'ack data', '7': 'user data'}
sides = {'0': 'report', '3': 'report', '4': 'request', '7': 'request', '8': 'response', '11': 'response'}


def theirs(truth):
    out = collections.Counter()
    for key, n in (truth.get('s7') or {}).get('rosctr_x_func', {}).items():
        kind = key.split(':')[0]
        out[f's7 {kinds[kind]} PDUs'] += n
        if kind in '13':
            function = re.search(r'x (\d+)', key)
            out[f's7 {"request" if kind == "1" else "response"} {int(function.group(1)) if function else 0}'] += n
        elif kind == '7':
            group, side = re.search(r'group (\d+)', key), re.search(r'type (\d+)', key)
            out[f's7 {sides[side.group(1)]} {256 + int(group.group(1))}'] += n
    return out


def ours(protocols):
    out = collections.Counter()
    p = protocols.get('s7')
    if p:
        for kind in kinds.values():
            out[f's7 {kind} PDUs'] += p['frames'][kind]
        for function, f in p['functions'].items():
            if int(function) >= 511:
                continue
            for side in ('request', 'response', 'report'):
                out[f's7 {side} {function}'] += f[side]
    return out
