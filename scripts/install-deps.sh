#!/bin/sh
# Installs the Debian packages that are missing for the purposes named on the command line, and says
# which and why; what apt-get says about it goes to a log, which is named when that fails. Does nothing,
# quickly, when all is there. INSTALL_LOG says where the log is (build/install.log).
#   scripts/install-deps.sh build [test] [check] [fresh] [fuzz] [coverage] [bench]
set -eu

# purpose   package              why
table='
build       gcc                  C compiler
build       libc6-dev            headers of the C library
build       make                 build tool
build       pkg-config           finds the libraries
build       libuv1-dev           event loop, sockets, threads
build       libjansson-dev       JSON documents
build       libzstd-dev          compression of the archive
build       zlib1g-dev           captures compressed with gzip
build       libssl-dev           TLS
build       libpcap-dev          capture filters, reading captures
build       libcivetweb-dev      HTTP server of the API
build       nodejs               builds the UI
build       npm                  fetches what the UI is made with
build       ca-certificates      knows whom to trust while fetching
test        check                unit tests
test        python3              runs the tests and talks to the programs
test        openssl              makes certificates for the TLS tests
test        zstd                 reads segments as a stranger would
test        jq                   runs the examples of docs/querying.md
test        curl                 runs those of README.md
test        nodejs               runs DuckDB for the same examples, and the tests of the UI
test        npm                  installs DuckDB below tests/duckdb
test        chromium             the browser in which the UI is tested
test        tshark               reads what was exported, with capinfos, editcap and the like
test        tcpreplay            rewrites what was exported for Ethernet
test        python3-yaml         reads the description of the API
test        python3-jsonschema   holds answers of the API to it
check       clang-format-14      formatting
check       clang-tidy-14        static analysis
check       shellcheck           analysis of shell scripts
fresh       debootstrap          makes a bare Debian to try it all in
fuzz        clang-14             compiler with libFuzzer
fuzz        libclang-rt-14-dev   sanitizer and fuzzer run time
fuzz        llvm-14              names in stack traces
coverage    lcov                 coverage report
bench       haproxy              the peer that is measured beside
bench       python3              runs the benchmark
bench       zstd                 reads the archive that was measured
bench       ripgrep              the peer that searches the archive
bench       wrk                  asks the API as often as goes
bench       tshark               has editcap and text2pcap, the peers of exporting
'

die() {
    echo "install-deps: $*" >&2
    exit 1
}

# Lines "package why" of the purposes asked for.
wanted() {
    for purpose in "$@"; do
        found=$(echo "$table" | sed -n "s/^$purpose  *//p")
        [ -n "$found" ] || die "no such purpose: $purpose"
        echo "$found"
    done
}

# One query for all; a package counts when dpkg says that it is installed.
missing() {
    # shellcheck disable=SC2046 # one word a package
    present=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' \
        $(echo "$1" | cut -d ' ' -f 1) 2>/dev/null | sed -n 's/ installed$//p')
    if command -v npm >/dev/null 2>&1; then # packages of Node.js from elsewhere bring it along
        present="$present
npm"
    fi
    echo "$1" | awk -v present="$present" '
        BEGIN { n = split(present, names, "\n"); for (i = 1; i <= n; i++) have[names[i]] = 1 }
        !($1 in have) && !seen[$1]++'
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null 2>&1; then
        sudo "$@"
    else
        die "installing needs root: run this as root, or install sudo, or run yourself:
  apt-get install $names"
    fi
}

[ $# -gt 0 ] || die "usage: $0 build [test] [check] [fresh] [fuzz] [coverage] [bench]"
list=$(wanted "$@")
if ! command -v dpkg-query >/dev/null 2>&1 || ! command -v apt-get >/dev/null 2>&1; then
    echo "install-deps: this is not Debian or a relative of it; going on with what is installed" >&2
    exit 0
fi
lacking=$(missing "$list")
[ -n "$lacking" ] || exit 0

names=$(echo "$lacking" | cut -d ' ' -f 1 | tr '\n' ' ')
echo "Installing what is missing ($*):"
echo "$lacking" | sed 's/^/  /'
as_root true
log=${INSTALL_LOG:-build/install.log}
mkdir -p "$(dirname "$log")"
# shellcheck disable=SC2086 # one word a package
{
    as_root apt-get -q update &&
        as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y install --no-install-recommends $names
} >"$log" 2>&1 || {
    tail -n 15 "$log" >&2
    die "apt-get could not install: $names(all that it said: $log)"
}
