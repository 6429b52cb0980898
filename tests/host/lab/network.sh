# The hosts' network: one bridge in a namespace of its own, one namespace and one cable a host. No uplink, so nothing
# that runs in there reaches anything else. Part of host.sh, which sets SWITCH, NETWORK and BRIDGE.

# The bridge, where it is missing. Stays when hosts go: servers of other tests may listen in it.
network_switch() {
  ip netns list | grep -qw "$SWITCH" && return 0
  ip netns add "$SWITCH"
  ip -n "$SWITCH" link set lo up
  # A bridge without an address of its own takes one of its ports', so that it changes when hosts come and go, and the
  # others send to the old one until their neighbour tables notice.
  ip -n "$SWITCH" link add br0 address 02:00:c6:12:4d:fe type bridge
  ip -n "$SWITCH" link set br0 up
  ip -n "$SWITCH" addr add "$BRIDGE/24" dev br0
}

# Gives the host the lowest free number and its cable; prints its address. A host keeps its number until it is removed.
network_join() (
  exec 8> "$RUN/net.lock"
  flock 8
  network_switch
  if [ ! -e "$(host_dir "$1")/number" ]; then
    for number in $(seq 1 250); do
      grep -qsx "$number" "$RUN"/hosts/*/number || break
    done
    echo "$number" > "$(host_dir "$1")/number"
  fi
  number=$(cat "$(host_dir "$1")/number")
  if ! ip netns list | grep -qw "pa-$1"; then
    ip netns add "pa-$1"
    ip -n "pa-$1" link set lo up
    ip link add host0 netns "pa-$1" type veth peer name "v$number" netns "$SWITCH"
    ip -n "$SWITCH" link set "v$number" master br0 up
    ip -n "pa-$1" addr add "$NETWORK.$number/24" dev host0
    ip -n "pa-$1" link set host0 up
  fi
  echo "$NETWORK.$number"
)

network_leave() (
  exec 8> "$RUN/net.lock"
  flock 8
  number=$(cat "$(host_dir "$1")/number" 2> /dev/null) || exit 0
  ip -n "$SWITCH" link del "v$number" 2> /dev/null || true
  ip netns del "pa-$1" 2> /dev/null || true
)

network_link() { ip -n "$SWITCH" link set "v$(cat "$(host_dir "$1")/number")" "$2"; }

network_run() {
  local name=$1
  shift
  if [ "$name" = "$SWITCH" ]; then
    (exec 8> "$RUN/net.lock" && flock 8 && network_switch)
    exec nsenter --net="/run/netns/$SWITCH" -- "$@"
  fi
  exec nsenter --net="/run/netns/pa-$name" -- "$@"
}
