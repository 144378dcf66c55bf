# SPDX-License-Identifier: Apache-2.0
"""Frames in all and by control block; what stNum and sqNum do from frame to frame, where one publisher speaks of a control block."""
import collections

TRANSITIONS = {  # theirs: ours
    'sq_plus1': ['sqNum one more'], 'sq_same': ['sqNum repeated'], 'sq_gap': ['sqNum jumped'], 'sq_back': ['sqNum went back'],
    'st_up': ['stNum one more'], 'st_jump_up': ['stNum jumped'], 'st_down': ['stNum went back', 'restarted'], 'st_change_sq_not_0': ['sqNum not 0 in a new state']}


def theirs(truth):
    out = collections.Counter()
    t = truth.get('goose') or {}
    out['goose frames'] += t.get('frames', 0)
    for reference, block in t.get('gocbRef', {}).items():
        out[f'goose {reference} frames'] += block['frames']
        if len(block['src']) == 1:
            for name, n in block['transitions'].items():
                out[f'goose {reference} {name}'] += n
    return out


def ours(protocols):
    out = collections.Counter()
    p = protocols.get('goose') or {}
    out['goose frames'] += p.get('records', 0)
    for reference, stream in p.get('streams', {}).items():
        out[f'goose {reference} frames'] += stream.get('frames', 0) + stream.get('malformed', 0)
        if stream['conversations'] == 1:
            for name, words in TRANSITIONS.items():
                out[f'goose {reference} {name}'] += sum(stream.get(w, 0) for w in words)
    return out
