#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How cost and memory grow: with the conversations that are open at once (1,000 to 1,000,000), and with the entries of Memory and Site
(10 to 100,000). Prints the tables and draws the curves.

usage: growth.py BUILD [--rounds N] [--largest FLOWS] [--packets N] [--draw FOLDER]

Conversations: one capture that opens so many and one that goes on for N packets; the difference is what a packet costs once all are open. A
round goes through all sizes, a figure is the median of the rounds. Memory is that which is no file's (RssAnon), at its highest. Entries: the
mix of 1,000 conversations, whose own entries are among so many others; a capture of one frame says what loading costs."""
import argparse
import math
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from running import cost, cut, middle, root, site  # noqa: E402

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("build")
parser.add_argument("--rounds", type=int, default=3)
parser.add_argument("--largest", type=int, default=1_000_000)
parser.add_argument("--packets", type=int, default=1_000_000)
parser.add_argument("--draw", default=None, metavar="FOLDER")
options = parser.parse_args()
build = (root / options.build).resolve()
vidra, mix = build / "daemon/tool/vidra", build / "bench/load/mix"


def anonymous(command):
    """CPU seconds, the most memory that was no file's while it ran, in octets, what it said, seconds by the clock."""
    most, began = 0, time.monotonic()
    with tempfile.TemporaryFile() as out:
        process = subprocess.Popen([str(c) for c in command], stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT)
        done = threading.Event()

        def watch():
            nonlocal most
            while not done.wait(0.02):
                try:
                    found = re.search(r"RssAnon:\s+(\d+)", pathlib.Path(f"/proc/{process.pid}/status").read_text())
                except OSError:
                    return
                most = max(most, int(found.group(1)) * 1024 if found else 0)

        watcher = threading.Thread(target=watch)
        watcher.start()
        _, status, used = os.wait4(process.pid, 0)
        took = time.monotonic() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        done.set()
        watcher.join()
        out.seek(0)
        said = out.read().decode(errors="replace")
    if process.returncode:
        sys.exit(f"{' '.join(map(str, command))} ended with {process.returncode}:\n{said[-2000:]}")
    return used.ru_utime + used.ru_stime, most, said, took


def packets_said(text):
    return int(re.sub(r"\D", "", text.split(" packets")[0].rsplit("\n", 1)[-1]))


def table(held, this, least, command):
    """Octets of tables that each conversation more than the fewest takes; "" for the fewest."""
    held[this] = float(re.search(r"([0-9.]+) MB more", cost(command).output).group(1)) * 1e6
    return "" if this == least else f"{(held[this] - held[least]) / (this[1] - least[1]):.0f}"


