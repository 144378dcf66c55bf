# SPDX-License-Identifier: Apache-2.0
"""Datagrams by command, as the summaries count them; frames of POWERLINK by type, of SERCOS III."""
import collections

commands = ('NOP', 'APRD', 'APWR', 'APRW', 'FPRD', 'FPWR', 'FPRW', 'BRD', 'BWR', 'BRW', 'LRD', 'LWR', 'LRW', 'ARMW', 'FRMW')
types = {1: 'SoC', 3: 'PReq', 4: 'PRes', 5: 'SoA', 6: 'ASnd', 7: 'AMNI', 13: 'AInv'}


def theirs(truth):
    out = collections.Counter()
    for key, n in truth.get('ecat', {}).get('cmd', {}).items():
        out[f'ethercat {commands[int(key.split(":")[0])]}'] += n
    for key, n in truth.get('epl', {}).get('type', {}).items():
        out[f'powerlink {types[int(key.split(":")[0])]}'] += n
    out['sercos telegrams'] += truth['frames'].get('siii', 0)
    return out


def ours(protocols):
    out = collections.Counter()
    for name in ('ethercat', 'powerlink'):
        for what, n in protocols.get(name, {}).get('summed', {}).items():
            out[f'{name} {what}'] += n
    out['sercos telegrams'] += protocols.get('sercos', {}).get('records', 0)
    return out
