# SPDX-License-Identifier: Apache-2.0
"""BACnet: invoke ids; object, property and value of Read Property and Write Property; the device that says I-Am."""
CAPTURES = ['bacnet/icsnpp-bacnet_bacnet_services.pcap', 'bacnet/ct_BACnet_bacnet-ip.pcap', 'bacnet/malcolm_protocols_BACnet_device_control.pcap',
            'bacnet/shark2pit_bacnet.pcap', 'lab/demo-attacks.pcapng', 'lab/demo-baseline.pcapng']
FIELDS = ['bacapp.type', 'bacapp.invoke_id', 'bacapp.confirmed_service', 'bacapp.unconfirmed_service', 'bacapp.objectType', 'bacapp.instance_number',
          'bacapp.property_identifier', 'bacapp.present_value.real']
FILTER = 'bacapp'


def theirs(row):
    out = []
    if row['bacapp.invoke_id']:
        out.append(int(row['bacapp.invoke_id'][0]))
    service = (row['bacapp.confirmed_service'] or ['-'])[0]
    kind = row['bacapp.type'][0]
    if service in ('12', '15') and kind in ('0', '3'):
        out += [int(row['bacapp.objectType'][0]), int(row['bacapp.instance_number'][0]), int(row['bacapp.property_identifier'][0])]
        if row['bacapp.present_value.real']:
            out.append(float(row['bacapp.present_value.real'][0]))
    if kind == '1' and row['bacapp.unconfirmed_service'] == ['0']:
        out += [int(row['bacapp.objectType'][0]), int(row['bacapp.instance_number'][0])]
    return out


def ours(messages):
    out = []
    for m in messages:
        if 'identity' in m:
            continue
        if m['frame_kind'] not in ('unconfirmed request', 'network message', 'BVLL'):
            out.append(m.get('tag', 0))
        points = [p for p in m.get('points', []) if p['kind'] == 'BACnet object']
        if m['function'] in (12, 15) and m['frame_kind'] in ('confirmed request', 'complex ACK') and points:
            p = points[0]
            out += [p['number'] >> 22, p['number'] & 0x3fffff, p['space'] if 'space' in p else 0]
            if p.get('value_kind') == 'real' and p['space'] == 85:
                out.append(p['value'])
        if m['function'] == 256 and points:
            out += [points[0]['number'] >> 22, points[0]['number'] & 0x3fffff]
    return out
