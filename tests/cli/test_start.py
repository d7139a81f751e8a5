"""Commands that look or write start at once."""

import json
from pathlib import Path
import subprocess
import sys

import pytest

from crdtnode.cli.daemon import Daemon

HEAVY = {
    "trio", "msgpack", "cryptography", "rich", "starlette", "hypercorn", "msgspec", "anyio", "crdt",
    "http.client", "ssl", "email", "asyncio", "logging", "importlib.metadata", "hashlib",
}  # fmt: skip


def modules_after(args: list[str], folder: Path) -> set[str]:
    code = (
        "import atexit, sys; atexit.register(lambda: print(*sys.modules, file=sys.stderr))\n"
        "from crdtnode.cli.main import main; main(sys.argv[1:])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "--api", str(folder / "none.sock"), *args],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 3, done.stderr
    return set(done.stderr.splitlines()[-1].split())


@pytest.mark.parametrize(
    "args",
    [
        ["get", "x"], ["incr", "x"], ["add", "x", "y"], ["set", "x", "y"], ["status"],
        ["members"], ["ls"], ["payload", "x"], ["apply", __file__], ["join", "a"],
    ],
)  # fmt: skip
def test_talking_to_a_node_imports_nothing_heavy(args: list[str], tmp_path: Path) -> None:
    loaded = {name for name in modules_after(args, tmp_path) if name in HEAVY}
    assert not loaded


@pytest.mark.process
def test_a_daemon_holds_the_types_that_it_was_asked_for_and_nothing_rare(tmp_path: Path) -> None:
    code = (
        "import atexit, sys; atexit.register(lambda: print(*sys.modules))\n"
        "from crdtnode.cli.main import main; main(sys.argv[1:])"
    )
    api = tmp_path / "a.sock"
    options = ["--name", "a", "--bind", "127.0.0.1:0", "--api", str(api), "--json"]
    with subprocess.Popen(
        [sys.executable, "-c", code, "run", *options], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["name"] == "a"
        daemon = Daemon(api)
        daemon.post("/v1/objects/pncounter/n/increment", {"args": [1]})
        assert daemon.get("/v1/objects/pncounter/n")["value"] == 1
        assert daemon.get("/v1/status")["objects"] == 1
        daemon.post("/v1/leave", {})
        loaded = set(process.stdout.read().split())
    assert process.returncode == 0
    assert {"crdtnode.control.server", "crdt.counters.tallies"} <= loaded
    assert not loaded & {
        *("prometheus_client", "rich", "distributed", "PIL", "importlib.metadata"),
        *("crdtnode.sim", "crdtnode.cli.reading", "crdtnode.cli.demo", "crdt.testing"),
        *("crdt.carts", "crdt.causal", "crdt.compound", "crdt.graphs", "crdt.maps"),
        *("crdt.registers", "crdt.sequences", "crdt.sets", "crdt.trees"),
    }
