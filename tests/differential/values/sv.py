# SPDX-License-Identifier: Apache-2.0
"""Of each frame that something is said of: svID, smpCnt, confRev and smpSynch of its ASDUs; where the samples are said, each channel's value and what stands
behind it against the octets that tshark shows."""
PDML = True
CAPTURES = ['sv/dina-iec61850-sv_SV_Normal_Traffic.pcap', 'lab/demo-attacks.pcapng', 'lab/demo-baseline.pcapng', 'sv/qutzss2023_823_8232a_QUTZS.pcap', 'sv/qutzss2023_823_8232b_QUTZS.pcap']
said = {}      # streams whose samples are said of a frame, by its number: ours is asked of all frames before theirs


def theirs(fields):
    out, ids, at = [], [], {}
    for name, show, _, octets in fields:
        at.setdefault(name, []).append((show, octets))
    ids = [show for show, _ in at.get('sv.svID', [])]
    if not ids or len({len(at.get('sv.' + f, [])) for f in ('svID', 'smpCnt', 'confRev', 'smpSynch', 'seqData')}) != 1:
        return None
    for i, stream in enumerate(ids):
        value = lambda field: int(at['sv.' + field][i][0])
        out += [('svID', stream), (stream + ' smpCnt', value('smpCnt')), (stream + ' confRev', value('confRev')), (stream + ' smpSynch', value('smpSynch'))]
        if stream in said.get(int(at['frame.number'][0][0]), ()):
            sample = bytes.fromhex(at['sv.seqData'][i][1])
            stride = 12 if len(sample) % 8 else 8            # a time or a quality behind each value
            for c in range(len(sample) // stride):
                here = sample[stride * c:stride * (c + 1)]
                out.append((f'{stream} channel {c + 1}', int.from_bytes(here[:4], 'big', signed=True)))
                out.append((f'{stream} behind {c + 1}', int.from_bytes(here[4:8], 'big')))
    return out


def ours(messages):
    out, heard = [], set()
    if messages:
        said[messages[0]['frame']] = set()
    for m in reversed(messages):                             # a conversation forgotten in this frame may speak before it
        stream = m.get('station_name')
        if not stream or stream in heard or 'malformed' in m.get('flags', []):
            continue
        heard.add(stream)
        out += [('svID', stream), (stream + ' smpCnt', m.get('sequence', 0)), (stream + ' confRev', m.get('qualifier', 0)), (stream + ' smpSynch', m.get('tag', 0))]
        if m['function'] != 256:
            continue
        channels = [p for p in m['points'] if p['kind'] == 'channel']
        if channels:
            said[m['frame']].add(stream)
        for p in channels:
            behind = int(str(p['time']).partition('.')[0]) if 'time' in p else p.get('qualifier', 0)
            out += [(f"{stream} channel {p['number']}", p['value']), (f"{stream} behind {p['number']}", behind)]
    return out
