# What can be tried by hand while the demo runs. Sourced.

cat > "$work/env" << ENV
export PATH="$bin:$path"
work=$work forge=$forge
a() { local host=\$1; shift; agentctl --socket "\$work/\$host/run/agent.sock" "\$@"; }
revision() { git -C "\$work/clone" rev-parse HEAD; }
ci() {
  local host
  for host in ${hosts[*]}; do
    curl -sS -X PUT "\$forge/_control/checks" -d "{\"repository\": \"$REPOSITORY\", \"revision\": \"\$(revision)\", \"name\": \"build (\$host)\", \"status\": \"completed\", \"conclusion\": \"\$1\"}"
  done
  echo
}
ENV
cat << LINES
It goes on running. In another terminal:

  . $work/env                      # a HOST COMMAND = agentctl on that host; ci CONCLUSION = the checks of the tip

  # push a commit that heals midgard, and let CI say yes
  cd $work/clone && sed -i '/^switch breaks/d' hosts/midgard.conf && git commit -qam 'mead-hall: mended' && git push -q origin main
  ci success
  curl -d '' http://${address[midgard]}/v1/nudge
  a midgard watch

  # push something that no check has seen, then turn its check red: nothing happens, and status says why
  cd $work/clone && git commit -q --allow-empty -m 'not tested' && git push -q origin main
  curl -d '' http://${address[yggdrasil]}/v1/nudge
  a yggdrasil status
  ci failure
  curl -d '' http://${address[yggdrasil]}/v1/nudge
  a yggdrasil status

  # kill an agent in the middle of whatever it does; start it again: it takes up what runs
  kill -9 \$(cat $work/yggdrasil/world/run/agent.pid)
  WORLD_ROOT=$work/yggdrasil/world NIXOS_REBUILD_NO_SYSTEMD_RUN=1 pull-agent run --config $work/yggdrasil/config.toml

  # the log of the last deployment, a pause, a hold forgotten
  a midgard logs
  a alfheim pause --for 10m --reason "moving disks"
  a midgard retry

Ctrl-C here ends all of it and removes $work.
LINES
sleep infinity &
followers+=($!)
wait $!
