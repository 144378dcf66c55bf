# SPDX-License-Identifier: Apache-2.0
"""SNMP: version, request-id, error-status, identifiers of the objects, integers."""
CAPTURES = ['it/rj_snmp_b6300a.pcap', 'it/sv_snmp-v2c-get_SNMPv2c_get_requests.pcap', 'lab/demo-attacks.pcapng', 'lab/demo-baseline.pcapng']
FIELDS = ['snmp.version', 'snmp.request_id', 'snmp.error_status', 'snmp.name']
FILTER = 'snmp && !icmp'
NAMES = {'sysDescr': '1.1', 'sysObjectID': '1.2', 'sysUpTime': '1.3', 'sysContact': '1.4', 'sysName': '1.5', 'sysLocation': '1.6', 'sysServices': '1.7', 'ifNumber': '2.1', 'ifIndex': '2.2.1.1',
         'ifDescr': '2.2.1.2', 'ifType': '2.2.1.3', 'ifMtu': '2.2.1.4', 'ifSpeed': '2.2.1.5', 'ifPhysAddress': '2.2.1.6', 'ifAdminStatus': '2.2.1.7', 'ifOperStatus': '2.2.1.8',
         'ifInOctets': '2.2.1.10', 'ifInErrors': '2.2.1.14', 'ifOutOctets': '2.2.1.16', 'ifOutErrors': '2.2.1.20', 'ipForwarding': '4.1', 'ifName': '31.1.1.1.1', 'ifHCInOctets': '31.1.1.1.6', 'ifHCOutOctets': '31.1.1.1.10'}


def theirs(row):
    return [int(row['snmp.version'][0]), int(row['snmp.request_id'][0]) & 0xffffffff if row['snmp.request_id'] else 0, int(row['snmp.error_status'][0]) if row['snmp.error_status'] else 0, *row['snmp.name']]


def ours(messages):
    if not messages:
        return []
    m = messages[0]
    out = [{'v1': 0, 'v2c': 1, 'v3': 3}[m['frame_kind']], m.get('tag', 0), m.get('reason', 0)]
    for p in m['points']:
        if p['object'] in ('community', 'user', 'security'):
            continue
        name, dot, index = p['object'].partition('.')
        out.append('1.3.6.1.2.1.' + NAMES[name] + dot + index if name in NAMES else p['object'])
    return out
