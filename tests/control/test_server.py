"""The socket of the API, and the server behind it."""

import os
from pathlib import Path
import socket
import stat

import pytest
import trio
import trio.testing

from crdt import LWWRegister
from crdtnode.control import connections, guards, places, server
from crdtnode.control.connections import Connections
from crdtnode.control.server import CannotServe, Door, serve
from crdtnode.node import open_node

pytestmark = pytest.mark.process


@pytest.fixture(autouse=True)
def runtime(tmp_path: Path, monkeypatch) -> Path:
    """A place for sockets with a short path."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    return tmp_path


async def request(path: Path, text: str) -> bytes:
    with trio.fail_after(10):
        stream = await trio.open_unix_socket(path)
        async with stream:
            await stream.send_all(text.encode())
            answer = b""
            async for chunk in stream:
                answer += chunk
            return answer


def test_the_socket_is_for_its_owner_alone(runtime: Path) -> None:
    old = os.umask(0)
    try:
        door = Door(places.socket_of("a"))
    finally:
        os.umask(old)
    assert door.path == runtime / "crdtnode" / "a.sock"
    assert stat.S_IMODE(door.path.stat().st_mode) == 0o700
    assert stat.S_IMODE(door.path.parent.stat().st_mode) == 0o700
    door.close()
    assert not door.path.exists()
    door.close()


def test_what_a_dead_process_left_is_removed(tmp_path: Path) -> None:
    path = tmp_path / "x.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    Door(path).close()


def test_a_socket_that_answers_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "x.sock"
    with socket.socket(socket.AF_UNIX) as alive:
        alive.bind(str(path))
        alive.listen()
        with pytest.raises(CannotServe, match="is serving"):
            Door(path)
        assert path.exists()


def test_a_file_that_is_no_socket_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "x.sock"
    path.write_text("precious")
    with pytest.raises(CannotServe, match="no socket"):
        Door(path)
    assert path.read_text() == "precious"


def test_a_door_that_somebody_replaced_is_left_to_them(tmp_path: Path) -> None:
    path = tmp_path / "x.sock"
    old = Door(path)
    path.unlink()
    path.write_text("not ours")
    old.close()
    assert path.read_text() == "not ours"


def test_paths_that_cannot_be_are_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(CannotServe, match="107 bytes"):
        Door(tmp_path / ("x" * 200))
    with pytest.raises(CannotServe, match="No such file"):
        Door(tmp_path / "none" / "x.sock")


def test_a_folder_that_others_may_write_to_is_refused(runtime: Path) -> None:
    (runtime / "crdtnode").mkdir()
    (runtime / "crdtnode").chmod(0o777)
    with pytest.raises(CannotServe, match="others may write"):
        Door(places.socket_of("a"))
    (runtime / "crdtnode").rmdir()
    (runtime / "crdtnode").symlink_to(runtime)
    with pytest.raises(CannotServe, match="no folder"):
        Door(places.socket_of("a"))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give folders away")
def test_a_folder_of_somebody_else_is_refused(runtime: Path) -> None:
    (runtime / "crdtnode").mkdir(mode=0o700)
    os.chown(runtime / "crdtnode", 65534, 65534)
    with pytest.raises(CannotServe, match="another user"):
        Door(places.socket_of("a"))


def test_places_follow_the_environment(monkeypatch) -> None:
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert places.folder() == Path("/run/crdtnode")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert places.folder() == Path("/tmp/crdtnode-1000")
    assert places.socket_of("a/b").name == "a%2Fb.sock"
    assert places.socket_of("..").name == "...sock"
    long = places.socket_of("x" * 255)
    assert len(os.fsencode(long)) < 108
    assert long != places.socket_of("y" * 255)


def test_sockets_of_a_folder_that_is_not_there_are_none(runtime: Path) -> None:
    assert places.sockets() == []
    assert not places.answers(runtime / "none")


async def test_it_serves_until_closing_and_takes_its_socket_away(nursery) -> None:
    closing = trio.Event()
    async with open_node(name="a") as node:
        door = Door(places.socket_of("a"))
        await nursery.start(serve, node, door, closing)
        answer = await request(door.path, "GET /v1/status HTTP/1.0\r\nHost: localhost\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 200")
        assert b'"name":"a"' in answer
        assert places.sockets() == [door.path]
        closing.set()
        with trio.fail_after(5):
            while door.path.exists():  # noqa: ASYNC110 (a file has no event)
                await trio.sleep(0.01)


async def test_an_open_stream_does_not_hold_up_the_end() -> None:
    closing = trio.Event()
    async with open_node(name="a") as node:
        door = Door(places.socket_of("a"))
        with trio.fail_after(10):
            async with trio.open_nursery() as nursery:
                await nursery.start(serve, node, door, closing)
                stream = await trio.open_unix_socket(door.path)
                await stream.send_all(b"GET /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
                heard = b""
                while b"event: open" not in heard:
                    heard += await stream.receive_some()
                began = trio.current_time()
                closing.set()
                while chunk := await stream.receive_some():
                    heard += chunk
                await stream.aclose()
        assert b"event: closing" in heard
        assert trio.current_time() - began < 2


async def test_a_client_that_reads_nothing_does_not_hold_up_the_end() -> None:
    closing = trio.Event()
    async with open_node(name="a") as node:
        door = Door(places.socket_of("a"))
        with trio.fail_after(20):
            async with trio.open_nursery() as nursery:
                await nursery.start(serve, node, door, closing)
                stream = await trio.open_unix_socket(door.path)
                ask = b"GET /v1/events?value=true HTTP/1.1\r\nHost: localhost\r\n\r\n"
                await stream.send_all(ask)
                title = node.open("title", LWWRegister)
                for number in range(10):
                    title.assign(f"{number}" * 100_000)
                    await trio.sleep(0.02)
                began = trio.current_time()
                closing.set()
        assert trio.current_time() - began < 2
        await stream.aclose()


async def test_a_client_of_a_stream_that_goes_is_noticed(nursery) -> None:
    async with open_node(name="a") as node:
        door = Door(places.socket_of("a"))
        await nursery.start(serve, node, door, trio.Event())
        stream = await trio.open_unix_socket(door.path)
        await stream.send_all(b"GET /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        with trio.fail_after(5):
            while not node.audience.changes:  # noqa: ASYNC110 (a condition of the outside)
                await trio.sleep(0.01)
        await stream.aclose()
        with trio.fail_after(5):
            while node.audience.changes:  # noqa: ASYNC110 (a condition of the outside)
                await trio.sleep(0.01)
        nursery.cancel_scope.cancel()


async def test_a_connection_costs_a_descriptor_only_while_its_client_is_there(nursery) -> None:
    async with open_node(name="a") as node:
        door = Door(places.socket_of("a"))
        await nursery.start(serve, node, door, trio.Event())
        before = len(os.listdir("/proc/self/fd"))
        for _ in range(50):
            stream = await trio.open_unix_socket(door.path)
            await stream.send_all(b"GET /v1/status HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert b" 200 " in await stream.receive_some()
            await trio.testing.wait_all_tasks_blocked()  # it waits for the next request
            await stream.aclose()
        with trio.fail_after(5):  # the keep-alive time is a minute
            while len(os.listdir("/proc/self/fd")) > before:  # noqa: ASYNC110 (no event for it)
                await trio.sleep(0.01)
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize(
    ("path", "status"), [("/nowhere", b"404"), ("/v1/members", b"413"), ("/v1/leave", b"415")]
)
async def test_who_is_refused_while_still_sending_reads_why(nursery, path, status) -> None:
    kind = "text/plain" if status == b"415" else "application/json"
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\n"
    async with open_node(name="a") as node:
        door = Door(places.socket_of("a"))
        await nursery.start(serve, node, door, trio.Event())
        async with await trio.open_unix_socket(door.path) as stream:
            await stream.send_all(f"{head}Content-Length: 3000000\r\n\r\n".encode())
            for _ in range(30):
                await stream.send_all(b"x" * 100_000)
            assert (await stream.receive_some()).split()[1] == status
        nursery.cancel_scope.cancel()


async def test_a_body_without_end_that_nobody_wants_is_not_waited_for(nursery, monkeypatch) -> None:
    monkeypatch.setattr(guards, "LINGER", 0.05)
    head = "POST /nowhere HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    async with open_node(name="a") as node:
        door = Door(places.socket_of("a"))
        await nursery.start(serve, node, door, trio.Event())
        answer = await request(door.path, f"{head}Content-Length: 3000000\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 404")
        nursery.cancel_scope.cancel()


async def test_beyond_the_most_connections_one_is_told_so(nursery, monkeypatch) -> None:
    monkeypatch.setattr(connections, "CONNECTIONS_MOST", 1)
    ask = "GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n"
    async with open_node(name="a") as node:
        door = Door(places.socket_of("a"))
        await nursery.start(serve, node, door, trio.Event())
        async with await trio.open_unix_socket(door.path):
            assert (await request(door.path, ask)).startswith(b"HTTP/1.1 503 ")
        with trio.fail_after(5):
            while b" 200 " not in await request(door.path, ask):  # noqa: ASYNC110 (as above)
                await trio.sleep(0.01)
        nursery.cancel_scope.cancel()


async def test_a_connection_that_fails_by_our_mistake_ends_no_other(nursery, monkeypatch) -> None:
    async def broken(self):
        raise ValueError("our mistake")

    async with open_node(name="a") as node:
        door = Door(places.socket_of("a"))
        await nursery.start(serve, node, door, trio.Event())
        async with await trio.open_unix_socket(door.path) as kept:
            await trio.testing.wait_all_tasks_blocked()
            with monkeypatch.context() as patch:
                patch.setattr(connections._Connection, "_read_data", broken)
                assert await request(door.path, "") == b""
            await kept.send_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert b" 200 " in await kept.receive_some()
        assert node.metrics.contained == {"control": 1}
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x00\xff" * 100,
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST /v1/batch HTTP/1.1\r\n" * 9,
    ],
)
async def test_garbage_ends_its_own_connection_only(nursery, garbage: bytes) -> None:
    async with open_node(name="a") as node:
        door = Door(places.socket_of("a"))
        await nursery.start(serve, node, door, trio.Event())
        stream = await trio.open_unix_socket(door.path)
        await stream.send_all(garbage)
        await stream.aclose()
        answer = await request(door.path, "GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 200")
        nursery.cancel_scope.cancel()


async def test_a_server_that_fails_is_counted_and_started_again(nursery, monkeypatch) -> None:
    monkeypatch.setattr(server, "_START_AGAIN", 0.01)
    real = Connections.serve
    tries = []

    async def shaky(*args, task_status):
        tries.append(1)
        if len(tries) == 1:
            task_status.started()
            raise OSError("the first one falls over")
        await real(*args, task_status=task_status)

    monkeypatch.setattr(Connections, "serve", shaky)
    async with open_node(name="a") as node:
        door = Door(places.socket_of("a"))
        await nursery.start(serve, node, door, trio.Event())
        with trio.fail_after(5):
            while len(tries) < 2 or not places.answers(door.path):  # noqa: ASYNC110 (as above)
                await trio.sleep(0.01)
        answer = await request(door.path, "GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n")
        assert b"200" in answer
        assert node.metrics.contained == {"control": 1}
        nursery.cancel_scope.cancel()
