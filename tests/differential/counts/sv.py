# SPDX-License-Identifier: Apache-2.0
"""Frames in all, ASDUs by svID, and what smpCnt does from one to the next."""
import collections

STEPS = {'plus1': 'smpCnt one more', 'wrap_to_0': 'smpCnt returned to 0', 'same': 'smpCnt repeated', 'gap': 'samples lost', 'back': 'smpCnt went back'}   # theirs: ours


def theirs(truth):
    out = collections.Counter()
    t = truth.get('sv') or {}
    out['sv frames'] += t.get('frames', 0)
    for stream, s in t.get('svID', {}).items():
        out[f'sv {stream} ASDUs'] += s['asdus']
        if len(s['src']) == 1:
            for name, n in s['smpCnt_steps'].items():
                out[f'sv {stream} {name}'] += n
    return out


def ours(protocols):
    out = collections.Counter()
    p = protocols.get('sv') or {}
    out['sv frames'] += p.get('records', 0)
    for stream, s in p.get('streams', {}).items():
        out[f'sv {stream} ASDUs'] += s.get('samples', 0) + s.get('malformed', 0)
        if s['conversations'] == 1:
            for name, word in STEPS.items():
                out[f'sv {stream} {name}'] += s.get(word, 0)
    return out
