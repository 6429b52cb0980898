# Shared by the scripts of tests/: what is there, what can be installed.

need_rust() {
  command -v cargo > /dev/null || {
    echo "cargo is missing: install Rust (the version is in rust-toolchain.toml)" >&2
    exit 1
  }
}

# Whether Debian packages can be installed here.
can_install() { [ "$(id -u)" = 0 ] && command -v apt-get > /dev/null; }

# Installs the packages of a list that are not there yet.
install_packages() {
  local missing=() package
  for package in "$@"; do
    dpkg-query -W -f '${Status}' "$package" 2> /dev/null | grep -q 'ok installed' || missing+=("$package")
  done
  [ ${#missing[@]} != 0 ] || return 0
  echo "installing: ${missing[*]}"
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" > /dev/null
}

# Prints why the contract test cannot run here; fails when it can.
why_no_contract() {
  local program
  for program in npm pip3; do
    command -v "$program" > /dev/null || can_install || {
      echo "$program is missing and cannot be installed without root"
      return 0
    }
  done
  return 1
}
