#!/usr/bin/env bash
# Compares the cache over HTTP with what it is meant to beat, and prints one Markdown table.
# What is compared, and what the table cannot say: README.md beside this file.
set -euo pipefail

usage() {
  cat <<'TEXT'
usage: benches/http/run.sh [options]
  --rounds N     rounds; each measures every server once (5)
  --seconds S    how long one measurement takes (4)
  --only A,B     these servers, and those that they are compared with: names of lib/catalogue.sh, or
                 ours, proxies, rivals, all (all)
  --sizes A,B    lengths of the body in bytes (1024,102400)
  --cpu          prints a second table: requests per second of the processor time that the server used
  --check        builds ours, or those of --only, and checks what they answer; measures nothing
TEXT
}

# the same decimal point in every program
export LC_ALL=C

HERE=$(cd "$(dirname "$0")" && pwd)
TARGET=$HERE/target
ROUNDS=5 SECONDS_EACH=4 ONLY='' SIZES=1024,102400 CPU='' CHECK=''

while [ $# -gt 0 ]; do
  case $1 in
  --check) CHECK=yes && shift && continue ;;
  --cpu) CPU=yes && shift && continue ;;
  --help | -h) usage && exit 0 ;;
  --rounds | --seconds | --only | --sizes) [ $# -ge 2 ] || { usage >&2 && exit 2; } ;;
  *) usage >&2 && exit 2 ;;
  esac
  case $1 in
  --rounds) ROUNDS=$2 ;;
  --seconds) SECONDS_EACH=$2 ;;
  --only) ONLY=$2 ;;
  --sizes) SIZES=$2 ;;
  esac
  shift 2
done
[[ $ROUNDS =~ ^[1-9][0-9]*$ && $SECONDS_EACH =~ ^[1-9][0-9]*$ && $SIZES =~ ^[1-9][0-9]*(,[1-9][0-9]*)*$ ]] ||
  { usage >&2 && exit 2; }

# shellcheck source-path=SCRIPTDIR
source "$HERE/lib/catalogue.sh"
source "$HERE/lib/install.sh"
source "$HERE/lib/processes.sh"
source "$HERE/lib/servers.sh"
source "$HERE/lib/measure.sh"
source "$HERE/lib/table.sh"

# Figures are worth nothing while something else runs.
warn_if_busy() {
  local load
  load=$(cut -d' ' -f1 /proc/loadavg)
  awk "BEGIN { exit !($load > 0.5) }" || return 0
  say "the load is $load: something else runs, or did a minute ago; figures will be wrong"
}

main() {
  local size
  mkdir -p "$TARGET"
  [ -n "$CHECK" ] || warn_if_busy
  choose "${ONLY:-${CHECK:+ours}}"
  pin
  install_all
  build_all
  make_work_dir
  start_redis
  : >"$TARGET/samples.tsv"
  for size in ${SIZES//,/ }; do
    start_all "$size"
    [ -n "$CHECK" ] || measure_all "$size"
    stop_all
  done
  if [ -z "$CHECK" ]; then
    print_table
  elif all_left; then
    say "every server answers as it should"
  else
    report_skipped
  fi
  # a rival may fail; of a check, nothing may
  all_left "${CHECK:+all}"
}

main
