# SPDX-License-Identifier: Apache-2.0
"""PDUs and parts of PDUs by version; operations. Theirs is a scan of octets: what follows the first part of a PDU has no operation,
whatever it counts there."""
import collections


def theirs(truth):
    out = collections.Counter()
    t = truth.get('s7plus') or {}
    for version, n in t.get('version', {}).items():
        out[f's7plus version {int(version, 16)}'] += n
    for operation, n in t.get('opcode', {}).items():
        if not operation.startswith('0x'):
            out[f's7plus {"response" if operation == "response2" else operation}'] += n
    return out


def ours(protocols):
    out = collections.Counter()
    p = protocols.get('s7plus')
    if p:
        for version in (1, 2, 3):
            out[f's7plus version {version}'] += p['frames'][f'version {version}']
        for function, f in p['functions'].items():
            if int(function) == 256:
                out['s7plus notification'] += f['report']
            elif int(function) > 1000:
                for side in ('request', 'response'):
                    out[f's7plus {side}'] += f[side]
    return out
