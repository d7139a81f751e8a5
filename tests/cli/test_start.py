"""Commands that look or write start at once."""

from pathlib import Path
import subprocess
import sys

import pytest

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
