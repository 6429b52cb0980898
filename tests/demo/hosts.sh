# The three hosts: a world without Nix each, an agent, a listener. Sourced.

hosts=(yggdrasil midgard alfheim)
declare -A address

# Linux has all of 127.0.0.0/8 on the loopback interface: every host its own address, no port is guessed.
give_addresses() {
  local network=127.$((RANDOM % 200 + 20)).$((RANDOM % 250 + 1)) number=0 host
  for host in "${hosts[@]}"; do
    number=$((number + 1))
    address[$host]=$network.$number:7319
  done
}

start_host() {
  local host=$1 folder=$work/$1
  mkdir -p "$folder"
  "$tests/world/bin/new-host" "$folder/world" "$host" > /dev/null
  cat > "$folder/config.toml" << CONFIG
host = "$host"

[source]
url = "file://$work/infra.git"
poll_interval = "5s"

[gate]
api_url = "$forge"
repository = "$REPOSITORY"
checks = ["build ({host})"]

[rebuild]
runner = "process"
min_free = "1MiB"

[system]
current = "$folder/world/current-system"
booted = "$folder/world/booted-system"
profile = "$folder/world/profiles/system"

[health]
settle = "1s"
deadline = "4s"
units = false
commands = [["check-services"]]

[nudge]
listen = ["${address[$host]}"]
allow = ["any"]

[state]
directory = "$folder/state"
socket = "$folder/run/agent.sock"
log_directory = "$folder/log"
CONFIG
  start_agent "$host"
  start "$folder/listener.log" "$bin/pull-agent" listen --config "$folder/config.toml"
  wait_until 10 answers "$host" || fail "$host" "$host does not answer on ${address[$host]}: $(tail -n 3 "$folder/listener.log")"
  follow "$host" &
  followers+=($!)
}

start_agent() {
  start "$work/$1/agent.log" env -i HOME="$work/$1" PATH="$path" WORLD_ROOT="$work/$1/world" \
    NIXOS_REBUILD_NO_SYSTEMD_RUN=1 "$bin/pull-agent" run --config "$work/$1/config.toml"
  echo "${pids[-1]}" > "$work/$1/world/run/agent.pid"
}

answers() { curl --silent --fail --output /dev/null "http://${address[$1]}/v1/status"; }
status_of() { curl --silent --unix-socket "$work/$1/run/agent.sock" http://agent/v1/status; }
system_of() { readlink "$work/$1/world/current-system"; }

# host_says HOST TEXT…: the status has each of these pieces of JSON.
host_says() {
  local status piece
  status=$(status_of "$1") || return 1
  for piece in "${@:2}"; do [[ $status == *"$piece"* ]] || return 1; done
}

# Tells what a host does, from its stream of events: one line whenever phase or sentence change, but for what takes no time.
follow() {
  local word last= phase summary
  curl --silent --no-buffer --unix-socket "$work/$1/run/agent.sock" http://agent/v1/events |
    while IFS= read -r word; do
      case $word in
        'data: {"version"'*)
          phase=$(field phase <<< "$word")
          summary=$(field summary <<< "$word")
          case $summary in fetching* | 'asking the forge'*) continue ;; esac
          [ "$phase $summary" = "$last" ] || line "$1" "$phase" "$summary"
          last="$phase $summary"
          ;;
      esac
    done
}

# expect HOST OUTCOME: how the last deployment of the host ended, else the demo stops.
expect() {
  local ended
  ended=$(curl --silent --unix-socket "$work/$1/run/agent.sock" http://agent/v1/deployments | field outcome)
  [ "$ended" = "$2" ] || fail "$1" "the last deployment of $1 ended as \"$ended\", not as \"$2\""
}

# runs HOST TEXT: the configuration of the running system has this line; so has the profile, which a reboot would boot.
runs() {
  local link
  for link in current-system profiles/system; do
    grep -qxF "$2" "$work/$1/world/$link/conf" || fail "$1" "$link of $1 is $(readlink -f "$work/$1/world/$link"), which has no \"$2\""
  done
}

# unmoved HOST SYSTEM: nothing was activated since this system ran.
unmoved() { [ "$(system_of "$1")" = "$2" ] || fail "$1" "$1 runs $(system_of "$1"), not $2 any more"; }
