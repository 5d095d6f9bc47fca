# shellcheck shell=bash disable=SC2034 # the other parts use what is set here
# Processes: started in a session of their own on a core of their own, and ended by that session.

# Where the server that is measured runs, where wrk runs, and where Redis and the origin run.
SERVER_CPU=0 LOAD_CPU=1 BACK_CPU=1

pin() {
  local cpus tool
  for tool in taskset setsid; do
    command -v $tool >/dev/null || die "$tool of util-linux is missing: this needs Linux"
  done
  mapfile -t cpus < <(allowed_cpus)
  [ ${#cpus[@]} -ge 2 ] || die "two cores are needed: one for the server, one for wrk"
  SERVER_CPU=${cpus[0]} LOAD_CPU=${cpus[1]} BACK_CPU=${cpus[2]-${cpus[1]}}
}

# The cores that this process may use, one a line.
allowed_cpus() {
  local part
  for part in $(taskset -cp $$ | sed 's/.*: //; s/,/ /g'); do
    seq "${part%-*}" "${part#*-}"
  done
}

WORK=''

# On tmpfs where there is one: nginx and Varnish keep files there.
make_work_dir() {
  local parent=/dev/shm
  [ -d $parent ] && [ -w $parent ] || parent=${TMPDIR:-/tmp}
  WORK=$(mktemp -d "$parent/bench-http.XXXXXX")
  trap clean_up EXIT
  trap 'exit 130' INT TERM HUP
}

clean_up() {
  stop_all
  [ -z "$REDIS_PID" ] || stop "$REDIS_PID"
  rm -rf "$WORK"
}

# Pids by name of the server, and ports: where it is asked, and where its handler's calls are counted.
declare -A PIDS=() PORTS=() COUNTERS=()
REDIS_PID='' REDIS_URL=''

# spawn NAME CPU COMMAND...: leaves the pid, which is also the session's, in SPAWNED.
spawn() {
  local name=$1 cpu=$2
  shift 2
  setsid taskset -c "$cpu" "$@" >"$WORK/$name.log" 2>&1 </dev/null &
  SPAWNED=$!
}

# in_session PID: the processes of a session, each with user and system time in ticks.
in_session() {
  # the command's name may hold blanks: what follows its bracket is plain; processes come and go
  { cat /proc/[0-9]*/stat 2>/dev/null || true; } | sed 's/ (.*) / /' |
    awk -v session="$1" '$5 == session { print $1, $13 + $14 }'
}

# cpu_ticks PID: the processor time that a session has used.
cpu_ticks() { in_session "$1" | awk '{ sum += $2 } END { print sum + 0 }'; }

# stop PID: the first process of the session is asked to end the others, which it does better.
stop() {
  local try left
  kill "$1" 2>/dev/null || true
  for try in {1..50}; do
    mapfile -t left < <(in_session "$1" | cut -d' ' -f1)
    [ ${#left[@]} -gt 0 ] || break
    [ "$try" -lt 40 ] || kill -9 "${left[@]}" 2>/dev/null || true
    sleep 0.1
  done
  wait "$1" 2>/dev/null || true
}

stop_all() {
  local name
  for name in "${!PIDS[@]}"; do
    stop "${PIDS[$name]}"
  done
  PIDS=() PORTS=() COUNTERS=()
}

# A port of loopback that nobody listens on, below those that the kernel gives to clients.
free_port() {
  local port
  while :; do
    port=$((20000 + RANDOM % 12000))
    [[ " ${PORTS[*]} " == *" $port "* ]] && continue
    (: <>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
  done
  FREE=$port
}

start_redis() {
  needs_redis || return 0
  free_port
  REDIS_URL=redis://127.0.0.1:$FREE
  spawn redis-server "$BACK_CPU" redis-server --bind 127.0.0.1 --port "$FREE" --save '' \
    --appendonly no --dir "$WORK"
  REDIS_PID=$SPAWNED
  local try
  for try in {1..50}; do
    (: <>"/dev/tcp/127.0.0.1/$FREE") 2>/dev/null && return
    sleep 0.1
  done
  REDIS_URL=''
  skip_redis "redis-server does not start"
}
