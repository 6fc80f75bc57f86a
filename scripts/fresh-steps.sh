#!/usr/bin/env bash
# What scripts/fresh.sh has somebody new do in a clone; not for use elsewhere.
#   fresh-steps.sh run SECONDS      `make run` prints its link in that time; a page is behind it; Ctrl-C;
#                                   a second one says nothing of what is done already
#   fresh-steps.sh test             `make test`, after which nothing is left where tests write
set -euo pipefail

log=~/run.log

fail() {
    cat "$log"
    echo "fresh: $*"
    exit 1
}

# A page, as a browser gets it, of the HOST/PORT.
page() {
    exec 3<>"/dev/tcp/$1"
    printf 'GET / HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n' "${1/\//:}" >&3
    cat <&3
    exec 3>&-
}

# `make run` in a process group of its own, as on a terminal, until it has printed its link.
start() {
    : >"$log"
    make run >"$log" 2>&1 &
    until grep -aq 'token=' "$log"; do
        kill -0 $! 2>/dev/null || fail 'make run ended'
        [ "$SECONDS" -lt "$1" ] || fail "make run printed no link within $1 s"
        sleep 0.5
    done
}

stop() {
    kill -INT -- -$!
    wait $! || true
}

# Nothing before the banner but the log of what runs, which is there where no terminal is.
start_again() {
    local said
    start "$1"
    stop
    said=$(sed -e '/^HashScope .* is up/q' "$log" | grep -avE '^(HashScope |[0-9-]+T[0-9:.]+Z )' || true)
    [ -z "$said" ] || fail "a second make run says: $said"
}

run() {
    local link place answer took
    set -m
    start "$1"
    took=$SECONDS
    link=$(grep -ao 'http://127[^ ]*' "$log" | head -n 1)
    place=${link#http://}
    place=${place%%/*}
    place=${place/://}
    answer=$(page "$place")
    [[ $answer == *"200 OK"*"<html"* ]] || fail "no page behind $link: $answer"
    stop
    if (: <>"/dev/tcp/$place") 2>/dev/null; then fail 'it goes on after Ctrl-C'; fi
    cat "$log"
    start_again $((SECONDS + 60))
    echo "fresh: make run stood after $took s"
    rm "$log"
}

# All that is left of the newcomer's, and what git sees.
left() {
    find /tmp /var/tmp /dev/shm -mindepth 1 -user "$USER"
    git status --porcelain
}

case $1 in
run)
    run "$2"
    ;;
test)
    make test
    if [ -n "$(left)" ]; then
        echo 'fresh: the tests left this behind:'
        left
        exit 1
    fi
    ;;
esac
