#!/usr/bin/env bash
# The contract test: the driver's requests and the stand-in's answers through Prism, which holds them against GitHub's
# own description of its API; answers that GitHub once gave; and a second server that somebody else wrote. Installs what
# it needs: node and pip from Debian where the machine has none (as root), the packages of package-lock.json and of
# requirements.txt beside this file. Further arguments go to cargo test.
set -euo pipefail
here=$(cd -- "$(dirname -- "$0")" && pwd)
. "$here/../lib.sh"

needs() { # COMMAND PACKAGE...
  command -v "$1" > /dev/null && return
  can_install || {
    echo "contract: $1 is missing, and only root can install it from Debian" >&2
    exit 1
  }
  install_packages "${@:2}"
}
needs npm nodejs npm
needs pip3 python3-pip

# npm writes this file as the last thing of an installation.
installed=$here/node_modules/.package-lock.json
if [ ! -e "$installed" ] || [ "$here/package-lock.json" -nt "$installed" ]; then
  (cd "$here" && npm ci)
  touch "$installed"
fi

answers=$here/recorded/answers.json
if [ ! -e "$answers" ] || [ "$here/requirements.txt" -nt "$answers" ] || [ "$here/recorded.py" -nt "$answers" ]; then
  mkdir -p "$here/recorded"
  pip3 download --quiet --disable-pip-version-check --no-deps --no-binary PyGithub --require-hashes \
    --requirement "$here/requirements.txt" --dest "$here/recorded"
  python3 "$here/recorded.py" "$here"/recorded/pygithub-*.tar.gz "$answers"
fi

cd "$here/../.."
exec cargo test -p pull-agent-contract "$@" -- --include-ignored
