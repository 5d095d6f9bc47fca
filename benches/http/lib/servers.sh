# shellcheck shell=bash
# Starts the servers, and checks that each answers the same.

# URLs that are asked in random order.
KEYS=100000
# More than this many bytes of bodies are not asked of a cache in memory.
UNIFORM_BYTES=$((512 * 1024 * 1024))

is_uniform() { [[ $1 == uniform* ]]; }

# Whether the handler must not be called once the page is stored.
is_cache() { [[ $1 != *bare && $1 != origin && $1 != bypass && $1 != redis-get ]]; }

# Whether a cache in memory has room for what is asked of NAME.
fits() { ! is_uniform "$1" || [ $((KEYS * $2)) -le $UNIFORM_BYTES ]; }

# Whether NAME is measured with bodies of SIZE, as far as is known by now.
takes_part() { is_left "$1" && is_left "$1 $2" && fits "$1" "$2"; }

start_all() {
  local name
  flush_redis
  for name in "${CHOSEN[@]}"; do
    takes_part "$name" "$1" || continue
    start "$name" "$1"
    check "$name" "$1" || refuse "$name" "$1" "$REFUSED"
  done
}

# refuse NAME SIZE WHY: what does not work is left out, with all that was measured of it.
refuse() {
  skip "$1 $2" "$3"
  [ ! -s "$WORK/$1.log" ] || { say "--- $1 says:" && tail -n 20 "$WORK/$1.log" >&2; }
  stop "${PIDS[$1]}"
  unset "PIDS[$1]"
  awk -v name="$1" -v size="$2" '$1 != size || $3 != name' "$TARGET/samples.tsv" >"$WORK/samples"
  cp "$WORK/samples" "$TARGET/samples.tsv"
}

# Each size has pages of its own under the same URLs.
flush_redis() {
  [ -n "$REDIS_URL" ] || return 0
  exec 3<>"/dev/tcp/127.0.0.1/${REDIS_URL##*:}"
  printf 'FLUSHALL\r\n' >&3
  head -c 5 <&3 >/dev/null
  exec 3>&-
}

start() {
  free_port
  local name=$1 size=$2 port=$FREE release=$TARGET/release
  PORTS["$name"]=$port COUNTERS["$name"]=$port
  case $name in
  uniform-bare) set -- "$release/bench-actix" bare "$port" "$size" ;;
  redis-get | redis | tiered) set -- "$release/bench-actix" "$name" "$port" "$size" "$REDIS_URL" ;;
  request-reply) set -- "$release/bench-request-reply" "$port" "$size" "$REDIS_URL" ;;
  axum-bare) set -- "$release/bench-axum" bare "$port" "$size" ;;
  http-cache) set -- "$release/bench-axum" http-cache "$port" "$size" ;;
  fastapi-*) fastapi_command "${name#fastapi-}" "$port" "$size" ;;
  nginx) start_origin "$size" && nginx_command "$port" "$size" ;;
  varnish) start_origin "$size" && varnish_command "$port" ;;
  *) set -- "$release/bench-actix" "$name" "$port" "$size" ;;
  esac
  case $name in
  fastapi-* | nginx | varnish) set -- "${COMMAND[@]}" ;;
  esac
  case $name in
  nginx | varnish) COUNTERS["$name"]=${PORTS[origin]} ;;
  esac
  spawn "$name" "$SERVER_CPU" "$@"
  PIDS["$name"]=$SPAWNED
}

# The bare server, for the proxies. It is asked on a miss only.
start_origin() {
  [ -z "${PIDS[origin]-}" ] || return 0
  free_port
  PORTS[origin]=$FREE COUNTERS[origin]=$FREE
  spawn origin "$BACK_CPU" "$TARGET/release/bench-actix" bare "$FREE" "$1"
  PIDS[origin]=$SPAWNED
  check origin "$1" || die "the origin: $REFUSED"
}

fastapi_command() {
  COMMAND=(env "KIND=$1" "SIZE=$3" "REDIS_URL=$REDIS_URL" PYTHONDONTWRITEBYTECODE=1
    "$TARGET/venv/bin/uvicorn" --app-dir "$HERE/fastapi" --host 127.0.0.1 --port "$2"
    --loop uvloop --http httptools --no-access-log --log-level warning app:app)
}

nginx_command() {
  local dir=$WORK/nginx user='' sendfile=off
  rm -rf "$dir" && mkdir "$dir"
  # a worker of root's nginx runs as nobody, who may not write here
  [ "$(id -u)" != 0 ] || user='user root;'
  [ "$2" -lt 16384 ] || sendfile=on
  sed -e "s|@DIR@|$dir|; s|@SENDFILE@|$sendfile|; s|@PORT@|$1|; s|@ORIGIN@|${PORTS[origin]}|; s|@USER@|$user|" \
    "$HERE/nginx.conf.in" >"$dir/nginx.conf"
  COMMAND=(nginx -p "$dir" -e "$dir/error.log" -c "$dir/nginx.conf")
}

varnish_command() {
  rm -rf "$WORK/varnish" && mkdir "$WORK/varnish"
  COMMAND=(varnishd -F -j none -n "$WORK/varnish" -T none -a "127.0.0.1:$1"
    -b "127.0.0.1:${PORTS[origin]}" -s "malloc,1g")
}

page() { printf 'http://127.0.0.1:%s/products/7' "${PORTS[$1]}"; }

# How often the handler behind NAME has run. Some caches store whatever they see: no two questions
# have the same URL.
calls() { curl -sf -m 5 "http://127.0.0.1:${COUNTERS[$1]}/calls?${EPOCHREALTIME//[.,]/}"; }

get() { curl -sf -m 5 -o /dev/null "$(page "$1")"; }

# check NAME SIZE: the answer is the same as everybody's, and comes from where it should. Else
# REFUSED says what is wrong.
check() {
  local name=$1 size=$2 head=$WORK/head code length try
  REFUSED='does not answer'
  for try in {1..150}; do
    get "$name" && break
    kill -0 "${PIDS[$name]}" 2>/dev/null || return 1
    [ "$try" -lt 150 ] || return 1
    sleep 0.1
  done
  read -r code length < <(curl -s -m 5 -D "$head" -o /dev/null -w '%{http_code} %{size_download}\n' "$(page "$name")")
  [ "$code" = 200 ] || { REFUSED="answers $code" && return 1; }
  [ "$length" = "$size" ] || { REFUSED="answers $length bytes" && return 1; }
  grep -qi '^content-type: text/html; charset=utf-8' "$head" || { REFUSED='another content type' && return 1; }
  grep -qi '^cache-control: max-age=[1-9]' "$head" || { REFUSED='no max-age' && return 1; }
  check_calls "$name"
}

# Five requests call the handler five times, or, of a cache, never. A store may take a moment.
check_calls() {
  local try before after wanted=5
  ! is_cache "$1" || wanted=0
  for try in {1..20}; do
    before=$(calls "$1") || { REFUSED='does not count calls' && return 1; }
    for _ in 1 2 3 4 5; do get "$1"; done
    after=$(calls "$1") || return 1
    [ $((after - before)) != $wanted ] || return 0
    sleep 0.1
  done
  REFUSED="calls its handler $((after - before)) times for 5 requests instead of $wanted"
  return 1
}
