# The build of a system that is not in the store yet, with the trouble that its configuration asks for. Sourced by nix.

# N of what the build log shows; each is a derivation of its own for whoever reads the records of nix's progress.
say() {
  echo "$name> $*" >&2
}

run_build() {
  local seconds gate second part id=10
  local parts=() all
  mapfile -t parts < <(conf_value package | tr ' ' -)
  parts+=(etc "nixos-system-$name")
  all=${#parts[@]}
  echo "this derivation will be built:" >&2
  echo "  $drv" >&2
  record '{"action":"start","id":1,"level":0,"type":104,"text":"","parent":0}'
  record "{\"action\":\"result\",\"id\":1,\"type\":105,\"fields\":[0,$all,1,0]}"
  conf_says build stubborn && stubborn_child
  for part in "${parts[@]}"; do
    id=$((id + 1))
    record "{\"action\":\"start\",\"id\":$id,\"level\":3,\"type\":105,\"text\":\"building\",\"fields\":[\"$WORLD_ROOT/store/d0000-$part.drv\",\"\",1,1],\"parent\":1}"
    echo "building '$part'..." >&2
    sleep 0.02 &
    wait $!
    record "{\"action\":\"stop\",\"id\":$id}"
    record "{\"action\":\"result\",\"id\":1,\"type\":105,\"fields\":[$((id - 10)),$all,1,0]}"
  done
  for gate in $(conf_value build waits); do
    say "waiting for $gate"
    wait_for_gate "$gate" &
    wait $!
  done
  seconds=$(conf_value build seconds)
  for ((second = 1; second <= ${seconds:-0}; second++)); do
    say "compiling, $second of $seconds"
    sleep 1 &
    wait $!
  done
  if conf_says build hangs; then
    say "silent from now on"
    sleep infinity &
    wait $!
  fi
  if conf_says build fails; then
    say "error: $(conf_value build fails | head -n 1)"
    printf "error: Cannot build '%s'.\n       Reason: builder failed with exit code 1.\n       Output paths:\n         %s\n       Last 1 log lines:\n       > error: %s\n       For full logs, run:\n         nix log %s\n" \
      "$drv" "$system" "$(conf_value build fails | head -n 1)" "$drv" >&2
    exit 1
  fi
  record '{"action":"stop","id":1}'
  make_system "$name" "$conf" || fail "writing to file: No space left on device"
}

# A builder that does not mind SIGTERM; its pid is in run/stubborn.
stubborn_child() {
  bash -c 'trap "" TERM INT; echo $$ > "$1"; while :; do sleep 1; done' stubborn "$WORLD_ROOT/run/stubborn" &
}
