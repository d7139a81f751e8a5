"""Addresses that outlive the process."""

from pathlib import Path

import pytest
import trio

from crdt import PNCounter
import crdtnode
from crdtnode.errors import PeersError
from crdtnode.metrics import Metrics
from crdtnode.node.peers import PeersFile
from crdtnode.transport.memory import MemoryNetwork

HERE, THERE = ("10.0.0.1", 27380), ("fd00::1", 4000)


def test_what_is_saved_is_loaded_again_in_order(tmp_path: Path) -> None:
    file = PeersFile(tmp_path / "peers")
    assert file.load() == []
    file.save([THERE, HERE])
    assert PeersFile(tmp_path / "peers").load() == [THERE, HERE]
    assert [path.name for path in tmp_path.iterdir()] == ["peers"]


def test_a_line_that_is_no_address_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "peers").write_bytes(b"# by hand\n\n10.0.0.1\n\xff\xfe nonsense\n[fd00::1]:4000\n")
    assert PeersFile(tmp_path / "peers").load() == [HERE, THERE]


def test_a_file_that_cannot_be_is_refused_and_names_itself(tmp_path: Path) -> None:
    with pytest.raises(PeersError, match="missing/peers: there is no such folder"):
        PeersFile(tmp_path / "missing" / "peers").load()
    with pytest.raises(PeersError, match="cannot read"):
        PeersFile(tmp_path).load()


def test_a_write_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    file = PeersFile(tmp_path / "peers")
    file.save([HERE])
    (tmp_path / "peers.new").mkdir()
    file.save([THERE])
    assert PeersFile(tmp_path / "peers").load() == [HERE]


async def until_all_know_all(*nodes: crdtnode.Node) -> None:
    for node in nodes:
        async with node.watch_members() as changes:
            while node.member_counts()["alive"] < 3:
                await changes.__anext__()


async def test_a_cluster_that_was_switched_off_finds_together_without_seeds(
    tmp_path: Path, autojump_clock: trio.abc.Clock
) -> None:
    """Each is started anew at its old address; nobody is told whom to join."""

    def node(number: int, network: MemoryNetwork, *join: str) -> object:
        transport = network.transport((f"10.0.0.{number}", 27380), Metrics())
        peers = tmp_path / f"peers-{number}"
        return crdtnode.open_node(name=f"n{number}", transport=transport, join=join, peers=peers)

    network = MemoryNetwork()
    async with node(1, network) as one, node(2, network, "10.0.0.1"), node(3, network, "10.0.0.1"):
        with trio.fail_after(10):
            await until_all_know_all(one)
    network = MemoryNetwork()
    async with node(3, network) as three, node(2, network) as two, node(1, network) as one:
        one.open("visits", PNCounter).increment(3)
        with trio.fail_after(10):
            await until_all_know_all(one, two, three)
            assert await two.converged()
        assert two.open("visits", PNCounter).value == 3
