#!/bin/sh
# The contract test: the driver's requests and the stand-in's answers through Prism, which holds them against GitHub's
# own description of its API. Installs what it needs: node from Debian where the machine has none (as root), and the
# packages of package-lock.json beside this file. Further arguments go to cargo test.
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)

if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
	if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
		echo "contract: node and npm are missing, and only root can install them from Debian" >&2
		exit 1
	fi
	apt-get update -q
	DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends nodejs npm
fi

# npm writes this file as the last thing of an installation.
installed=$here/node_modules/.package-lock.json
if [ ! -e "$installed" ] || [ "$here/package-lock.json" -nt "$installed" ]; then
	(cd "$here" && npm ci)
	touch "$installed"
fi

cd "$here/../.."
exec cargo test -p pull-agent-contract "$@" -- --include-ignored
