# SPDX-License-Identifier: Apache-2.0
"""Datagrams by mode."""
import collections


def theirs(truth):
    out = collections.Counter()
    for key, n in truth.get('ntp', {}).get('vn_mode', {}).items():   # "v4 mode 3"
        out[f'ntp mode {key.split()[-1]}'] += n
    return out


def ours(protocols):
    out = collections.Counter()
    for function, f in protocols.get('ntp', {}).get('functions', {}).items():
        out[f'ntp mode {function}'] += f['records']
    return out
