# SPDX-License-Identifier: Apache-2.0
"""CIP messages: service, direction, general status, class and instance, symbol, identity, PCCC's transaction and function."""
PDML = True
CAPTURES = ['enip_cip/iti_openics_EIP-RebootorRestart.pcap', 'enip_cip/icsnpp-enip_enip_cip_example.pcap', 'enip_cip/iti_CIP_cip_only.pcap', 'enip_cip/iti_openics_EIP-LockPLCAttempt.pcap',
            'enip_cip/iti_openics_EIP-FirmwareChange.pcap', 'enip_cip/iti_openics_EIP-ChangePortConfigurationAttempt.pcap', 'modbus/iti_ModbusTCP_mb2.pcap', 'lab/demo-attacks.pcapng']
IDENTITY = {1: 'vendor', 2: 'device type', 3: 'product code', 6: 'serial number', 7: 'product name'}
NUMBERS = {'cip.id.vendor_id': 'vendor', 'cip.id.device_type': 'device type', 'cip.id.product_code': 'product code', 'cip.id.serial_number': 'serial number'}


def ours(sentences):
    out = []
    packets = {s['frame_kind'] for s in sentences if 'frame_kind' in s}
    for s in sentences:
        if 'identity' in s or s['function'] >= 0x80 or s.get('frame_kind') == 'I/O':
            continue
        side = s['role']
        out.append((f'{side} service', s['function']))
        if side == 'response':
            reason = s.get('reason', 0)
            out.append(('status', 1 if reason & 0x4000 else 0 if reason & 0x2000 or s['function'] == 0x52 and not reason else reason))
        points = s.get('points', [])
        if side == 'request' and points and points[0]['kind'] == 'attribute' and points[0].get('space') != 0x67 and s['function'] not in (0x0A, 0x52, 0x4E, 0x54, 0x5B):
            out += [('class', points[0].get('space', 0)), ('instance', points[0]['number'] >> 8)]
        if side == 'response' and s['function'] == 1 and len(points) == 7:
            for p in points:
                if p['number'] & 0xff in IDENTITY:
                    out.append((IDENTITY[p['number'] & 0xff], p['value']))
        if s['function'] == 0x4B and s.get('sub_function', 0) >= 0xF000:
            out.append(('transaction', s.get('qualifier', 0)))
            if side == 'request' and s['sub_function'] >> 8 == 0xFF:
                out.append(('function', s['sub_function'] & 0xff))
    return out if 'I/O' not in packets else []


def theirs(fields):
    out, side, service, path = [], None, None, {}

    def request():                                        # a path's last class is what the service is for
        if path.get('cip.class', 0x67) != 0x67:             # of PCCC its own address is said
            out.extend([('class', path['cip.class']), ('instance', path.get('cip.instance', 0))])
        path.clear()

    for name, show, showname, value in fields:
        if name == 'cip.rr':
            request()
            side = 'response' if ': Response' in showname else 'request'
        elif name == 'cip.sc':
            service = int(show, 0)
            out.append((f'{side} service', service))
        elif name == 'cip.genstat':
            status = int(show, 0)
            out.append(('status', 0 if status == 6 else status))
        elif name in ('cip.class', 'cip.instance') and side == 'request' and service not in (0x0A, 0x52, 0x4E, 0x54, 0x5B):
            path[name] = int(show, 0)
        elif name == 'cip.id.product_name' and side == 'response' and service == 1:
            out.append(('product name', show))
        elif name in NUMBERS and side == 'response' and service == 1:
            out.append((NUMBERS[name], int(show, 0)))
        elif name == 'cip.pccc.tns.code':
            out.append(('transaction', int(show, 0)))
        elif name == 'cip.pccc.fnc.code_0f':
            out.append(('function', int(show, 0)))
    request()
    return out
