# SPDX-License-Identifier: Apache-2.0
"""PTP (versions 2.x): of each message that is said (of streams the first, and what changes) its source, port, domain, flags and sequence; times, and all of an Announce."""
PDML = True
CAPTURES = ['ptp/tcpdump_ptp_ethernet.pcap', 'ptp/tcpdump_ptp_v2_1.pcap', 'ptp/ndpi_ptpv2.pcap', 'ptp/tcpdump_ptp_corrections.pcap',
            'substation_mix/qut2017dnp3_masqurading_testing_infrequent_slice.pcap', 'lab/demo-attacks.pcapng', 'lab/demo-baseline.pcapng']
WITHIN = (1e-9, 1e-9)
CHANGED = 512
SOURCES = {0x10: 'atomic clock', 0x20: 'satellites', 0x30: 'terrestrial radio', 0x39: 'serial time code', 0x40: 'PTP', 0x50: 'NTP', 0x60: 'set by hand', 0x90: 'other', 0xa0: 'internal oscillator'}
ANNOUNCE = {'priority1': 'priority 1', 'grandmasterclockclass': 'class', 'grandmasterclockaccuracy': 'accuracy', 'grandmasterclockvariance': 'variance', 'priority2': 'priority 2',
            'localstepsremoved': 'steps removed', 'origincurrentutcoffset': 'UTC offset'}
FLAGS = {'utcreasonable': 'UTC offset valid', 'timescale': 'PTP timescale', 'timetraceable': 'time traceable', 'frequencytraceable': 'frequency traceable'}
TIMES = {'sdr.origintimestamp': 'origin time', 'fu.preciseorigintimestamp': 'origin time', 'dr.receivetimestamp': 'received', 'pdrs.requestreceipttimestamp': 'received',
         'pdfu.responseorigintimestamp': 'received'}


def identity(show):
    return ':'.join(show[2:][i:i + 2] for i in range(0, 16, 2))


def nanoseconds(text):
    seconds, _, rest = str(text).partition('.')
    return int(seconds) * 10**9 + int((rest or '0').ljust(9, '0')[:9])


def theirs(fields):
    of = {}
    for name, show, _, _ in fields:
        if name and name.startswith('ptp.v2.'):
            of.setdefault(name[7:], show)
    if 'messagetype' not in of:
        return None
    kind = int(of['messagetype'], 0)
    flags = int(of['flags'], 0)
    out = [('source', identity(of['clockidentity'])), ('port', int(of['sourceportid'])), ('domain', int(of['domainnumber'])), ('sequence', int(of['sequenceid']))]
    if kind in (0, 3):
        out.append(('two-step', bool(flags & 0x200)))
    if kind == 11:
        out.append(('grandmaster', identity(of['an.grandmasterclockidentity'])))
        out += [(what, int(of['an.' + field], 0)) for field, what in ANNOUNCE.items()]
        out += [(what, of['flags.' + field] == '1') for field, what in FLAGS.items()]
        if int(of['timesource'], 0) in SOURCES:
            out.append(('time source', SOURCES[int(of['timesource'], 0)]))
    else:
        out.append(('flags', flags))
    for field, what in TIMES.items():
        if of.get(field + '.seconds') and (kind != 0 or any(of[f'{field}.{part}'] != '0' for part in ('seconds', 'nanoseconds'))) and kind != 1:
            out.append((what, int(of[field + '.seconds']) * 10**9 + int(of[field + '.nanoseconds'])))
    if 'dr.requestingsourceportidentity' in of:
        out.append(('asked by', f"{identity(of['dr.requestingsourceportidentity'])} port {of['dr.requestingsourceportid']}"))
    return out


def ours(sentences):
    told = [s for s in sentences if 'identity' not in s and (s['function'] <= 11 or s['function'] == CHANGED)]
    if len(told) != 1 or 'malformed' in told[0].get('flags', ()):
        return []
    s = told[0]
    announce = s['function'] in (11, CHANGED)
    out = [('source', s['station_name']), ('sequence', s.get('tag', 0))]
    if not announce:
        out.append(('flags', s.get('qualifier', 0) >> 16))
    known = {'port', 'domain', 'two-step', 'grandmaster', 'time source', 'origin time', 'received', 'asked by', *ANNOUNCE.values(), *FLAGS.values()}
    for p in s.get('points', ()):
        if p['object'] in known:
            out.append((p['object'], nanoseconds(p['value']) if p['value_kind'] == 'time' else p['value']))
    return out
