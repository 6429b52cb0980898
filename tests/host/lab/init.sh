#!/bin/sh
# /sbin/lab-init, the first process of a test host: boot loader and kernel in one.
# It starts the system that `switch-to-configuration` last made the default (/boot/default, written by the flake's boot
# loader script), as firmware would; without one, or when that was deleted from the store, the profile's; on a host
# that never had a system, plain Debian.
profile=/nix/var/nix/profiles/system
for system in "$(cat /boot/default 2>/dev/null)" "$profile"; do
  [ -n "$system" ] && [ -x "$system/init" ] && exec "$system/init"
done
exec /usr/lib/systemd/systemd
