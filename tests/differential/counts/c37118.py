# SPDX-License-Identifier: Apache-2.0
"""Frames by type. Data frames are a stream that is told in summaries: they are the records that are no other frame."""
import collections


def theirs(truth):
    out = collections.Counter()
    for kind, n in (truth.get('syn') or {}).get('type', {}).items():
        out[f'c37118 type {kind.split(":")[0].strip()}'] += n
    return out


def ours(protocols):
    out = collections.Counter()
    p = protocols.get('c37118')
    if p:
        others = 0
        for function, f in p['functions'].items():
            if 1 <= int(function) <= 5:
                out[f'c37118 type {function}'] += f['records']
                others += f['records']
        out['c37118 type 0'] += p['records'] - others
    return out
