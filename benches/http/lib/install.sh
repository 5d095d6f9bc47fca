# shellcheck shell=bash
# Installs what is missing, and builds the servers.

APT_UPDATED=''
POLICY=/usr/sbin/policy-rc.d

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

apt_install() {
  command -v apt-get >/dev/null || return 1
  [ "$(id -u)" = 0 ] || command -v sudo >/dev/null || return 1
  say "installing $*"
  [ -n "$APT_UPDATED" ] || as_root apt-get -qq update >&2 || return 1
  APT_UPDATED=yes
  without_services as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get -qq install -y --no-install-recommends "$@" >/dev/null </dev/null
}

# Packages of Debian start their service when they are installed. A server that is started here needs
# no service: an answer of "forbidden" stands in the way while apt runs.
without_services() (
  if [ ! -e "$POLICY" ]; then
    trap 'as_root rm -f "$POLICY"' EXIT
    trap 'exit 1' INT TERM HUP
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$POLICY" >/dev/null
    as_root chmod +x "$POLICY"
  fi
  "$@"
)

# Debian keeps servers out of a user's PATH.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

# have COMMAND PACKAGE: whether the command is there, or could be installed.
have() { command -v "$1" >/dev/null || { apt_install "$2" && command -v "$1" >/dev/null; }; }

install_all() {
  have curl curl || die "curl is missing"
  command -v cargo >/dev/null || die "cargo is missing: https://rustup.rs"
  [ -n "$CHECK" ] || have wrk wrk || die "wrk is missing: https://github.com/wg/wrk"
  ! chosen nginx || have nginx nginx || skip nginx "nginx is not installed"
  ! chosen varnish || have varnishd varnish || skip varnish "varnishd is not installed"
  ! needs_redis || have redis-server redis-server || skip_redis "redis-server is not installed"
}

needs_redis() { chosen 'redis*' || chosen tiered || chosen request-reply || chosen fastapi-redis; }

skip_redis() {
  local name
  for name in 'redis*' tiered request-reply fastapi-redis; do
    skip_group "$name" "$1"
  done
}

build_all() {
  local lock=$HERE/servers/Cargo.lock
  # the crate's own versions; cargo adds what only the others need
  [ ! "$HERE/../../Cargo.lock" -nt "$lock" ] || cp "$HERE/../../Cargo.lock" "$lock"
  ! chosen_of_ours || build bench-actix || die "our servers do not build"
  ! chosen 'axum-bare' && ! chosen http-cache || build bench-axum || {
    skip_group axum-bare "does not build"
    skip_group http-cache "does not build"
  }
  ! chosen request-reply || build bench-request-reply || skip request-reply "does not build"
  ! chosen 'fastapi*' || make_venv || skip_group 'fastapi*' "the packages of PyPI do not install"
}

# Those that are in the binary of ours; the proxies need it as their origin.
chosen_of_ours() {
  local name
  for name in "${CHOSEN[@]}"; do
    case $(group_of "$name"):$name in
    ours:* | proxies:* | *:tutorial) return 0 ;;
    esac
  done
  return 1
}

build() {
  say "building $1"
  CARGO_TARGET_DIR=$TARGET cargo build --quiet --release \
    --manifest-path "$HERE/servers/Cargo.toml" --package "$1" >&2
}

make_venv() {
  local venv=$TARGET/venv log=$TARGET/venv.log
  have python3 python3 || return 1
  [ -x "$venv/bin/uvicorn" ] && [ "$venv/bin/uvicorn" -nt "$HERE/fastapi/requirements.txt" ] && return
  say "installing FastAPI"
  { python3 -m venv --clear "$venv" || { apt_install python3-venv && python3 -m venv --clear "$venv"; }; } \
    >"$log" 2>&1 && "$venv/bin/pip" install --quiet --requirement "$HERE/fastapi/requirements.txt" >>"$log" 2>&1 &&
    touch "$venv/bin/uvicorn"
}
