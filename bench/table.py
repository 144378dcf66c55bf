#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""One table: the pipeline against a bare header walk and against Suricata, on the same files in the same run.

usage: table.py BUILD [--packets N] [--rounds N] [--no-suricata]

Each round runs the programs in turn (A B C A B C …); a figure is the median of the rounds. CPU time is the operating system's
account of each finished process (user + system). What a start costs is measured on a 20,000-packet cut of the same file and taken off
where a column says 'net'."""
import argparse
import os
import pathlib
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile

root = pathlib.Path(__file__).resolve().parent.parent
arguments = argparse.ArgumentParser()
arguments.add_argument("build")
arguments.add_argument("--packets", type=int, default=2_000_000)
arguments.add_argument("--rounds", type=int, default=7)
arguments.add_argument("--no-suricata", action="store_true")
options = arguments.parse_args()
build = (root / options.build).resolve()
folder = pathlib.Path(tempfile.mkdtemp(prefix="vidra-bench-"))


def cpu(command):
    """CPU seconds and peak resident octets of one process."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))} ended with {done.returncode}:\n{done.stdout.decode(errors='replace')[-2000:]}")
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def install_suricata():
    if shutil.which("suricata"):
        return True
    if os.geteuid() != 0:
        return False
    # the repository that this machine's packages come from has the backports too
    targets = subprocess.run(["apt-get", "indextargets", "--format", "$(REPO_URI) $(CODENAME) $(COMPONENT)", "Created-By: Packages"], capture_output=True, text=True)
    home = next((line.split()[0] for line in targets.stdout.splitlines() if line.split()[1:] == ["bookworm", "main"]), None)
    if not home:
        return False
    source = folder / "backports.sources"
    source.write_text(f"Types: deb\nURIs: {home}\nSuites: bookworm-backports\nComponents: main\nSigned-By: /usr/share/keyrings/debian-archive-keyring.gpg\n")
    parts = folder / "parts"
    parts.mkdir()
    shutil.copy(source, parts)
    apt = ["apt-get", "-qq", "-o", f"Dir::Etc::SourceParts={parts}"]
    for standing in pathlib.Path("/etc/apt/sources.list.d").glob("*"):
        shutil.copy(standing, parts)
    for command in (apt + ["update"], apt + ["install", "-y", "--no-install-recommends", "-t", "bookworm-backports", "suricata"]):
        if subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"}).returncode:
            return False
    return bool(shutil.which("suricata"))


def suricata_command(capture):
    """As the package sets it up, but no rules and no EVE; modbus and dnp3 on; checksums not verified; one thread."""
    settings = ["app-layer.protocols.modbus.enabled=yes", "app-layer.protocols.dnp3.enabled=yes", "outputs.0.fast.enabled=no",
                "outputs.1.eve-log.enabled=no", "outputs.7.stats.enabled=no"]
    return ["suricata", "-c", "/etc/suricata/suricata.yaml", "-S", "/dev/null", "-k", "none", "--runmode", "single", "-l", str(folder),
            *(word for each in settings for word in ("--set", each)), "-r", str(capture)]


def least_suricata_command(capture):
    """With every other protocol, output and check that the settings can switch off switched off: as little as it can be made to do."""
    settings = folder / "suricata.yaml"
    if not settings.exists():
        settings.write_text("""%YAML 1.1
---
vars:
  address-groups: {HOME_NET: "any", EXTERNAL_NET: "any"}
default-log-dir: """ + str(folder) + """
logging: {default-log-level: error, outputs: [{console: {enabled: yes}}]}
outputs: []
app-layer:
  protocols:
    modbus: {enabled: yes, detection-ports: {dp: 502}, stream-depth: 0}
    dnp3: {enabled: yes, detection-ports: {dp: 20000}}
stream: {memcap: 512mb, checksum-validation: no, inline: no, midstream: true, reassembly: {memcap: 1gb, depth: 0}}
flow: {memcap: 512mb, hash-size: 65536, prealloc: 10000}
""")
    return ["suricata", "-c", str(settings), "-S", "/dev/null", "-k", "none", "--runmode", "single", "-l", str(folder), "-r", str(capture)]


