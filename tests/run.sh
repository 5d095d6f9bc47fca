#!/usr/bin/env bash
# Runs every test with every feature. Installs redis-server by the system's package manager when it
# is missing: the tests start servers of their own on loopback. They start another server, such as
# Valkey or a newer Redis, where REDIS_SERVER_BIN names one. Chromium is installed in the same way, for the
# tests of the cache's page; CHROMIUM_BIN names another one. So is Varnish, for the test of a CDN in front
# (VARNISHD_BIN):
#
#   REDIS_SERVER_BIN=/opt/valkey/bin/valkey-server ./tests/run.sh
set -euo pipefail
cd "$(dirname "$0")/.."

as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

install_redis() {
  if command -v apt-get >/dev/null; then
    as_root apt-get update -qq
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq redis-server
  elif command -v dnf >/dev/null; then
    as_root dnf install -y -q redis
  elif command -v apk >/dev/null; then
    as_root apk add --quiet redis
  elif command -v pacman >/dev/null; then
    as_root pacman -S --noconfirm --quiet redis
  elif command -v brew >/dev/null; then
    brew install --quiet redis
  else
    return 1
  fi
}

# a browser without a window where the system has one; its fonts, or its text is boxes
install_chromium() {
  if command -v apt-get >/dev/null; then
    as_root apt-get update -qq
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
      chromium-headless-shell fonts-dejavu-core ||
      as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        chromium fonts-dejavu-core
  elif command -v dnf >/dev/null; then
    as_root dnf install -y -q chromium-headless dejavu-sans-fonts
  elif command -v apk >/dev/null; then
    as_root apk add --quiet chromium font-dejavu
  elif command -v pacman >/dev/null; then
    as_root pacman -S --noconfirm --quiet chromium ttf-dejavu
  elif command -v brew >/dev/null; then
    brew install --quiet --cask chromium
  else
    return 1
  fi
}

install_varnish() {
  if command -v apt-get >/dev/null; then
    as_root apt-get update -qq
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends varnish
  elif command -v dnf >/dev/null; then
    as_root dnf install -y -q varnish
  elif command -v apk >/dev/null; then
    as_root apk add --quiet varnish
  elif command -v pacman >/dev/null; then
    as_root pacman -S --noconfirm --quiet varnish
  elif command -v brew >/dev/null; then
    brew install --quiet varnish
  else
    return 1
  fi
}

find_chromium() {
  local name
  for name in chromium-headless-shell chromium chromium-browser google-chrome google-chrome-stable; do
    command -v "$name" && return
  done
  return 1
}

if [ -n "${REDIS_SERVER_BIN:-}" ]; then
  if ! command -v "$REDIS_SERVER_BIN" >/dev/null; then
    echo "REDIS_SERVER_BIN names no program: $REDIS_SERVER_BIN" >&2
    exit 1
  fi
elif ! command -v redis-server >/dev/null; then
  echo "redis-server is missing; installing it"
  if ! install_redis || ! command -v redis-server >/dev/null; then
    echo "redis-server could not be installed: install Redis 6.2 or later and run this again" >&2
    exit 1
  fi
fi

echo "the server: $("${REDIS_SERVER_BIN:-redis-server}" --version)"
export REDIS_SERVER_BIN="${REDIS_SERVER_BIN:-redis-server}"

if ! command -v "${VARNISHD_BIN:-varnishd}" >/dev/null; then
  echo "varnishd is missing; installing it"
  if ! install_varnish || ! command -v varnishd >/dev/null; then
    echo "varnishd could not be installed: install Varnish 6 or later, or name it in VARNISHD_BIN" >&2
    exit 1
  fi
fi

if [ -z "${CHROMIUM_BIN:-}" ] && ! find_chromium >/dev/null; then
  echo "Chromium is missing; installing it"
  install_chromium || true
fi
if ! CHROMIUM_BIN="${CHROMIUM_BIN:-$(find_chromium)}"; then
  echo "Chromium could not be installed: install it, or name it in CHROMIUM_BIN, and run this again" >&2
  exit 1
fi
export CHROMIUM_BIN
echo "the browser: $CHROMIUM_BIN"

cargo build --all-features --examples
cargo test --all-features --doc
if cargo nextest --version >/dev/null 2>&1; then
  cargo nextest run --all-features --lib --examples --test it --test browser
else
  cargo test --all-features --lib --examples --test it --test browser
fi
