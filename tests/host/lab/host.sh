#!/bin/bash
# host.sh: test hosts with systemd as their first process, as containers of systemd-nspawn. The machine that runs them
# needs no systemd running. Each host is an overlay over the root that setup.sh builds, has its own network namespace and
# one leg in a bridge without any way out.
#
#   up NAME [HOSTNAME]   start (first time: a new host; after off or cut: the same host again); prints "ADDRESS STATE"
#   exec NAME COMMAND…   run inside, as root, with an environment of its own
#   net NAME COMMAND…    run here, but in the host's network; `net pa-sw` is the bridge's, where servers for hosts live
#   root NAME            where the host's files are on this machine (without /run and /tmp)
#   reboot NAME          clean reboot, waits for the next boot
#   off NAME             clean power off
#   cut NAME             every process of the host dies at once
#   freeze|thaw NAME     the whole host stands still
#   link NAME up|down    pull its network cable
#   rm NAME              forget a host · sweep: those whose owner is gone · down: all of this lab
#
# PULL_AGENT_LAB_OWNER is the process that a host belongs to (default: none, the host stays until `rm`).
set -euo pipefail
. "$(dirname "$0")/common.sh"

SWITCH=pa-sw NETWORK=198.18.77 BRIDGE=198.18.77.254 # RFC 2544: benchmark addresses, never routed
# The group trees to tell a host by: systemd's own on a machine of control groups version 1, and version 2's.
GROUPS_2=/sys/fs/cgroup/unified
mountpoint -q $GROUPS_2 || GROUPS_2=/sys/fs/cgroup
GROUP_TREES=("$GROUPS_2")
mountpoint -q /sys/fs/cgroup/systemd && GROUP_TREES+=(/sys/fs/cgroup/systemd)
GROUP=pull-agent-lab
BOOT_SECONDS=120 OFF_SECONDS=30

. "$HERE/network.sh"

host_dir() { echo "$RUN/hosts/$1"; }
layer_of() { cat "$(host_dir "$1")/layer" 2> /dev/null || die "there is no host $1"; }

# The host's first process as this machine numbers it: nspawn's child that is number 1 of its own namespace.
leader() {
  local supervisor child
  supervisor=$(cat "$(host_dir "$1")/pid" 2> /dev/null) || return 1
  for child in $(cat "/proc/$supervisor/task/$supervisor/children" 2> /dev/null); do
    grep -qE '^NSpid:.*[[:space:]]1$' "/proc/$child/status" 2> /dev/null && { echo "$child"; return 0; }
  done
  return 1
}

# Capabilities that a container has not: without this a command run inside keeps this machine's, and setting the clock
# in there sets it out here.
readonly DROPPED=-sys_time,-sys_module,-sys_rawio,-sys_boot,-sys_resource,-mac_admin,-mac_override,-syslog,-wake_alarm,-block_suspend,-perfmon,-ipc_lock,-sys_pacct

run_inside() {
  local name=$1 first tree
  shift
  first=$(leader "$name") || die "host $name is not up"
  # Into the host's own groups first, else logind and systemd inside do not know where the process belongs.
  for tree in "${GROUP_TREES[@]}"; do
    if [ -d "$tree/$GROUP/$name/payload" ]; then
      mkdir -p "$tree/$GROUP/$name/payload/exec"
      echo $BASHPID > "$tree/$GROUP/$name/payload/exec/cgroup.procs"
    fi
  done
  exec setpriv --bounding-set=$DROPPED --inh-caps=-all \
    nsenter -t "$first" -m -u -i -n -p -C -r -w -- \
    env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root USER=root TERM=dumb LC_ALL=C.UTF-8 "$@"
}

lay_root() {
  local name=$1 layer=$2 hostname=$3 root
  mkdir -p "$layer"/{upper,work,root}
  mountpoint -q "$layer/root" && return 0
  root=$(root_dir)
  [ -d "$root" ] || die "there is no root yet: run setup.sh"
  # volatile: what a host syncs is kept by this machine's memory; a host that is cut loses no page of it anyway.
  rm -rf "$layer/work/work/incompat"
  mount -t overlay overlay -o "lowerdir=$root,upperdir=$layer/upper,workdir=$layer/work,volatile" "$layer/root"
  echo "$hostname" > "$layer/root/etc/hostname"
  install -m 644 "$HERE/nix.conf" "$layer/root/etc/nix/nix.conf"
  install -m 755 "$HERE/init.sh" "$layer/root/sbin/lab-init"
  printf '127.0.0.1 localhost %s\n%s bridge\n' "$hostname" "$BRIDGE" > "$layer/root/etc/hosts"
}

# What keeps a host running. With --keep-unit nspawn ends with 133 when the host asks for a reboot: start it again.
# Own group (or hosts collide in /payload and /supervisor) and own mounts (nspawn wants /run to be in memory).
write_keeper() {
  local name=$1 layer=$2 hostname=$3 dir
  dir=$(host_dir "$name")
  cat > "$dir/keeper" << KEEPER
exec > '$dir/log' 2>&1 < /dev/null
for tree in ${GROUP_TREES[*]}; do echo 0 > \$tree/$GROUP/$name/cgroup.procs; done
mkdir -p /run/systemd/nspawn
mount -t tmpfs tmpfs /run/systemd/nspawn
while :; do
  SYSTEMD_LOG_LEVEL=warning SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 systemd-nspawn --quiet --register=no --keep-unit \\
    --directory='$layer/root' --machine='$name' --hostname='$hostname' --network-namespace-path=/run/netns/pa-$name \\
    --resolv-conf=off --timezone=off --link-journal=no --console=pipe --kill-signal=RTMIN+3 \\
    --capability=CAP_NET_ADMIN --system-call-filter=bpf /sbin/lab-init &
  echo \$! > '$dir/pid'
  wait \$!
  ended=\$?
  echo "nspawn ended with \$ended"
  [ \$ended = 133 ] || break
done
rm -f '$dir/pid'
KEEPER
}

