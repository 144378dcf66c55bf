# SPDX-License-Identifier: Apache-2.0
"""Kerberos: message type, error code."""
CAPTURES = ['it/malcolm_protocols_KRB5.pcap', 'it/ndpi_kerberos.pcap', 'it/sv_krb5-krb5_msg_type.pcap', 'it/rj_kerberos-and-keytab-file-for-decryption_win_s4u2self.pcap']
FIELDS = ['kerberos.msg_type', 'kerberos.error_code']
FILTER = 'kerberos && (tcp.port == 88 || udp.port == 88)'


def theirs(row):
    return [int(row['kerberos.msg_type'][0]), int(row['kerberos.error_code'][0]) if row['kerberos.error_code'] else 0]


def ours(messages):
    if not messages:
        return []
    m = messages[0]
    return [m['function'], m.get('reason', 0)]
