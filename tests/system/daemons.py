"""Real `crdtnode run` processes, and the command line that talks to them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
import json
from pathlib import Path
import signal
import subprocess
import sys
import time
from typing import Any

COMMAND = [sys.executable, "-m", "crdtnode"]


class Daemon:
    """One node as a process; ``within`` is a command that it runs under, a namespace for one."""

    def __init__(self, name: str, folder: Path, *options: str, within: Sequence[str] = ()) -> None:
        self.name = name
        self.api = folder / f"{name}.sock"
        self._log = (folder / f"{name}.log").open("a")
        run = ["run", "--name", name, "--api", str(self.api), "--json", *options]
        self.process = subprocess.Popen(
            [*within, *COMMAND, *run],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()  # ends at once where the process ends
        if not line:
            self._close()
            said = (folder / f"{name}.log").read_text()
            raise AssertionError(f"{name} did not start: {said[-2000:]}")
        self.ready: dict[str, Any] = json.loads(line)
        self.address: str = self.ready["address"]

    def cli(self, *args: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run one command against this node."""
        return subprocess.run(
            [*COMMAND, "--api", str(self.api), *args],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def json(self, *args: str) -> Any:
        """Run one command, which has to succeed, and read what it says."""
        done = self.cli(*args, "--json")
        assert done.returncode == 0, (args, done.returncode, done.stderr)
        return json.loads(done.stdout)

    def apply(self, operations: Sequence[dict[str, object]]) -> None:
        """Write many operations, all of which have to succeed."""
        lines = "".join(json.dumps(operation) + "\n" for operation in operations)
        done = self.cli("apply", stdin=lines)
        assert done.returncode == 0, (done.stdout[-500:], done.stderr[-500:])

    def kill(self) -> None:
        """As a power cut would: no goodbye."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """Ask it to leave; gives its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout=10)
        finally:
            self._close()

    def _close(self) -> None:
        self.process.kill()
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()
        self._log.close()


@contextmanager
def stopping(daemons: list[Daemon]) -> Iterator[list[Daemon]]:
    """End every process in the list, whatever happens."""
    try:
        yield daemons
    finally:
        for daemon in daemons:
            daemon.stop()


def eventually(condition: Any, seconds: float, what: str) -> float:
    """Wait until a condition holds; gives the seconds that it took."""
    started = time.monotonic()
    while not condition():
        waited = time.monotonic() - started
        assert waited < seconds, f"after {waited:.1f} s still not: {what}"
        time.sleep(0.01)  # between two looks, not instead of one
    return time.monotonic() - started
