#!/usr/bin/env bash
# Runs the four stages as processes, two of each, kills one at random every two seconds, and
# says what each form has lost.
#
#   flows/distributed/run.sh                  # all forms, 100,000 orders each
#   ORDERS=20000 flows/distributed/run.sh streams nats
#
# Redis is started here, on a port of its own, if redis-server is installed; NATS is in
# flowrun. For Kafka, KAFKA=HOST:9092 names a broker. EVERY=0 kills nobody.
set -euo pipefail
cd "$(dirname "$0")"

export ORDERS=${ORDERS:-100000}
every=${EVERY:-2}
forms=("$@")
[ ${#forms[@]} -gt 0 ] || forms=(lists streams kafka nats)
stages=(validate transform enrich store)
workers=2
want=$((ORDERS - (ORDERS + 99) / 100)) # every hundredth order is a mistake

dir=$(mktemp -d)
all=() # processes that were started here
cleanup() {
  touch "$dir/stop"
  for p in "$dir"/pid-*; do [ -e "$p" ] && kill -9 "$(cat "$p")" 2>/dev/null || true; done
  for p in "${all[@]}"; do kill "$p" 2>/dev/null || true; done
  wait 2>/dev/null || true
  rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

flowrun=${FLOWRUN:-}
if [ -z "$flowrun" ]; then
  flowrun=$dir/flowrun
  (cd ../.. && CGO_ENABLED=0 go build -o "$flowrun" ./cmd/flowrun)
fi

# free_port prints a port of the loopback that nobody listens at.
free_port() {
  local port
  while :; do
    port=$((20000 + RANDOM % 10000))
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo "$port"; return; }
  done
}

# answers waits until somebody listens at a port.
answers() {
  for _ in $(seq 200); do
    (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null && return
    sleep 0.05
  done
  echo "nobody listens at port $1" >&2
  return 1
}

start_redis() {
  command -v redis-server >/dev/null || return 1
  local port
  port=$(free_port)
  mkdir -p "$dir/redis"
  redis-server --port "$port" --bind 127.0.0.1 --dir "$dir/redis" --save '' --appendonly yes --appendfsync everysec >"$dir/redis.log" &
  all+=($!)
  answers "$port"
  export REDIS=redis://127.0.0.1:$port
}

start_nats() {
  [ -z "${NATS:-}" ] || return 0
  local port
  port=$(free_port)
  NATS_LISTEN=127.0.0.1:$port NATS_FOLDER=$dir/nats "$flowrun" run nats/server.yaml >"$dir/nats.log" 2>&1 &
  all+=($!)
  answers "$port"
  export NATS=nats://127.0.0.1:$port
}

# keep runs a stage again and again, until all is over.
keep() {
  local form=$1 stage=$2 worker=$3
  while [ ! -e "$dir/stop" ]; do
    WORKER=$worker OUT=$dir/out "$flowrun" run "$form/$stage.yaml" --report none >>"$dir/log" 2>&1 &
    echo $! >"$dir/pid-$stage-$worker"
    wait $! 2>/dev/null || true
    rm -f "$dir/pid-$stage-$worker"
    sleep 0.1
  done
}

# killer kills one process at random, again and again, until all is over.
killer() {
  local pids victim
  while sleep "$every" && [ ! -e "$dir/stop" ]; do
    pids=("$dir"/pid-*)
    victim=${pids[RANDOM % ${#pids[@]}]}
    [ -e "$victim" ] && kill -9 "$(cat "$victim")" 2>/dev/null && echo "$victim" >>"$dir/kills" || true
  done
}

# stored counts the orders that have come, and those that have come twice.
stored() {
  cat "$dir"/out/*.jsonl 2>/dev/null | sed -n 's/^{"id":\([0-9]*\),.*}$/\1/p' | awk '{ n++; if (!seen[$0]++) d++ } END { print d + 0, n - d }'
}

try() {
  local form=$1 came=0 twice=0 last=-1 quiet=0 begun ended kills
  rm -rf "$dir"/stop "$dir"/out "$dir"/pid-* "$dir"/log "$dir"/kills
  mkdir "$dir/out"
  local keepers=()
  for stage in "${stages[@]}"; do
    for worker in $(seq $workers); do
      keep "$form" "$stage" "$worker" &
      keepers+=($!)
    done
  done
  sleep 1
  begun=$(date +%s%N)
  "$flowrun" run "$form/feed.yaml" --report none >>"$dir/log" 2>&1 &
  local feed=$!
  ended=$begun
  if [ "$every" -gt 0 ]; then
    killer &
    keepers+=($!)
  fi
  # Over when all have come, or none for fifteen seconds.
  while [ "$came" -lt "$want" ] && [ "$quiet" -lt 15 ]; do
    sleep 1
    read -r came twice < <(stored)
    if [ "$came" = "$last" ]; then quiet=$((quiet + 1)); else quiet=0 last=$came ended=$(date +%s%N); fi
  done
  wait "$feed" || { echo "the feed has failed:" >&2; tail -3 "$dir/log" >&2; return 1; }
  touch "$dir/stop"
  for p in "$dir"/pid-*; do [ -e "$p" ] && kill "$(cat "$p")" 2>/dev/null || true; done
  wait "${keepers[@]}" 2>/dev/null || true
  read -r came twice < <(stored)
  touch "$dir/kills"
  kills=$(wc -l <"$dir/kills")
  printf '%-8s %9d orders %4d kills %9d lost %9d twice %9d a second\n' \
    "$form" "$ORDERS" "$kills" $((want - came)) "$twice" $((came * 1000 / ((ended - begun) / 1000000 + 1)))
}

for form in "${forms[@]}"; do
  case $form in
  lists | streams) [ -n "${REDIS:-}" ] || start_redis || { echo "$form: redis-server is not installed: apt-get install redis-server"; continue; } ;;
  kafka) [ -n "${KAFKA:-}" ] || { echo "kafka: no broker; KAFKA=HOST:9092 names one"; continue; } ;;
  nats) start_nats ;;
  *) echo "there is no form $form: lists, streams, kafka, nats" >&2; exit 2 ;;
  esac
  try "$form"
done
