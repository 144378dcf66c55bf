# SPDX-License-Identifier: Apache-2.0
"""PDUs by function and direction, and refusals."""
import collections


def theirs(truth):
    out = collections.Counter()
    t = truth.get('modbus') or {}
    for side in ('request', 'response'):
        for function, n in t.get(side, {}).items():
            out[f'modbus {side} {function.split(":")[0].strip()}'] += n
    out['modbus refused'] += sum(t.get('exceptions', {}).values())
    return out


def ours(protocols):
    out = collections.Counter()
    for name in ('modbus', 'modbus-rtu'):
        p = protocols.get(name)
        for function, f in (p['functions'].items() if p else ()):
            for side in ('request', 'response'):
                out[f'{name} {side} {function}'] += f[side]
            out[f'{name} refused'] += f['refused']
    return out
