# Terminal and processes of the demo. Sourced.

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
  bold=$'\e[1m' dim=$'\e[2m' green=$'\e[32m' red=$'\e[31m' yellow=$'\e[33m' blue=$'\e[34m' plain=$'\e[0m'
else
  bold='' dim='' green='' red='' yellow='' blue='' plain=''
fi

heading() { printf '\n%s── %s %s%s\n' "$bold" "$1" "$(printf '─%.0s' $(seq $((90 - ${#1}))))" "$plain"; }
text() { printf '%s%s%s\n' "$dim" "$*" "$plain"; }

# line WHO WORD TEXT: one event, in columns. The word has the colour of what it means.
line() {
  local colour=
  case $2 in
    deployed | running | unchanged | green | 200) colour=$green ;;
    rolling-back | rolled-back | failed | held | red | refused | broken | 409 | 500) colour=$red ;;
    building | activating | confirming) colour=$yellow ;;
    gating | pushed | nudge | 202) colour=$blue ;;
  esac
  printf '  %s%-10s%s %s%-13s%s %s\n' "$bold" "$1" "$plain" "$colour" "$2" "$plain" "$3"
}

# --- processes ---------------------------------------------------------------------------------------------------------

pids=()
followers=()
# start LOG COMMAND…: in the background, in a session of its own so that Ctrl-C means the demo and not its children.
start() {
  local log=$1
  shift
  setsid "$@" >> "$log" 2>&1 < /dev/null &
  pids+=($!)
  disown $!
}

# Ends what the demo started. Steps outlive their agent; they are told by their environment.
stop_all() {
  local pid
  for pid in "${followers[@]}"; do kill -TERM "$pid" 2> /dev/null; done
  for pid in "${pids[@]}"; do kill -TERM -- "-$pid" 2> /dev/null; done
  for pid in $(grep -lsF "WORLD_ROOT=$work/" /proc/[0-9]*/environ | cut -d/ -f3); do kill -KILL "$pid" 2> /dev/null; done
  for pid in "${pids[@]}"; do
    for _ in $(seq 50); do kill -0 -- "-$pid" 2> /dev/null || break && sleep 0.1; done
    kill -KILL -- "-$pid" 2> /dev/null
  done
}

ended=
at_exit() {
  local code=$?
  [ -z "$ended" ] || return
  ended=1
  trap '' INT TERM
  set +e
  stop_all
  rm -rf "$work"
  exit $code
}

# fail HOST TEXT: why the demo is not true, and what that host's daemon said last.
fail() {
  sleep 0.5
  printf '\n%sThe demo failed:%s %s\n' "$red" "$plain" "$2" >&2
  if [ -s "$work/$1/agent.log" ]; then
    printf '\nThe end of the log of %s (%s):\n' "$1" "$work/$1/agent.log" >&2
    tail -n 25 "$work/$1/agent.log" >&2
  fi
  exit 1
}

# wait_until SECONDS COMMAND…: tries ten times a second.
wait_until() {
  local tries=$(($1 * 10))
  shift
  until "$@"; do
    tries=$((tries - 1))
    [ $tries -gt 0 ] || return 1
    sleep 0.1
  done
}
