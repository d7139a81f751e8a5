"""Five hosts, a cable pulled between them, and what they hold when it is back."""

from pathlib import Path

import pytest

from tests.system import namespaces
from tests.system.daemons import Daemon, eventually, stopping

pytestmark = [pytest.mark.netns, pytest.mark.process]

WHY_NOT = namespaces.missing()


def writes(side: str, count: int) -> list[dict[str, object]]:
    operations: list[dict[str, object]] = []
    for number in range(count):
        operations += [
            {"type": "pncounter@1", "name": "visits", "method": "increment", "args": [1]},
            {"type": "orset@1", "name": "tags", "method": "add", "args": [f"{side}-{number}"]},
            {"type": "gset@1", "name": f"{side}-{number}", "method": "add", "args": [number]},
        ]
    return operations


@pytest.mark.skipif(WHY_NOT is not None, reason=str(WHY_NOT))
def test_five_hosts_cut_two_and_three_agree_after_the_heal(tmp_path: Path) -> None:
    key = tmp_path / "keyring"
    with namespaces.hosts(5) as lan, stopping([]) as nodes:
        for number in range(5):
            join = ["--join", lan.addresses[0]] if number else []
            options = ["--bind", "0.0.0.0", "--key-file", str(key), *join]
            if not number:
                make_key(key)
            nodes.append(Daemon(f"host-{number}", tmp_path, *options, within=lan.within(number)))
        everybody = {f"host-{number}" for number in range(5)}
        for node in nodes:
            eventually(lambda n=node: alive(n) == everybody, 10, "all five know each other")
        lan.cut([0, 1], [2, 3, 4])
        nodes[0].apply(writes("left", 100))
        nodes[4].apply(writes("right", 100))
        eventually(lambda: root(nodes[0]) == root(nodes[1]), 10, "the two agree")
        eventually(lambda: root(nodes[2]) == root(nodes[4]), 10, "the three agree")
        assert root(nodes[0]) != root(nodes[4])
        eventually(lambda: alive(nodes[4]) == {"host-2", "host-3", "host-4"}, 30, "cut is noticed")
        lan.heal()
        took = eventually(lambda: len({root(node) for node in nodes}) == 1, 15, "all agree")
        print(f"equal {took:.2f} s after the heal")
        expected = {f"{side}-{n}" for side in ("left", "right") for n in range(100)}
        for node in nodes:
            assert node.json("get", "visits")["value"] == 200
            assert set(node.json("get", "tags")["value"]) == expected
            assert node.json("status")["objects"] == 202
        for node in nodes:
            eventually(lambda n=node: alive(n) == everybody, 10, "all five are alive again")


def make_key(path: Path) -> None:
    import subprocess

    from tests.system.daemons import COMMAND

    subprocess.run([*COMMAND, "key", "new", str(path)], check=True, capture_output=True)


def alive(node: Daemon) -> set[str]:
    return {m["name"] for m in node.json("members") if m["state"] == "alive"}


def root(node: Daemon) -> str:
    return str(node.json("status")["root"])
