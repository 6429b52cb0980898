#!/bin/bash
# root.sh DIR: a Debian root with systemd as init and Nix with its daemon, for `host.sh` to lay its hosts over.
# Called by setup.sh. Takes about half a minute; unpacks in memory, because dpkg syncs each file.
set -euo pipefail
. "$(dirname "$0")/common.sh"
dest=$1

# The machine's own Debian source, whichever mirror that is; trixie is signed by a key that bookworm has.
mirror() {
  awk '/^URIs:/ { print $2; exit }' /etc/apt/sources.list.d/debian.sources 2>/dev/null ||
    awk '$1 == "deb" { for (i = 2; i <= NF; i++) if ($i ~ /^https?:/) { print $i; exit } }' /etc/apt/sources.list
}
source_line="deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $(mirror) $SUITE main"

work=$(mktemp -d -p "$([ -w /dev/shm ] && echo /dev/shm || echo "$LAB")" lab-root.XXXXXX)
trap 'rm -rf "$work"' EXIT

TMPDIR=$work mmdebstrap --quiet --mode=root --variant=minbase --include="$ROOT_PACKAGES" \
  --aptopt='Acquire::Languages "none"' --aptopt='Acquire::Check-Valid-Until "false"' \
  --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/doc/*' \
  --dpkgopt='path-exclude=/usr/share/locale/*' \
  "$SUITE" "$work/root.tar" "$source_line"
mkdir -p "$dest"
tar -xf "$work/root.tar" -C "$dest" --numeric-owner

mkdir -p "$dest/boot" "$dest/nix/var/nix/profiles"
touch "$dest/etc/NIXOS"
rm -f "$dest/etc/resolv.conf" "$dest/etc/machine-id"
: > "$dest/etc/machine-id"

# What only costs boot time or works at moments of its own in a host that lives for a minute.
for unit in console-getty.service getty.target apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer \
  systemd-tmpfiles-clean.timer e2scrub_all.timer fstrim.timer nftables.service ldconfig.service \
  systemd-journal-catalog-update.service systemd-hwdb-update.service; do
  ln -sf /dev/null "$dest/etc/systemd/system/$unit"
done
# Else systemd-update-done and its conditions run at every first boot of a layer.
touch -r "$dest/usr" "$dest/etc/.updated" "$dest/var/.updated"
