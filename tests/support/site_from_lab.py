#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes a lab recording's declared truth (*.site.json) as a site in TOML: site_from_lab.py demo.site.json > alder.toml"""
import json
import re
import sys

# The lab's names of protocols and ours, where they differ.
PROTOCOLS = {"s7comm": "s7", "synphasor": "c37118", "iec61850": "mms", "iec60870_104": "iec104", "mbtcp": "modbus"}

ROLES = [  # the first word found in the lab's free text decides
    ("router", "router"), ("firewall", "router"), ("time server", "time"), ("historian", "server"), ("concentrator", "server"),
    ("file server", "server"), ("management station", "hmi"), ("hmi", "hmi"), ("engineering", "engineering"), ("front end", "master"),
    ("front-end", "master"), ("master station", "master"), ("scada", "master"), ("outstation", "rtu"), ("rtu", "rtu"), ("controlled station", "rtu"), ("gateway", "rtu"),
    ("ied", "ied"), ("relay", "ied"), ("merging unit", "ied"), ("pmu", "ied"), ("meter", "meter"), ("plc", "plc"), ("controller", "plc"), ("remote i/o", "plc"),
    ("server", "server"),
]


def role_of(text):
    low = text.lower()
    found = [(m.start(), role) for word, role in ROLES for m in [re.search(r"\b" + re.escape(word) + r"\b", low)] if m]
    return min(found)[1] if found else "other"


def quoted(value):
    return json.dumps(value, ensure_ascii=False)


def table(name, pairs):
    print(f"\n[[{name}]]")
    for key, value in pairs:
        if value is None or value == "" or value == []:
            continue
        if isinstance(value, bool):
            value = "true" if value else "false"
        elif isinstance(value, list):
            value = "[" + ", ".join(quoted(v) if isinstance(v, str) else str(v) for v in value) + "]"
        elif isinstance(value, str):
            value = quoted(value)
        print(f"{key} = {value}")


READING = {"session", "identify", "browse", "read", "subscribe", "report", "diagnose"}


def acts_of(protocol, server, text):
    """The acts that the lab's sentence about a conversation allows."""
    low = text.lower()
    acts = set()
    if protocol in ("iec104", "dnp3") and re.search(r"command|crob|operate", low):
        acts |= {"select", "operate", "cancel", "write"} if protocol == "iec104" else {"select", "operate"}
    if re.search(r"c_cs|time sync", low):
        acts.add("time")
    if "c_ci" in low:
        acts.add("read")
    if protocol == "mms":
        if re.search(r"sbo|oper\b", low):
            acts |= {"select", "operate", "cancel"}
        if re.search(r"report control|goena", low):
            acts |= {"configure", "subscribe"}
    if re.search(r"\bfiles?\b|share|read only", low):
        acts.add("file")
    if re.search(r"writeproperty|cyclic i/o", low):
        acts.add("write")
    if protocol == "modbus":
        only = re.search(r"write only (\w+)", low)
        if only and only.group(1) == server.lower() or ("write" in low and not only):
            acts |= {"write", "operate"}
    if protocol == "c37118" and "data on" in low:
        acts |= {"run", "subscribe"}
    return ["reading"] + sorted(acts - READING) if acts - READING else None


def modbus_objects(text, server):
    m = re.search(r"write only (\w+) (.*)", text)
    if not m or m.group(1) != server:
        return []
    kinds = {"holding register": "holding register", "coil": "coil"}
    found = []
    for kind, name in kinds.items():
        for n in re.finditer(kind + r"s? (\d+(?:-\d+)?)", m.group(2)):
            found.append(f"{name} {n.group(1)}")
    return found


def ports_of(text):
    ports = [p.strip() for p in text.split(",") if p.strip()]
    return ports[0] if len(ports) == 1 else ports


def spans(numbers):
    """1, 2, 3, 7 -> (1, 3), (7, 7)"""
    out = []
    for n in sorted(numbers):
        if out and out[-1][1] + 1 == n:
            out[-1][1] = n
        else:
            out.append([n, n])
    return out


def indices(text):
    m = re.match(r"\s*(\d+)(?:\s*-\s*(\d+))?", str(text))
    return (int(m.group(1)), int(m.group(2) or m.group(1))) if m else None


def dnp3_points(d):
    host, outstation = d["outstation"], d["outstation_address"]
    points = d.get("points", {})
    feedback = re.search(r"feedback of CROB (\d+)", str(points.get("binary_inputs", "")))
    for key, kind in [("crob", "crob"), ("analog_outputs", "analog_output"), ("binary_inputs", "binary_input"),
                      ("double_bit_inputs", "double_bit_input"), ("analog_inputs", "analog_input"), ("counters", "counter")]:
        if key not in points:
            continue
        text = str(points[key])
        first, last = indices(text)
        mode = "select" if "select before operate" in text else "direct" if "direct" in text else None
        limits = {int(i): (float(a), float(b)) for i, a, b in re.findall(r"index (\d+) range (-?[\d.]+?)\.\.(-?[\d.]+)", text)}
        cuts = sorted(limits)
        pieces, at = [], first
        for cut in cuts:
            if at < cut:
                pieces.append((at, cut - 1, None))
            pieces.append((cut, cut, limits[cut]))
            at = cut + 1
        if at <= last:
            pieces.append((at, last, None))
        for a, b, limit in pieces:
            table("dnp3_point", [
                ("host", host), ("outstation", outstation), ("type", kind), ("index", a if a == b else f"{a}-{b}"), ("mode", mode),
                ("feedback", int(feedback.group(1)) + a - first if kind == "crob" and feedback else None),
                ("min", limit[0] if limit else None), ("max", limit[1] if limit else None)])


