# shellcheck shell=bash
# The servers that are compared.

# name | group | handler alone, that it is compared with | ours, that it is compared with | in the table
# shellcheck disable=SC2016 # Markdown, not commands
CATALOGUE='
bare|ours|||actix-web, a handler that returns a constant
memory|ours|bare||**this crate, memory: hit**
bypass|ours|bare||**this crate: excluded path**
uniform-bare|ours|||the constant handler, 100,000 URLs in random order
uniform|ours|uniform-bare||**this crate, memory: hit**, 100,000 URLs in random order
redis-get|ours|||actix-web, a handler that does one Redis `GET`
redis|ours|redis-get||**this crate, Redis: hit**
tiered|ours|bare|memory|**this crate, memory before Redis: hit**
nginx|proxies||memory|nginx `proxy_cache` on tmpfs: hit
varnish|proxies||memory|Varnish, `malloc`: hit
tutorial|rivals|bare|memory|actix-web, the map behind a mutex of tutorials: hit
request-reply|rivals|redis-get|redis|actix-web, `actix-request-reply-cache` (Redis): hit
axum-bare|rivals|||axum, a handler that returns a constant
http-cache|rivals|axum-bare|memory|axum, `http-cache-tower-server` with moka: hit
fastapi-bare|rivals|||FastAPI on uvicorn, a handler that returns a constant
fastapi-memory|rivals|fastapi-bare|memory|FastAPI, `fastapi-cache2` in memory: hit
fastapi-redis|rivals|fastapi-bare|redis|FastAPI, `fastapi-cache2` in Redis: hit
'

# Names of the chosen servers, in the catalogue's order.
CHOSEN=()
# Why a server is left out: by name, or by name and size.
declare -A SKIPPED=()

say() { printf '%s\n' "$*" >&2; }

die() {
  say "run.sh: $*"
  exit 1
}

# field NAME N: a column of the catalogue.
field() { awk -F'|' -v name="$1" -v n="$2" '$1 == name { print $n }' <<<"$CATALOGUE"; }

names() { awk -F'|' 'NF { print $1 }' <<<"$CATALOGUE"; }

group_of() { field "$1" 2; }

# skip NAME WHY, or skip "NAME SIZE" WHY: leaves a server out of the table, or of one of its columns.
skip() {
  [ -n "${SKIPPED[$1]-}" ] || say "leaving out $1: $2"
  SKIPPED["$1"]=${SKIPPED[$1]-$2}
}

# skip_group PATTERN WHY
skip_group() {
  local name
  for name in "${CHOSEN[@]}"; do
    # shellcheck disable=SC2053 # a pattern
    [[ $name != $1 ]] || skip "$name" "$2"
  done
}

is_left() { [ -z "${SKIPPED[$1]-}" ]; }

# choose LIST: the servers of the list, and those that they are compared with.
choose() {
  local asked name wanted=' '
  for asked in ${1//,/ }; do
    wanted+="$(awk -F'|' -v asked="$asked" \
      'NF && (asked == "all" || $1 == asked || $2 == asked) { print $1, $3, $4, "" }' <<<"$CATALOGUE" | tr '\n' ' ')"
    awk -F'|' -v asked="$asked" 'asked == "all" || $1 == asked || $2 == asked { found = 1 } END { exit !found }' \
      <<<"$CATALOGUE" || die "no such server: $asked"
  done
  for name in $(names); do
    [[ -n $1 && $wanted != *" $name "* ]] || CHOSEN+=("$name")
  done
}

chosen() {
  local name
  for name in "${CHOSEN[@]}"; do
    # shellcheck disable=SC2053 # a pattern
    [[ $name != $1 ]] || { is_left "$name" && return 0; }
  done
  return 1
}

report_skipped() {
  local what
  for what in "${!SKIPPED[@]}"; do
    printf -- '- left out: %s%s (%s)\n' "${what% *}" "$(of_size "$what")" "${SKIPPED[$what]}"
  done | sort
}

of_size() { [[ $1 != *' '* ]] || printf ' with a body of %s bytes' "${1#* }"; }

# all_left [all]: whether none of ours is left out, or none at all.
all_left() {
  local what
  for what in "${!SKIPPED[@]}"; do
    [ "${1-}" != all ] && [ "$(group_of "${what% *}")" != ours ] || return 1
  done
}
