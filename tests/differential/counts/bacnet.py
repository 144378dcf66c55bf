# SPDX-License-Identifier: Apache-2.0
"""APDUs by type, services asked for and answered, network messages, and BVLL without an NPDU."""
import collections
import re

types = ['confirmed request', 'unconfirmed request', 'simple ACK', 'complex ACK', 'segment ACK', 'error', 'reject', 'abort']
controls = (0, 1, 2, 3, 5, 6, 7, 8, 12)   # BVLL functions that carry no NPDU


def theirs(truth):
    out = collections.Counter()
    t = truth.get('bacnet') or {}
    for key, n in t.get('apdu', {}).items():   # "0:Confirmed-REQ / 12:readProperty"
        kind, service = (part.split(':')[0].strip() for part in key.split(' / '))
        kind = int(kind)
        out[f'bacnet {types[kind]}'] += n
        if kind == 0:
            out[f'bacnet asked {service}'] += n
        elif kind in (2, 3):
            out[f'bacnet answered {service}'] += n
        elif kind == 1:
            out[f'bacnet unconfirmed {service}'] += n
    for key, n in t.get('nl', {}).items():
        out[f'bacnet network {int(re.match("(0x)?[0-9a-f]+", key).group(), 0)}'] += n
    for key, n in t.get('bvlc', {}).items():
        function = int(key.split(':')[0], 0)
        if function in controls:
            out[f'bacnet bvll {function}'] += n
    return out


def ours(protocols):
    out = collections.Counter()
    p = protocols.get('bacnet')
    for kind, n in (p['frames'].items() if p else ()):
        if kind in types:
            out[f'bacnet {kind}'] += n
    for function, f in (p['functions'].items() if p else ()):
        number = int(function)
        if number < 0x100:
            out[f'bacnet asked {number}'] += f['request'] + f['report']
            out[f'bacnet answered {number}'] += f['response'] - f['refused']
        elif number < 0x200:
            out[f'bacnet unconfirmed {number - 0x100}'] += f['records']
        elif number < 0x300:
            out[f'bacnet network {number - 0x200}'] += f['records']
        elif number - 0x300 in controls:
            out[f'bacnet bvll {number - 0x300}'] += f['records']
    return +out
