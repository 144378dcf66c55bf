# SPDX-License-Identifier: Apache-2.0
"""PDU references, blocks, addresses and lengths that are asked for, return codes, and the octets of all values of S7."""
import struct

CAPTURES = ['lab/demo-attacks.pcapng', 's7comm/iti_s7_s7comm_varservice_libnodavedemo.pcap', 's7comm/iti_s7_S7Comm_s7comm_clean.pcap', 's7comm/ct_S7comm_Plant1_S7comm.pcap',
            's7comm/qut2017s7_20161215191717.ChangeUpperThreshold_Flooding.hmi.pcap', 's7comm/iti_s7_snap7_s300_readVar.pcap']
FILTER = 's7comm.param.func == 4 || s7comm.param.func == 5'
FIELDS = ['s7comm.' + f for f in ('header.rosctr', 'header.pduref', 'param.item.db', 'param.item.address.byte', 'param.item.address.bit', 'resp.data', 'data.returncode')]
PACK = {1: '>B', 2: '>B', 3: '>B', 4: '>H', 5: '>h', 6: '>I', 7: '>i', 8: '>f', 10: '>I', 11: '>i', 12: '>H', 28: '>H', 29: '>H'}


def theirs(row):
    of = lambda f: row['s7comm.' + f]
    data = ''.join(v.replace(':', '') for v in of('resp.data'))
    codes = sorted(int(v, 0) for v in of('data.returncode') if int(v, 0) not in (0, 255))
    return sorted(int(v, 0) for v in of('header.pduref')) + [int(v, 0) for f in ('param.item.db', 'param.item.address.byte', 'param.item.address.bit') for v in of(f)] + codes + [data]


def ours(messages):
    said = [m for m in messages if 'identity' not in m and m.get('function') in (4, 5)]
    references = sorted(m.get('tag', 0) for m in said)
    blocks, octets, bits, codes, data = [], [], [], [], b''
    for m in said:
        last = None
        for p in m.get('points', []):
            if p.get('status'):
                codes.append(p['status'])
            size = p.get('form', 0)
            step = {1: 1, 28: 1, 29: 1}.get(size, 8 * struct.calcsize(PACK.get(size, '>B')))
            if m['role'] == 'request' and not (last and size != 1 and last == (p.get('space'), p['number'] - step, size)):
                counter = size in (28, 29)
                blocks.append(p.get('space', 0) if p['kind'] == 'data block' else 0)
                octets.append(p['number'] if counter else p['number'] >> 3)
                bits.append(0 if counter else p['number'] & 7)
            last = (p.get('space'), p['number'], size) if m['role'] == 'request' and 'value' in p else None
            if 'value' in p and size in PACK:
                data += struct.pack(PACK[size], p['value'] if size != 1 else int(p['value']))
    return references + blocks + octets + bits + sorted(codes) + [data.hex()]
