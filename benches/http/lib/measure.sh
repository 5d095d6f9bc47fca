# shellcheck shell=bash
# Measures every server once a round, and writes a line for each to samples.tsv:
# size, round, name, requests a second, part of its core that the server used.

TICKS=$(getconf CLK_TCK)

measure_all() {
  local size=$1 round name order
  fill "$size"
  for ((round = 1; round <= ROUNDS; round++)); do
    order=("${CHOSEN[@]}")
    # there and back again, so that what drifts meets each as often early as late
    ((round % 2)) || mapfile -t order < <(printf '%s\n' "${CHOSEN[@]}" | tac)
    for name in "${order[@]}"; do
      ! takes_part "$name" "$size" || sample "$name" "$size" "$round" || true
    done
  done
}

wrk_for() {
  local name=$1 seconds=$2 script=${3-}
  ! is_uniform "$name" || script=${script:-uniform}
  KEYS=$KEYS SEED=$RANDOM taskset -c "$LOAD_CPU" wrk -t1 -c32 -d"${seconds}s" \
    ${script:+-s "$HERE/lua/$script.lua"} "$(page "$name")"
}

# All keys are stored before the rounds: as often as it takes, from where the last run ended.
fill() {
  local stored
  takes_part uniform "$1" && [[ " ${CHOSEN[*]} " == *' uniform '* ]] || return 0
  for _ in {1..30}; do
    stored=$(calls uniform)
    [ "$stored" -lt "$KEYS" ] || return 0
    FROM=$stored wrk_for uniform 2 fill >/dev/null
  done
  refuse uniform "$1" "does not store $KEYS entries"
}

# sample NAME SIZE ROUND: a second to warm up, then the measurement.
sample() {
  local name=$1 before after ticks start out rate wrong
  wrk_for "$name" 1 >/dev/null
  before=$(calls "$name")
  ticks=$(cpu_ticks "${PIDS[$name]}")
  start=${EPOCHREALTIME/[.,]/}
  out=$(wrk_for "$name" "$SECONDS_EACH")
  start=$((${EPOCHREALTIME/[.,]/} - start))
  ticks=$(($(cpu_ticks "${PIDS[$name]}") - ticks))
  after=$(calls "$name")
  rate=$(awk '/^Requests\/sec/ { print $2 }' <<<"$out")
  wrong=$(grep -E 'Socket errors|Non-2xx' <<<"$out" || true)
  [ -n "$rate" ] && [ -n "$after" ] || wrong='stopped answering'
  ! is_cache "$name" || [ "$before" = "$after" ] || wrong=${wrong:-'called its handler while hits were measured'}
  [ -z "$wrong" ] || { refuse "$name" "$2" "${wrong#"${wrong%%[! ]*}"}" && return 1; }
  printf '%s\t%s\t%s\t%s\t%s\n' "$2" "$3" "$name" "$rate" \
    "$(awk "BEGIN { printf \"%.3f\", $ticks / $TICKS / ($start / 1e6) }")" | tee -a "$TARGET/samples.tsv" >&2
}
