# SPDX-License-Identifier: Apache-2.0
"""Messages by type. The stream's are counted in its summaries, the others where they are said."""
import collections

names = ('Sync', 'Delay_Req', 'Pdelay_Req', 'Pdelay_Resp', '', '', '', '', 'Follow_Up', 'Delay_Resp', 'Pdelay_Resp_Follow_Up', 'Announce')


def theirs(truth):
    out = collections.Counter()
    for key, n in truth.get('ptp', {}).get('type', {}).items():      # "v2 0:Sync Message"
        version, number = key.split(':')[0].split(' ', 1)
        number = number.split()[-1]
        out[f'ptp {version} {number}'] += n
    return out


def ours(protocols):
    out = collections.Counter()
    p = protocols.get('ptp', {})
    for name, n in p.get('summed', {}).items():
        if name in names:
            out[f'ptp v2 {names.index(name)}'] += n
    for function, f in p.get('functions', {}).items():
        if int(function) in (12, 13):
            out[f'ptp v2 {function}'] += f['records']
        if 256 <= int(function) <= 260:
            out[f'ptp v1 {int(function) - 256}'] += f['records']
    return out
