# SPDX-License-Identifier: Apache-2.0
"""Of each frame that something is said of: control block, stNum, sqNum, confRev, simulation; of a state with its values also what stands around them and the
values by kind. A quality inside a structure is said with its value, and left to the tests of the dissector."""
import datetime

PDML = True
CAPTURES = ['lab/demo-attacks.pcapng', 'lab/demo-baseline.pcapng', 'goose/haolipeng-goose_GOOSE.pcap', 'goose/iti_IEC61850_GOOSE_GOOSE_DEMO.pcap', 'goose/kit-goose_all_arrays.pcap',
            'goose/kaitoray_Malicious_behaviours_IED_TRSF1_905_Network_traffics_PrimaryPlant.pcap', 'goose/kaitoray_Malicious_behaviours_IED_TRSF2_908_Network_traffics_IED_FDR.pcap',
            'goose/kaitoray_Benign_behaviours_Simple_emergency_operation_109_FDR3_Network_traffics_IED_TRSF1.pcap', 'sv/qutzss2023_823_8232a_QUTZS.pcap',
            'goose/ct_IEC61850_GOOSE_GE_-_Multilin_UR_-_Digital_Protection_Relay_GOOSE_and_MMS.pcapng',
            'goose/ct_IEC61850_GOOSE_GE_-_Multilin_UR_-_Digital_Protection_Relay_Routable-GOOSE.pcap', 'substation_mix/qut2017dnp3_masqurading_testing_infrequent_slice.pcap']
AROUND = {'timeAllowedtoLive': 'timeAllowedtoLive', 'datSet': 'datSet', 'goID': 'goID', 'numDatSetEntries': 'numDatSetEntries', 'appid': 'APPID'}   # R-GOOSE has it in its session
STATE = 256
states = {}    # whether what is said of a frame has values, by its number: ours is asked of all frames before theirs


def nanoseconds(text):
    when, _, rest = text.partition('.')
    seconds = datetime.datetime.strptime(' '.join(when.split()), '%b %d, %Y %H:%M:%S').replace(tzinfo=datetime.timezone.utc)
    return int(seconds.timestamp()) * 10**9 + int(rest.split()[0].ljust(9, '0')[:9])


def epoch(text):
    seconds, _, rest = str(text).partition('.')
    return int(seconds) * 10**9 + int((rest or '0').ljust(9, '0')[:9])


def truth(show):
    return show in ('1', 'True', 'true')


def theirs(fields):
    of = {}
    for name, show, _, octets in fields:
        of.setdefault(name, []).append((show, octets))
    if 'goose.gocbRef' not in of:
        return None
    show = lambda name: of[name][0][0]
    out = [('gocbRef', show('goose.gocbRef')), ('stNum', int(show('goose.stNum'))), ('sqNum', int(show('goose.sqNum'))), ('confRev', int(show('goose.confRev'))),
           ('test', truth(show('goose.simulation')) if 'goose.simulation' in of else False)]
    if not states.get(int(show('frame.number'))):
        return out
    of.setdefault('goose.appid', of.get('rgoose.appid', []))
    for field, what in AROUND.items():
        if of.get('goose.' + field):
            v = show('goose.' + field)
            out.append((what, int(v, 0) if field not in ('datSet', 'goID') else v))
    out.append(('t', nanoseconds(show('goose.t'))))
    for name, what in (('boolean', 'boolean'), ('integer', 'integer'), ('unsigned', 'natural')):
        for v, _ in of.get('goose.' + name, []):
            out.append((what, truth(v) if what == 'boolean' else int(v) & 0xffffffff if what == 'natural' else int(v)))
    for v, _ in of.get('goose.float_value', []):
        out.append(('real', float(v)))
    for v, _ in of.get('goose.visible_string', []):
        out.append(('text', v))
    if 'goose.structure' not in of:
        padding = [int(v) for v, _ in of.get('ber.bitstring.padding', [])]
        for (_, octets), unused in zip(of.get('goose.bit_string', []), padding):
            out.append(('bits', int(octets, 16) >> unused))
    return out


def ours(messages):
    messages = [m for m in messages if 'station_name' in m and 'malformed' not in m.get('flags', [])]
    if not messages:
        return []
    last = messages[-1]
    full = [m for m in messages if any(p['kind'] == 'member' for p in m.get('points', []))]
    states[last['frame']] = bool(full)
    out = [('gocbRef', last['station_name']), ('stNum', last.get('tag', 0)), ('sqNum', last.get('sequence', 0)), ('confRev', last.get('qualifier', 0)), ('test', 'test' in last.get('flags', []))]
    if not full:
        return out
    structured = any(p.get('part') or p.get('qualifier', 0) & 2 for p in full[-1]['points'] if p['kind'] == 'member')
    for p in full[-1]['points']:
        if p['kind'] == 'member':
            kind, v = p['value_kind'], p.get('value')
            if kind in ('double point', 'bits'):
                out += [] if structured else [('bits', v)]
            elif kind not in ('octets', 'time'):
                out.append((kind, v & 0xffffffff if kind == 'natural' else v))
        elif p['object'] == 't':
            out.append(('t', epoch(p['value'])))
        elif p['object'] in AROUND.values():
            out.append((p['object'], p['value']))
    return out
