"""What only real sockets can do wrong."""

from collections.abc import AsyncIterator
import errno
import socket
import struct

import pytest
import trio

from crdtnode.errors import CannotBind
from crdtnode.metrics import Metrics
from crdtnode.transport import advertising, tcp
from crdtnode.transport.binding import bind_both
from crdtnode.transport.sockets import SocketTransport
from crdtnode.transport.udp import CONFIRM, socket_address

pytestmark = pytest.mark.process


@pytest.fixture
async def node(nursery: trio.Nursery, ear) -> AsyncIterator[SocketTransport]:
    transport = SocketTransport(("127.0.0.1", 0), ear.metrics)
    await nursery.start(transport.run, ear)
    yield transport
    nursery.cancel_scope.cancel()


async def test_datagrams_for_which_the_kernel_had_no_room_are_told_of(node, ear) -> None:
    node._udp_socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 100_000)  # holds some 200
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger, trio.fail_after(10):
        while not ear.lost:
            for _ in range(1000):  # nobody reads while we do not wait
                stranger.sendto(bytes(10), node.address)
            await trio.lowlevel.checkpoint()
    assert ear.heard


def test_port_zero_picks_one_number_for_udp_and_tcp() -> None:
    udp, tcp_socket = bind_both(("127.0.0.1", 0))
    with udp, tcp_socket:
        assert udp.getsockname() == tcp_socket.getsockname()
        assert udp.getsockname()[1] != 0


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
def test_a_port_taken_for_either_is_refused_and_nothing_stays_bound(
    kind: socket.SocketKind,
) -> None:
    with socket.socket(socket.AF_INET, kind) as taken:
        taken.bind(("127.0.0.1", 0))
        if kind == socket.SOCK_STREAM:
            taken.listen()
        address = taken.getsockname()
        with pytest.raises(CannotBind, match="taken already"):
            bind_both(address)
    udp, tcp_socket = bind_both(address)
    udp.close()
    tcp_socket.close()


@pytest.mark.parametrize(
    ("host", "why"),
    [("192.0.2.7", "no address of this machine"), ("no-such-host.invalid", "cannot be resolved")],
)
def test_a_host_that_is_not_ours_is_refused_with_the_reason(host: str, why: str) -> None:
    with pytest.raises(CannotBind, match=why):
        bind_both((host, 0))


async def test_a_node_on_ipv6_hears_both_families_through_the_wildcard(nursery, ear, until) -> None:
    if not socket.has_dualstack_ipv6():
        pytest.skip("this kernel has no IPv6")
    transport = SocketTransport(("::", 0), ear.metrics)
    await nursery.start(transport.run, ear)
    port = transport.address[1]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as old:
        old.bind(("127.0.0.1", 0))
        old.sendto(b"four", ("127.0.0.1", port))
        await until(lambda: ear.heard)
        assert ear.heard == [(b"four", ("127.0.0.1", old.getsockname()[1]))]
        transport.send(ear.heard[0][1], b"back")
        old.settimeout(5)
        assert old.recv(99) == b"back"
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as new:
        new.bind(("::1", 0))
        new.sendto(b"six", ("::1", port))
        await until(lambda: len(ear.heard) == 2)
        assert ear.heard[1] == (b"six", ("::1", new.getsockname()[1]))
    transport.open(1, ("127.0.0.1", port))
    await until(lambda: ear.open)
    nursery.cancel_scope.cancel()


async def test_what_the_kernel_refuses_to_send_is_told(node, ear) -> None:
    node.send(("::1", 9), b"wrong family")
    node.send(("some.name", 9), b"names are not resolved here")
    node.send(("127.0.0.1", 9), bytes(70_000))
    assert [name for _, name in ear.failures] == ["EAFNOSUPPORT", "EAFNOSUPPORT", "EMSGSIZE"]


async def test_a_full_socket_drops_instead_of_waiting(node, ear, monkeypatch) -> None:
    class Full:
        def sendto(self, data: bytes, flags: int, target: object) -> int:
            raise BlockingIOError(errno.EAGAIN, "full")

    monkeypatch.setattr(node._udp, "_sock", Full())
    node.send(("127.0.0.1", 9), b"x")
    assert ear.failures == [(("127.0.0.1", 9), "EAGAIN")]


async def test_the_kernel_is_told_where_the_way_is_good(node, monkeypatch) -> None:
    noted = []

    class Noting:
        def sendto(self, data: bytes, flags: int, target: object) -> int:
            noted.append(flags)
            return len(data)

    monkeypatch.setattr(node._udp, "_sock", Noting())
    node.send(("127.0.0.1", 9), b"x")
    node.send(("127.0.0.1", 9), b"x", reached=True)
    assert noted == [0, CONFIRM]


async def test_a_connect_that_nobody_answers_ends_at_its_deadline(
    node, ear, until, monkeypatch
) -> None:
    monkeypatch.setattr(tcp, "CONNECT_TIMEOUT", 0.05)
    with socket.socket() as full:  # a listener whose queue is full drops further handshakes
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        crowd = []
        for _ in range(4):
            client = socket.socket()
            client.setblocking(False)
            client.connect_ex(full.getsockname())
            crowd.append(client)
        node.open(1, full.getsockname())
        await until(lambda: ear.ended)
        for client in crowd:
            client.close()
    assert ear.ended == {1: "timeout"}


