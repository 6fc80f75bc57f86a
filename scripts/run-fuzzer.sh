#!/bin/sh
# Runs one fuzzer: first every file of its corpus, then SECONDS of new inputs (none when 0). What it
# finds that is new goes to a scratch corpus; an input that crashes is kept beside it and named.
#   scripts/run-fuzzer.sh FUZZER CORPUS SCRATCH SECONDS
set -eu

fuzzer=$1 corpus=$2 scratch=$3 seconds=$4
name=$(basename "$fuzzer" _fuzz)
log=$scratch.log
mkdir -p "$scratch"

run() {
    if ! "$fuzzer" -timeout=20 -rss_limit_mb=2048 -artifact_prefix="$scratch-" "$@" >"$log" 2>&1; then
        tail -n 60 "$log"
        echo "fuzz $name: FAILED, log in $log, input $scratch-*"
        exit 1
    fi
}

if [ ! -d "$corpus" ] || [ -z "$(ls "$corpus")" ]; then
    echo "fuzz $name: no corpus in $corpus"
    exit 1
fi
run -runs=0 "$corpus"
files=$(find "$corpus" -type f | wc -l)
if [ "$seconds" -eq 0 ]; then
    echo "fuzz $name: $files corpus files, ok"
    exit 0
fi
run -max_total_time="$seconds" -print_final_stats=1 "$scratch" "$corpus"
runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
echo "fuzz $name: $files corpus files, then $runs inputs in ${seconds} s, ok"
