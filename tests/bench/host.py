"""A host without Nix (tests/world), the repository that it follows, and the agent on it."""

import http.client
import json
import os
import pathlib
import signal
import socket
import subprocess

from wire import until

TESTS = pathlib.Path(__file__).resolve().parent.parent
HOST = "yggdrasil"
PATH = f"{TESTS}/world/bin:{TESTS}/host/bin:{os.environ['PATH']}"


class Repository:
    """A bare repository `infra` in a folder, and a working copy that pushes to it."""

    def __init__(self, folder):
        self.root, self.clone = folder / "git", folder / "clone"
        self.bare = self.root / "infra"
        self.environment = {
            "PATH": os.environ["PATH"], "HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_AUTHOR_NAME": "poby", "GIT_AUTHOR_EMAIL": "poby@example.org",
            "GIT_COMMITTER_NAME": "poby", "GIT_COMMITTER_EMAIL": "poby@example.org",
        }
        (self.clone / "hosts").mkdir(parents=True)
        self.bare.mkdir(parents=True)
        self.git("init", "--quiet", "--bare", "--initial-branch=main", str(self.bare))
        self.git("init", "--quiet", "--initial-branch=main", str(self.clone))
        (self.clone / "flake.nix").write_text("{ outputs = _: { }; }\n")

    def git(self, *arguments):
        done = subprocess.run(
            ["git", "-C", self.clone, *arguments], env=self.environment, check=True, stdout=subprocess.PIPE, text=True
        )
        return done.stdout.strip()

    def push(self, configuration):
        """Commits and pushes the host's configuration; the new revision."""
        (self.clone / f"hosts/{HOST}.conf").write_text(configuration + "\n")
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", configuration.splitlines()[0])
        self.git("push", "--quiet", str(self.bare), "HEAD:main")
        return self.git("rev-parse", "HEAD")


class Host:
    """One host: its folder, and the environment of what runs on it."""

    def __init__(self, folder):
        self.folder, self.world = folder, folder / "world"
        folder.mkdir()
        subprocess.run([TESTS / "world/bin/new-host", self.world, HOST], check=True, stdout=subprocess.DEVNULL)
        self.environment = {
            "PATH": PATH, "HOME": str(folder), "LANG": "C.UTF-8", "WORLD_ROOT": str(self.world),
            "NIXOS_REBUILD_NO_SYSTEMD_RUN": "1",
        }

    def rebuild(self, action, repository, revision):
        """What a person would type."""
        flake = f"git+file://{repository.clone}?ref=refs/heads/main&rev={revision}&shallow=1#{HOST}"
        subprocess.run(
            ["nixos-rebuild", action, "--no-reexec", "--flake", flake], cwd=self.folder, env=self.environment,
            check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )


class Agent:
    """`pull-agent run` on a host, maybe below another program that watches it."""

    def __init__(self, program, host, url, poll_interval, ca_file="", below=()):
        self.socket = host.folder / "run/agent.sock"
        config = host.folder / "config.toml"
        config.write_text(CONFIG.format(host=HOST, f=host.folder, w=host.world, url=url, poll=poll_interval, ca=ca_file))
        self.log = host.folder / "agent.log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [*below, program, "run", "--config", config], cwd=host.folder, env=host.environment,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )
        until(self.status, f"the agent does not answer:\n{self.log.read_text()}")
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        self.pid = int(children[0]) if below else self.process.pid

    def connect(self):
        connection = http.client.HTTPConnection("agent")
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.settimeout(60)
        connection.sock.connect(str(self.socket))
        return connection

    def ask(self, path, method="GET", body=None):
        connection = self.connect()
        try:
            connection.request(method, path, body)
            return json.load(connection.getresponse())
        finally:
            connection.close()

    def status(self):
        try:
            return self.ask("/v1/status")
        except OSError:
            return None

    def wait_until_runs(self, revision):
        def runs():
            status = self.status()
            return status and status["running"]["revision"] == revision and not status["current"]
        until(runs, f"{revision} is not deployed: {self.status()}")

    def stop(self):
        os.kill(self.pid, signal.SIGTERM)
        self.process.wait()


CONFIG = """host = "{host}"
[source]
url = "{url}"
poll_interval = "{poll}"
ca_file = "{ca}"
[gate]
forge = "none"
[rebuild]
runner = "process"
min_free = "1MiB"
[system]
current = "{w}/current-system"
booted = "{w}/booted-system"
profile = "{w}/profiles/system"
[health]
settle = "0s"
units = false
source = false
[state]
directory = "{f}/state"
socket = "{f}/run/agent.sock"
log_directory = "{f}/log"
"""
