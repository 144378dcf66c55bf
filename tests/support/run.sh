#!/usr/bin/env bash
# The main job on real input, in one terminal: a collector, a sensor with embedded defaults, and the recording of a substation under
# attack played through it. Called by ./dev run with the build folder; everything it makes is thrown away at the end (KEEP=1 keeps it).
set -euo pipefail
build=$(readlink -f "$1"); shift
root=$(readlink -f "$(dirname "$0")/../..")
pace=${PACE:-20}
run=$(mktemp -d "${TMPDIR:-/tmp}/vidra-run.XXXXXX")
vidra=$build/daemon/tool/vidra
collector_pid= sensor_pid=
cleanup() {
  for pid in $sensor_pid $collector_pid; do kill "$pid" 2>/dev/null || true; done
  wait 2>/dev/null || true
  if [ "${KEEP:-0}" = 1 ]; then echo "kept: $run"; else rm -rf "$run"; fi
}
trap cleanup EXIT
say() { printf '%s\n' "$*"; }
# wait_for SECONDS COMMAND…: until it succeeds.
wait_for() { local n=$(($1 * 20)); shift; until "$@" >/dev/null 2>&1; do n=$((n - 1)); [ $n -gt 0 ] || return 1; sleep 0.05; done; }

say "Vidra: a substation of 110/20 kV, first seven minutes of normal operation to learn from, then seven minutes with an attacker in it."
say "The alerts below are printed by the collector, once they are on its disk. The recording is played at $pace times its pace."
say ""
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')

"$vidra" learn "$root/tests/captures/demo-baseline.pcapng.zst" -o "$run/memory.toml" 2>"$run/learn.log"
say "learned     $(sed -n 's/^learned \([^;]*\);.*/\1/p' "$run/learn.log") from $(basename "$root")/tests/captures/demo-baseline.pcapng.zst"

"$build/daemon/collector/vidra-collector" --state "$run/collector" --listen "127.0.0.1:$port" --quiet 2>"$run/collector.log" &
collector_pid=$!
wait_for 10 "$vidra" keys fingerprint --state "$run/collector" || { cat "$run/collector.log"; exit 1; }
server_key=$("$vidra" keys fingerprint --state "$run/collector" | grep ^server_key)

cat >"$run/vidra.toml" <<TOML
[sensor]
name = "alder-1"
state = "$run/sensor"
[judge]
memory = "$run/memory.toml"
[site]
file = "$root/config/sites/alder.toml"
[[collector]]
name = "cert"
endpoint = "tcp://127.0.0.1:$port"
$server_key
addresses = "plain"              # this collector is the site's own; what leaves where nothing is said: docs/PRIVACY.md
names = "plain"
TOML
"$vidra" check "$run/vidra.toml" | sed -n 's/^  site  */declared    /p'

"$build/daemon/sensor/vidrad" --config "$run/vidra.toml" --play "$root/tests/captures/demo-attacks.pcapng.zst" --pace "$pace" --settle 20 >"$run/sensor.out" 2>"$run/sensor.log" &
sensor_pid=$!
# A key that nobody knows waits until somebody lets it in.
fingerprint() { sed -n 's/.*, key \(.*\)$/\1/p' "$run/sensor.log" | head -n 1; }
known() { "$vidra" keys --state "$run/collector" | grep -q pending; }
wait_for 10 known || { cat "$run/sensor.log" "$run/collector.log"; exit 1; }
"$vidra" keys approve --state "$run/collector" --name alder-1 "$(fingerprint)" >"$run/approve.log" || { cat "$run/approve.log" "$run/sensor.log"; exit 1; }
say "approved    the sensor's key, $(fingerprint), as a person at the CERT would"
say ""

if ! wait "$sensor_pid"; then
  sensor_pid=
  cat "$run/sensor.log"
  exit 1
fi
sensor_pid=
kill "$collector_pid"; wait "$collector_pid" 2>/dev/null || true
collector_pid=
cat "$run/sensor.out"
say "at the CERT $("$vidra" alerts --state "$run/collector" --json --limit 0 | wc -l) stories in the collector's journal"
cat <<NEXT

next, try
  build/daemon/tool/vidra decode tests/captures/demo-attacks.pcapng.zst --protocol iec104 | less
  build/daemon/tool/vidra replay --config config/sites/alder.toml tests/captures/demo-attacks.pcapng.zst
  build/daemon/tool/vidra preview --config config/sites/alder.toml tests/captures/demo-attacks.pcapng.zst | less
  build/daemon/tool/vidra catalogue I104-05
  build/daemon/sensor/vidrad --print --play YOUR.pcapng --pace 0
NEXT
