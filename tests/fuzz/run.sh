#!/usr/bin/env bash
# run.sh BUILD [PROTOCOL] [SECONDS]: fuzzes one protocol, or each in turn for its share of the time (default 60 s each).
# Begins from the committed corpus and the samples; what it learns stays in BUILD/fuzz-corpus, what breaks in BUILD/fuzz-broken.
set -euo pipefail
build=$(readlink -f "$1"); shift
here=$(dirname "$(readlink -f "$0")")
fuzzer=$build/tests/fuzz/fuzz_dissectors
protocol=; seconds=60
for word in "$@"; do
  case $word in
    *[!0-9]*) protocol=$word ;;
    *) seconds=$word ;;
  esac
done
"$build/tests/fuzz/fuzz_replay" --seeds "$build/fuzz-seeds" >/dev/null
if [ -n "$protocol" ]; then protocols=("$protocol"); else mapfile -t protocols < <(ls "$build/fuzz-seeds"); fi
failed=0
for p in "${protocols[@]}"; do
  mkdir -p "$build/fuzz-corpus/$p" "$build/fuzz-broken" "$build/fuzz-seeds/$p" "$here/corpus/$p"
  log=$build/fuzz-$p.log
  if "$fuzzer" "--protocol=$p" -max_total_time="$seconds" -max_len=4096 -timeout=10 -rss_limit_mb=1024 -print_final_stats=1 \
      -artifact_prefix="$build/fuzz-broken/$p-" "$build/fuzz-corpus/$p" "$here/corpus/$p" "$build/fuzz-seeds/$p" >"$log" 2>&1; then
    printf '%-12s %12s executions in %s s, coverage %s\n' "$p" "$(sed -n 's/stat::number_of_executed_units: *//p' "$log")" "$seconds" "$(sed -n 's/.*DONE *cov: \([0-9]*\).*/\1/p' "$log")"
  else
    failed=1
    printf '%-12s BROKEN: %s\n' "$p" "$log"
    grep -m 3 -E 'broken rule|ERROR|runtime error|Test unit written' "$log" || tail -n 5 "$log"
  fi
done
exit $failed
