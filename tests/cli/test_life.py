"""How daemons begin and end."""

import json
import os
from pathlib import Path
import signal
import socket
import stat
import subprocess
import sys
import time
from typing import Any

import pytest

from crdtnode.cli.daemon import Daemon as Client
from tests.system.daemons import COMMAND, Daemon, eventually, stopping

pytestmark = pytest.mark.process

LOOPBACK = ("--bind", "127.0.0.1:0")


def status(node: Daemon) -> dict[str, Any]:
    """Ask for the status without the price of starting a process."""
    document: dict[str, Any] = Client(node.api).get("/v1/status")
    return document


def alive(node: Daemon) -> int:
    """Tell how many members a node takes for alive."""
    count: int = status(node)["members"]["alive"]
    return count


def run(*options: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run a daemon that is expected to end by itself."""
    return subprocess.run(
        [*COMMAND, "run", *options],
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    """An environment of its own for whoever needs one."""
    return {"XDG_RUNTIME_DIR": str(tmp_path), "HOME": str(tmp_path), "XDG_CONFIG_HOME": ""}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_says_goodbye_and_ends_with_0(tmp_path: Path, number: signal.Signals) -> None:
    with stopping([]) as nodes:
        nodes.append(Daemon("a", tmp_path, *LOOPBACK))
        nodes.append(Daemon("b", tmp_path, *LOOPBACK, "--join", nodes[0].address))
        a, b = nodes
        eventually(lambda: alive(a) == 2, 10, "two members")
        began = time.monotonic()
        b.process.send_signal(number)
        assert b.process.wait(timeout=10) == 0
        assert time.monotonic() - began < 3
        assert [row["state"] for row in a.json("members")] == ["alive", "left"]
        assert not b.api.exists()


def test_leave_ends_the_daemon(tmp_path: Path) -> None:
    with stopping([Daemon("a", tmp_path, *LOOPBACK)]) as (a,):
        assert a.json("leave") == {"name": "a", "left": True}
        assert a.process.wait(timeout=10) == 0


def test_a_node_killed_and_started_without_data_has_everything_within_two_seconds(
    tmp_path: Path,
) -> None:
    with stopping([]) as nodes:
        nodes.append(Daemon("a", tmp_path, *LOOPBACK))
        nodes.append(Daemon("b", tmp_path, *LOOPBACK, "--join", nodes[0].address))
        a, b = nodes
        increments = [
            {"type": "pncounter", "name": f"c{n % 50}", "method": "increment", "args": [n]}
            for n in range(500)
        ]
        b.apply(increments)
        b.cli("add", "tags", *[f"t{n}" for n in range(100)])
        assert b.cli("wait", "--converged").returncode == 0
        root = a.json("status")["root"]
        b.kill()
        again = Daemon("b", tmp_path, "--bind", b.address, "--join", a.address)
        nodes.append(again)
        eventually(lambda: status(again)["root"] == root, 2, "everything is there again")
        eventually(lambda: status(again)["name"] == "b", 5, "its name is its own")
        assert again.cli("incr", "c7", "1").returncode == 0
        eventually(
            lambda: a.json("get", "c7")["value"] == again.json("get", "c7")["value"],
            2,
            "it counts on",
        )


def test_nodes_with_a_key_meet_and_say_that_they_are_encrypted(tmp_path: Path) -> None:
    key = tmp_path / "keys" / "keyring"
    made = subprocess.run(
        [*COMMAND, "key", "new", str(key)], capture_output=True, text=True, check=True
    )
    assert made.stdout == f"{key}\n"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    again = subprocess.run([*COMMAND, "key", "new", str(key)], capture_output=True, check=False)
    assert again.returncode == 1
    with stopping([]) as nodes:
        keyed = ("--key-file", str(key))
        nodes.append(Daemon("a", tmp_path, *LOOPBACK, *keyed))
        nodes.append(Daemon("b", tmp_path, *LOOPBACK, *keyed, "--join", nodes[0].address))
        nodes.append(Daemon("c", tmp_path, *LOOPBACK, "--join", nodes[0].address))
        a, b, c = nodes
        eventually(lambda: alive(a) == 2 == alive(b), 10, "two met")
        assert a.json("status")["encrypted"] is True
        assert c.json("status")["encrypted"] is False
        assert len(c.json("members")) == 1


def test_the_key_at_its_usual_place_is_used(tmp_path: Path, home: dict[str, str]) -> None:
    subprocess.run(
        [*COMMAND, "key", "new", "--json"], env={**os.environ, **home}, check=True,
        capture_output=True,
    )  # fmt: skip
    with subprocess.Popen(
        [*COMMAND, "run", "--name", "k", *LOOPBACK], env={**os.environ, **home},
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        banner = [process.stdout.readline() for _ in range(5)]
        process.terminate()
    assert "node     k (cluster default)" in banner[0]
    assert f"encrypted with {tmp_path}/.config/crdtnode/keyring" in banner[1]
    assert banner[2] == f"api      {tmp_path}/crdtnode/k.sock\n"
    assert "in memory" in banner[3]
    assert "none" in banner[4]


def test_strangers_are_not_let_in_by_accident(home: dict[str, str]) -> None:
    done = run("--bind", "0.0.0.0:0", **home)
    assert done.returncode == 2
    assert "crdtnode key new" in done.stderr
    assert "--insecure" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (["--bind", "a:b:c"], 2, "is no address"),
        (["--join", "x y", *LOOPBACK], 2, "is no address"),
        (["--name", "two\nlines", *LOOPBACK], 2, "control character"),
        (["--name", "", *LOOPBACK], 2, "name: a name cannot be empty"),
        (["--cluster", "", *LOOPBACK], 2, "cluster: a name cannot be empty"),
        (["--key-file", "/none", *LOOPBACK], 2, "cannot read the keyring"),
        (["--bind", "192.0.2.1:0", "--insecure"], 1, "no address of this machine"),
        (["--data", "/tmp/x", *LOOPBACK], 2, "in memory"),
        (["--config", "/none.toml"], 2, "cannot read"),
        (["--api", "/none/x.sock", *LOOPBACK], 1, "cannot serve the API"),
    ],
)
def test_what_cannot_run_says_why_in_one_line(
    options: list[str], code: int, said: str, home: dict[str, str]
) -> None:
    done = run(*options, "--log-level", "error", **home)
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_port_or_a_name_that_is_taken_is_refused(tmp_path: Path, home: dict[str, str]) -> None:
    with stopping([Daemon("a", tmp_path, *LOOPBACK)]) as (a,):
        done = run("--bind", a.address, **home)
        assert (done.returncode, "taken already" in done.stderr) == (1, True)
        done = run(*LOOPBACK, "--api", str(a.api), "--log-level", "error", **home)
        assert (done.returncode, "is serving at" in done.stderr) == (1, True)
        assert a.json("status")["name"] == "a"


def test_a_node_whose_name_is_taken_on_this_host_never_starts(
    tmp_path: Path, home: dict[str, str]
) -> None:
    sockets = tmp_path / "crdtnode"
    sockets.mkdir(mode=0o700)
    with stopping([Daemon("ann", sockets, *LOOPBACK)]) as (ann,):
        done = run("--name", "ann", *LOOPBACK, "--join", ann.address, **home)
        assert (done.returncode, "is serving at" in done.stderr) == (1, True)
        assert "started" not in done.stderr
        assert [row["name"] for row in ann.json("members")] == ["ann"]


def test_a_node_whose_seeds_are_down_starts_and_finds_them_later(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        seed = f"127.0.0.1:{free.getsockname()[1]}"
    with stopping([]) as nodes:
        nodes.append(Daemon("a", tmp_path, *LOOPBACK, "--join", seed))
        a = nodes[0]
        a.cli("incr", "n")
        eventually(lambda: status(a)["unreached_seeds"][0]["why"], 10, "it says why")
        assert a.json("status")["unreached_seeds"][0]["address"] == seed
        nodes.append(Daemon("b", tmp_path, "--bind", seed))
        eventually(lambda: nodes[1].cli("get", "n").stdout == "1\n", 10, "they met")
        assert a.json("status")["unreached_seeds"] == []


def test_a_configuration_file_is_followed(tmp_path: Path) -> None:
    file = tmp_path / "node.toml"
    file.write_text('cluster = "blue"\nlog_format = "json"\nallow_faults = true\n')
    with stopping([Daemon("a", tmp_path, *LOOPBACK, "--config", str(file))]) as (a,):
        status = a.json("status")
        assert (status["cluster"], status["faults"]["allowed"]) == ("blue", True)
    log = (tmp_path / "a.log").read_text().splitlines()
    assert {json.loads(line)["event"] for line in log} >= {"started", "stopped"}


def test_python_dash_m_is_the_program() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "crdtnode", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "0.1.0"


def test_tags_and_the_file_of_peers_come_from_the_command_line(tmp_path: Path) -> None:
    peers = tmp_path / "peers"
    bind = ["--bind", "127.0.0.1:0"]
    with stopping(
        [Daemon("one", tmp_path, *bind, "--tag", "rack=1", "--tag", "note=a=b")]
    ) as nodes:
        (one,) = nodes
        two = Daemon("two", tmp_path, *bind, "--join", one.address, "--peers", str(peers))
        nodes.append(two)
        eventually(lambda: alive(two) == 2, 10, "they know each other")
        members = Client(two.api).get("/v1/members")["members"]
        rows = {row["name"]: row["tags"] for row in members}
        assert rows == {"one": {"rack": "1", "note": "a=b"}, "two": {}}
        two.stop()
        assert one.address in peers.read_text().splitlines()
        nodes.remove(two)
        nodes.append(Daemon("two", tmp_path, *bind, "--peers", str(peers)))
        eventually(lambda: alive(nodes[1]) == 2, 10, "it found the other again")


@pytest.mark.parametrize("written", ["rack", "=1", ""])
def test_a_tag_that_is_no_pair_is_refused(written: str) -> None:
    done = run("--tag", written)
    assert done.returncode == 2
    assert "is not KEY=VALUE" in done.stderr