def by_flows(folder):
    sizes = [n for n in (1_000, 10_000, 100_000, 1_000_000) if n <= options.largest]
    captures = {}
    for n in sizes:
        for kind in ("protocols", "plain"):
            words = [n, 1] + (["plain"] if kind == "plain" else [])
            opened = cost([mix, folder / f"{kind}.{n}.open.pcap", 1, *words]).output
            more = cost([mix, folder / f"{kind}.{n}.pcap", packets_said(opened) + options.packets, *words]).output
            captures[kind, n] = packets_said(more) - packets_said(opened)
            subprocess.run([vidra, "learn", folder / f"{kind}.{n}.pcap", "-o", folder / f"{kind}.{n}.memory.toml"], check=True, capture_output=True)
        (folder / f"{n}.toml").write_text(f'[traffic]\nflows = {n + n // 10 + 1000}\nparsers = "4 GiB"\ntcp_idle = "24h"\n[judge]\nflows = {n + n // 10 + 1000}\nhosts = 1000000\n'
                                          + site(min(n, 1000)))
    measured = {key: [] for key in captures}
    resident = {key: [] for key in captures}
    first = {key: [] for key in captures}
    for _ in range(options.rounds):
        for kind, n in captures:
            command = [vidra, "replay", "--config", folder / f"{n}.toml"] + ["--memory", folder / f"{kind}.{n}.memory.toml"]
            opened, *_ = anonymous(command + [folder / f"{kind}.{n}.open.pcap"])
            whole, most, said, _ = anonymous(command + [folder / f"{kind}.{n}.pcap"])
            measured[kind, n].append((whole - opened) / captures[kind, n] * 1e9)
            resident[kind, n].append(most)
            first[kind, n].append(said.strip().rsplit("\n", 1)[-1])
    print(f"conversations open at once, {options.packets:,} packets after all were opened, {options.rounds} rounds; 'table': octets that each further conversation takes in the flow table, its indexes and parsers; 'decided': once nobody waits to know what it is")
    print(f"{'':>12}{'with protocols, ns a packet':>30}{'× 1,000':>9}{'MB':>8}{'table':>8}{'plain, ns a packet':>24}{'× 1,000':>9}{'MB':>8}{'table':>8}{'decided':>9}")
    held = {}
    for n in sizes:
        row = f"{n:>12,}"
        for kind, width in (("protocols", 30), ("plain", 24)):
            ns, least = measured[kind, n], measured[kind, sizes[0]]
            column = lambda what, *words: table(held, (what, n), (what, sizes[0]), [build / "bench/traffic_bench", "--octets", n + n // 10 + 1000, folder / f"{kind}.{n}.pcap", *words])  # noqa: E731, B023
            row += f"{f'{middle(ns):.0f} ({min(ns):.0f} to {max(ns):.0f})':>{width}}{middle([a / b for a, b in zip(ns, least)]):>9.2f}{middle(resident[kind, n]) / 1e6:>8.0f}{column(kind):>8}"
            if kind == "plain":
                row += f"{column('decided', 'decided'):>9}"
        print(row)
    for kind, n in captures:
        print(f"  {kind}, {n:,}: {first[kind, n][0]}")
    return sizes, {k: middle(v) for k, v in measured.items()}, {k: middle(v) for k, v in resident.items()}


def entries(n, learned):
    """A memory and a site with n entries beside those of the mix: hosts and conversations that nobody meets, half of them with a master of the mix."""
    more, declared = [], []
    block = re.search(r'\[\[conversation\]\]\nclient = "10\.1\..*?(?=\n\[\[)', learned, re.S).group(0)
    host = re.search(r'\[\[host\]\]\naddress = "10\.2\..*?(?=\n\[\[)', learned, re.S).group(0)
    for i in range(n // 2):
        a = f"10.{64 + (i >> 16)}.{i >> 8 & 255}.{i & 255}"
        more += [re.sub(r'address = ".*?"', f'address = "{a}"', host),
                 re.sub(r'server = ".*?"', f'server = "{a}"', block if i % 2 else re.sub(r'client = ".*?"', 'client = "10.99.0.1"', block))]
        declared += ['[[host]]', f'name = "e{i}"', f'address = "{a}"', 'role = "rtu"', '[[conversation]]', f'client = "{"m1" if i % 2 else "s1"}"', f'server = "e{i}"', 'protocol = "iec104"']
    first = learned.index("[[conversation]]")
    hosts, conversations = [m for m in more if m.startswith("[[host")], [m for m in more if m.startswith("[[conv")]
    return learned[:first] + "\n\n".join(hosts) + "\n\n" + "\n\n".join(conversations) + "\n\n" + learned[first:], site(1000).replace("10.8.0.0/13", "10.8.0.0/13\", \"10.64.0.0/10") + "\n".join(declared) + "\n"


def by_entries(folder):
    sizes = [10, 100, 1_000, 10_000, 100_000]
    capture = folder / "mix.pcap"
    packets = packets_said(cost([mix, capture, options.packets]).output)
    one = cut(capture, 1, folder / "one.pcap")
    subprocess.run([vidra, "learn", capture, "-o", folder / "memory.toml"], check=True, capture_output=True)
    learned = (folder / "memory.toml").read_text()
    for n in sizes:
        memory, declared = entries(n, learned)
        (folder / f"e{n}.memory.toml").write_text(memory)
        (folder / f"e{n}.toml").write_text(declared)
    (folder / "empty.toml").write_text(site(0))
    ns, load, clock, resident = ({n: [] for n in sizes} for _ in range(4))
    for _ in range(options.rounds):
        nothing, _, _, none = anonymous([vidra, "replay", "--config", folder / "empty.toml", one])
        for n in sizes:
            command = [vidra, "replay", "--config", folder / f"e{n}.toml", "--memory", folder / f"e{n}.memory.toml"]
            start, _, _, took = anonymous(command + [one])
            whole, most, *_ = anonymous(command + [capture])
            ns[n].append((whole - start) / packets * 1e9)
            load[n].append(start - nothing)
            clock[n].append(took - none)
            resident[n].append(most)
    print(f"\nentries of Memory and of Site beside those of the mix's 1,000 conversations, {packets:,} packets, {options.rounds} rounds")
    print(f"{'':>12}{'ns a packet':>24}{'× 10':>8}{'CPU s to load':>15}{'by the clock':>14}{'MB':>8}")
    for n in sizes:
        print(f"{n:>12,}{f'{middle(ns[n]):.0f} ({min(ns[n]):.0f} to {max(ns[n]):.0f})':>24}{middle([a / b for a, b in zip(ns[n], ns[10])]):>8.2f}{middle(load[n]):>15.2f}{middle(clock[n]):>14.2f}{middle(resident[n]) / 1e6:>8.0f}")
    return sizes, {n: middle(ns[n]) for n in sizes}, {n: middle(load[n]) for n in sizes}


def plot(path, title, across, up, curves, goal=None):
    """Curves over a logarithmic axis: {name: [(x, y)]}; as SVG that reads on light and dark pages."""
    width, height, left, right, top, bottom = 640, 340, 70, 150, 40, 50
    xs = sorted({x for points in curves.values() for x, _ in points})
    most = max([y for points in curves.values() for _, y in points] + ([goal[1]] if goal else [])) * 1.1
    step = 10 ** math.floor(math.log10(most / 3))
    step *= next(k for k in (1, 2, 5, 10) if most / (step * k) <= 6)
    at_x = lambda x: left + (math.log10(x) - math.log10(xs[0])) / (math.log10(xs[-1]) - math.log10(xs[0])) * (width - left - right)  # noqa: E731
    at_y = lambda y: height - bottom - y / most * (height - top - bottom)  # noqa: E731
    colours = ["#0969da", "#bf8700", "#1a7f37", "#8250df"]
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12" role="img" aria-label="{title}">',
           f'<rect width="{width}" height="{height}" rx="6" fill="#ffffff"/>', f'<text x="{left}" y="22" font-size="14" fill="#1f2328">{title}</text>']
    y = 0
    while y <= most:
        out.append(f'<path d="M{left} {at_y(y):.1f}H{width - right}" stroke="#d1d9e0"/><text x="{left - 8}" y="{at_y(y) + 4:.1f}" text-anchor="end" fill="#59636e">{y:,.10g}</text>')
        y += step
    for x in xs:
        out.append(f'<path d="M{at_x(x):.1f} {height - bottom}v5" stroke="#59636e"/><text x="{at_x(x):.1f}" y="{height - bottom + 20}" text-anchor="middle" fill="#59636e">{x:,}</text>')
    out.append(f'<text x="{(left + width - right) / 2}" y="{height - 10}" text-anchor="middle" fill="#59636e">{across}</text>')
    out.append(f'<text transform="translate(18 {(top + height - bottom) / 2}) rotate(-90)" text-anchor="middle" fill="#59636e">{up}</text>')
    if goal:
        out.append(f'<path d="M{left} {at_y(goal[1]):.1f}H{width - right}" stroke="#cf222e" stroke-dasharray="5 4"/><text x="{width - right + 8}" y="{at_y(goal[1]) + 4:.1f}" fill="#cf222e">{goal[0]}</text>')
    for (name, points), colour in zip(curves.items(), colours):
        line = " ".join(f"{at_x(x):.1f},{at_y(y):.1f}" for x, y in points)
        out.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        out += [f'<circle cx="{at_x(x):.1f}" cy="{at_y(y):.1f}" r="3" fill="{colour}"/>' for x, y in points]
        out.append(f'<text x="{width - right + 8}" y="{at_y(points[-1][1]) + 4:.1f}" fill="{colour}">{name}</text>')
    path.write_text("\n".join(out) + "\n</svg>\n")


def main():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="vidra-growth-", dir="/var/tmp"))
    try:
        flows, ns, resident = by_flows(folder)
        for each in folder.glob("*.pcap"):
            each.unlink()
        counts, packet, load = by_entries(folder)
    finally:
        shutil.rmtree(folder)
    if options.draw:
        to = pathlib.Path(options.draw)
        first = ns["protocols", flows[0]]
        plot(to / "growth-conversations.svg", "CPU a packet, by conversations open at once", "conversations", "ns a packet",
             {name: [(n, ns[kind, n]) for n in flows] for name, kind in (("with protocols", "protocols"), ("plain", "plain"))}, ("2 × that of 1,000", 2 * first))
        plot(to / "growth-memory.svg", "Memory, by conversations open at once", "conversations", "MB",
             {name: [(n, resident[kind, n] / 1e6) for n in flows] for name, kind in (("with protocols", "protocols"), ("plain", "plain"))}, ("goal: 600 MB", 600))
        plot(to / "growth-entries.svg", "CPU a packet, by entries of Memory and Site", "entries", "ns a packet", {"mix": [(n, packet[n]) for n in counts]}, ("1.15 × that of 10", 1.15 * packet[10]))


main()
