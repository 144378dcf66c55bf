#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""never_sends.py NM FILE…: no program and no module of the sensor's can transmit on a port it hears: none has a symbol for it, and the
room of capture none for any socket. Neither program links DPDK."""
import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from programs import Tap  # noqa: E402

tap = Tap()
nm, files = sys.argv[1], sys.argv[2:]
transmits = re.compile(r"^(rte_eth_tx_|rte_eth_dev_tx_|rte_event_eth_tx_|rte_eth_add_tx|rte_vhost_|pcap_inject|pcap_send|pcap_sendqueue)")
sends = re.compile(r"^(send|sendto|sendmsg|sendmmsg|sendfile|splice|vmsplice)$")


def wanted(file):
    """Symbols that a file takes from elsewhere."""
    archive = file.endswith(".a")
    out = subprocess.run([nm, *([] if archive else ["-D"]), "--undefined-only", file], capture_output=True, text=True, check=True).stdout
    return {line.split()[-1].split("@")[0] for line in out.splitlines() if " U " in line}


for file in files:
    name = pathlib.Path(file).name
    symbols = wanted(file)
    tap.check(len(symbols) > 20, f"{name}: {len(symbols)} symbols read")
    found = sorted(s for s in symbols if transmits.match(s))
    tap.check(not found, f"{name}: none that transmits on a port", found)
    if name in ("libcapture.a", "vidra-dpdk.so"):
        found = sorted(s for s in symbols if sends.match(s))
        tap.check(not found, f"{name}: none that sends on a socket", found)
    if name == "vidra-dpdk.so":
        tap.check("rte_eth_rx_queue_setup" in symbols, f"{name}: it is the one that receives")
    else:
        found = sorted(s for s in symbols if s.startswith("rte_"))
        tap.check(not found, f"{name}: does not know DPDK", found)
root = pathlib.Path(__file__).resolve().parents[2]
rings = [f"{p.name}: {word}" for p in (root / "daemon/capture").rglob("*.cc") for word in ("PACKET_TX_RING", "MSG_ZEROCOPY") if word in p.read_text()]
tap.check(not rings, "no ring to transmit from", rings)
tap.end()
