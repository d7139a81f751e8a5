"""What `open_node` refuses, and what it leaves behind."""

import asyncio
import os
import socket
import subprocess
import sys

import pytest
import trio

from crdt import PNCounter
from crdt.homes import TYPES
import crdtnode
from crdtnode import Keyring, open_node
from crdtnode.errors import (
    CannotBind,
    Forked,
    InsecureBind,
    InvalidAddress,
    InvalidName,
    KeyringError,
    NotSupported,
    PeersError,
)
from crdtnode.node import new_keyring

pytestmark = pytest.mark.process


async def test_a_node_runs_on_loopback_by_itself() -> None:
    async with open_node() as node:
        host, _, port = node.address.partition(":")
        assert host == "127.0.0.1"
        assert node.name == f"{socket.gethostname()}-{port}"
        assert not node.encrypted
        assert [member.name for member in node.members] == [node.name]


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"bind": "nonsense:port"}, InvalidAddress, "no port number"),
        ({"join": ["10.0.0.5", "a b"]}, InvalidAddress, "a b"),
        ({"name": "two\nlines"}, InvalidName, "control character"),
        ({"name": "x" * 256}, InvalidName, "255"),
        ({"name": ""}, InvalidName, "empty"),
        ({"cluster": ""}, InvalidName, "empty"),
        ({"bind": "0.0.0.0:0"}, InsecureBind, "key new"),
        ({"bind": "[::]:0"}, InsecureBind, "key new"),
        ({"bind": "192.0.2.9:0", "insecure": True}, CannotBind, "no address of this machine"),
        ({"data": "/var/lib/x"}, NotSupported, "in memory"),
        ({"tags": {"k" * 256: "v"}}, InvalidName, "^tags: "),
        ({"tags": {str(n): "" for n in range(33)}}, InvalidName, "^tags: "),
        ({"discover": True, "bind": "[::1]:0"}, NotSupported, "need an IPv4 address"),
        ({"peers": "/nonexistent/peers"}, PeersError, "no such folder"),
        ({"keyring": "/nonexistent/keyring"}, KeyringError, "cannot read"),
        ({"advertise": "0.0.0.0"}, InvalidAddress, "cannot reach"),
        ({"advertise": "::1:x"}, InvalidAddress, "neither"),
        ({"cluster": "a\n"}, InvalidName, "^cluster: .*control character"),
        ({"name": 5}, TypeError, "^name: expected str or None, not int$"),
        ({"bind": 5}, TypeError, "^bind: expected str, not int$"),
        ({"join": 5}, TypeError, "^join: expected str or Iterable, not int$"),
        ({"join": ["10.0.0.5", 5]}, TypeError, "^join: expected str, not int$"),
        ({"keyring": 5}, TypeError, "^keyring: expected str or PathLike or Keyring or None"),
        ({"cluster": 5}, TypeError, "^cluster: expected str, not int$"),
        ({"advertise": 5}, TypeError, "^advertise: expected str or None, not int$"),
        ({"tags": ["rack"]}, TypeError, "^tags: expected Mapping or None, not list$"),
        ({"tags": {"rack": 1}}, TypeError, "^tags: expected str, not int$"),
        ({"types": PNCounter}, TypeError, "^types: expected Iterable"),
        ({"types": [PNCounter()]}, TypeError, "^types: expected type, not PNCounter$"),
        ({"settings": 5}, TypeError, "^settings: expected Settings or None, not int$"),
    ],
)
async def test_what_cannot_be_is_refused_before_anything_starts(options, error, match) -> None:
    with pytest.raises(error, match=match):
        async with open_node(**options):
            raise AssertionError("it started")


def test_another_loop_than_trios_is_refused_before_anything_is_bound() -> None:
    async def open_one() -> None:
        async with open_node():
            raise AssertionError("it started")

    with pytest.raises(NotSupported, match=r"run it with trio\.run"):
        asyncio.run(open_one())


async def test_other_hosts_are_let_in_with_a_keyring_or_by_saying_so() -> None:
    ring = Keyring.fresh(os.urandom(48))
    async with open_node(bind="0.0.0.0:0", keyring=ring) as node:
        assert node.encrypted
        assert not node.address.startswith("0.0.0.0")
    async with open_node(bind="0.0.0.0:0", insecure=True, advertise="10.1.1.1:99") as node:
        assert node.address == "10.1.1.1:99"
    async with open_node(bind="127.0.0.1:0", advertise="gateway.example") as node:
        assert node.address.startswith("gateway.example:")


async def test_one_seed_needs_no_list_and_one_that_cannot_be_reached_is_warned_of(caplog) -> None:
    async with open_node(join="10.255.0.1") as node:
        assert node.unreached_seeds[0][0] == "10.255.0.1:27380"
    assert "seed-beyond-loopback seed=10.255.0.1:27380 bound=127.0.0.1" in caplog.text


async def test_a_taken_port_is_refused() -> None:
    async with open_node() as node:
        with pytest.raises(CannotBind, match="taken already"):
            async with open_node(bind=node.address):
                raise AssertionError("it started")


