# SPDX-License-Identifier: Apache-2.0
"""Names, invoke identifiers, values of every kind, time stamps, identities and errors of MMS. Values are compared by kind, each kind in the order of
the wire; qualities stand in bit strings whose length tshark does not show, and are left to the tests of the dissector."""
import datetime, struct

CAPTURES = ['lab/demo-attacks.pcapng', 'mms/dina-cotp_cotp.pcap', 'mms/adsc-mms_defineNamedVariableList_deleteNamedVariableList.pcap', 'mms/adsc-mms_identify.pcap',
            'mms/adsc-mms_obtainFile.pcap', 'mms/iti_IEC61850_piccolo.pcap',
            'goose/ct_IEC61850_GOOSE_GE_-_Multilin_UR_-_Digital_Protection_Relay_GOOSE_and_MMS.pcapng']
FILTER = 'mms'
FIELDS = ['mms.' + f for f in ('invokeID', 'domainId', 'itemId', 'vmd_specific', 'boolean', 'integer', 'unsigned', 'floating_point', 'data.visible-string', 'mMSString',
                               'utc_time', 'data.binary-time', 'failure', 'vendorName', 'modelName', 'revision', 'Identifier', 'confirmedServiceResponse', 'confirmedServiceRequest')]
LISTED = 300                                                # a sentence keeps 32 KiB of texts
CONTROLS = ('$Oper', '$SBOw', '$Cancel')


def number_of(floating):
    octets = bytes.fromhex(floating.replace(':', ''))
    return struct.unpack('>f' if len(octets) == 5 else '>d', octets[1:])[0]


def clock(nanoseconds):
    """Whole seconds as a text, the fraction as a number."""
    return [str(nanoseconds // 10**9), nanoseconds % 10**9 / 1e9]


def tshark_time(text):
    when, _, rest = text.partition('.')
    seconds = datetime.datetime.strptime(' '.join(when.split()), '%b %d, %Y %H:%M:%S').replace(tzinfo=datetime.timezone.utc)
    return int(seconds.timestamp()) * 10**9 + int(rest.split()[0])


def once(times):
    return [t for i, t in enumerate(times) if i == 0 or t != times[i - 1]]


def both(kinds):
    return [v for kind in ('invoke', 'names', 'identity', 'listed', 'boolean', 'integer', 'unsigned', 'real', 'text', 'time', 'failure') for v in kinds.get(kind, [])]


def controlled(item):
    for c in CONTROLS:
        if item.endswith(c) and '$CO$' in item:
            return item[:-len(c)]
    return item


def theirs(row):
    of = lambda f: row['mms.' + f]
    if 'LastApplError' in of('vmd_specific'):
        return []
    if of('confirmedServiceResponse') == ['6']:              # a type description, which we leave
        return both({'invoke': [int(v) for v in of('invokeID')]})
    names = [] if of('vmd_specific') else [d + '/' + controlled(i) for d, i in zip(of('domainId'), of('itemId'))] if len(of('domainId')) == len(of('itemId')) else []
    control = any(controlled(i) != i for i in of('itemId'))
    times = [] if control else [v for t in once([tshark_time(t) for t in of('utc_time') + (of('data.binary-time') if 'RPT' not in of('vmd_specific') else [])]) for v in clock(t)]
    return both({'invoke': [int(v) for v in of('invokeID')], 'names': names, 'identity': of('vendorName') + of('modelName') + of('revision'), 'listed': of('Identifier')[:LISTED] if '1' in of('confirmedServiceResponse') else [],
                 'boolean': [v in ('1', 'True') for v in of('boolean')], 'integer': [int(v) for v in of('integer')], 'unsigned': [int(v) for v in of('unsigned')],
                 'real': [number_of(v) for v in of('floating_point')], 'text': [v if v != '<MISSING>' else '' for v in of('data.visible-string') + of('mMSString')], 'time': times,
                 'failure': [int(v) for v in of('failure')]})


def ours(messages):
    kinds = {}
    put = lambda kind, value: kinds.setdefault(kind, []).append(value)
    times = []
    for m in messages:
        if m.get('frame_kind') == 'transport' or 'identity' in m:
            continue
        points, function, meaning = m.get('points', []), m['function'], m.get('sub_function', 0)
        if function == 256 and meaning == 5:
            return []
        confirmed = m['frame_kind'] in ('confirmed-Request', 'confirmed-Response', 'confirmed-Error')
        if confirmed:
            put('invoke', m.get('tag', 0))
        if function == 256 and meaning == 6:
            report, points = points[0], points[1:]
            fields = report.get('qualifier', 0)
            put('text', report['object'])
            if fields & 0x100:
                put('unsigned', m.get('sequence', 0))
            if fields & 0x20:
                put('text', points[0]['object'].split('[')[0] if points else '')
            if fields & 8:
                put('boolean', bool(m.get('qualifier', 0) >> 31))
            if fields & 2:
                put('unsigned', m.get('tag', 0))
        elif m['frame_kind'] == 'confirmed-Request' or (function == 256 and meaning == 4):
            if points and points[0].get('kind') == 'member':
                put('names', points[0]['object'].split('[')[0])
            for p in points:
                if '/' in p['object'] and function != 1 and not 72 <= function <= 77 and function != 46 and p.get('kind') != 'member':
                    put('names', p['object'])
            if any('/' not in p['object'] for p in points):
                kinds.pop('names', None)
        elif function == 12:
            for p in points[1:]:
                put('names', p['object'])
        elif function == 2:
            for p in points:
                put('identity', p['value'])
            continue
        elif function == 1:
            for p in points[1:LISTED + 1]:
                put('listed', p['object'].split('/')[-1])
        if m['frame_kind'] in ('initiate-Request', 'initiate-Response') or function == 0 or 72 <= function <= 77 or function == 46:
            continue
        control = bool(points) and points[0].get('qualifier', 0) >> 31
        for p in points:
            kind = {'boolean': 'boolean', 'integer': 'integer', 'natural': 'unsigned', 'real': 'real', 'text': 'text'}.get(p.get('value_kind'))
            if kind == 'text' and p['object'].endswith('.30'):
                continue                                     # an orIdent is an octet string
            if kind:
                put(kind, p['value'])
            if p.get('status') and m['role'] == 'response' and p['status'] >> 8 == 1:
                put('failure', p['status'] & 0xff)
            if 'time' in p and 'time_kind' not in p and not control:
                seconds, _, fraction = p['time'].partition('.')
                times.append(int(seconds) * 10**9 + int(fraction))
        if control:
            put('integer', m.get('qualifier', 0) >> 8 & 0xff)
            put('unsigned', m.get('qualifier', 0) >> 16 & 0xff)
            put('boolean', 'test' in m.get('flags', []))
    kinds['time'] = [v for t in once(times) for v in clock(t)]
    return both(kinds)
