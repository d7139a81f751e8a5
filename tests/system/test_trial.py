"""Five hosts that lose three datagrams in ten, one of them starved, one stopped for long.

`CRDTNODE_TRIAL_SECONDS` makes it longer: ``scripts/soak`` runs it for five minutes.
"""

from collections.abc import Iterator
from contextlib import contextmanager
import json
import os
from pathlib import Path
import signal
import threading

import pytest

from crdtnode.cli.daemon import Daemon as Client
from tests.system import namespaces
from tests.system.daemons import Daemon, eventually, stopping
from tests.system.test_partition import make_key

pytestmark = [pytest.mark.netns, pytest.mark.process]

WHY_NOT = namespaces.missing()
SECONDS = float(os.environ.get("CRDTNODE_TRIAL_SECONDS", "60"))
PAUSE = min(60.0, SECONDS / 3)
NAMES = [f"host-{number}" for number in range(5)]
STARVED, PAUSED = 3, 4


@contextmanager
def starving(process_id: int) -> Iterator[None]:
    """Let a process run for a fifth of the time only, 40 ms of each 200."""
    over = threading.Event()

    def torment() -> None:
        while not over.is_set():
            os.kill(process_id, signal.SIGSTOP)
            over.wait(0.16)
            os.kill(process_id, signal.SIGCONT)
            over.wait(0.04)

    thread = threading.Thread(target=torment)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def told(node: Daemon, folder: Path) -> dict[str, set[str]]:
    """What a node has ever thought of each other member, by its log."""
    lines = (folder / f"{node.name}.log").read_text().splitlines()
    entries = [json.loads(line) for line in lines if '"member"' in line]
    states: dict[str, set[str]] = {}
    for entry in entries:
        if entry["event"] == "member":
            states.setdefault(entry["name"], set()).add(entry["state"])
    return states


def increment(node: Daemon) -> None:
    Client(node.api).post("/v1/objects/pncounter/visits/increment", {"args": [1]})


@pytest.mark.skipif(WHY_NOT is not None, reason=str(WHY_NOT))
def test_no_living_node_is_held_for_dead_under_loss_starvation_and_sleep(tmp_path: Path) -> None:
    key = tmp_path / "keyring"
    make_key(key)
    with namespaces.hosts(5) as lan, stopping([]) as nodes:
        for number, name in enumerate(NAMES):
            join = ["--join", lan.addresses[0]] if number else []
            options = ["--bind", "0.0.0.0", "--key-file", str(key), "--log-format", "json", *join]
            nodes.append(Daemon(name, tmp_path, *options, within=lan.within(number)))
        for node in nodes:
            eventually(lambda n=node: alive(n) == 5, 10, "all five know each other")
        lan.lose(0.3)
        over = threading.Event()
        with starving(nodes[STARVED].process.pid):
            for second in range(int(SECONDS)):
                if second == int(SECONDS / 3):
                    os.kill(nodes[PAUSED].process.pid, signal.SIGSTOP)
                elif second == int(SECONDS / 3 + PAUSE):
                    os.kill(nodes[PAUSED].process.pid, signal.SIGCONT)
                increment(nodes[second % 3])
                over.wait(1.0)  # the trial lasts so long; there is nothing to wait for
        lan.heal()
        for node in nodes:
            eventually(lambda n=node: alive(n) == 5, 10, f"{node.name} holds all for alive")
            thought = told(node, tmp_path)
            assert set(thought) == set(NAMES) - {node.name}
            dead = {name for name, states in thought.items() if "dead" in states}
            assert dead <= {NAMES[PAUSED]} - {node.name}, node.name
        document = Client(nodes[PAUSED].api).get("/v1/status", wait="converged", timeout=5)
        assert document["reached"]
        for node in nodes:
            value = Client(node.api).get("/v1/objects/pncounter/visits")["value"]
            assert value == int(SECONDS)


def alive(node: Daemon) -> int:
    count: int = Client(node.api).get("/v1/status")["members"]["alive"]
    return count
