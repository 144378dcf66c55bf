# SPDX-License-Identifier: Apache-2.0
"""DCP by service and type, calls by operation, cyclic data by frame identifier, PTCP."""
import collections


def theirs(truth):
    out = collections.Counter()
    t = truth.get('pn', {})
    for key, n in t.get('dcp', {}).items():                    # "5:Identify / 1:Response Success"
        service, kind = (part.strip().split(':')[0] for part in key.split('/'))
        out[f'profinet DCP {service} {"response" if int(kind) & 1 else "request"}'] += n
    for key, n in t.get('io_rpc', {}).items():                 # "2:Response 0:Connect", "1:Ping ?"
        kind, operation = key.split(' ')[0], key.split(' ', 1)[1]
        number = int(kind.split(':')[0])
        if number in (0, 2):
            out[f'profinet call {int(operation.split(":")[0])} {"response" if number else "request"}'] += n
        else:
            out[f'profinet RPC {number}'] += n
    for key, n in t.get('frame_id', {}).items():
        frame = int(key)
        if 0x0100 <= frame <= 0xfbff:
            out[f'profinet frame 0x{frame:04x}'] += n
        elif 0xff00 <= frame <= 0xff43 or frame in (0x20, 0x21, 0x80, 0x81):
            out['profinet PTCP'] += n
    return out


def ours(protocols):
    out = collections.Counter()
    p = protocols.get('profinet', {})
    for name, n in p.get('summed', {}).items():
        out[f'profinet {name}'] += n
    for number, f in p.get('functions', {}).items():
        number = int(number)
        if 3 <= number <= 6:
            out[f'profinet DCP {number} request'] += f['request'] + f['report']
            out[f'profinet DCP {number} response'] += f['response']
        elif 0x100 <= number <= 0x105:
            out[f'profinet call {number - 0x100} request'] += f['request']
            out[f'profinet call {number - 0x100} response'] += f['response']
        elif 0x141 <= number <= 0x14a:
            out[f'profinet RPC {number - 0x140}'] += f['records']
        elif number == 0x220:
            out['profinet PTCP'] += f['records']
    return out
