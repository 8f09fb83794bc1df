"""One `anabranch dev` process: started, stopped, killed and restarted on its data directory."""

import os
import re
import signal
import subprocess
import threading
from pathlib import Path

READY = re.compile(r"^anabranch ready api=(?P<api>\S+)(?: tls=(?P<tls>\S+))? node=(?P<node>\d+) data=(?P<data>.+)$")

# Seconds. Far above what a start or a drain needs; they only end a hung test.
START_SECONDS_MAX = 120
STOP_SECONDS_MAX = 60


def binary():
    """The binary under test; `cargo xtask test` sets it."""
    path = os.environ.get("ANABRANCH_BIN")
    assert path, "ANABRANCH_BIN names no binary; start these tests with `cargo xtask test aws`"
    return path


def clean_environment():
    """This process's variables without those that would configure the node."""
    return {name: value for name, value in os.environ.items() if not name.startswith("ANABRANCH_")}


class Node:
    """A node on `data_dir`, on free ports of loopback, with more variables in its `environment`. `start` returns
    when it serves."""

    def __init__(self, data_dir, *arguments, environment=None):
        self.data_dir = Path(data_dir)
        self.arguments = list(arguments)
        self.environment = environment or {}
        self.process = None
        self.api = None
        self.tls = None
        self.identity = None

    def command(self):
        return [
            binary(),
            "dev",
            "--listen",
            "127.0.0.1:0",
            "--tls-listen",
            "127.0.0.1:0",
            "--data-dir",
            str(self.data_dir),
            *self.arguments,
        ]

    def start(self):
        assert self.process is None, "the node runs already"
        self.process = subprocess.Popen(
            self.command(), stdout=subprocess.PIPE, text=True, env=clean_environment() | self.environment
        )
        # A node that never gets ready is killed, which ends the read below.
        watchdog = threading.Timer(START_SECONDS_MAX, self.process.kill)
        watchdog.start()
        try:
            lines = []
            for line in self.process.stdout:
                lines.append(line)
                ready = READY.match(line.rstrip("\n"))
                if ready:
                    self.api, self.tls = ready["api"], ready["tls"]
                    self.identity = ready["node"]
                    return self
        finally:
            watchdog.cancel()
        code = self.process.wait()
        self.process = None
        raise AssertionError(f"the node ended with {code} before it was ready; stdout: {lines}")

    def stop(self):
        """SIGTERM: the node drains and ends with exit code 0."""
        self.process.send_signal(signal.SIGTERM)
        code = self.wait()
        assert code == 0, f"SIGTERM ended the node with exit code {code}"

    def kill(self):
        """kill -9: nothing is flushed, nothing is said."""
        self.process.kill()
        self.wait()

    def restart(self):
        """Starts again, on other ports, with the same directory."""
        return self.start()

    def wait(self):
        try:
            code = self.process.wait(timeout=STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"the node did not end within {STOP_SECONDS_MAX} s") from None
        finally:
            self.process.stdout.close()
            self.process = None
        return code

    def is_running(self):
        return self.process is not None

    def end(self):
        """At the end of a test: a node that still runs must drain well."""
        if self.is_running():
            self.stop()
