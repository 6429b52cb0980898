"""Cost of a fetch on a large tree: the first one, and that of one more commit. The same with the git program on the same server."""

import json
import os
import shutil
import statistics
import subprocess
import time

from host import Repository
from wire import Server, run_counted

AGAIN = 5


def blobs(folder):
    """126 MB that cannot be packed any smaller."""
    for number in range(126):
        (folder / f"blob-{number}").write_bytes(os.urandom(1 << 20))


def many(folder):
    """100,000 small files in 1,000 folders."""
    for outer in range(1_000):
        inner = folder / f"folder-{outer}"
        inner.mkdir()
        for number in range(100):
            (inner / f"file-{number}").write_text(f"{outer} {number}\n")


class Bed:
    """A repository with such files on a server, and the two programs that fetch from it."""

    def __init__(self, folder, release, fill):
        self.folder, self.release = folder, release
        self.repository = Repository(folder)
        fill(self.repository.clone)
        self.tips = [self.repository.push("service first")]
        # What a server has packed already costs it nothing.
        subprocess.run(
            ["git", "-C", self.repository.bare, "-c", "pack.compression=0", "repack", "-adq"],
            env=self.repository.environment, check=True,
        )
        self.server = Server(str(release / "pull-agent-bench"), str(self.repository.root))

    def commit(self):
        self.tips.append(self.repository.push(f"service {len(self.tips)}"))

    def own(self, deployed, clone="own"):
        """The agent's fetch of the tip: seconds, CPU seconds, peak memory in bytes, that of the mapped pack included."""
        request = {"Fetch": {
            "remote": {"url": self.server.url(), "branch": "main", "ca_file": self.server.ca_file,
                       "timeout": {"secs": 600, "nanos": 0}},
            "repository": str(self.folder / clone), "revision": self.tips[-1], "deployed": deployed, "held": [],
            "max_history": 1 << 28,
        }}
        begin = time.monotonic()
        process = subprocess.Popen(
            [self.release / "pull-agent", "fetch"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        process.stdin.write(json.dumps(request) + "\n")
        process.stdin.flush()
        # Standard input is the child's life-line: it stays open until the answer is there.
        answer = process.stdout.read()
        _, _, usage = os.wait4(process.pid, 0)
        process.returncode = 0
        if "Done" not in answer:
            raise RuntimeError(f"the fetch failed: {answer}")
        return time.monotonic() - begin, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024

    def git(self, *arguments):
        begin = time.monotonic()
        environment = {**self.repository.environment, "GIT_SSL_CAINFO": self.server.ca_file}
        cpu, memory = run_counted(["git", *arguments], env=environment)
        return time.monotonic() - begin, cpu, memory

    def first(self):
        """Seconds of a first fetch, own and git's, medians."""
        own, peer = [], []
        for number in range(AGAIN):
            own.append(self.own(None, f"first-{number}")[0])
            place = self.folder / f"peer-{number}"
            peer.append(self.git("clone", "--quiet", "--bare", "--depth", "1", self.server.url(), str(place))[0])
            shutil.rmtree(self.folder / f"first-{number}")
            shutil.rmtree(place)
        return statistics.median(own), statistics.median(peer)

    def one_more(self):
        """CPU seconds of one more commit, own and git's, medians, and own peak memory."""
        self.own(None)
        place = str(self.folder / "peer")
        self.git("clone", "--quiet", "--bare", "--depth", "1", self.server.url(), place)
        own, peer, most = [], [], 0
        for _ in range(AGAIN):
            deployed = self.tips[-1]
            self.commit()
            _, cpu, memory = self.own(deployed)
            own.append(cpu)
            most = max(most, memory)
            peer.append(self.git("-C", place, "fetch", "--quiet", "origin", "+refs/heads/main:refs/heads/main")[1])
        return statistics.median(own), statistics.median(peer), most


def fetches(table, folder, release):
    for name, fill in [("126 MB", blobs), ("100,000 files", many)]:
        place = folder / fill.__name__
        place.mkdir(parents=True)
        bed = Bed(place, release, fill)
        try:
            if fill is blobs:
                own, peer = bed.first()
                table.row(f"first fetch of {name}", own, round(peer * 1.2, 2), "s", ("git clone --depth 1", peer))
            cpu, peer, most = bed.one_more()
            table.row(f"one more commit on {name}: CPU", cpu * 1e3, round(peer * 1.5e3), "ms", ("git fetch", peer * 1e3),
                      show="{:.0f}")
            table.row(f"one more commit on {name}: memory", most / 1e6, 64, "MB", None, show="{:.0f}")
        finally:
            bed.server.stop()