async def test_nodes_with_one_key_meet_and_others_do_not(tmp_path, until) -> None:
    ours = new_keyring(tmp_path / "ours")
    other = new_keyring(tmp_path / "other")
    async with (
        open_node(name="a", keyring=tmp_path / "ours") as a,
        open_node(name="b", keyring=ours, join=[a.address]) as b,
        open_node(name="c", keyring=other, join=[a.address]) as c,
        open_node(name="d", join=[a.address]) as d,
        open_node(name="e", keyring=ours, cluster="another", join=[a.address]) as e,
    ):
        await until(lambda: len(a.members) == 2 == len(b.members))
        a.open("n", PNCounter).increment()
        await b.converged(timeout=5)
        await until(lambda: all(stranger.unreached_seeds[0][1] for stranger in (c, d, e)))
        for stranger in (c, d, e):
            assert len(stranger.members) == 1
            assert stranger.names() == []
        assert len(a.members) == 2
        assert sum(a.metrics.dropped.values()) >= 3


async def test_what_the_block_raises_comes_out_as_it_is() -> None:
    with pytest.raises(ZeroDivisionError) as caught:
        async with open_node(), open_node():
            raise ZeroDivisionError("mine")
    assert caught.value.args == ("mine",)


async def test_one_block_cannot_be_entered_twice() -> None:
    block = open_node()
    async with block as node:
        with pytest.raises(RuntimeError, match=r"call open_node\(\) once more"):
            await block.__aenter__()
        assert node.open("n", PNCounter).value == 0
    with pytest.raises(RuntimeError, match="entered already"):
        await block.__aenter__()


async def test_cancelling_around_a_node_ends_it_within_its_goodbye() -> None:
    with trio.fail_after(5), trio.move_on_after(0.05) as scope:
        async with open_node() as node:
            await trio.sleep_forever()
    assert scope.cancelled_caught
    async with open_node(bind=node.address):
        pass  # its port is free again


async def test_a_forked_child_cannot_use_the_node_and_the_parent_can(until) -> None:
    async with open_node(name="a") as a, open_node(name="b", join=[a.address]) as b:
        await until(lambda: len(a.members) == 2)
        counter = a.open("n", PNCounter)
        child = os.fork()
        if not child:
            code = 1
            try:
                a.open("m", PNCounter)
            except Forked:
                code = 42
            finally:
                os._exit(code)
        _, status = await trio.to_thread.run_sync(os.waitpid, child, 0)
        assert os.waitstatus_to_exitcode(status) == 42
        counter.increment(5)
        await a.converged(timeout=5)
        assert b.open("n", PNCounter).value == 5


async def test_a_forked_child_that_lives_on_keeps_no_port() -> None:
    ours, childs = socket.socketpair()
    async with open_node() as node:
        child = os.fork()
        if not child:
            childs.send(b"forked")
            childs.recv(1)
            os._exit(0)
        await trio.to_thread.run_sync(ours.recv, 6)
    async with open_node(bind=node.address):
        pass
    ours.send(b"x")
    await trio.to_thread.run_sync(os.waitpid, child, 0)
    ours.close()
    childs.close()


async def test_objects_may_be_changed_from_a_thread_that_enters_the_loop(until) -> None:
    async with open_node(name="a") as a:
        counter = a.open("n", PNCounter)
        await trio.to_thread.run_sync(trio.from_thread.run_sync, counter.increment, 3)
        await until(lambda: not a.registry.dirty)
        assert a.version("n", "pncounter@1") != "0" * 16


def modules_after(code: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", f"{code}; import sys; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.split())


def test_importing_the_package_imports_nothing_heavy() -> None:
    heavy = {
        "trio",
        "msgpack",
        "cryptography",
        "click",
        "starlette",
        "hypercorn",
        "rich",
        "msgspec",
    }
    assert not heavy & modules_after("import crdtnode")


def test_embedding_imports_no_http_and_no_command_line() -> None:
    daemon = {"click", "starlette", "hypercorn", "h11", "rich", "msgspec", "prometheus_client"}
    assert not daemon & modules_after("import crdtnode; crdtnode.open_node; crdtnode.Keyring")


def test_an_idle_node_holds_what_it_needs_and_no_more() -> None:
    loaded = modules_after(
        "import crdt, crdtnode, trio\n"
        "async def main():\n"
        "    async with crdtnode.open_node(name='a') as node:\n"
        "        node.open('n', crdt.PNCounter).increment()\n"
        "        node.open('s', crdt.ORSet).add('x')\n"
        "        node.open('r', crdt.LWWRegister).assign('v')\n"
        "        await trio.sleep(0.05)\n"
        "trio.run(main)"
    )
    assert {"crdt.sets.orset", "crdt.counters.tallies", "crdtnode.protocol.engine"} <= loaded
    used = {"crdt.counters", "crdt.sets", "crdt.registers"}
    families = {home.partition(":")[0].rpartition(".")[0] for home in TYPES.values()} - {"crdt"}
    assert not loaded & {
        *(families - used),
        *("crdt.carts", "crdt.compound", "crdt.flags", "crdt.sets.pnset", "crdt.testing"),
        *("crdtnode.control", "crdtnode.cli", "crdtnode.sim", "crdtnode.transport.memory"),
        *("cryptography.x509", "cryptography.fernet"),
        *(
            "asyncio",
            "concurrent.futures",
            "decimal",
            "email",
            "http",
            "multiprocessing",
            "tomllib",
        ),
        *("click", "h11", "msgspec", "prometheus_client", "rich", "typing_extensions"),
    }


def test_every_public_name_is_there() -> None:
    for name in crdtnode.__all__:
        assert getattr(crdtnode, name) is not None
    assert set(crdtnode.__all__) <= set(dir(crdtnode))
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        crdtnode.nonsense  # noqa: B018 (looking is the test)
