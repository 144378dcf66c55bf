# SPDX-License-Identifier: Apache-2.0
"""PDUs by kind, confirmed services by request and answer, unconfirmed services."""
import collections

KINDS = {'confirmed_RequestPDU': 'confirmed-Request', 'confirmed_ResponsePDU': 'confirmed-Response', 'confirmed_ErrorPDU': 'confirmed-Error',
         'unconfirmed_PDU': 'unconfirmed', 'rejectPDU': 'reject', 'cancel_RequestPDU': 'cancel-Request', 'cancel_ResponsePDU': 'cancel-Response',
         'initiate_RequestPDU': 'initiate-Request', 'initiate_ResponsePDU': 'initiate-Response', 'initiate_ErrorPDU': 'initiate-Error',
         'conclude_RequestPDU': 'conclude-Request', 'conclude_ResponsePDU': 'conclude-Response', 'conclude_ErrorPDU': 'conclude-Error'}


def theirs(truth):
    out = collections.Counter()
    t = truth.get('mms') or {}
    for kind, n in t.get('pdu', {}).items():
        out[f'mms {KINDS.get(kind, kind)}'] += n
    for key, n in t.get('request', {}).items():       # "4:read"
        out[f'mms request {key.split(":")[0]}'] += n
    for key, n in t.get('response', {}).items():
        out[f'mms response {key.split(":")[0]}'] += n
    for key, n in t.get('unconfirmed', {}).items():
        out[f'mms unconfirmed {key.split(":")[0]}'] += n
    return out


def ours(protocols):
    out = collections.Counter()
    p = protocols.get('mms')
    if not p:
        return out
    for kind, n in p.get('frames', {}).items():
        if kind in KINDS.values():
            out[f'mms {kind}'] += n
    for function, f in p['functions'].items():
        number = int(function)
        frames = f.get('frames') or {'confirmed-Request': f['request'], 'confirmed-Response': f['response']}   # one kind alone is not listed
        if number < 256:
            out[f'mms request {number}'] += frames.get('confirmed-Request', 0)
            out[f'mms response {number}'] += frames.get('confirmed-Response', 0)
        elif number < 259:
            out[f'mms unconfirmed {number - 256}'] += f['records']
    return out