# Waits until the host's systemd says it has booted (running, or degraded where a unit failed); not this first process.
await_boot() {
  local name=$1 not=${2:-} state now until=$((SECONDS + BOOT_SECONDS))
  while [ $SECONDS -lt $until ]; do
    now=$(leader "$name") || now=
    if [ -n "$now" ] && [ "$now" != "$not" ]; then
      state=$( (run_inside "$name" timeout $BOOT_SECONDS systemctl is-system-running --wait) 2> /dev/null) || true
      case $state in running | degraded) echo "$state"; return 0 ;; esac
    fi
    sleep 0.03
  done
  tail -n 20 "$(host_dir "$name")/log" >&2
  die "host $name did not boot in $BOOT_SECONDS s (last state: ${state:-none})"
}

host_up() {
  local name=$1 hostname=${2:-} dir layer address tree
  dir=$(host_dir "$name")
  ! leader "$name" > /dev/null || die "host $name is up"
  mkdir -p "$dir"
  [ -e "$dir/layer" ] || echo "$LAB/hosts/$name" > "$dir/layer"
  [ -e "$dir/hostname" ] || echo "${hostname:-$name}" > "$dir/hostname"
  [ -z "${PULL_AGENT_LAB_OWNER:-}" ] || owner_mark "$PULL_AGENT_LAB_OWNER" > "$dir/owner"
  layer=$(cat "$dir/layer") hostname=$(cat "$dir/hostname")
  address=$(network_join "$name")
  lay_root "$name" "$layer" "$hostname"
  for tree in "${GROUP_TREES[@]}"; do mkdir -p "$tree/$GROUP/$name"; done
  write_keeper "$name" "$layer" "$hostname"
  setsid unshare --mount --propagation slave bash "$dir/keeper" > /dev/null 2>&1 < /dev/null &
  echo "$address $(await_boot "$name")"
}

host_reboot() {
  local before
  before=$(leader "$1") || die "host $1 is not up"
  (run_inside "$1" systemctl reboot) || true
  await_boot "$1" "$before"
}

# Every process of the host in one go: its own, nspawn, the keeper, and who came in through exec.
host_cut() {
  local name=$1 tree i
  if [ -e "$GROUPS_2/$GROUP/$name/cgroup.kill" ]; then
    echo 1 > "$GROUPS_2/$GROUP/$name/cgroup.kill"
    for i in $(seq 500); do
      grep -q 'populated 0' "$GROUPS_2/$GROUP/$name/cgroup.events" && break
      sleep 0.02
    done
    [ "$i" != 500 ] || die "processes of host $name survive a kill"
  fi
  # Forget the groups: the first process that the next boot starts straight into a group that was killed dies at once
  # (seen with Linux 6.18 and systemd 257).
  for tree in "${GROUP_TREES[@]}"; do
    [ ! -d "$tree/$GROUP/$name" ] || find "$tree/$GROUP/$name" -depth -type d -exec rmdir {} + 2> /dev/null || true
  done
  rm -f "$(host_dir "$name")/pid"
}

host_off() {
  local name=$1 first until=$((SECONDS + OFF_SECONDS))
  first=$(leader "$name") || return 0
  kill -s RTMIN+4 "$first"
  while [ -e "$(host_dir "$name")/pid" ]; do
    [ $SECONDS -lt $until ] || { say "host $name did not power off in $OFF_SECONDS s, cutting"; break; }
    sleep 0.03
  done
  host_cut "$name"
}

host_rm() {
  local name=$1 layer
  layer=$(layer_of "$name")
  host_cut "$name"
  network_leave "$name"
  if mountpoint -q "$layer/root"; then umount "$layer/root" || umount --lazy "$layer/root"; fi
  rm -rf "$layer" "$(host_dir "$name")"
}

# A process, told apart from a later one of the same number by when it started.
owner_mark() { echo "$1 $(awk '{ print $22 }' "/proc/$1/stat")"; }

host_sweep() {
  local dir mark
  exec 8> "$RUN/sweep.lock"
  flock -n 8 || return 0
  for dir in "$RUN"/hosts/*/; do
    [ -e "$dir/owner" ] || continue
    mark=$(cat "$dir/owner")
    [ "$(owner_mark "${mark%% *}" 2> /dev/null)" = "$mark" ] || host_rm "$(basename "$dir")"
  done
}

host_down() {
  local dir
  for dir in "$RUN"/hosts/*/; do
    case $(cat "$dir/layer" 2> /dev/null) in "$LAB"/*) host_rm "$(basename "$dir")" ;; esac
  done
}

mkdir -p "$RUN/hosts"
command=${1:-}
shift || true
case $command in
  up | off | cut | reboot | rm | sweep | down) "host_$command" "$@" ;;
  exec) run_inside "$@" ;;
  root) echo "$(layer_of "$1")/root" ;;
  net) network_run "$@" ;;
  link) network_link "$@" ;;
  freeze) echo 1 > "$GROUPS_2/$GROUP/$1/cgroup.freeze" ;;
  thaw) echo 0 > "$GROUPS_2/$GROUP/$1/cgroup.freeze" ;;
  *) die "usage: host.sh up|exec|net|root|reboot|off|cut|freeze|thaw|link|rm|sweep|down" ;;
esac
