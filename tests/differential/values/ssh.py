# SPDX-License-Identifier: Apache-2.0
"""SSH: HASSH and HASSHServer of each key exchange. tshark takes those of retransmitted segments, too: such captures are left out."""
CAPTURES = ['it/sv_ssh-hassh.pcap', 'it/sv_ssh-hassh-reassembled.pcap', 'it/sv_ssh-hassh-only.pcap', 'it/ndpi_ssh.pcapng', 'lab/demo-baseline.pcapng']
FIELDS = ['ssh.kex.hassh', 'ssh.kex.hasshserver']
DECODE_AS = ['tcp.port==8000,ssh']   # tshark knows SSH by its port
FILTER = 'ssh.kex.hassh || ssh.kex.hasshserver'


def theirs(row):
    return row['ssh.kex.hassh'] + row['ssh.kex.hasshserver']


def ours(messages):
    return [p['value'] for m in messages for p in m.get('points', []) if p['object'].startswith('hassh')]
