# SPDX-License-Identifier: Apache-2.0
"""SMB 2 and 3: command, message id, direction of each message in a frame."""
CAPTURES = ['it/sv_smb2-delete.pcap', 'it/ndpi_smb_deletefile.pcap', 'it/sv_smb2-01_smb2-peter.pcap', 'it/sv_smb-version-keyword.pcap', 'it/sv_smb2-async.pcap',
            'it/malcolm_plugins_CVE-2021-1675_PrintNightmare.pcap', 'lab/demo-baseline.pcapng', 'lab/demo-attacks.pcapng']
FIELDS = ['smb2.cmd', 'smb2.msg_id', 'smb2.flags.response']
FILTER = 'smb2 && nbss.length < 16380'   # of a longer one we speak when its head is there, tshark when all of it is


def theirs(row):
    return [v for c, i, r in zip(row['smb2.cmd'], row['smb2.msg_id'], row['smb2.flags.response']) for v in (int(c), int(i) & 0xffffffff, r in ('1', 'True'))]


def ours(messages):
    out = []
    for m in messages:
        if m.get('frame_kind') == 'SMB 2':
            out += [m['function'], m.get('tag', 0), m['role'] != 'request']
    return out
