# SPDX-License-Identifier: Apache-2.0
"""DNS, LLMNR: identifier, opcode, response code, first question."""
CAPTURES = ['it/malcolm_plugins_CVE-2021-1675_packetcapture_2.pcap', 'it/sv_smb2-ntlmssp-negotiateflags.pcap', 'it/malcolm_plugins_ripple20_dns_caa_records.pcap', 'it/rj_community-shares_attack_ping_sweep.pcap',
            'lab/demo-attacks.pcapng', 'lab/demo-baseline.pcapng']
FIELDS = ['dns.id', 'dns.flags.opcode', 'dns.flags.rcode', 'dns.qry.type', 'dns.qry.name', 'dns.flags.response']
FILTER = '(dns || llmnr) && udp && !icmp && !mdns && !nbns'


def theirs(row):
    response = row['dns.flags.response'][0] in ('1', 'True')
    name = row['dns.qry.name'][0] if row['dns.qry.name'] else ''
    return [int(row['dns.id'][0], 0), int(row['dns.flags.opcode'][0]), int(row['dns.flags.rcode'][0]) if response and row['dns.flags.rcode'] else 0,
            int(row['dns.qry.type'][0]) if row['dns.qry.type'] else 0, '.' if name == '<Root>' else name[:129]]   # so much is kept of a text


def ours(messages):
    if not messages:
        return []
    m = messages[0]
    question = next((p for p in m.get('points', []) if p.get('qualifier')), None) or (m.get('points') or [{}])[0]
    return [m.get('tag', 0), m['function'], m.get('reason', 0), m.get('sub_function', 0), question.get('object', '')]
