# SPDX-License-Identifier: Apache-2.0
"""Chunks by type; services by the number of their encoding, requests and answers apart. A service fault that answers a question
counts as that service's answer for us."""
import collections

names = ('HEL', 'ACK', 'ERR', 'RHE', 'OPN', 'CLO', 'MSG')
network = {12208: 12209, 12211: 12212}   # the others: three more than the request


def answer_of(request):
    return network.get(request, request + 3)


def theirs(truth):
    out = collections.Counter()
    t = truth.get('opcua') or {}
    for name, n in t.get('transport', {}).items():
        out[f'opcua {name} chunks'] += n
    services = {int(k.split(':')[0]): n for k, n in t.get('service', {}).items()}
    for service, n in services.items():
        out[f'opcua service {service}'] += n
    return out


def ours(protocols):
    out = collections.Counter()
    p = protocols.get('opcua')
    if p:
        for name in names:
            out[f'opcua {name} chunks'] += p['frames'][name]
        for function, f in p['functions'].items():
            function = int(function)
            if function < 263:
                continue
            out[f'opcua service {function}'] += f['request'] if function != 397 else f['records']
            if function != 397:
                out[f'opcua service {answer_of(function)}'] += f['response'] + f['report']
    return out
