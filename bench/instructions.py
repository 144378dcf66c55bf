# SPDX-License-Identifier: Apache-2.0
"""Instructions a packet, whole and by stage, from valgrind's callgrind: the difference of two lengths of one mix, so that what a start
costs cancels out. A function belongs to the room that its file lies in, with all that was inlined into it; a function of a library
(memcpy, the standard library's templates) belongs to the rooms that call it, by what it costs for each."""
import collections
import json
import pathlib
import platform
import re
import subprocess

STAGES = ["capture", "traffic", "dissectors", "judge", "report"]
SHORT, LONG, FLOWS = 10_000, 20_000, 200


def stage_of(file):
    m = re.search(r"(?:^|/)(?:daemon/(capture|traffic|judge|report)|(dissectors))/", file)
    return m and (m.group(1) or m.group(2))


def stages(profile):
    """Instructions by stage of one callgrind file; 'else' is what no room called (the start, the tool itself)."""
    names, own, calls = {}, collections.Counter(), collections.Counter()
    file = function = callee_file = callee = None
    in_call = False

    def named(kind, text):
        number, _, name = text.partition(" ")
        if name:
            names[kind, number] = name
        return names[kind, number]

    with open(profile, errors="replace") as lines:
        for line in lines:
            line = line.rstrip("\n")
            if not line:
                continue
            if line[0].isdigit() or line[0] in "+-*":
                cost = int(line.split()[1])
                if in_call:
                    calls[function, callee] += cost
                    in_call = False
                else:
                    own[function] += cost
                continue
            key, _, value = line.partition("=")
            if key == "fl":
                file = named("file", value)
            elif key == "fn":
                function = (file, named("function", value))
                callee_file = None
            elif key in ("cfi", "cfl"):
                callee_file = named("file", value)
            elif key in ("fi", "fe"):
                named("file", value)
            elif key == "cfn":
                callee = (callee_file or function[0], named("function", value))
                callee_file = None
            elif key == "calls":
                in_call = True

    share = {f: {stage_of(f[0]) or "else": 1.0} for f in set(own) | {f for edge in calls for f in edge}}
    callers = collections.defaultdict(list)
    for (caller, callee), cost in calls.items():
        if not stage_of(callee[0]) and caller != callee:
            callers[callee].append((caller, cost))
    for _ in range(12):                          # as deep as libraries call each other
        for function, by in callers.items():
            whole = sum(cost for _, cost in by)
            if not whole:
                continue
            mix = collections.Counter()
            for caller, cost in by:
                for stage, part in share[caller].items():
                    mix[stage] += part * cost / whole
            share[function] = dict(mix)
    total = collections.Counter()
    for function, cost in own.items():
        for stage, part in share[function].items():
            total[stage] += cost * part
    return total


def built_with(vidra):
    """What the figures depend on: compiler, its switches, processor. A text instead of it says why this build is not comparable."""
    folder = next((p for p in pathlib.Path(vidra).resolve().parents if (p / "meson-info/intro-buildoptions.json").exists()), None)
    if not folder:
        return f"{vidra} lies in no build folder of Meson's"
    set_to = {o["name"]: o["value"] for o in json.loads((folder / "meson-info/intro-buildoptions.json").read_text())}
    octets = pathlib.Path(vidra).read_bytes()
    if b"clang version" in octets:
        return "built with clang: the figures are gcc's"
    if set_to["b_sanitize"] != "none":
        return f"built with sanitizers ({set_to['b_sanitize']})"
    if set_to["optimization"] != "2" or set_to["b_lto"] or set_to["b_pgo"] != "off":
        return "built with other switches than -O2"
    switches = [a for a in set_to["cpp_args"] if not re.match(r"-g", a)]
    if switches:
        return f"built with {' '.join(switches)}"
    compiler = re.search(rb"GCC: \(([^)]*)\) ([0-9.]+)", octets)
    if not compiler:
        return "no compiler is named in the program"
    flags = pathlib.Path("/proc/cpuinfo").read_text()
    widest = next((w for w in ("avx512f", "avx2", "avx") if w in flags), "")     # the library chooses its memcpy by it
    return {"compiler": f"gcc {compiler.group(2).decode()} ({compiler.group(1).decode()})", "library": " ".join(platform.libc_ver()), "machine": platform.machine(),
            "vectors": "avx2" if widest == "avx512f" else widest}


def measured(vidra, mix, folder):
    """{'whole': …, stage: …} in instructions a packet. Without line numbers in the program only the whole."""
    folder = pathlib.Path(folder)
    for n in (SHORT, LONG):
        subprocess.run([mix, folder / f"{n}.pcap", str(n), str(FLOWS)], check=True, stdout=subprocess.DEVNULL)
    subprocess.run([vidra, "learn", folder / f"{LONG}.pcap", "-o", folder / "memory.toml"], check=True, stderr=subprocess.DEVNULL)
    (folder / "site.toml").write_text(site(FLOWS))
    counted, packets = {}, {}
    for n in (SHORT, LONG):
        out = folder / f"{n}.callgrind"
        done = subprocess.run(["valgrind", "--tool=callgrind", "--compress-pos=no", f"--callgrind-out-file={out}", vidra, "replay", "--config", folder / "site.toml",
                               "--memory", folder / "memory.toml", folder / f"{n}.pcap"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if done.returncode:
            raise RuntimeError(f"valgrind ended with {done.returncode}: {done.stderr[-2000:]}")
        packets[n] = int(re.sub(r"\D", "", re.search(r"^.*?([\d \u202f]+) packets", done.stdout, re.M).group(1)))
        counted[n] = stages(out)
    more = packets[LONG] - packets[SHORT]
    result = {"whole": sum(counted[LONG].values()) - sum(counted[SHORT].values())}
    for s in STAGES:
        result[s] = counted[LONG][s] - counted[SHORT][s]
    result["else"] = result["whole"] - sum(result[s] for s in STAGES)
    if not counted[LONG]["dissectors"]:
        result = {"whole": result["whole"]}
    return {k: v / more for k, v in result.items()}


def site(flows):
    """The mix's masters, stations and conversations, declared."""
    lines = ['[site]', 'name = "mix"', 'prefixes = ["10.1.0.0/16", "10.2.0.0/15", "10.4.0.0/14", "10.8.0.0/13"]']
    lines += [line for m in range((flows + 49) // 50) for line in ('[[host]]', f'name = "m{m + 1}"', f'address = "10.1.{m + 1 >> 8}.{m + 1 & 255}"', 'role = "master"')]
    for i in range(flows):
        n = i + 1
        lines += ['[[host]]', f'name = "s{n}"', f'address = "10.{2 + (n >> 16)}.{n >> 8 & 255}.{n & 255}"', 'role = "rtu"']
    for i in range(flows):
        protocol = "iec104" if i % 10 < 5 else "modbus" if i % 10 < 8 else "dnp3"
        lines += ['[[conversation]]', f'client = "m{i // 50 + 1}"', f'server = "s{i + 1}"', f'protocol = "{protocol}"']
    return "\n".join(lines) + "\n"
