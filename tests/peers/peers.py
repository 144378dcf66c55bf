#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Real protocol stacks speak to each other between two network namespaces; what `vidra decode` says of the packets is held against
what the stacks' own programs say they did. Prints TAP.

usage: peers.py VIDRA [--only NAME] [--modules FOLDER] [--keep FOLDER]
Wants root, tcpdump, and for each case its stack: net-snmp (snmpd, snmp), chrony, linuxptp from Debian; node-opcua, node-snap7, node-bacnet
and ethernet-ip from npm (package.json), in FOLDER/node_modules (fetched there if npm is at hand). What is not there is skipped, and
said. `./dev peers` installs all of it."""
import argparse
import collections
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

here = pathlib.Path(__file__).resolve().parent
arguments = argparse.ArgumentParser()
arguments.add_argument("vidra")
arguments.add_argument("--only", default="")
arguments.add_argument("--modules", type=pathlib.Path, default=here.parent.parent / "build-peers")
arguments.add_argument("--keep", type=pathlib.Path, help="leave the captures here")
options = arguments.parse_args()
client, server, broadcast = "10.99.0.1", "10.99.0.2", "10.99.0.255"


class Skipped(Exception):
    pass


def need(*programs):
    for p in programs:
        if not shutil.which(p, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin"):
            raise Skipped(f"{p} is not installed")


def need_module(name):
    need("node")
    if not (options.modules / "node_modules" / name).is_dir():
        raise Skipped(f"npm's {name} is not in {options.modules}")


class Link:
    """Two hosts on a wire of their own; `heard` is what was said on it."""

    def __init__(self, folder):
        self.folder, self.started, self.hosts = folder, [], []

    def __enter__(self):
        try:
            return self.laid()
        except BaseException:
            self.__exit__()
            raise

    # A process holds each network: a name for it would be a mount, which a chroot has no place for.
    def laid(self):
        for _ in "ab":
            host = subprocess.Popen(["unshare", "--net", "sh", "-c", "echo here; exec sleep infinity"], stdout=subprocess.PIPE)
            self.hosts.append(host)
            if host.stdout.readline() != b"here\n":
                raise RuntimeError("no network of its own")
        a, b = self.hosts
        subprocess.run(["ip", "link", "add", "va", "netns", str(a.pid), "type", "veth", "peer", "name", "vb", "netns", str(b.pid)], check=True)
        for host, card, address in ((a, "va", client), (b, "vb", server)):
            for command in (f"addr add {address}/24 broadcast {broadcast} dev {card}", f"link set {card} up", "link set lo up", f"route add 224.0.0.0/4 dev {card}"):
                subprocess.run([*self.on(host), "ip", *command.split()], check=True)
        self.capture = self.folder / "heard.pcap"
        # on the server's side, so that the octets are those that were on the wire: offloads off
        for host, card in ((a, "va"), (b, "vb")):
            subprocess.run([*self.on(host), "ethtool", "-K", card, "tx", "off", "gso", "off", "tso", "off"], capture_output=True)
        self.listener = self.start(b, ["tcpdump", "-i", "vb", "-U", "--immediate-mode", "-w", self.capture, "-Z", "root"], wait=0.7)
        return self

    @staticmethod
    def on(host):
        return ["nsenter", f"--net=/proc/{host.pid}/ns/net"]

    def start(self, host, command, wait=0.0, until=None):
        log = open(self.folder / f"{len(self.started)}.log", "w+")
        p = subprocess.Popen([*self.on(host), *map(str, command)], stdout=log, stderr=subprocess.STDOUT, cwd=self.folder, env={**os.environ, "NODE_PATH": str(options.modules / "node_modules")})
        self.started.append((p, log))
        end = time.time() + 30
        while until and time.time() < end:
            log.seek(0)
            if until in log.read():
                break
            if p.poll() is not None:
                break
            time.sleep(0.1)
        time.sleep(wait)
        return p

    def serve(self, command, **how):
        return self.start(self.hosts[1], command, **how)

    def ask(self, command, check=True, text=None, seconds=60):
        done = subprocess.run([*self.on(self.hosts[0]), *map(str, command)], capture_output=True, text=True, input=text, timeout=seconds, cwd=self.folder,
                              env={**os.environ, "NODE_PATH": str(options.modules / "node_modules")})
        if check and done.returncode:
            raise RuntimeError(f"{command[0]}: {done.stderr.strip() or done.stdout.strip()}")
        return done.stdout

    def asked_lines(self, command):
        return [json.loads(line) for line in self.ask(command).splitlines() if line.startswith("{")]

    def log_of(self, p):
        for q, log in self.started:
            if q is p:
                log.seek(0)
                return log.read()

    def heard(self, protocol):
        time.sleep(0.5)
        self.listener.send_signal(signal.SIGTERM)
        self.listener.wait()
        done = subprocess.run([options.vidra, "decode", "--json", "--protocol", protocol, self.capture], capture_output=True, text=True, check=True)
        return [json.loads(line) for line in done.stdout.splitlines()], done.stdout

    def __exit__(self, *_):
        for p, log in reversed(self.started):
            if p.poll() is None:
                p.terminate()
                try:
                    p.wait(5)
                except subprocess.TimeoutExpired:
                    p.kill()
            log.close()
        for host in self.hosts:
            host.kill()
            host.wait()


def names_of(message):
    return [p.get("object") for p in message.get("points", ())]


def opcua(link):
    need_module("node-opcua-server")
    link.serve(["node", here / "opcua.js", "server", server], until='"ready"')
    did = link.asked_lines(["node", here / "opcua.js", "client", server])
    heard, _ = link.heard("opcua")
    answers = [m for m in heard if m.get("role") == "response"]
    for d in did:          # of the answer: the node, its own status, its value
        found = [p for m in answers if m["name"] == d["did"] for p in m.get("points", ()) if p.get("object") == d["node"]]
        yield f"{d['did']} {d['node']}: status {d['status']:#x}", any(p.get("status", 0) == d["status"] >> 16 for p in found), found
        if d["did"] == "read" and d["value"] is not None:
            yield f"read {d['node']}: value {d['value']}", any(p.get("value") == d["value"] for p in found), found


def s7(link):
    need_module("node-snap7")
    link.serve(["node", here / "s7.js", "server", server], until='"ready"')
    did = link.asked_lines(["node", here / "s7.js", "client", server])
    heard, _ = link.heard("s7")
    told = " ".join(str(v) for m in heard if "identity" in m for v in m["identity"].values())
    heard = [m for m in heard if "identity" not in m]
    for d in did:
        if d["did"] in ("read", "write"):
            want = "write" if d["did"] == "write" else "read"
            space = {"DB10": 10, "DB99": 99, "M": None}[d["area"]]
            found = [p for m in heard if m["act"] == want for p in m.get("points", ()) if p.get("number") == d["start"] * 8 and (space is None or p.get("space") == space)]
            yield f"{d['did']} {d['area']} from {d['start']}", bool(found), [m for m in heard if m["act"] == want][:4]
            if d.get("done") is False:
                yield f"{d['did']} {d['area']}: refused", any(p.get("status") for p in found), found
        elif d["did"] in ("stop", "start"):
            said = [m for m in heard if m["act"] == "run" and d["did"] in (m["name"] + "hot start").lower()]
            yield f"{d['did']}", bool(said) == bool(d["done"]) or bool(said), [m["name"] for m in heard]
        elif d["did"] == "szl":
            yield f"identity {d['order']}", d["order"].strip() in told, told


def enip(link):
    """The client is npm's; what answers it is ours (enip.js says why), so that only the questions are a foreign stack's."""
    need_module("ethernet-ip")
    link.serve(["node", here / "enip.js", "server", server], until='"ready"')
    did = link.asked_lines(["node", here / "enip.js", "client", server])
    heard, _ = link.heard("enip")
    told = " ".join(str(v) for m in heard if "identity" in m for v in m["identity"].values())
    heard = [m for m in heard if "identity" not in m]
    yield "the client did what it was asked", len(did) == 5, did

    def said(name, act, tag, role):
        return [(m, p) for m in heard if m["name"] == name and m["act"] == act and m["role"] == role for p in m.get("points", ()) if p.get("object") == tag]

    def value(name, act, tag, role, wanted):
        return any(p.get("value") == wanted for _, p in said(name, act, tag, role))

    for d in did:
        if d["did"] == "identity":
            yield f"identity {d['name']}", d["name"] in told and (str(d["serial"]) in told or f"{d['serial']:08X}" in told or f"{d['serial']:08x}" in told), told
            yield f"slot {d['slot']}", any(m.get("station") == 1 << 8 | d["slot"] for m in heard), heard[:6]
        elif d["did"] == "group":
            members = [m for m in heard if m["name"] == "Multiple_Service_Packet"]
            yield "several tags in one message", bool(members), sorted({m["name"] for m in heard})
            for tag, wanted in d["tags"].items():
                yield f"of several: {tag} is {wanted}", value("Read Tag", "read", tag, "response", wanted), said("Read Tag", "read", tag, "response")
        elif d.get("refused"):
            yield f"{d['did']} {d['tag']}: refused", any("refused" in m.get("flags", ()) for m, _ in said(d["did"], "read", d["tag"], "response")), heard[-4:]
        else:
            act, role = ("write", "request") if d["did"] == "Write Tag" else ("read", "response")
            yield f"{d['did']} {d['tag']}: {d['value']}", value(d["did"], act, d["tag"], role, d["value"]), said(d["did"], act, d["tag"], role) or heard[:8]


def bacnet(link):
    need_module("node-bacnet")
    link.serve(["node", here / "bacnet.js", "server", server, broadcast], until='"ready"')
    did = link.asked_lines(["node", here / "bacnet.js", "client", client, broadcast, server])
    heard, _ = link.heard("bacnet")
    heard = [m for m in heard if "identity" not in m]
    yield "the client did what it was asked", len(did) >= 3, did
    for d in did:
        if d["did"] == "iAm":
            yield f"I-Am of device {d['device']}", any("i-am" in m.get("name", "").lower() and (d["device"] in [p["number"] & 0x3fffff for p in m.get("points", ())] or m.get("station") == d["device"]) for m in heard), heard[:3]
            continue
        number = d["type"] << 22 | d["instance"]
        found = [(m, p) for m in heard if m["name"] == d["did"] + " property" for p in m.get("points", ()) if p["number"] == number]
        yield f"{d['did']} {d['type']}:{d['instance']}", bool(found), heard[:6]
        if d["value"] is not None:
            yield f"{d['did']} {d['type']}:{d['instance']}: {d['value']}", any(p.get("value") == d["value"] for _, p in found), found
        if d["error"]:
            yield f"{d['did']} {d['type']}:{d['instance']}: refused", any(m["role"] == "response" and "refused" in m.get("flags", ()) for m in heard), heard


# SNMPv2-MIB's system group goes by its names.
SYSTEM = dict(zip("1234567", ("sysDescr", "sysObjectID", "sysUpTime", "sysContact", "sysName", "sysLocation", "sysServices")))


def system_name(oid):
    match = re.fullmatch(r"1\.3\.6\.1\.2\.1\.1\.([1-7])\.0", oid)
    return f"{SYSTEM[match[1]]}.0" if match else oid


def snmp(link):
    need("snmpd", "snmpget", "snmpset", "snmpwalk")
    secret = "vidra-write-84213"
    (link.folder / "snmpd.conf").write_text(f"rocommunity public\nrwcommunity {secret}\nsysDescr a relay of the tests\nagentaddress udp:{server}:161\n")
    link.serve(["snmpd", "-f", "-Lo", "-C", "-c", link.folder / "snmpd.conf", "-I", "system_mib,sysORTable", "-p", link.folder / "pid"], wait=1.5)
    base = ["-v2c", "-On", "-Oe", "-m", ""]
    one = link.ask(["snmpget", *base, "-c", "public", server, "1.3.6.1.2.1.1.1.0", "1.3.6.1.2.1.1.3.0"])
    walked = link.ask(["snmpwalk", *base, "-c", "public", server, "1.3.6.1.2.1.1"])
    written = link.ask(["snmpset", *base, "-c", secret, server, "1.3.6.1.2.1.1.4.0", "s", "the shift"])
    heard, text = link.heard("snmp")
    spoken = {o.lstrip(".") for m in heard if m.get("role") == "response" for o in names_of(m) if o}
    for line in (one + walked).splitlines():
        if match := re.match(r"\.([\d.]+) = ", line):
            yield f"answered {match[1]}", system_name(match[1]) in spoken, sorted(spoken)[:20]
    yield "the description is an identity", any("a relay of the tests" in str(m.get("identity")) for m in heard), [m for m in heard if "identity" in m]
    yield "the write is a write", "the shift" in written and any(m.get("act") == "write" and "sysContact.0" in names_of(m) for m in heard), heard[-2:]
    yield "no community is told", secret not in text and '"public"' not in text, ""


def ntp(link):
    need("chronyd", "chronyc")
    (link.folder / "server.conf").write_text(f"local stratum 7\nallow\ncmdport 0\nbindcmdaddress /\nbindaddress {server}\npidfile {link.folder}/s.pid\n")
    (link.folder / "client.conf").write_text(f"server {server} iburst minpoll 0 maxpoll 0\nbindcmdaddress {link.folder}/c.sock\ncmdport 0\npidfile {link.folder}/c.pid\n")
    link.serve(["chronyd", "-u", "root", "-x", "-d", "-f", link.folder / "server.conf"], wait=1)     # -x: nobody's clock is touched
    link.start(link.hosts[0], ["chronyd", "-u", "root", "-x", "-d", "-f", link.folder / "client.conf"], wait=9)
    told = dict(re.findall(r"^([A-Z][\w /]*?)\s+: (.*)$", link.ask(["chronyc", "-h", link.folder / "c.sock", "-n", "ntpdata", server]), re.M))
    heard, _ = link.heard("ntp")
    answers = [m for m in heard if m["role"] == "response"]
    asked = [m for m in heard if m["role"] == "request"]
    total = int(told["Total RX"])
    yield f"{total} answers were received", total <= len(answers) <= total + 2, f"{len(answers)} heard"
    yield f"{told['Total TX']} questions were sent", int(told["Total TX"]) <= len(asked) <= int(told["Total TX"]) + 2, f"{len(asked)} heard"
    if not answers:
        return
    said = json.dumps(answers[-1])
    yield f"stratum {told['Stratum']}", any(p.get("value") == int(told["Stratum"]) for p in answers[-1].get("points", ())), said
    yield f"reference {told['Reference ID']}", told["Reference ID"].split()[0].lower() in said.lower() or "127.127.1.1" in said or str(int(told["Reference ID"].split()[0], 16)) in said, said


def ptp(link):
    need("ptp4l", "pmc")
    (link.folder / "ptp.conf").write_text("[global]\ntime_stamping software\nfree_running 1\nnetwork_transport L2\nuds_address /var/run/vidra-ptp-{0}\n")
    conf = (link.folder / "ptp.conf").read_text()
    for side in "ab":
        (link.folder / f"{side}.conf").write_text(conf.replace("/var/run/vidra-ptp-{0}", f"{link.folder}/{side}.uds") + (f"priority1 {200 if side == 'a' else 100}\n"))
    link.serve(["ptp4l", "-f", link.folder / "b.conf", "-i", "vb", "-m"], wait=1)
    link.start(link.hosts[0], ["ptp4l", "-f", link.folder / "a.conf", "-i", "va", "-m"], wait=12)
    stats = dict(re.findall(r"(rx_\w+|tx_\w+)\s+(\d+)", link.ask(["pmc", "-u", "-b", "0", "-s", link.folder / "a.uds", "-i", link.folder / "pmc.uds", "GET PORT_STATS_NP"])))
    parent = dict(re.findall(r"(\w+)\s+([0-9a-f.]+-?\d*)", link.ask(["pmc", "-u", "-b", "0", "-s", link.folder / "a.uds", "-i", link.folder / "pmc.uds", "GET PARENT_DATA_SET"])))
    time.sleep(0.5)
    link.listener.send_signal(signal.SIGTERM)
    link.listener.wait()
    count = json.loads(subprocess.run([options.vidra, "decode", "--count", link.capture], capture_output=True, text=True, check=True).stdout)["protocols"].get("ptp", {"records": 0})
    ours = subprocess.run([options.vidra, "decode", "--json", "--protocol", "ptp", link.capture], capture_output=True, text=True, check=True).stdout
    theirs = sum(int(v) for v in stats.values())
    yield f"{theirs} messages by the port's own statistics", theirs <= count["records"] <= theirs * 1.1 + 8, f"{count['records']} heard"
    master = parent.get("grandmasterIdentity", "?")
    yield f"grandmaster {master}", master.replace(".", "") in ours.replace(".", "").replace(":", "").replace("-", ""), ours[:600]


cases = [opcua, s7, enip, bacnet, snmp, ntp, ptp]
if os.geteuid() != 0 or not shutil.which("ip"):
    print("1..0 # SKIP skipped: network namespaces want root and ip")
    sys.exit(0)
if not shutil.which("tcpdump"):
    print("1..0 # SKIP skipped: tcpdump is not installed")
    sys.exit(0)
number = failed = 0
for case in cases:
    if options.only and options.only != case.__name__:
        continue
    with tempfile.TemporaryDirectory(prefix="vidra-peers-") as folder:
        try:
            with Link(pathlib.Path(folder)) as link:
                for what, holds, shown in case(link):
                    number += 1
                    failed += not holds
                    print(f"{'ok' if holds else 'not ok'} {number} - {case.__name__}: {what}", flush=True)
                    if not holds:
                        print("#", str(shown)[:1500])
                if options.keep:
                    options.keep.mkdir(parents=True, exist_ok=True)
                    shutil.copy(link.capture, options.keep / f"{case.__name__}.pcap")
        except Skipped as why:
            number += 1
            print(f"ok {number} - {case.__name__} # SKIP skipped: {why}")
        except (RuntimeError, subprocess.SubprocessError, KeyError) as wrong:
            number += 1
            failed += 1
            print(f"not ok {number} - {case.__name__}: {wrong!r}")
print(f"1..{number}")
sys.exit(bool(failed))
