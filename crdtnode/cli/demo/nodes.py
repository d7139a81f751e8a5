"""Three nodes as three real processes, on free ports of this machine, with a key of their own."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
import json
from pathlib import Path
import subprocess
import sys
from tempfile import TemporaryDirectory
from typing import Any

from crdtnode.cli.daemon import Daemon
from crdtnode.cli.demo.words import Operation
from crdtnode.cli.outcome import Code, Failure

_LEAVING_MOST = 5.0
"""Seconds that a node has to leave before it is killed."""


class Member:
    """One process, and what it says over its socket."""

    def __init__(self, name: str, folder: Path, key: Path, join: str | None) -> None:
        self.name = name
        socket = folder / f"{name}.sock"
        options = ["--name", name, "--bind", "127.0.0.1:0", "--api", str(socket)]
        options += ["--key-file", str(key), "--allow-faults", "--json"]
        if join:
            options += ["--join", join]
        with (folder / f"{name}.log").open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "crdtnode", "run", *options],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
            )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            said = (folder / f"{name}.log").read_text(errors="replace")
            raise Failure(f"{name} did not start: {said[-500:]}", Code.NO)
        self.address: str = json.loads(line)["address"]
        self._daemon = Daemon(socket)

    def write(self, operations: Sequence[Operation]) -> None:
        """Do these operations, all of which have to succeed."""
        body = "".join(json.dumps(operation) + "\n" for operation in operations).encode()
        for line in self._daemon.stream("POST", "/v1/batch", body):
            result = json.loads(line)
            if not result["ok"]:
                raise Failure(f"{self.name} refused a write: {result.get('detail')}", Code.NO)

    def values(self, tag: str) -> dict[str, Any]:
        """The values of all objects of a type, by name."""
        rows = self._daemon.get("/v1/objects", type=tag, values="true")["objects"]
        return {row["name"]: row["value"] for row in rows}

    def status(self, **wait: object) -> dict[str, Any]:
        """What ``crdtnode status`` shows."""
        found: dict[str, Any] = self._daemon.get("/v1/status", **wait)
        return found

    def cut_off(self) -> None:
        """Let nothing in or out."""
        self._daemon.post("/v1/faults/isolate")

    def heal(self) -> None:
        """Let it speak again."""
        self._daemon.post("/v1/faults/heal")

    def stop(self) -> None:
        """Let it leave; end it if it does not."""
        self.process.terminate()
        try:
            self.process.wait(_LEAVING_MOST)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@contextmanager
def members(names: Sequence[str], key_text: str) -> Iterator[list[Member]]:
    """Nodes of these names that know each other, until the block ends."""
    with ExitStack() as ending:
        folder = Path(ending.enter_context(TemporaryDirectory(prefix="crdtnode-demo-")))
        key = folder / "keyring"
        key.touch(mode=0o600)
        key.write_text(key_text)
        started: list[Member] = []
        for name in names:
            member = Member(name, folder, key, started[0].address if started else None)
            ending.callback(member.stop)
            started.append(member)
        yield started
