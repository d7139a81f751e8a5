"""One small cluster of real processes, and the command line inside this process."""

from collections.abc import Iterator
from dataclasses import dataclass
import json
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result
import pytest

from crdtnode.cli import main as program
from crdtnode.cli.daemon import Daemon as Client
from tests.system.daemons import Daemon, eventually, stopping


class Shell:
    """Runs commands in this process, with the outcome that `main` would give."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._runner = CliRunner()
        monkeypatch.delenv("CRDTNODE_API", raising=False)

    def __call__(self, *args: str, stdin: str | bytes | None = None) -> Result:
        return self._runner.invoke(_AsProgram(), args, input=stdin)


class _AsProgram:
    """Looks like a command to click's runner, and is the whole program."""

    name = "crdtnode"

    def main(self, args: list[str], prog_name: str, **_: object) -> None:
        program.main(list(args))


@dataclass
class Done:
    """The outcome of one command, as of a process."""

    returncode: int
    stdout: str
    stderr: str


class Prompt:
    """The command line towards one daemon, without the price of a process each."""

    def __init__(self, daemon: Daemon) -> None:
        self.daemon = daemon
        self.api = daemon.api
        self.address = daemon.address

    def cli(self, *args: str, stdin: str | None = None) -> Done:
        result = CliRunner().invoke(_AsProgram(), ["--api", str(self.api), *args], input=stdin)
        return Done(result.exit_code, result.stdout, result.stderr)

    def json(self, *args: str) -> Any:
        done = self.cli(*args, "--json")
        assert done.returncode == 0, (args, done)
        return json.loads(done.stdout)


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Shell:
    """The program, in an environment without any node."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return Shell(monkeypatch)


def alive(node: Daemon) -> int:
    count: int = Client(node.api).get("/v1/status")["members"]["alive"]
    return count


@pytest.fixture(scope="module")
def trio_of_nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Daemon]]:
    """Three daemons that know each other: a, b and c."""
    folder = tmp_path_factory.mktemp("nodes")
    with stopping([]) as nodes:
        for name in "abc":
            join = ["--join", nodes[0].address] if nodes else []
            options = ["--bind", "127.0.0.1:0", "--allow-faults", *join]
            nodes.append(Daemon(name, folder, *options))
        eventually(lambda: all(alive(n) == 3 for n in nodes), 10, "three members")
        yield nodes


@pytest.fixture
def a(trio_of_nodes: list[Daemon]) -> Prompt:
    return Prompt(trio_of_nodes[0])


@pytest.fixture
def b(trio_of_nodes: list[Daemon]) -> Prompt:
    return Prompt(trio_of_nodes[1])


@pytest.fixture
def c(trio_of_nodes: list[Daemon]) -> Prompt:
    return Prompt(trio_of_nodes[2])
