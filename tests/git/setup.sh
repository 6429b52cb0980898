#!/bin/sh
# Installs the Debian packages that the git tests run: the one place that lists them. Does nothing where all are there;
# else needs root. Starts no service.
set -eu

packages="git lighttpd lighttpd-mod-openssl openssh-client openssh-server openssl"

missing=""
for package in $packages; do
    if ! dpkg-query --show --showformat='${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed; then
        missing="$missing $package"
    fi
done
[ -n "$missing" ] || exit 0

# policy-rc.d (invoke-rc.d(8)) keeps the web server and sshd from being started by their installation.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -q
# shellcheck disable=SC2086 # a list of words
apt-get install -y -q --no-install-recommends $missing
