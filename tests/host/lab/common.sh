# Names and places that the scripts beside this file share. Sourced by bash, never run.

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# Root file systems and the hosts' own layers. Large and rebuilt at need: outside of git.
LAB=${PULL_AGENT_LAB:-$(cd "$HERE/../../.." && pwd)/.lab}
SUITE=${PULL_AGENT_LAB_SUITE:-trixie}
# What belongs to running hosts. Network namespaces are machine-wide, so this is too.
RUN=/run/pull-agent-lab

say() { echo "lab: $*" >&2; }
die() { say "$*"; exit 1; }

# Packages of the hosts' root: systemd with its bus, nix with its daemon, and what units and probes of tests call.
ROOT_PACKAGES=systemd,systemd-sysv,dbus,libpam-systemd,nix-bin,nix-setup-systemd,git,ca-certificates,curl,jq,iproute2,iputils-ping,nftables,procps,netbase,socat

# The root's directory. Its name is made of all that it is made from: a change builds a new one beside the old.
root_dir() {
  local made_of
  made_of=$(cat "$HERE/root.sh" <(echo "$ROOT_PACKAGES") | sha256sum | cut -c1-12)
  echo "$LAB/root/$SUITE-$made_of"
}
