# What the demo needs besides Rust: git and curl. Sourced. As root on Debian what is missing is installed, else named.

need() {
  local missing=() program
  for program in "$@"; do command -v "$program" > /dev/null || missing+=("$program"); done
  [ ${#missing[@]} != 0 ] || return 0
  if [ "$(id -u)" = 0 ] && command -v apt-get > /dev/null; then
    text "Installing ${missing[*]} from Debian."
    apt-get install --quiet=2 --yes --no-install-recommends ca-certificates "${missing[@]}" > "$work/apt.log" 2>&1 ||
      { apt-get update --quiet=2 && apt-get install --quiet=2 --yes --no-install-recommends ca-certificates "${missing[@]}"; } \
        >> "$work/apt.log" 2>&1 || { cat "$work/apt.log" >&2 && exit 1; }
  else
    echo "The demo needs ${missing[*]}: apt-get install ${missing[*]}" >&2
    exit 1
  fi
}
