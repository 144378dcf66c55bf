# SPDX-License-Identifier: Apache-2.0
"""Frames by format, ASDUs by type."""
import collections


def theirs(truth):
    out = collections.Counter()
    t = truth.get('iec104') or {}
    for frame, n in t.get('apdu', {}).items():
        out[f'iec104 {frame} frames'] += n
    for key, n in t.get('type_x_cot', {}).items():   # "45:C_SC_NA_1 x 6:Act"
        out[f'iec104 type {key.split(" x ")[0].split(":")[0].strip()}'] += n
    return out


def ours(protocols):
    out = collections.Counter()
    p = protocols.get('iec104')
    if p:
        for frame, n in p.get('frames', {}).items():
            out[f'iec104 {frame} frames'] += n
        for function, f in p['functions'].items():
            out[f'iec104 type {function}'] += f['records']
    return out
