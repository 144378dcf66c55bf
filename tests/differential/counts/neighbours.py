# SPDX-License-Identifier: Apache-2.0
"""Frames of what tells about the network: LLDP, CDP, spanning tree, IGMP."""
import collections

protocols_here = ('lldp', 'cdp', 'stp', 'igmp')


def theirs(truth):
    out = collections.Counter()
    for name in protocols_here:
        out[f'{name} frames'] += truth['frames'].get(name, 0)
    return out


def ours(protocols):
    out = collections.Counter()
    for name in protocols_here:
        out[f'{name} frames'] += protocols.get(name, {}).get('records', 0)
    return out
