"""Measures what the README claims and prints it beside the goal and the tool that a user would take instead.
Usage: figures.py RELEASE_FOLDER DEBUG_FOLDER. Exits with 0 when everything could be measured, missed goals included."""

import contextlib
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

from fetch import fetches
from host import Agent, Host, Repository
from overhead import crash_points, overhead, syncs
from wire import Proxy, Server, cpu_seconds, memory, run_counted

POLLS = int(os.environ.get("BENCH_POLLS", 200))
PEER_POLLS = 20
IDLE = int(os.environ.get("BENCH_IDLE", 40))
INTERVAL = 5
RUNS = int(os.environ.get("BENCH_RUNS", 9))
COMIN = 21e6
MB = 1e6


class Table:
    """The rows, printed as they come."""

    def __init__(self):
        self.unmeasured = []
        print(f"{'':42}{'measured':>13}  {'goal':>13}  {'':6}  instead: ratio")

    def row(self, what, value, goal, unit, against, least=False, show="{:.2f}"):
        """One figure; `against` is (name, value) of the other tool, `least` says that more is better."""
        good = value >= goal if least else value <= goal
        sign = "≥" if least else "≤"
        ratio = ""
        if against:
            name, other = against
            ratio = f"{name} {show.format(other)} {unit}: {other / value:.1f}×"
        shown, limit = show.format(value) + " " + unit, f"{sign} {goal:,} {unit}"
        print(f"{what:42}{shown:>13}  {limit:>13}  {'ok' if good else 'MISSED':6}  {ratio}", flush=True)

    def note(self, text):
        print(f"  {text}", flush=True)

    def part(self, what, measure):
        """Runs one part; what cannot be measured is said, and the next part is measured all the same."""
        try:
            measure()
        except Exception as error:  # noqa: BLE001: whatever it is, it is told and the exit code says so
            self.unmeasured.append(what)
            print(f"{what:42}NOT MEASURED: {error!r}", flush=True)


def peer_polls(folder, url, ca_file, proxy):
    """`git ls-remote`: CPU seconds and bytes of one, median, and its peak memory."""
    environment = {
        "PATH": os.environ["PATH"], "HOME": str(folder), "GIT_SSL_CAINFO": ca_file, "GIT_CONFIG_NOSYSTEM": "1",
    }
    uses, before = [], proxy.count
    for _ in range(PEER_POLLS):
        uses.append(run_counted(["git", "ls-remote", url, "refs/heads/main"], env=environment))
    time.sleep(0.3)
    cpu = statistics.median(cpu for cpu, _ in uses)
    return cpu, (proxy.count - before) / PEER_POLLS, max(memory for _, memory in uses)