def main():
    whole, cut = folder / "mix.pcap", folder / "cut.pcap"
    print(subprocess.run([build / "bench/load/mix", whole, str(options.packets)], check=True, capture_output=True, text=True).stdout.strip(), "over 1,000 flows")
    subprocess.run([build / "bench/load/mix", cut, "20000"], check=True, capture_output=True)
    memory, site = folder / "memory.toml", folder / "site.toml"
    subprocess.run([build / "daemon/tool/vidra", "learn", whole, "-o", memory], check=True, capture_output=True)
    write_site(site)
    vidra = [build / "daemon/tool/vidra", "replay", "--config", site, "--memory", memory]
    programs = {"header walk": lambda f: [build / "bench/load/walk", f], "vidra replay": lambda f: vidra + [f]}
    suricata = not options.no_suricata and install_suricata()
    if suricata:
        programs["suricata -r"] = suricata_command
        programs["least of it"] = least_suricata_command
    else:
        print("skipped: suricata could not be installed (bookworm-backports, root)")
    times = {name: [] for name in programs}
    start = {name: [] for name in programs}
    for command in programs.values():        # the page cache warm, the binaries loaded
        cpu(command(cut))
    for _ in range(options.rounds):
        for name, command in programs.items():
            times[name].append(cpu(command(whole)))
            start[name].append(cpu(command(cut)))
    walk = statistics.median(times["header walk"])
    print(f"{'':<14}{'ns a packet':>12}{'net':>8}{'× walk':>9}{'min..max':>14}")
    for name in programs:
        middle = statistics.median(times[name])
        net = middle - statistics.median(start[name])
        spread = [t / w for t, w in zip(times[name], times["header walk"])]
        print(f"{name:<14}{middle / options.packets * 1e9:>12.1f}{net / options.packets * 1e9:>8.1f}{statistics.median(spread):>9.1f}{min(spread):>7.1f}..{max(spread):.1f}")
    ratio = statistics.median(v / w for v, w in zip(times["vidra replay"], times["header walk"]))
    print(f"goal: vidra replay ≤ 12 × header walk: {ratio:.1f} {'reached' if ratio <= 12 else 'MISSED'}")
    if suricata:
        ratio = statistics.median(v / s for v, s in zip(times["vidra replay"], times["suricata -r"]))
        least = statistics.median(v / s for v, s in zip(times["vidra replay"], times["least of it"]))
        net = statistics.median((v - b) / (s - c) for v, b, s, c in zip(times["vidra replay"], start["vidra replay"], times["suricata -r"], start["suricata -r"]))
        print(f"goal: vidra replay ≤ 1/3 suricata -r:  1/{1 / ratio:.2f} {'reached' if ratio <= 1 / 3 else 'MISSED'}; "
              f"without what each start costs 1/{1 / net:.2f} {'reached' if net <= 1 / 3 else 'MISSED'}")
        print(f"against Suricata with all but Modbus, DNP3 and TCP switched off: 1/{1 / least:.2f}")
    shutil.rmtree(folder)


def write_site(path):
    """The mix's masters, stations, conversations and points, declared."""
    lines = ['[site]', 'name = "mix"', 'prefixes = ["10.1.0.0/16", "10.2.0.0/16"]']
    for i in range(1000):
        n = i + 1
        lines += ['[[host]]', f'name = "s{n}"', f'address = "10.2.{n >> 8}.{n & 255}"', 'role = "rtu"']
    for m in range(20):
        lines += ['[[host]]', f'name = "m{m + 1}"', f'address = "10.1.0.{m + 1}"', 'role = "master"']
    for i in range(1000):
        protocol = "iec104" if i % 10 < 5 else "modbus" if i % 10 < 8 else "dnp3"
        lines += ['[[conversation]]', f'client = "m{i // 50 + 1}"', f'server = "s{i + 1}"', f'protocol = "{protocol}"']
    path.write_text("\n".join(lines) + "\n")


main()