def milliseconds(n):
    return f"{n}ms" if n is not None else None


def type_of(entry):
    """Of a member of a GOOSE data set, by the last part of its name."""
    last = entry.rsplit(".", 1)[-1]
    if last == "q":
        return "quality"
    if last == "t":
        return "time"
    if last == "stVal" and "Pos" in entry:
        return "double_point"
    return "boolean" if last in ("general", "stVal") else "any"


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: site_from_lab.py SITE.json > site.toml")
    site = json.load(open(sys.argv[1], encoding="utf-8"))
    print("# A site as its operator declares it. Every key is explained in docs/SITE.md; `vidra check` names what is wrong.")
    if "capture_point" in site:
        print(f"# Heard from: {site['capture_point']}.")
    print("\n[site]")
    print(f"name = {quoted(site['name'])}")
    subnets = site.get("subnets", {})
    print("prefixes = [" + ", ".join(quoted(p) for p in subnets.values()) + "]")
    for name, prefix in subnets.items():
        table("zone", [("name", name.replace(" ", "_")), ("prefixes", [prefix])])
    for h in site["hosts"]:
        zone = h.get("network", "").replace(" ", "_")
        table("host", [
            ("name", h["name"]), ("address", h.get("ip")), ("mac", h.get("mac")), ("seen_with", h.get("seen_with_mac")),
            ("role", role_of(h.get("role", ""))), ("zone", zone if zone in [n.replace(" ", "_") for n in subnets] else None), ("note", h.get("role"))])

    iec104 = site.get("iec104") or {}
    iec104 = iec104 if isinstance(iec104, list) else [iec104] if iec104 else []
    dnp3 = site.get("dnp3") or {}
    dnp3 = dnp3 if isinstance(dnp3, list) else [dnp3] if dnp3 else []
    origins = {}
    for d in iec104:
        if "originator_address" in d:
            origins[(d["master"], d["station"], "iec104")] = d["originator_address"]
    for d in dnp3:
        if "master_address" in d:
            origins[(d["master"], d["outstation"], "dnp3")] = d["master_address"]

    for c in site["allowed_conversations"]:
        protocol = PROTOCOLS.get(c["protocol"], c["protocol"])
        origin = origins.get((c["client"], c["server"], protocol))
        table("conversation", [
            ("client", c["client"]), ("server", c["server"]), ("protocol", protocol), ("port", ports_of(c.get("port", ""))),
            ("acts", acts_of(protocol, c["server"], c.get("operations", ""))), ("objects", modbus_objects(c.get("operations", ""), c["server"])),
            ("origins", [origin] if origin is not None else None), ("note", c.get("operations"))])

    for d in iec104:
        table("master_group", [("name", f"masters of {d['station']}"), ("members", [d["master"]]), ("stations", [d["station"]])])
    for d in dnp3:
        table("master_group", [("name", f"masters of {d['outstation']}"), ("members", [d["master"]]), ("stations", [d["outstation"]])])

    for d in iec104:
        modes = {"select-execute": "select", "direct": "direct"}
        for p in d["points"]:
            table("iec104_point", [
                ("host", d["station"]), ("station", d["common_address"]), ("address", p["ioa"]), ("type", p["type"].split(" ")[0]),
                ("direction", p["direction"]), ("mode", modes.get(p.get("mode"))), ("feedback", p.get("feedback")), ("min", p.get("min")), ("max", p.get("max")),
                ("step", p.get("step"))])
    for d in dnp3:
        dnp3_points(d)

    modbus = site.get("modbus") or {}
    for key, tables in modbus.items():
        if not key.endswith("_writable"):
            continue
        for name, addresses in tables.items():
            for first, last in spans(addresses):
                table("modbus_point", [
                    ("host", key.removesuffix("_writable")), ("unit", modbus.get("unit", 1)), ("table", name.removesuffix("s")),
                    ("address", first if first == last else f"{first}-{last}"), ("writable", True)])

    for d in site.get("goose") or []:
        table("publisher", [
            ("kind", "goose"), ("reference", d["gocbref"]), ("host", d["publisher"]), ("source", d.get("src_mac")), ("destination", d.get("dst_mac")),
            ("appid", int(d["appid"], 16)), ("vlan", d.get("vlan_id")), ("priority", d.get("vlan_priority")), ("conf_rev", d.get("confrev")),
            ("data_set", d.get("dataset")), ("go_id", d.get("goid")), ("entries", d.get("entries")), ("types", [type_of(e) for e in d.get("entry_list", [])]),
            ("min_time", milliseconds(d.get("min_time_ms"))), ("max_time", milliseconds(d.get("max_time_ms")))])
    for d in site.get("sv") or []:
        table("publisher", [
            ("kind", "sv"), ("reference", d["svid"]), ("host", d["publisher"]), ("source", d.get("src_mac")), ("destination", d.get("dst_mac")),
            ("appid", int(d["appid"], 16)), ("vlan", d.get("vlan_id")), ("priority", d.get("vlan_priority")), ("conf_rev", d.get("confrev")),
            ("rate", d.get("sample_rate_per_s")), ("asdus", d.get("no_asdu")), ("synchronised", d["smp_synch"] > 0 if "smp_synch" in d else None),
            ("intermittent", True if "intermittent" in d.get("operation", "") else None)])


if __name__ == "__main__":
    main()
