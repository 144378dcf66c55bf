# SPDX-License-Identifier: Apache-2.0
"""ADS commands by id and direction."""
import collections


def theirs(truth):
    out = collections.Counter()
    for command, n in ((truth.get('ams') or {}).get('cmd') or {}).items():
        number, name = command.split(':', 1)
        out[f'ads {"response" if name.endswith("response") else "request"} {number}'] += n
    return out


def ours(protocols):
    out = collections.Counter()
    p = protocols.get('ads')
    for function, f in (p['functions'].items() if p else ()):
        if int(function) < 256:
            out[f'ads request {function}'] += f['request'] + f.get('report', 0)
            out[f'ads response {function}'] += f['response']
    return out
