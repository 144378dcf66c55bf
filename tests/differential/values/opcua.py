# SPDX-License-Identifier: Apache-2.0
"""Request ids, sequence numbers, attributes asked for, values of every number's kind, texts, source times and bad status codes of OPC UA, each kind in
the order of the wire."""
import datetime

CAPTURES = ['lab/demo-attacks.pcapng', 'opcua/icsnpp-opcua-binary_open62541_read_service_test_data.pcap', 'opcua/icsnpp-opcua-binary_opcua_with-gap_with-handshake.pcapng',
            'opcua/icsnpp-opcua-binary_open62541_client-server_mainloop.pcap', 'opcua/kiwimiri_anssi_normal.pcap']
FILTER = 'opcua'
KINDS = {1: 'Boolean', 2: 'SByte', 3: 'Byte', 4: 'Int16', 5: 'UInt16', 6: 'Int32', 7: 'UInt32', 8: 'Int64', 9: 'UInt64', 10: 'Float', 11: 'Double', 12: 'String'}
FIELDS = ['opcua.' + f for f in ('transport.type', 'security.seq', 'security.rqid', 'AttributeId', 'datavalue.SourceTimestamp', 'datavalue.ServerTimestamp', *KINDS.values())]
NAMED = {'read', 'write', 'publish'}
SKIP = {('opcua/icsnpp-opcua-binary_open62541_read_service_test_data.pcap', f) for f in   # tshark puts a matrix's dimensions among its numbers; 319 and 323: times
        (35, 47, 59, 71, 83, 95, 107, 119, 131, 143, 155, 167, 179, 191, 203, 215, 227, 239, 251, 263, 275, 287, 299, 319, 323, 327, 339, 355, 367)}   # of a value inside a value


def numbers(kind, texts):
    if kind == 'String':
        return ['' if t == '[OpcUa Null String]' else t for t in texts]
    return [t in ('1', 'True') if kind == 'Boolean' else float(t) if kind == 'Double' else float(f'{float(t):.6g}') if kind == 'Float' else int(t, 0) for t in texts]


def moment(text):
    when, _, rest = text.partition('.')
    if not rest:
        return None
    seconds = datetime.datetime.strptime(' '.join(when.split()), '%b %d, %Y %H:%M:%S').replace(tzinfo=datetime.timezone.utc)
    return seconds.timestamp() + int(rest.split()[0]) / 1e9


def theirs(row):
    of = lambda f: row['opcua.' + f]
    out = [int(v, 0) for f in ('security.seq', 'security.rqid') for v in of(f)]
    out += [int(v, 0) for v in of('AttributeId')]
    for kind in KINDS.values():
        out += numbers(kind, of(kind))
    return out + sorted({moment(t) for t in of('datavalue.SourceTimestamp') or of('datavalue.ServerTimestamp')} - {None})


def ours(messages):
    said = [m for m in messages if 'identity' not in m]
    secured = [m for m in said if m.get('frame_kind') in ('OPN', 'CLO', 'MSG') and 'encrypted' not in m.get('flags', [])]
    out = [m.get('sequence', 0) for m in secured] + [m.get('tag', 0) for m in secured]
    asked = [m for m in secured if m['role'] == 'request' and m['name'] in ('read', 'write', 'create monitored items')]
    attributes = []
    for m in asked:
        for p in m.get('points', []):
            attribute, element = p.get('qualifier', 0) & 0xffff, p.get('qualifier', 0) >> 16
            if not element:
                attributes.append(attribute)
    out += attributes
    points = [p for m in secured for p in m.get('points', [])]
    for kind in KINDS:
        out += [float(f"{p['value']:.6g}") if kind == 10 else p['value'] for p in points if p.get('form', 0) & 0xff == kind and 'value' in p]
    return out + sorted({float(p['time']) for m in secured if m['name'] in NAMED for p in m.get('points', []) if 'time' in p})
