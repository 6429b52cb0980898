"""How long a deployment takes with the agent, over the bare commands by hand; and how fast the simulation is."""

import json
import os
import statistics
import subprocess
import time

from host import Agent, Host, Repository

# Nudges that come faster than one a second share a poll: such a one would wait for the end of that second.
SPACING = 1.2


def overhead(folder, release, runs):
    """How a deployment takes its time, in seconds: `runs` by hand (build and switch of each) and with the agent, in turn,
    on two hosts that are alike, and the median of each phase. By hand is `nixos-rebuild build` and `switch`; with the
    agent is from the nudge to the outcome: poll, fetch, both commands, the saves of the state and the probes."""
    repository = Repository(folder)
    by_hand, with_agent = Host(folder / "by-hand"), Host(folder / "with-agent")
    revision = repository.push("service norns")
    agent = Agent(release / "pull-agent", with_agent, f"file://{repository.bare}", "1h")
    try:
        agent.wait_until_runs(revision)
        by_hand.rebuild("switch", repository, revision)
        bare, own = [], []
        for number in range(runs):
            revision = repository.push(f"service norns\npackage bifrost 1.{number}")
            begin = time.monotonic()
            by_hand.rebuild("build", repository, revision)
            built = time.monotonic()
            by_hand.rebuild("switch", repository, revision)
            bare.append((built - begin, time.monotonic() - built))
            own.append(deploy(agent, revision))
        return bare, own, durations(agent, runs)
    finally:
        agent.stop()


def syncs(folder, release):
    """How often a deployment waits for the disk: fsync(2) and its like, of the agent and its steps, for the third one."""
    folder.mkdir()
    repository, host, trace = Repository(folder), Host(folder / "host"), folder / "trace"
    watched = ["strace", "-f", "-qq", "-e", "trace=fsync,fdatasync,syncfs,sync", "-o", str(trace)]
    first = repository.push("service norns")
    agent = Agent(release / "pull-agent", host, f"file://{repository.bare}", "1h", below=watched)
    try:
        agent.wait_until_runs(first)
        counts = []
        for number in range(3):
            revision = repository.push(f"service norns\npackage bifrost 1.{number}")
            before = count(trace)
            deploy(agent, revision)
            # The last save follows the outcome.
            time.sleep(1)
            counts.append(count(trace) - before)
        return counts[-1]
    finally:
        agent.stop()


def count(trace):
    return sum("resumed" not in line and "sync" in line for line in trace.read_text().splitlines())


def deploy(agent, revision):
    """Nudges the agent and follows its events until this revision is deployed; the seconds of that."""
    time.sleep(SPACING)
    connection = agent.connect()
    try:
        connection.request("GET", "/v1/events")
        events = connection.getresponse()
        begin = time.monotonic()
        # As one who waits for it: a nudge that names nothing is looked after within two seconds.
        agent.ask("/v1/nudge", "POST", json.dumps({"revision": revision}))
        while line := events.readline():
            if not line.startswith(b'data: {"version"'):
                continue
            last = json.loads(line[len("data: "):])["last_deployment"]
            if last and last["revision"] == revision:
                if last["outcome"] != "deployed":
                    raise RuntimeError(f"{revision} ended as {last['outcome']}: {last['reason']}")
                return time.monotonic() - begin
        raise RuntimeError("the agent's events ended")
    finally:
        connection.close()


def durations(agent, runs):
    """Median seconds of each phase, as the agent's own history has them."""
    history = agent.ask("/v1/deployments")["deployments"][:runs]
    phases = history[0]["durations"]
    return {phase: statistics.median(one["durations"][phase] or 0 for one in history) for phase in phases}


def crash_points(debug):
    """Moments at which the agent can die that the simulation visits in a minute of one core's CPU time."""
    cpu, points, seeds = 0.0, 0, 20_000
    for start in range(0, 100 * seeds, seeds):
        before = os.times()
        done = subprocess.run(
            [debug / "pull-agent-sim", "run", str(start), str(seeds)], check=True, stdout=subprocess.PIPE, text=True
        )
        after = os.times()
        cpu += after.children_user + after.children_system - before.children_user - before.children_system
        points += int(done.stdout.split(" points")[0].split()[-1])
        if cpu > 5:
            break
    return points / cpu * 60
