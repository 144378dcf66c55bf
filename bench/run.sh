#!/usr/bin/env bash
# All benchmarks in turn: whole pipeline, then what a record costs in each dissector.
set -euo pipefail
build=$1; shift
python3 bench/table.py "$build" "$@"
for program in "$build"/bench/*_bench; do
  [ -x "$program" ] || continue
  echo; "$program" --benchmark_min_time=0.2
done