@pytest.mark.parametrize("host", ["no-such-host.invalid", "x" * 64 + ".org", "::ffff:0:0"])
async def test_a_host_that_cannot_be_found_is_unreachable(node, ear, until, host) -> None:
    node.open(1, (host, 9))
    await until(lambda: ear.ended)
    assert ear.ended[1] in {"unreachable", "refused"}
    node.send(("127.0.0.1", 9), b"and the transport lives on")


async def test_a_name_is_resolved_anew_at_each_connect(node, ear, until, monkeypatch) -> None:
    asked = []
    real = trio.socket.getaddrinfo

    async def counting(host, *args, **kwargs):
        asked.append(host)
        return await real(host, *args, **kwargs)

    monkeypatch.setattr(trio.socket, "getaddrinfo", counting)
    for number in (1, 2):
        node.open(number, ("localhost", node.address[1]))
        await until(lambda n=number: n in ear.open)
    assert asked == ["localhost", "localhost"]


async def test_a_reset_stream_ends_with_an_error_and_the_others_live(node, ear, until) -> None:
    with (
        socket.create_connection(node.address) as rude,
        socket.create_connection(node.address) as good,
    ):
        await until(lambda: len(ear.streams) == 2)
        rude.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        first, second = sorted(ear.streams)
        rude.close()
        await until(lambda: ear.ended)
        assert list(ear.ended.values()) == ["error"]
        good.sendall(b"still here")
        await until(
            lambda: ear.streams[second] == b"still here" or ear.streams[first] == b"still here"
        )


async def test_a_client_that_sends_nothing_costs_no_more_than_its_descriptor(
    node, ear, until
) -> None:
    clients = [socket.create_connection(node.address) for _ in range(50)]
    await until(lambda: len(ear.streams) == 50)
    node.send(node.address, b"served")
    await until(lambda: ear.heard)
    for client in clients:
        client.close()
    await until(lambda: len(ear.ended) == 50)
    assert node._streams._links == {}


async def test_a_stream_closed_here_is_gone_soon_though_the_peer_never_closes(
    node, ear, until, monkeypatch
) -> None:
    monkeypatch.setattr(tcp, "LINGER", 0.05)
    standing = len(node._streams._nursery.child_tasks)
    with socket.create_connection(node.address) as client:
        await until(lambda: ear.streams)
        node.close(next(iter(ear.streams)))
        client.settimeout(5)
        assert await trio.to_thread.run_sync(client.recv, 1) == b""
        await until(lambda: len(node._streams._nursery.child_tasks) == standing)


async def test_closing_the_transport_closes_its_sockets(ear) -> None:
    async with trio.open_nursery() as nursery:
        transport = SocketTransport(("127.0.0.1", 0), Metrics())
        await nursery.start(transport.run, ear)
        nursery.cancel_scope.cancel()
    again = SocketTransport(transport.address, Metrics())
    again.close_now()


def test_an_ipv6_zone_becomes_the_number_of_its_interface() -> None:
    index = socket.if_nametoindex("lo")
    assert socket_address(("fe80::1%lo", 5), v6=True) == ("fe80::1", 5, 0, index)
    assert socket_address(("fe80::1%7", 5), v6=True) == ("fe80::1", 5, 0, 7)
    assert socket_address(("fe80::1%nonesuch", 5), v6=True) == ("fe80::1", 5, 0, 0)


async def test_the_advertised_address_is_concrete() -> None:
    assert await advertising.advertised(("10.1.2.3", 5), []) == ("10.1.2.3", 5)
    for bound in ("0.0.0.0", "::"):
        host, port = await advertising.advertised((bound, 5), [("127.0.0.1", 1), ("no.invalid", 1)])
        assert host not in ("0.0.0.0", "::")
        assert port == 5


async def test_a_seed_decides_which_address_is_advertised(monkeypatch) -> None:
    def towards(host: str, family: socket.AddressFamily) -> str | None:
        return {"10.7.0.9": "10.7.0.1"}.get(host, "192.168.3.3")

    monkeypatch.setattr(advertising, "towards", towards)
    assert await advertising.advertised(("0.0.0.0", 5), [("10.7.0.9", 1)]) == ("10.7.0.1", 5)
    assert await advertising.advertised(("0.0.0.0", 5), []) == ("192.168.3.3", 5)


async def test_without_any_route_an_interface_or_else_loopback_is_advertised(monkeypatch) -> None:
    monkeypatch.setattr(advertising, "towards", lambda host, family: None)
    monkeypatch.setattr(
        advertising, "interface_addresses", lambda families: ["127.0.0.1", "10.9.9.9"]
    )
    assert await advertising.advertised(("0.0.0.0", 5), []) == ("10.9.9.9", 5)
    monkeypatch.setattr(advertising, "interface_addresses", lambda families: [])
    assert await advertising.advertised(("0.0.0.0", 5), []) == ("127.0.0.1", 5)
