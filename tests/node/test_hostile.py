"""Bad input over real sockets: counted, nothing changes, the node lives."""

import os
import random
import socket
import struct

import pytest
import trio

from crdt import PNCounter
from crdtnode import Keyring, open_node

pytestmark = pytest.mark.process


def target(node) -> tuple[str, int]:
    host, _, port = node.address.partition(":")
    return host, int(port)


@pytest.fixture(params=["open", "secret"])
def keyring(request: pytest.FixtureRequest) -> Keyring | None:
    return None if request.param == "open" else Keyring.fresh(os.urandom(48))


async def still_works(a, b) -> None:
    """Two nodes write to each other as if nothing had happened."""
    before = a.open("n", PNCounter).value
    a.open("n", PNCounter).increment(1)
    b.open("n", PNCounter).increment(2)
    await a.converged(timeout=5)
    assert a.open("n", PNCounter).value == b.open("n", PNCounter).value == before + 3
    assert a.names() == [("pncounter@1", "n")]
    assert len(a.members) == 2
    assert not a.metrics.contained


async def test_random_and_truncated_and_replayed_datagrams(keyring, until) -> None:
    dice = random.Random(7)
    async with (
        open_node(name="a", keyring=keyring) as a,
        open_node(name="b", keyring=keyring, join=[a.address]) as b,
    ):
        recorded = []
        hear = a._driver.datagrams
        a._transport._receiver.datagrams = lambda batch: (recorded.extend(batch), hear(batch))
        await until(lambda: len(a.members) == 2 == len(b.members))
        await still_works(a, b)
        root, honest = a.root, [data for data, _ in recorded]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            for _ in range(100):
                stranger.sendto(dice.randbytes(dice.randrange(0, 2000)), target(a))
            stranger.sendto(dice.randbytes(9000), target(a))
            for data in honest:
                stranger.sendto(data, target(a))
                stranger.sendto(data[: dice.randrange(len(data))], target(a))
                flipped = bytearray(data)
                flipped[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
                stranger.sendto(bytes(flipped), target(a))
        await until(lambda: len(recorded) >= 100 + 3 * len(honest))
        assert a.metrics.dropped["datagram too large"] == 1
        assert sum(a.metrics.dropped.values()) >= 100 + 2 * len(honest)
        assert a.root == root
        await still_works(a, b)


async def test_strangers_with_a_key_hear_nothing_over_udp(until) -> None:
    ring = Keyring.fresh(os.urandom(48))
    async with open_node(keyring=ring) as node:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.bind(("127.0.0.1", 0))
            stranger.setblocking(False)
            for size in (0, 1, 20, 60, 1200):
                stranger.sendto(os.urandom(size), target(node))
            await until(lambda: sum(node.metrics.dropped.values()) == 5)
            with pytest.raises(BlockingIOError):
                stranger.recv(10_000)


async def test_tcp_clients_that_send_garbage_nothing_or_half_a_frame(keyring, until) -> None:
    dice = random.Random(8)
    async with (
        open_node(name="a", keyring=keyring) as a,
        open_node(name="b", keyring=keyring, join=[a.address]) as b,
    ):
        await until(lambda: len(a.members) == 2 == len(b.members))
        clients = [socket.create_connection(target(a)) for _ in range(40)]
        for number, client in enumerate(clients):
            match number % 4:
                case 0:
                    client.sendall(dice.randbytes(1000))
                case 1:
                    client.sendall(struct.pack(">I", 2**31) + dice.randbytes(50))
                case 2:
                    client.sendall(struct.pack(">I", 100) + b"half")
                case 3:
                    pass  # says nothing, ever
        await still_works(a, b)
        await until(lambda: all(gone(client) for client in clients[0::4] + clients[1::4]))
        with trio.fail_after(10):
            await until(lambda: all(gone(client) for client in clients))
        for client in clients:
            client.close()
        await until(lambda: len(a._transport._streams._links) <= 2)
        await still_works(a, b)


def gone(client: socket.socket) -> bool:
    """Tell whether the other side closed; whatever it said before counts as nothing."""
    client.setblocking(False)
    try:
        return client.recv(65_536) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


async def test_a_node_whose_seed_is_a_name_that_leads_nowhere_starts_and_serves(until) -> None:
    async with open_node(name="a", join=["no-such-host.invalid", "127.0.0.1:1"]) as a:
        a.open("n", PNCounter).increment()
        await until(lambda: all(why for _, why in a.unreached_seeds))
        async with open_node(name="b", join=[a.address]) as b:
            await b.converged(timeout=5)
            assert b.open("n", PNCounter).value == 1
