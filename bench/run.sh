#!/usr/bin/env bash
# All benchmarks in turn: the whole pipeline beside others' programs, how it grows, what hardening costs, a DPDK port, a record of each protocol,
# traffic and judge alone, the border between processes, the link; as root also live, overload, start, memory and the wire. Words go to the first: --rounds N, --packets N, --only mix|woven|woven-ip.
set -euo pipefail
build=$1; shift
python3 bench/table.py "$build" "$@"
[ $# = 0 ] || exit 0
printf '\nhow it grows\n'; python3 bench/growth.py "$build" --draw "$build"
printf '\nwhat hardening costs\n'; python3 bench/hardened.py "$build"
printf '\nat a DPDK port, with one worker and two\n'; python3 bench/dpdk.py "$build"
folder=$(mktemp -d "${TMPDIR:-/var/tmp}/vidra-bench.XXXXXX")    # on a disk: the link's figures are about syncing
trap 'rm -rf "$folder"' EXIT
mix=$folder/mix.pcap
"$build/bench/load/mix" "$mix" 500000 >/dev/null
printf '\na record of each protocol\n'; "$build/bench/dissectors_bench"
printf '\ntraffic alone\n'; "$build/bench/traffic_bench" "$mix"
printf '\njudge alone\n'; "$build/bench/judge_bench" "$mix"
printf '\nthe events from thread to thread and from process to process\n'; "$build/bench/border_bench" "$mix" 5
printf '\nan alert from its birth to the durable acknowledgement, without a wire\n'; "$build/bench/link_bench" "$folder"
if [ "$(id -u)" = 0 ]; then
  printf '\nlive on a pair of virtual interfaces\n'; python3 bench/live.py "$build"
  printf '\ntwice as much as it can take, for a minute\n'; python3 tests/verify/overload.py "$build"
  printf '\nstart and memory\n'; python3 bench/start.py "$build"
  printf '\nfrom the wire to the durable acknowledgement\n'; python3 bench/wire_to_ack.py "$build"
else
  printf '\nskipped: live, start, memory and the wire need root (network namespaces)\n'
fi
