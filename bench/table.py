#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""One table: the whole pipeline (all dissectors, memory and site loaded, every detector) beside a bare header walk, nDPI's reader,
Suricata as it comes and in one thread with and without EVE, and tshark, on the same captures in the same run: the generated mix, and two woven of real recordings, whole and with
only what is carried by IP (the others do not read GOOSE, sampled values, PROFINET and what else has no IP).

usage: table.py BUILD [--packets N] [--rounds N] [--only mix|woven|woven-ip] [--without PROGRAM,…]

Each round runs the programs in turn (A B C A B C …), each over the whole capture and over its first 20,000 packets; the difference is what
a packet costs, net of what a start costs. A figure is the median of the rounds, a ratio the median of the rounds' ratios; the least and
the greatest stand beside it. CPU time is the kernel's account of each finished process (user and system), of all its threads; "by the clock" is how
long it ran."""
import argparse
import pathlib
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from running import corpus, cost, cut, debian, learned, middle, root, site, suricata_settings  # noqa: E402

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("build")
parser.add_argument("--packets", type=int, default=2_000_000)
parser.add_argument("--rounds", type=int, default=5)
parser.add_argument("--only", choices=["mix", "woven", "woven-ip"])
parser.add_argument("--without", default="")
options = parser.parse_args()
build = (root / options.build).resolve()
vidra = build / "daemon/tool/vidra"
START, SLOW = 20_000, 200_000         # packets of the start's measure; of programs that take microseconds a packet
# Suricata twice: as it comes, with Modbus and DNP3 on, its threads handing packets to each other; and as cheap as it gets ("single"): one
# thread, no checksums looked at, hardly an output. There conversations whose beginning was not recorded are read too, as by everybody else here.
parts = ["stream.midstream=true", "app-layer.protocols.modbus.enabled=yes", "app-layer.protocols.dnp3.enabled=yes", "app-layer.protocols.enip.enabled=yes",
         "outputs.0.fast.enabled=no", "outputs.7.stats.enabled=no"]


def programs(folder, memory, declared):
    """name → (command of a capture, environment, packets it is given)"""
    all_of = {"header walk": (lambda f: [build / "bench/load/walk", f], {}, options.packets),
              "vidra replay": (lambda f: [vidra, "replay", "--config", declared, "--memory", memory, f], {}, options.packets)}
    missing = []
    ndpi, suricata, tshark = debian("ndpiReader", "libndpi-bin"), debian("suricata", "suricata"), debian("tshark", "tshark")
    if ndpi:
        all_of["ndpiReader -q"] = (lambda f: ndpi[0] + ["-q", "-i", f], ndpi[1], options.packets)
    else:
        missing.append("ndpiReader")
    if suricata:
        words = suricata_settings(suricata[0][0], folder)
        as_it_comes = [w for p in ("modbus", "dnp3") for w in ("--set", f"app-layer.protocols.{p}.enabled=yes")]
        all_of["suricata -r"] = (lambda f: suricata[0] + words + as_it_comes + ["-r", f], suricata[1], options.packets)
        thrifty = ["-k", "none", "--runmode", "single"]
        for name, eve in (("… single, no EVE", "no"), ("… single, EVE", "yes")):
            extra = [w for p in parts + [f"outputs.1.eve-log.enabled={eve}"] for w in ("--set", p)]
            all_of[name] = (lambda f, extra=extra: suricata[0] + words + thrifty + extra + ["-r", f], suricata[1], options.packets)
    else:
        missing.append("suricata")
    if tshark:
        all_of["tshark -q"] = (lambda f: tshark[0] + ["-q", "-n", "-r", f, "-Y", "frame.number == 0"], tshark[1], min(SLOW, options.packets))
    else:
        missing.append("tshark")
    if missing:
        print(f"skipped: {', '.join(missing)} could not be had from this machine's Debian mirror")
    for word in filter(None, options.without.split(",")):
        for name in [n for n in all_of if n.startswith(word)]:
            del all_of[name]
    return all_of


def versions():
    for program, package, words in (("suricata", "suricata", ["-V"]), ("tshark", "tshark", ["--version"])):
        found = debian(program, package)
        if found:
            print(cost(found[0] + words, found[1]).output.splitlines()[0])


def table(name, capture, whole, folder, memory, declared):
    """Rounds over one capture; what each program took a packet, by round."""
    all_of = programs(folder, memory, declared)
    short = cut(capture, START, folder / "start.pcap")
    slow = cut(capture, min(SLOW, whole), folder / "slow.pcap")
    net, total, clock, resident = ({p: [] for p in all_of} for _ in range(4))
    for command, environment, _ in all_of.values():       # the page cache warm, the programs loaded
        cost(command(short), environment)
    for _ in range(options.rounds):
        for p, (command, environment, packets) in all_of.items():
            file, n = (slow, min(SLOW, whole)) if packets < options.packets else (capture, whole)
            long = cost(command(file), environment)
            start = cost(command(short), environment)
            for each in folder.glob("eve.json"):
                each.unlink()
            total[p].append(long.cpu / n * 1e9)
            clock[p].append(long.wall / n * 1e9)
            net[p].append((long.cpu - start.cpu) / (n - START) * 1e9)
            resident[p].append(long.resident / 1e6)
    print(f"\n{name}: {whole:,} packets, {options.rounds} rounds")
    print(f"{'':<18}{'ns a packet':>12}{'net of start':>14}{'by the clock':>14}{'× walk':>9}{'least..most':>15}{'MB':>8}{'vidra is':>12}")
    for p in all_of:
        by_walk = [a / b for a, b in zip(net[p], net["header walk"])]
        beside = middle([a / b for a, b in zip(net[p], net["vidra replay"])])
        print(f"{p:<18}{middle(total[p]):>12.1f}{middle(net[p]):>14.1f}{middle(clock[p]):>14.1f}{middle(by_walk):>9.1f}{f'{min(by_walk):.1f}..{max(by_walk):.1f}':>15}{middle(resident[p]):>8.0f}"
              + (f"{f'1/{beside:.2f}':>12}" if p not in ("header walk", "vidra replay") else ""))
    return net, clock


def goal(text, mine, other, at_most):
    ratios = [a / b for a, b in zip(mine, other)]
    r = middle(ratios)
    print(f"goal: {text}: {r:.2f} of it{f', 1/{1 / r:.2f}' if r < 1 else ''} ({min(ratios):.2f} to {max(ratios):.2f}): {'reached' if r <= at_most else 'MISSED'}")


def beside_others(name, words, folder):
    woven = folder / f"{name}.pcap"
    said = cost([build / "bench/load/weave", *words, woven, options.packets, 1, corpus]).output.strip()
    print("\n" + said)
    memory, declared = learned(vidra, woven, folder)
    net, _ = table("woven of real recordings" + (", IP only, which all of them read" if words else ""), woven, int(said.split()[0]), folder, memory, declared)
    for other, share in (("… single, no EVE", 6), ("… single, EVE", 15), ("ndpiReader -q", 2)):
        if other in net:
            goal(f"vidra ≤ 1/{share} of {other}", net["vidra replay"], net[other], 1 / share)
    woven.unlink()


def main():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="vidra-bench-", dir="/var/tmp"))
    try:
        versions()
        if options.only in (None, "mix"):
            mix, declared = folder / "mix.pcap", folder / "mix.site.toml"
            said = cost([build / "bench/load/mix", mix, options.packets]).output.strip()
            print(said, "over 1,000 flows")
            declared.write_text(site(1000))
            memory, _ = learned(vidra, mix, folder)
            net, clock = table("generated mix", mix, int(said.split()[0]), folder, memory, declared)
            for most in (12, 6):
                goal(f"vidra ≤ {most} × header walk", net["vidra replay"], net["header walk"], most)
            if "suricata -r" in net:
                goal("vidra ≤ 1/3 of suricata -r", net["vidra replay"], net["suricata -r"], 1 / 3)
                goal("by the clock, starts and all", clock["vidra replay"], clock["suricata -r"], 1 / 3)
            mix.unlink()
        if options.only == "mix":
            return
        if not corpus.exists():
            print("skipped: no corpus to weave from (../shared/corpus)")
            return
        for name, words in (("woven", []), ("woven-ip", ["--ip"])):
            if options.only in (None, name):
                beside_others(name, words, folder)
    finally:
        shutil.rmtree(folder)


main()