def own_polls(bench, url, ca_file, proxy):
    """The agent's poll: CPU seconds of the first one, CPU seconds and bytes of one of the others on average."""
    process = subprocess.Popen(
        [bench, "polls", url, ca_file, str(POLLS)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    first = process.stdout.readline()
    time.sleep(0.3)
    before = proxy.count
    process.stdin.write("\n")
    process.stdin.flush()
    rest = process.stdout.readline()
    # The end of the connection is no part of a poll: the process ends after it has said the last figure.
    after = proxy.count
    if process.wait() != 0 or not rest:
        raise RuntimeError("the agent's polls failed")
    return int(first) / 1e6, int(rest) / 1e6 / POLLS, (after - before) / POLLS


def idle(table, folder, release):
    """Rows of the idle host: polls alone, then the whole daemon."""
    repository = Repository(folder)
    revision = repository.push("service norns")
    server = Server(str(release / "pull-agent-bench"), str(repository.root))
    with contextlib.ExitStack() as stack:
        stack.callback(server.stop)
        proxy = Proxy(server.port)
        url = server.url(proxy.port)
        peer_cpu, peer_bytes, peer_memory = peer_polls(folder, url, server.ca_file, proxy)
        first, cpu, size = own_polls(str(release / "pull-agent-bench"), url, server.ca_file, proxy)
        table.row("idle poll over https: CPU", cpu * 1e3, 1, "ms", ("git ls-remote", peer_cpu * 1e3))
        table.row("idle poll over https: on the wire", size, 600, "B", ("git ls-remote", peer_bytes), show="{:.0f}")
        table.note(f"of {POLLS} polls; left out: the first, which connects and reads the certificates, {first * 1e3:.1f} ms")

        host = Host(folder / "idle")
        agent = Agent(release / "pull-agent", host, server.url(), f"{INTERVAL}s", server.ca_file)
        stack.callback(agent.stop)
        agent.wait_until_runs(revision)
        time.sleep(INTERVAL)
        begin, used = time.monotonic(), cpu_seconds(agent.pid)
        time.sleep(IDLE)
        share = 100 * (cpu_seconds(agent.pid) - used) / (time.monotonic() - begin)
        loop = 100 * peer_cpu / INTERVAL
        table.row("idle daemon: memory (VmRSS)", memory(agent.pid, "VmRSS") / MB, 12, "MB",
                  ("git ls-remote", peer_memory / MB), show="{:.1f}")
        table.row("idle daemon: share of a core", share, 0.1, "%", (f"ls-remote each {INTERVAL} s", loop), show="{:.3f}")
        status = agent.status()
        table.note(f"{IDLE} s after a deployment, a poll each {INTERVAL} s; of its own (RssAnon) "
                   f"{memory(agent.pid, 'RssAnon') / MB:.1f} MB, last poll {status['source']['last_success_at']}")


def sizes(table, release):
    size = (release / "pull-agent").stat().st_size
    table.row("pull-agent: size of the program", size / MB, 8, "MB", ("comin", COMIN / MB), show="{:.1f}")
    table.note(f"agentctl: {(release / 'agentctl').stat().st_size / MB:.1f} MB; comin's size is that of its package")


def deployment(table, folder, release):
    folder.mkdir()
    by_hand, with_agent, phases = overhead(folder, release, RUNS)
    bare, own = statistics.median(map(sum, by_hand)), statistics.median(with_agent)
    if bare < 5:
        table.row("deployment: over the commands by hand", (own - bare) * 1e3, 150, "ms", None, show="{:.0f}")
    else:
        table.row("deployment: over the commands by hand", 100 * (own - bare) / bare, 3, "%", None, show="{:.1f}")
    build, switch = (statistics.median(times) * 1e3 for times in zip(*by_hand))
    least = (min(with_agent) - min(map(sum, by_hand))) * 1e3
    table.row("deployment: syncs", syncs(folder / "syncs", release), 25, "", None, show="{:.0f}")
    table.note(f"nudge to outcome {own * 1e3:.0f} ms, by hand {bare * 1e3:.0f} ms ({own / bare:.2f}×): medians of {RUNS}; "
               f"between the fastest of each {least:.0f} ms")
    table.note(f"by hand: build {build:.0f} ms, switch {switch:.0f} ms; with the agent: "
               + ", ".join(f"{phase} {seconds * 1e3:.0f} ms" for phase, seconds in phases.items()))


def simulation(table, debug):
    table.row("simulation: crash points a minute", crash_points(debug) / 1e6, 1, "million", None, least=True, show="{:.1f}")
    table.note("of one core's CPU time, built as `make test` builds it")


def main():
    release, debug = (pathlib.Path(word) for word in sys.argv[1:3])
    table = Table()
    with tempfile.TemporaryDirectory(prefix="pull-agent-bench-") as name:
        folder = pathlib.Path(name).resolve()
        table.part("idle host", lambda: idle(table, folder, release))
        table.part("fetches", lambda: fetches(table, folder / "fetches", release))
        table.part("deployment", lambda: deployment(table, folder / "deployment", release))
        table.part("simulation", lambda: simulation(table, debug))
        table.part("programs", lambda: sizes(table, release))
    return 1 if table.unmeasured else 0


if __name__ == "__main__":
    sys.exit(main())
