#!/usr/bin/env bash
# run.sh BUILD [PROTOCOL] [SECONDS] [--runs N]: fuzzes one protocol, or one of frame, stream, toml, scd, segment, record, link, or each in turn for its share of the time (default 60 s each).
# With --runs each protocol is fuzzed until it has had N executions, a fifth at a time, whoever has had fewest first;
# BUILD/fuzz-executions keeps the tally (PROTOCOL EXECUTIONS SECONDS, a line a turn), so that what was stopped goes on.
# Begins from the committed corpus and the samples; what it learns stays in BUILD/fuzz-corpus, what breaks in BUILD/fuzz-broken.
set -euo pipefail
build=$(readlink -f "$1"); shift
here=$(dirname "$(readlink -f "$0")")
tally=$build/fuzz-executions
protocol=; seconds=60; runs=
while [ $# -gt 0 ]; do
  case $1 in
    --runs) runs=${2:?--runs N}; shift ;;
    all) protocol= ;;
    *[!0-9]*) protocol=$1 ;;
    *) seconds=$1 ;;
  esac
  shift
done
"$build/tests/fuzz/fuzz_replay" --seeds "$build/fuzz-seeds" "$here/corpus" >/dev/null
"$build/tests/fuzz/fuzz_rooms" --seeds "$build/fuzz-seeds" "$here/rooms" >/dev/null
if [ -n "$protocol" ]; then protocols=("$protocol"); else mapfile -t protocols < <(ls "$build/fuzz-seeds"); fi
touch "$tally"
failed=0
had() { awk -v p="$1" '$1 == p { n += $2 } END { print n + 0 }' "$tally"; }

# longest PROTOCOL: the octets of an input, at most: twice its longest sample, 256 at least and 2,048 at most. What costs is played octets.
longest() { find "$build/fuzz-seeds/$1" -type f ! -name 'pack-*' -printf '%s\n' | sort -n | awk '{ n = 2 * $1 } END { print (n < 256 ? 256 : n > 2048 ? 2048 : n) }'; }

# home PROTOCOL: where its committed inputs lie.
home() { if [ -d "$here/rooms/$1" ]; then echo "$here/rooms/$1"; else echo "$here/corpus/$1"; fi; }

# fuzz PROTOCOL LIMIT: the limit is an option of libFuzzer's. Where a block was taken is not kept with it (a broken input played
# again by fuzz_replay says it), and inputs are chosen evenly: both for speed.
fuzz() {
  local p=$1 log=$build/fuzz-$1.log began=$SECONDS executions
  mkdir -p "$build/fuzz-corpus/$p" "$build/fuzz-broken" "$build/fuzz-seeds/$p" "$(home "$p")"
  if ASAN_OPTIONS=malloc_context_size=1:quarantine_size_mb=8 "$build/tests/fuzz/fuzz_$p" "$2" "-max_len=$(longest "$p")" -entropic=0 -reload=0 -print_funcs=0 -timeout=60 -rss_limit_mb=1024 \
      -print_final_stats=1 -artifact_prefix="$build/fuzz-broken/$p-" "$build/fuzz-corpus/$p" "$(home "$p")" "$build/fuzz-seeds/$p" >"$log" 2>&1; then
    executions=$(sed -n 's/stat::number_of_executed_units: *//p' "$log")
    echo "$p $executions $((SECONDS - began))" >>"$tally"
    printf '%-12s %12s executions in %s s, %s so far, coverage %s\n' "$p" "$executions" "$((SECONDS - began))" "$(had "$p")" "$(sed -n 's/.*DONE *cov: \([0-9]*\).*/\1/p' "$log")"
  else
    failed=1
    printf '%-12s BROKEN: %s\n' "$p" "$log"
    grep -m 3 -E 'broken rule|ERROR|runtime error|Test unit written' "$log" || tail -n 5 "$log"
    return 1
  fi
}

if [ -z "$runs" ]; then
  for p in "${protocols[@]}"; do fuzz "$p" "-max_total_time=$seconds" || true; done
else
  turn=$((runs / 5 + 1))
  declare -A broken=()                                   # what broke is not gone on with
  while :; do
    next=; least=$runs                                    # who has had fewest
    for p in "${protocols[@]}"; do
      n=$(had "$p")
      if [ -z "${broken[$p]:-}" ] && [ "$n" -lt "$least" ]; then next=$p; least=$n; fi
    done
    [ -n "$next" ] || break
    left=$((runs - least))
    fuzz "$next" "-runs=$((left < turn ? left : turn))" || broken[$next]=yes
  done
fi
find "$here/corpus" -type d -empty -delete
exit $failed
