#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""No secret leaves the sensor: passwords, communities, tokens, hashes and what was typed are searched for in all that the tool says of the lab's recordings and of
conversations made by hand: decode, its --json, the stories of replay, the memory of learn. What a user is called may be said, his password never.

usage: secrets.py VIDRAD VIDRA VIDRA-COLLECTOR ROOT"""
import base64
import os
import pathlib
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from programs import Tap  # noqa: E402

vidra, root = sys.argv[2], pathlib.Path(sys.argv[4])
tap = Tap()


class Capture:
    """A classic pcap of Ethernet, IPv4, TCP and UDP, put together record by record."""

    def __init__(self):
        self.octets, self.n, self.port = struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1), 0, 40_000

    def ip(self, protocol, source, destination, payload):
        head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), self.n & 0xffff, 0, 64, protocol, 0, source, destination)
        total = sum(struct.unpack(">10H", head))
        total = (total & 0xffff) + (total >> 16)
        head = head[:10] + struct.pack(">H", ~(total + (total >> 16)) & 0xffff) + head[12:]
        frame = b"\x02\0\0\0\0\x01\x02\0\0\0\0\x02\x08\0" + head + payload
        self.n += 1
        self.octets += struct.pack("<IIII", 1_700_000_000 + self.n, 0, len(frame), len(frame)) + frame

    def udp(self, port, *messages):
        """Messages (True: of the client, octets)."""
        self.port += 1
        a, b = bytes([10, 0, 0, 5]), bytes([10, 0, 0, 9])
        for asks, m in messages:
            ends = (self.port, port) if asks else (port, self.port)
            self.ip(17, *((a, b) if asks else (b, a)), struct.pack(">HHHH", *ends, 8 + len(m), 0) + m)

    def tcp(self, port, *messages):
        self.port += 1
        a, b = bytes([10, 0, 0, 5]), bytes([10, 0, 0, 9])
        sent = {True: 1000, False: 5000}

        def segment(asks, flags, m=b""):
            ends = (self.port, port) if asks else (port, self.port)
            self.ip(6, *((a, b) if asks else (b, a)), struct.pack(">HHIIBBHHH", *ends, sent[asks] & 0xffffffff, sent[not asks], 0x50, flags, 8192, 0, 0) + m)
            sent[asks] += len(m) + bool(flags & 3)

        segment(True, 2), segment(False, 0x12), segment(True, 0x10)
        for asks, m in messages:
            segment(asks, 0x18, m)
        segment(True, 0x11), segment(False, 0x11)


def tlv(tag, *parts):
    body = b"".join(parts)
    size = bytes([len(body)]) if len(body) < 128 else b"\x82" + struct.pack(">H", len(body))
    return bytes([tag]) + size + body


def integer(n):
    return tlv(2, n.to_bytes(n.bit_length() // 8 + 1, "big"))


def wide(s):
    return s.encode("utf-16le")


C, S = True, False
known = {}      # secret: where it is


def secret(name, where):
    known[name] = where
    return name


capture = Capture()
# Telnet: at a prompt, character by character, at a prompt that comes in pieces, and typed into a shell.
capture.tcp(23, (S, b"\xff\xfd\x18\xff\xfb\x01"), (C, b"\xff\xfc\x18"), (S, b"login: "), (C, b"engineer\r\n"), (S, b"Password: "), (C, secret("Tn-pa55-one", "Telnet") .encode() + b"\r\n"), (S, b"\r\nLogin incorrect\r\nlogin: "),
            (C, b"root\r\n"), (S, b"Pass"), (S, b"word: "), *[(C, bytes([c])) for c in secret("Tn-pa55-two", "Telnet, letter by letter").encode()], (C, b"\r\0"), (S, b"\r\nLast login: today\r\n$ "),
            (C, f"mysql -p{secret('Tn-pa55-shell', 'Telnet, a shell')}\r\n".encode()), (S, b"ok\r\n"))
capture.tcp(23, (S, b"\xff\xfb\x01\xff\xfb\x03"), (C, b"ACC\r\n"), (S, b"Password: ? "), (C, secret("SEL-pa55", "Telnet, relay").encode() + b"\r\n"), (S, b"Level 1\r\n"))
# FTP: a password, an account, one in SITE, behind an unknown word, and one sent before anything was asked.
capture.tcp(21, (S, b"220 FTP ready\r\n"), (C, b"USER engineer\r\n"), (S, b"331 Password\r\n"), (C, b"PASS " + secret("Ftp-pa55", "FTP").encode() + b"\r\n"), (S, b"230 ok\r\n"),
            (C, b"ACCT " + secret("Ftp-acct", "FTP, account").encode() + b"\r\n"), (S, b"230 ok\r\n"), (C, b"SITE PSWD " + secret("Ftp-site", "FTP, SITE").encode() + b"\r\n"), (S, b"200 ok\r\n"),
            (C, b"XPWS " + secret("Ftp-other", "FTP, an unknown command").encode() + b"\r\n"), (S, b"500 what?\r\n"))
# HTTP: Basic, Bearer, a cookie, a query, a form, the target's user, Digest, a session in the path's parameters.
basic = base64.b64encode(("admin:" + secret("Http-basic-pa55", "HTTP, Basic")).encode()).decode()
secret(basic, "HTTP, Basic as it is sent")
for head, body in (("GET / HTTP/1.1\r\nHost: rtu\r\nAuthorization: Basic " + basic, ""),
                   ("GET / HTTP/1.1\r\nHost: rtu\r\nAuthorization: Bearer " + secret("Http-bearer-t0ken", "HTTP, Bearer"), ""),
                   ("GET / HTTP/1.1\r\nHost: rtu\r\nX-Auth-Token: " + secret("Http-header-t0ken", "HTTP, a header"), ""),
                   ("GET /login;jsessionid=" + secret("Http-param-t0ken", "HTTP, a parameter") + "?pw=" + secret("Http-query-pa55", "HTTP, the query") + " HTTP/1.1\r\nCookie: sid=" + secret("Http-c00kie", "HTTP, a cookie"), ""),
                   ("GET http://admin:" + secret("Http-userinfo-pa55", "HTTP, the target") + "@rtu/x HTTP/1.1\r\nHost: rtu", ""),
                   ("GET /d HTTP/1.1\r\nAuthorization: Digest username=\"op\", response=\"" + secret("d1gestresp0nse", "HTTP, Digest") + "\"", ""),
                   ("POST /login HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {n}", "user=a&password=" + secret("Http-form-pa55", "HTTP, a form"))):
    capture.tcp(80, (C, (head.replace("{n}", str(len(body))) + ("\r\n\r\n" if "HTTP/1.1" in head else " HTTP/1.1\r\n\r\n") + body).encode()), (S, b"HTTP/1.1 200 OK\r\nSet-Cookie: sid=" + secret("Http-set-c00kie", "HTTP, Set-Cookie").encode() + b"\r\nContent-Length: 0\r\n\r\n"))
# SNMP: communities of a question, a trap, and one in a table's index; a v3 user.
oid = tlv(6, bytes([0x2b, 6, 1, 2, 1, 1, 1, 0]))
pdu = integer(7) + integer(0) + integer(0)
capture.udp(161, (C, tlv(0x30, integer(1), tlv(4, secret("Snmp-c0mm", "SNMP").encode()), tlv(0xa0, pdu, tlv(0x30, tlv(0x30, oid, tlv(5)))))),
            (S, tlv(0x30, integer(1), tlv(4, b"Snmp-c0mm"), tlv(0xa2, pdu, tlv(0x30, tlv(0x30, oid, tlv(4, b"RTU")))))))
index = secret("idxc0mm", "SNMP, an index")
capture.udp(161, (C, tlv(0x30, integer(1), tlv(4, b"Snmp-c0mm"), tlv(0xa3, pdu, tlv(0x30, tlv(0x30, tlv(6, bytes([0x2b, 6, 1, 6, 3, 18, 1, 1, 1, 2]) + index.encode()), tlv(4, secret("Snmp-newc0mm", "SNMP, a value").encode())))))))
known[".".join(str(c) for c in index.encode())] = "SNMP, an index as numbers"
usm = tlv(0x30, tlv(4, b"\x80\0\0\0\1"), integer(1), integer(1), tlv(4, secret("Snmp-v3user", "SNMP v3").encode()), tlv(4, secret("d1gest-of-v3", "SNMP v3").encode()), tlv(4, b"salt"))
capture.udp(161, (C, tlv(0x30, integer(3), tlv(0x30, integer(5), integer(1500), tlv(4, b"\x07"), integer(3)), tlv(4, usm), tlv(4, secret("v3-encrypted-octets", "SNMP v3").encode()))))
# LDAP: a simple bind, a changed password, one by the extended operation.
capture.tcp(389, (C, tlv(0x30, integer(1), tlv(0x60, integer(3), tlv(4, b"cn=op,dc=alder"), tlv(0x80, secret("Ldap-pa55", "LDAP").encode())))), (S, tlv(0x30, integer(1), tlv(0x61, tlv(10, b"\0"), tlv(4), tlv(4)))),
            (C, tlv(0x30, integer(2), tlv(0x66, tlv(4, b"cn=op,dc=alder"), tlv(0x30, tlv(0x30, tlv(10, b"\2"), tlv(0x30, tlv(4, b"userPassword"), tlv(0x31, tlv(4, secret("Ldap-newpa55", "LDAP, modify").encode())))))))),
            (C, tlv(0x30, integer(3), tlv(0x77, tlv(0x80, b"1.3.6.1.4.1.4203.1.11.1"), tlv(0x81, tlv(0x30, tlv(0x82, secret("Ldap-extpa55", "LDAP, password modify").encode())))))))
# MS SQL: a login's password, plain and as it is sent, and literals in batches.
fields = [wide("WS"), wide("sa"), bytes(((c << 4 | c >> 4) & 0xff) ^ 0xa5 for c in wide(secret("Sql-pa55", "MS SQL"))), wide("app"), wide("DB"), b"", wide("lib"), b"", wide("master")]
table, data = b"", b""
for f in fields:
    table += struct.pack("<HH", 94 + len(data), len(f) // 2)
    data += f
login = struct.pack("<IIIIII", 94 + len(data), 0x74000004, 4096, 7, 100, 0) + bytes(12) + table + bytes(6) + struct.pack("<HHHHHHI", 94, 0, 94, 0, 94, 0, 0) + data
sql = struct.pack("<IIHQI", 22, 18, 2, 0, 1) + wide(f"ALTER LOGIN op WITH PASSWORD = '{secret('Sql-literal-pa55', 'MS SQL, a batch')}'")
shell = struct.pack("<IIHQI", 22, 18, 2, 0, 1) + wide(f"EXEC xp_cmdshell 'net user x {secret('Sql-shell-pa55', 'MS SQL, a command')} /add'")
capture.tcp(1433, *[(C, struct.pack(">BBHHBB", kind, 1, 8 + len(m), 0, 1, 0) + m) for kind, m in ((16, login), (1, sql), (1, shell))])
# SMB and NTLM: what a user proves himself with.
proof = secret("ntlm-pr00f-of-24-octets!", "SMB, NTLM").encode()
token = b"NTLMSSP\0" + struct.pack("<I", 3) + b"".join(struct.pack("<HHI", n, n, at) for n, at in ((24, 64), (24, 64), (4, 88), (4, 92), (4, 96), (0, 100))) + struct.pack("<I", 1) + proof + wide("AB") + wide("op") + wide("WS")
setup = b"\xfeSMB" + struct.pack("<HHIHHIIQIIQ", 64, 0, 0, 1, 1, 0, 0, 1, 0, 0, 0) + bytes(16) + struct.pack("<HBBIIHHQ", 25, 0, 1, 0, 0, 88, len(token), 0) + token
capture.tcp(445, (C, struct.pack(">I", len(setup)) + setup))
capture.tcp(80, (C, b"GET /n HTTP/1.1\r\nAuthorization: NTLM " + base64.b64encode(token) + b"\r\n\r\n"), (S, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"))
# VNC's answer to the challenge; a syslog text; a TFTP file's content.
capture.tcp(5900, (S, b"RFB 003.008\n"), (C, b"RFB 003.008\n"), (S, b"\1\2"), (C, b"\2"), (S, bytes(16)), (C, secret("vncresponse16oct", "VNC").encode()), (S, bytes(4)))
capture.udp(514, (C, f"<34>Jan  5 12:00:00 sw su: wrong password {secret('Syslog-pa55', 'syslog')}".encode()), (C, f"<34>1 2026-01-05T12:00:00Z sw su - - - {secret('Syslog5-pa55', 'syslog')}".encode()))
capture.udp(69, (C, b"\0\2run.cfg\0octet\0"), (C, b"\0\3\0\1enable secret " + secret("Tftp-pa55", "TFTP").encode()))

# The lab's own: each was typed or sent in a session of the recordings.
recorded = {"relay-maint": "FTP of the lab"}

with tempfile.TemporaryDirectory() as folder:
    made = pathlib.Path(folder) / "secrets.pcap"
    made.write_bytes(capture.octets)
    ways = (["decode"], ["decode", "--json"], ["decode", "--count"], ["replay"], ["replay", "--json"], ["replay", "--json", "--config", root / "config/sites/alder.toml"], ["learn"])
    heard = subprocess.run([vidra, "decode", "--count", made], capture_output=True, text=True)
    import json
    protocols = json.loads(heard.stdout)["protocols"] if heard.returncode == 0 else {}
    for name in ("telnet", "ftp", "http", "snmp", "ldap", "tds", "smb", "vnc", "syslog", "tftp"):
        tap.check(protocols.get(name, {}).get("messages", 0) > 0, f"the conversations made by hand speak {name}", heard.stderr)
        tap.check(protocols.get(name, {}).get("malformed", 1) == 0, f"and nothing of it is malformed: {name}", protocols.get(name))
    for path, secrets in ((made, known), (root / "tests/captures/demo-attacks.pcapng.zst", recorded), (root / "tests/captures/demo-baseline.pcapng.zst", recorded)):
        for way in ways:
            done = subprocess.run([vidra, *map(str, way), str(path)], capture_output=True)
            said = (done.stdout + done.stderr).decode("utf8", "replace").lower()
            found = [f"{s} ({where})" for s, where in secrets.items() if s.lower() in said]
            tap.check(done.returncode == 0 and (said or way[0] == "replay") and not found, f"{path.name}: {' '.join(map(str, way[:2]))} says no secret", *found, "" if done.returncode == 0 else done.stderr.decode())
    kinds = subprocess.run([vidra, "decode", str(made)], capture_output=True, text=True).stdout
    for words in ('password = "other"', 'community = "other"', 'authentication = "Bearer"'):
        tap.check(words in kinds, f"but it says of which kind they are: {words}")
tap.end()
sys.exit(bool(tap.failed))
