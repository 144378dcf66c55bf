# SPDX-License-Identifier: Apache-2.0
"""Datagrams and records of what manages a network: their truth has frames by protocol only."""
import collections

FRAMES = {'snmp': ('snmp',), 'dns': ('dns', 'mdns', 'llmnr', 'nbns'), 'dhcp': ('dhcp',), 'kerberos': ('kerberos',), 'tftp': ('tftp',)}


def theirs(truth):
    out = collections.Counter()
    for protocol, names in FRAMES.items():
        out[f'{protocol} records'] += sum(truth.get('frames', {}).get(n, 0) for n in names)
    return out


def ours(protocols):
    return collections.Counter({f'{p} records': protocols[p]['records'] for p in FRAMES if p in protocols})
