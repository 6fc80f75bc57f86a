#!/usr/bin/env bash
# Runs a command that says much: one line when it begins to say something, all of it into a log, and
# the log's end with its name when the command fails. Exit status: the command's.
#   scripts/quiet.sh LOG MESSAGE COMMAND [ARGUMENT...]
set -uo pipefail

log=$1 message=$2
shift 2
mkdir -p "$(dirname "$log")" || exit

"$@" 2>&1 </dev/null | if IFS= read -r first; then
    [ -z "$message" ] || echo "$message"
    { printf '%s\n' "$first" && cat; } >"$log"
else
    : >"$log"
fi
status=${PIPESTATUS[0]}
if [ "$status" != 0 ]; then
    {
        tail -n 15 "$log"
        echo "failed: $1 … (all that it said: $log)"
    } >&2
fi
exit "$status"
