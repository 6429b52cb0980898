"""The git server over https, the proxy that counts what goes over the wire, and processes whose use is counted."""

import os
import pathlib
import socket
import subprocess
import threading
import time


class Server:
    """lighttpd with git http-backend over a folder, over https with an authority of its own."""

    def __init__(self, bench, root):
        self.process = subprocess.Popen(
            [bench, "serve", root], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        line = self.process.stdout.readline().split()
        if len(line) != 2:
            raise RuntimeError("the git server does not start: is tests/git/setup.sh run?")
        self.port, self.ca_file = int(line[0]), line[1]
        until(lambda: accepts(self.port), "the git server does not answer")

    def url(self, port=None):
        return f"https://127.0.0.1:{port or self.port}/git/infra"

    def stop(self):
        self.process.stdin.close()
        self.process.wait()


class Proxy:
    """Hands TCP connections on to a port of 127.0.0.1 and counts the bytes of both directions, headers of TCP left out."""

    def __init__(self, port):
        self.target = port
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.lock = threading.Lock()
        self.count = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            client, _ = self.listener.accept()
            server = socket.create_connection(("127.0.0.1", self.target))
            for source, sink in [(client, server), (server, client)]:
                source.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=self._copy, args=(source, sink), daemon=True).start()

    def _copy(self, source, sink):
        try:
            while data := source.recv(65536):
                with self.lock:
                    self.count += len(data)
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            # The other side is gone: nothing more is counted, and whoever polls says so.
            pass


def run_counted(command, **options):
    """Runs a command to its end; returns CPU seconds and peak memory in bytes of it and its children."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, **options)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise RuntimeError(f"{command} ended with {process.returncode}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024


def cpu_seconds(pid):
    """CPU time of a process so far, ended threads included, to the nanosecond: its clock of clock_getcpuclockid(3)."""
    return time.clock_gettime(~pid << 3 | 2)


def memory(pid, key):
    """Memory of a process in bytes: VmRSS, RssAnon … of /proc/PID/status."""
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(key + ":"):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"/proc/{pid}/status has no {key}")


def accepts(port):
    try:
        socket.create_connection(("127.0.0.1", port)).close()
        return True
    except OSError:
        return False


def until(ready, otherwise, patience=60):
    """Waits until something is true; what it returned."""
    end = time.monotonic() + patience
    while not (found := ready()):
        if time.monotonic() > end:
            raise RuntimeError(otherwise)
        time.sleep(0.02)
    return found
