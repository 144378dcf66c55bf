# SPDX-License-Identifier: Apache-2.0
"""NTP: mode, version and leap bits; stratum, reference, root delay and dispersion, poll, precision, times of an answer; operation, sequence and association of mode 6;
implementation, request and items of mode 7."""
PDML = True
CAPTURES = ['ntp/malcolm_protocols_NTP.pcap', 'ntp/rj_network-time-protocol_NTP_sync.pcap', 'ntp/tcpdump_ntp-control.pcap', 'ntp/tcpdump_ntp-mode7.pcap', 'ntp/tcpdump_ntp.pcap',
            'ntp/tcpdump_ntp-time.pcap', 'ntp/pcpp_Ntp.pcap', 'ntp/ndpi_NTPv3.pcap', 'ntp/ndpi_NTPv4.pcap', 'lab/demo-attacks.pcapng', 'lab/demo-baseline.pcapng']
WITHIN = (1e-9, 1e-9)
TO_1970 = 2208988800


def signed(octet):
    return octet - 256 if octet > 127 else octet


def instant(stamp):
    seconds = stamp >> 32
    return (seconds + (0 if seconds & 0x80000000 else 1 << 32) - TO_1970) * 10**9 + ((stamp & 0xffffffff) * 10**9 >> 32)


def nanoseconds(text):
    seconds, _, rest = str(text).partition('.')
    return int(seconds) * 10**9 + int((rest or '0').ljust(9, '0')[:9])


def theirs(fields):
    of, octets = {}, {}
    for name, show, _, raw in fields:
        if name and name.startswith('ntp.'):
            of.setdefault(name[4:], show)
            octets.setdefault(name[4:], int(raw, 16) if raw else 0)
    if 'flags.mode' not in of:
        return None
    mode = int(of['flags.mode'])
    out = [('mode', mode), ('version', int(of['flags.vn']))]
    if mode == 6:
        out += [('operation', int(of['ctrl.flags2.opcode'])), ('sequence', int(of['ctrl.sequence']))]
        out += [(what, int(of[field])) for field, what in (('ctrl.associd', 'association'), ('ctrl.offset', 'offset')) if int(of[field])]
        return out
    if mode == 7:
        out += [('operation', int(of['priv.reqcode'])), ('sequence', int(of['priv.seq'])), ('implementation', int(of['priv.impl']))]
        return out + ([('items', int(of['priv.numitems']))] if int(of['priv.numitems']) else [])
    out.append(('leap', int(of['flags.li'])))
    out.append(('tag', (octets['xmt'] if mode in (1, 3, 5) else octets['org']) & 0xffffffff if mode != 5 else 0))
    if mode == 3:
        return out
    stratum, reference = octets['stratum'], octets['refid'].to_bytes(4, 'big')
    out += [('stratum', stratum), ('poll', signed(octets['ppoll'])), ('precision', signed(octets['precision'])), ('root delay', octets['rootdelay'] / 65536),
            ('root dispersion', octets['rootdispersion'] / 65536)]
    word = stratum <= 1 and all(o == 0 or 0x20 <= o < 0x7f for o in reference)     # an address, or a driver of ntpd
    out.append(('reference', reference.split(b'\0')[0].decode() if word else '.'.join(map(str, reference))))
    return out + [(what, instant(octets[field])) for field, what in (('reftime', 'last set'), ('xmt', 'transmit')) if octets[field]]


def ours(sentences):
    told = [s for s in sentences if 'identity' not in s]
    if len(told) != 1 or 'malformed' in told[0].get('flags', ()):
        return []
    s = told[0]
    out = [('mode', s['function']), ('version', s['qualifier'] >> 2)]
    if s['function'] in (6, 7):
        out += [('operation', s.get('sub_function', 0)), ('sequence', s.get('tag', 0))]
    else:
        out += [('leap', s['qualifier'] & 3), ('tag', s.get('tag', 0))]
    known = {'stratum', 'reference', 'root delay', 'root dispersion', 'poll', 'precision', 'last set', 'transmit', 'association', 'offset', 'implementation', 'items'}
    for p in s.get('points', ()):
        if p['object'] in known:
            out.append((p['object'], nanoseconds(p['value']) if p['value_kind'] == 'time' else p['value']))
    return out
