# SPDX-License-Identifier: Apache-2.0
"""Synchrophasors: commands, time, STAT, phasors, frequency, ROCOF, analogs and digital words of the frames that a summary tells."""
import re

PDML = True
CAPTURES = ['synphasor/icsnpp-synchrophasor_C37.118_1PMU_TCP.pcap', 'synphasor/icsnpp-synchrophasor_C37.118_1PMU_UDP.pcap',
            'synphasor/icsnpp-synchrophasor_C37.118_4in1PMU_TCP.pcap', 'synphasor/icsnpp-synchrophasor_c37_pmu_clean.pcap', 'lab/demo-attacks.pcapng', 'lab/demo-baseline.pcapng']
WITHIN = (1.1e-3, 1e-5)   # three decimals are shown


def turned(degrees):
    return round(((degrees + 180) % 360) - 180, 3)


def ours(sentences):
    out = []
    if sum(1 for s in sentences if 'identity' not in s) != 1:
        return out                                        # of several frames in one packet each is told by its own
    for s in sentences:
        if s.get('flags') and 'malformed' in s['flags'] or 'identity' in s or s.get('name') in ('breach', 'changed'):
            continue
        out += [('idcode', s['station']), ('fraction', s.get('sequence', 0) & 0xffffff)]
        if s['function'] == 4:
            out.append(('command', s['qualifier']))
        if s['function'] != 256:
            continue
        for p in s.get('points', []):
            what, value = p['number'] >> 16, p.get('value')
            if value is None:
                continue
            name = {0: 'STAT', 1: 'frequency', 2: 'ROCOF', 3: 'magnitude', 4: 'angle', 5: 'analog', 6: 'digital'}.get(what)
            if name == 'angle':
                value = turned(value)
            if name and p['kind'] == 'channel':
                out.append((name, value))
    return out


def theirs(fields):
    if sum(1 for f in fields if f[0] == 'synphasor.sync') != 1:
        return None                                       # several frames in one packet: which is told is ours to choose
    out = []
    for name, show, showname, value in fields:
        if name == 'synphasor.idcode_stream_source':
            out.append(('idcode', int(show)))
        elif name == 'synphasor.fracsec_raw':
            out.append(('fraction', int(show)))
        elif name == 'synphasor.command':
            out.append(('command', int(show, 16)))
        elif name == 'synphasor.data.status':
            out.append(('STAT', int(value, 16)))
        elif name == 'synphasor.phasor':
            m = re.search(r',\s*(-?[\d.]+)\s*[VA] ∠\s*(-?[\d.]+)°', showname)
            if m:
                out += [('magnitude', float(m[1])), ('angle', turned(float(m[2])))]
        elif name == 'synphasor.actual_frequency_value':
            out.append(('frequency', float(show)))
        elif name == 'synphasor.frequency_deviation_from_nominal':
            m = re.search(r'actual frequency:\s*([\d.]+)', showname)
            if m:
                out.append(('frequency', float(m[1])))
        elif name == 'synphasor.rate_change_frequency':
            out.append(('ROCOF', float(show)))
        elif name == 'synphasor.analog_value':
            m = re.search(r',\s*(-?[\d.]+)', showname)
            if m:
                out.append(('analog', float(m[1])))
        elif name == 'synphasor.digital_status_word':
            out.append(('digital', int(show, 16)))
    return out
