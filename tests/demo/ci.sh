# CI's part: the repository everybody pushes to, the checks on the forge, and the deploy job, which is curl. Sourced.

readonly REPOSITORY=poby/infra

start_forge() {
  start "$work/forge.url" "$bin/forge-stand-in"
  wait_until 10 grep -q '^http' "$work/forge.url" || fail forge "the stand-in of the forge did not start: $(cat "$work/forge.url")"
  forge=$(head -n 1 "$work/forge.url")
}

make_repository() {
  git init --quiet --bare --initial-branch=main "$work/infra.git"
  git init --quiet --initial-branch=main "$work/clone"
  git -C "$work/clone" config user.name poby
  git -C "$work/clone" config user.email poby@example.org
  git -C "$work/clone" remote add origin "$work/infra.git"
  echo '{ outputs = _: { }; }' > "$work/clone/flake.nix"
  mkdir "$work/clone/hosts"
  in_clone add --all
  in_clone commit --quiet --message "an empty flake"
  in_clone push --quiet origin main
}

# configure HOST LINES…: the configuration of a host in the working copy.
configure() { printf '%s\n' "${@:2}" > "$work/clone/hosts/$1.conf"; }

in_clone() { git -C "$work/clone" "$@"; }

# tell ROUTE JSON: what the stand-in of the forge knows from now on.
tell() {
  curl --silent --show-error --fail --request PUT "$forge/_control/$1" --output /dev/null --data "$2"
}

# merge SUBJECT: what is in the working copy becomes a pull request, its head in $head, and that by a squash the tip of
# main, its id in $revision.
merge() {
  number=$((${number:-0} + 1))
  in_clone switch --quiet --create "change-$number"
  in_clone add --all
  in_clone commit --quiet --message "$1"
  head=$(in_clone rev-parse HEAD)
  in_clone push --quiet origin "HEAD:refs/pull/$number/head"
  in_clone switch --quiet main
  in_clone merge --quiet --squash "change-$number"
  in_clone commit --quiet --message "$1 (#$number)"
  revision=$(in_clone rev-parse HEAD)
  tell pulls "{\"repository\": \"$REPOSITORY\", \"number\": $number, \"head_ref\": \"change-$number\",
    \"head_sha\": \"$head\", \"merged\": true, \"merge_commit_sha\": \"$revision\"}"
  in_clone push --quiet origin main
  line git merged "#$number, ${head:0:7}, by a squash: ${revision:0:7} \"$1\""
}

# check HOST STATUS [CONCLUSION]: the check run of this host, on the head of the pull request.
check() {
  local conclusion=${3:+, \"conclusion\": \"$3\"}
  tell checks \
    "{\"repository\": \"$REPOSITORY\", \"revision\": \"$head\", \"name\": \"build ($1)\", \"status\": \"$2\"$conclusion}"
}

# ci CONCLUSION: the checks run on every host's system, and end so.
ci() {
  local host
  for host in "${hosts[@]}"; do check "$host" in_progress; done
  line ci building "build (${hosts[0]}), build (${hosts[1]}), build (${hosts[2]}) are in progress"
  nudge
  for host in "${hosts[@]}"; do
    wait_until 20 host_says "$host" "\"wanted\":{\"revision\":\"$revision\"" "\"verdict\":\"pending\"" ||
      fail "$host" "$host does not wait for the checks of ${revision:0:7}"
  done
  for host in "${hosts[@]}"; do check "$host" completed "$1"; done
  if [ "$1" = success ]; then line ci green "all three end in success"; else line ci red "all three end in $1"; fi
}

# nudge: look now. It says nothing about what to deploy.
nudge() {
  local host
  for host in "${hosts[@]}"; do
    curl --silent --show-error --fail --output /dev/null --data "{\"revision\": \"$revision\"}" \
      "http://${address[$host]}/v1/nudge" || fail "$host" "$host did not take the nudge"
  done
  line cd nudge "POST /v1/nudge {\"revision\": \"${revision:0:7}…\"} to ${#hosts[@]} hosts"
}

# outcome HOST CODE: waits for the host's answer about the tip, shows it, and stops the demo when it is another one. A red
# check may be run again, so that a wait for 409 would last to its end: that one is asked for again and again.
outcome() {
  local answer code reason
  for _ in $(seq 30); do
    answer=$(curl --silent --max-time 90 --write-out '\n%{http_code}' \
      "http://${address[$1]}/v1/revisions/$revision?wait=$([ "$2" = 409 ] && echo 1 || echo 60)")
    code=${answer##*$'\n'}
    case $code in 200 | 409 | 500) break ;; esac
  done
  reason=$(field reason <<< "$answer")
  line cd "$code" "$1: $reason"
  [ "$code" = "$2" ] || fail "$1" "$1 answered $code ($reason), not $2"
}

# field NAME: the first string of that name in the JSON on standard input.
field() { grep -oE "\"$1\":\"([^\"\\\\]|\\\\.)*\"" | head -n 1 | sed -E "s/^\"$1\":\"(.*)\"\$/\1/; s/\\\\(.)/\1/g"; }
