# SPDX-License-Identifier: Apache-2.0
"""Link frames, and application fragments by function."""
import collections


def theirs(truth):
    out = collections.Counter()
    t = truth.get('dnp3') or {}
    out['dnp3 link frames'] += t.get('link', {}).get('frames', 0)
    for function, n in t.get('app', {}).items():
        out[f'dnp3 function {function.split(":")[0].strip()}'] += n
    return out


def ours(protocols):
    out = collections.Counter()
    p = protocols.get('dnp3')
    if p:
        out['dnp3 link frames'] += p['records']
        for function, f in p['functions'].items():
            out[f'dnp3 function {function}'] += f['records']
    return out
