# shellcheck shell=bash
# Prints what was measured as Markdown.

print_table() {
  printf '\n'
  rows requests/s
  cat <<TEXT

Medians of $ROUNDS rounds of ${SECONDS_EACH} s; a ratio is the median of the rounds' ratios. One worker or
thread on one core, \`wrk -t1 -c32\` on another, HTTP/1.1 keep-alive over loopback; Redis and the
proxies' origin on $([ "$BACK_CPU" = "$LOAD_CPU" ] && echo "wrk's core" || echo "a third core"). "Of its handler alone" compares with the same framework's handler
without a cache (with one Redis \`GET\` for the caches of Redis in actix-web), "this crate ÷ it" with
this crate's hit in the same kind of store. † The server used less than 90 % of its core: wrk, Redis or
the loopback was the limit.

TEXT
  machine
  versions
  report_skipped
  [ -z "$CPU" ] || { printf '\n' && rows 'requests per second of processor time'; }
}

# rows UNIT
rows() {
  local name
  for name in "${CHOSEN[@]}"; do
    printf '%s|%s|%s|%s\n' "$name" "$(field "$name" 3)" "$(field "$name" 4)" "$(field "$name" 5)"
  done | awk -v unit="$1" -v sizes="$SIZES" -v samples="$TARGET/samples.tsv" -f "$HERE/lib/table.awk" /dev/stdin
}

machine() {
  printf -- '- %s; %s, %s cores; Linux %s; %s\n' "$(date -u +%Y-%m-%d)" \
    "$(awk -F': *' '/^model name/ { print $2; exit }' /proc/cpuinfo)" "$(nproc)" "$(uname -r)" "$(rustc --version)"
}

versions() {
  local list=''
  add() { [ -z "$2" ] || list+="${list:+, }$1 $2"; }
  add actix-response-cache "$(crate actix-response-cache) ($(git -C "$HERE" rev-parse --short HEAD 2>/dev/null || echo no git))"
  add actix-web "$(crate actix-web)"
  ! chosen request-reply || add actix-request-reply-cache "$(crate actix-request-reply-cache)"
  ! chosen axum-bare || add axum "$(crate axum)"
  ! chosen http-cache || add http-cache-tower-server "$(crate http-cache-tower-server), moka $(crate moka)"
  ! chosen nginx || add nginx "$(nginx -v 2>&1 | sed 's|.*/||')"
  ! chosen varnish || add Varnish "$(varnishd -V 2>&1 | sed -n 's/.*varnish-\([0-9.]*\).*/\1/p')"
  ! needs_redis || add Redis "$(redis-server --version | sed -n 's/.* v=\([^ ]*\).*/\1/p')"
  ! chosen 'fastapi*' || add Python "$("$TARGET/venv/bin/python" --version | cut -d' ' -f2), $(packages)"
  add wrk "$(wrk -v 2>&1 | sed -n 's/^wrk \([^ ]*\).*/\1/p')"
  printf -- '- %s\n' "$list"
}

# The version of a crate in the servers' lock file; of several, the newest.
crate() {
  awk -v name="\"$1\"" '$1 == "name" { found = $3 == name } $1 == "version" && found { gsub(/"/, "", $3); print $3 }' \
    "$HERE/servers/Cargo.lock" | sort -V | tail -1
}

packages() {
  "$TARGET/venv/bin/pip" freeze 2>/dev/null |
    sed -nE 's/^(fastapi|fastapi-cache2|uvicorn|uvloop|redis)==(.*)/\1 \2/p' | paste -sd, | sed 's/,/, /g'
}
