#!/usr/bin/env bash
# Does what somebody new does, on a machine that has nothing: a bare Debian 12 (debootstrap's minbase
# with make, git and sudo), a clone of HEAD, a user who is not root, Debian's own packages.
# `make run` has to reach its printed link, which has to answer, and stop; then `make test` has to pass
# and to leave nothing behind. Its sum, "N passed, N failed", is the last line but one.
#
#   scripts/fresh.sh                as root, or through sudo
#
# How it works: the bare system is a folder below /var/tmp, entered with chroot in namespaces of its own
# for processes and mounts: what is started or mounted there ends with them, and the folder goes too,
# whatever happens. It shares the machine's network, also as to how packages are reached (resolver,
# apt's proxy and checks, certificates, settings of npm). Without them it has nothing from here.
# The bare system itself is kept as an archive in FRESH_CACHE (/var/tmp/hashscope-fresh; empty: nowhere)
# for a month. FRESH_WITHIN (900) is how many seconds `make run` may take.
set -euo pipefail
cd "$(dirname "$0")/.."

suite=bookworm
cache=${FRESH_CACHE-/var/tmp/hashscope-fresh}
within=${FRESH_WITHIN:-900}
user=newcomer
home=/home/$user/hashscope

say() {
    echo "fresh: $*"
}

die() {
    echo "fresh: $*" >&2
    exit 1
}

if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || die 'a bare system can only be made by root: run this as root'
    exec sudo --preserve-env=CI,FRESH_CACHE,FRESH_WITHIN,http_proxy,https_proxy,no_proxy "$0" "$@"
fi

# ---- cleaning up -------------------------------------------------------------------------------
work=$(mktemp -d /var/tmp/hashscope-fresh.XXXXXX)
root=$work/root
child=

stop_child() {
    [ -n "$child" ] || return 0
    kill -KILL "$child" 2>/dev/null || true # its namespace, and so everything in it, ends with it
    { wait "$child" || true; } 2>/dev/null
    child=
}

clean_up() {
    stop_child
    rm -rf --one-file-system "$work" || { sleep 1; rm -rf --one-file-system "$work"; }
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# ---- the bare system ---------------------------------------------------------------------------
# Where apt of this machine gets that release from; nothing: debootstrap knows a place.
mirror() {
    # shellcheck disable=SC2016 # apt's own variables
    apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' "Codename: $suite" 'Component: main' 2>/dev/null | head -n 1
}

make_root() {
    say "making a bare $suite"
    # shellcheck disable=SC2046 # none or one word
    debootstrap --variant=minbase --include=make,git,sudo "$suite" "$1" $(mirror) >"$work/debootstrap.log" 2>&1 ||
        { tail -n 20 "$work/debootstrap.log" >&2; die 'debootstrap failed'; }
    rm -f "$1"/var/cache/apt/archives/*.deb
}

# Unpacks the kept one; false when there is none that only root can have made.
unpack_kept() {
    [ -O "$cache" ] && [ -n "$(find "$cache/$suite.tar" -mtime -30 2>/dev/null)" ] || return 1
    mkdir "$root" && tar -C "$root" --numeric-owner -xpf "$cache/$suite.tar"
}

keep_root() {
    [ -n "$cache" ] || return 0
    install -d -m 700 "$cache"
    [ -O "$cache" ] || die "$cache is somebody else's"
    tar -C "$root" --numeric-owner -cf "$cache/$suite.tar.$$" .
    mv "$cache/$suite.tar.$$" "$cache/$suite.tar"
}

# Certificates that this machine trusts beyond those of Debian, one a file.
bring_certificates() {
    local bundle=/etc/ssl/certs/ca-certificates.crt file
    [ -f "$bundle" ] || return 0
    mkdir "$work/certificates"
    awk -v to="$work/certificates/" '/BEGIN CERT/ { n++ } n { print > (to "machine-" n ".crt") }' "$bundle"
    for file in "$work"/certificates/*; do
        if [ -z "$(find /usr/share/ca-certificates -name '*.crt' -exec cmp -s {} "$file" \; -print -quit)" ]; then
            install -D -m 644 "$file" "$root/usr/local/share/ca-certificates/$(basename "$file")"
        fi
    done
}

# What npm has been told here about how packages are reached.
npm_settings() {
    local key value
    command -v npm >/dev/null || return 0
    for key in registry proxy https-proxy noproxy strict-ssl cafile; do
        value=$(cd / && npm config get "$key" 2>/dev/null) || continue
        case $value in '' | null | undefined) continue ;; esac
        [ "$key" != cafile ] || { cp "$value" "$root/etc/npm-certificates" && value=/etc/npm-certificates; }
        echo "$key=$value"
    done
}

bring_network() {
    local file
    cp -L /etc/resolv.conf /etc/hosts "$root/etc/"
    for file in /etc/apt/apt.conf.d/*; do
        if grep -qiE '^[^/#]*(proxy|verify-|check-(valid|date))' "$file"; then cp "$file" "$root/etc/apt/apt.conf.d/"; fi
    done
    bring_certificates
    npm_settings >"$root/home/$user/.npmrc"
}

# A clone as a newcomer has it.
bring_project() {
    git -c safe.directory='*' clone -q --no-hardlinks "$PWD" "$root$home"
    chroot "$root" chown -R "$user:" "/home/$user"
}

prepare() {
    if ! unpack_kept; then
        make_root "$root"
        keep_root
    fi
    chroot "$root" useradd --create-home --shell /bin/bash "$user"
    echo "$user ALL=(ALL) NOPASSWD: ALL" >"$root/etc/sudoers.d/$user"
    bring_network
    bring_project
}

# ---- in it -------------------------------------------------------------------------------------
# Runs a step of scripts/fresh-steps.sh as the newcomer, in namespaces of its own; what it leaves
# running is killed.
inside() {
    local variables=() name status=0
    for name in CI http_proxy https_proxy no_proxy LISTEN_PORT API_PORT; do
        [ -z "${!name-}" ] || variables+=("$name=${!name}")
    done
    # shellcheck disable=SC2016 # it is expanded there
    unshare --mount --pid --fork --kill-child bash -ec '
        mount --rbind /dev "$1/dev"
        mount -t tmpfs -o mode=1777 tmpfs "$1/dev/shm"
        mount -t proc proc "$1/proc"
        mount -t sysfs -o ro sys "$1/sys" || true
        chroot "$1" env -i HOME="/home/$2" USER="$2" TERM=dumb PATH=/usr/local/bin:/usr/bin:/bin \
            "${@:4}" su "$2" -c "cd ~/hashscope && exec scripts/fresh-steps.sh $3" || exit
        exit # this shell stays the first process: who else would collect orphans that have ended?
        ' enter "$root" "$user" "$*" "${variables[@]}" </dev/null &
    child=$!
    wait "$child" || status=$?
    child=
    return "$status"
}

is_taken() {
    (: <>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

# The default ports, as somebody new has them, unless somebody else has them here.
choose_ports() {
    local usual name port
    for usual in LISTEN_PORT=3333 API_PORT=8000; do
        name=${usual%=*} port=${usual#*=}
        while is_taken "$port"; do port=$((port + 1)); done
        if [ "$usual" != "$name=$port" ]; then
            say "another program has $usual here: $port"
            export "$name=$port"
        fi
    done
}

scripts/install-deps.sh fresh
prepare
choose_ports
inside run "$within" || die "make run did not come up as it should"
unset LISTEN_PORT API_PORT
inside test || die "make test did not pass"
say "all of it took $SECONDS s"
