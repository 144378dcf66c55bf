# SPDX-License-Identifier: Apache-2.0
"""APDUs by kind, and HDLC frames. The truth is a scan of the octets by the corpus's own script: no dissector's."""
import collections

tags = {'AARQ': 0x60, 'AARE': 0x61, 'RLRQ': 0x62, 'RLRE': 0x63, 'get-request': 0xc0, 'set-request': 0xc1, 'action-request': 0xc3, 'get-response': 0xc4,
        'set-response': 0xc5, 'action-response': 0xc7}


def theirs(truth):
    out = collections.Counter()
    for kind, apdus in (('dlms_wrapper_raw', 'apdu'), ('dlms_hdlc_raw', 'apdu_first_segment')):
        t = truth.get(kind) or {}
        out['dlms frames'] += t.get('frames', 0)
        for name, n in t.get(apdus, {}).items():
            out[f'dlms apdu {tags.get(name, name)}'] += n
    if truth.get('dlms_wrapper_raw'):
        out['dlms frames'] += sum(truth['dlms_wrapper_raw']['apdu'].values())
    return out


def ours(protocols):
    out = collections.Counter()
    p = protocols.get('dlms')
    if p:
        out['dlms frames'] += p['records']
        for function, f in p['functions'].items():
            if int(function) < 0x100:
                out[f'dlms apdu {function}'] += f['records']
    return +out
