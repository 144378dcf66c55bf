# SPDX-License-Identifier: Apache-2.0
"""PROFINET DCP: service, question or answer, Xid, the station's name, type, vendor and device, role, addresses, how a set was answered."""
PDML = True
CAPTURES = ['profinet/icsnpp-profinet-io-cm_profinet_io_cm_mixed_1.pcap', 'profinet/icsnpp-profinet-io-cm_profinet_io_cm_mixed_2.pcapng', 'profinet/iti_profinet_profinet-wireshark-bug.pcap',
            'modbus/iti_ModbusTCP_mb2.pcap']
TEXTS = {'suboption_device_nameofstation': 'name of station', 'suboption_device_devicevendorvalue': 'type of station', 'suboption_device_aliasname': 'alias',
         'suboption_ip_ip': 'IP address', 'suboption_ip_subnetmask': 'mask', 'suboption_ip_standard_gateway': 'gateway'}


def theirs(fields):
    out, asks = [], True
    for name, show, _, octets in fields:
        name = (name or '')[7:] if (name or '').startswith('pn_dcp.') else ''
        if name == 'service_id':
            out.append(('service', int(show)))
        elif name == 'service_type':
            asks = int(show) & 1 == 0
            out.append(('asks', asks))
        elif name == 'xid':
            out.append(('Xid', int(show, 0)))
        elif name in TEXTS:
            out.append((TEXTS[name], bytes.fromhex(octets).split(b'\0')[0].decode('latin1').strip() if 'device' in name else show))
        elif name == 'suboption_vendor_id':
            out.append(('vendor', f'vendor 0x{int(show, 0):04x}'))
        elif name == 'suboption_device_id':
            out.append(('device', f'device 0x{int(show, 0):04x}'))
        elif name == 'suboption_device_role':
            role = int(show, 0)
            out.append(('role', 'controller' if role & 2 else 'supervisor' if role & 8 else 'multi-device' if role & 4 else 'device'))
        elif name == 'block_error' and not asks:
            out.append(('error', int(show)))
    return out or None


def ours(sentences):
    told = [s for s in sentences if 'identity' not in s and s['name'].startswith('DCP')]
    if len(told) != 1 or 'malformed' in told[0].get('flags', ()):
        return []
    s = told[0]
    out = [('service', s['function']), ('asks', s['role'] == 'request'), ('Xid', s.get('tag', 0))]
    known = {*TEXTS.values(), 'vendor', 'device', 'role'}
    for p in s.get('points', ()):
        if p['object'] in known:
            out.append((p['object'], p['value']))
        elif s['function'] == 4 and s['role'] == 'response':
            out.append(('error', p.get('status', 0)))
    return out
