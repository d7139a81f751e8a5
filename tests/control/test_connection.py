"""HTTP on the wire: what a client sends, and what it gets, byte by byte."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from email.utils import formatdate
import json
from time import gmtime
from typing import Any

import h11
import pytest
import trio
from trio.testing import lockstep_stream_pair, memory_stream_pair

from crdtnode.config import Settings
from crdtnode.control import accepting
from crdtnode.control.accepting import CONNECTIONS_MOST, serve_connections
from crdtnode.control.connection import Connection, http_date
from crdtnode.control.exchange import Answering
from crdtnode.control.guards import REQUESTS_MOST
from crdtnode.control.problems import Problem
from crdtnode.control.streaming import Streamed, Write

HELLO = b"GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n"


class App:
    """Answers every request with its method, path and body."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body = b""
        if scope["path"] != "/deaf":
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise Problem(400, "the client went away")
                body += message["body"]
                if not message["more_body"]:
                    break
        self.bodies.append(body)
        said = b"%s %s %s" % (scope["method"].encode(), scope["path"].encode(), body)
        headers = [] if scope["path"] == "/long" else [(b"content-length", b"%d" % len(said))]
        status = 204 if scope["path"] == "/nothing" else 200
        await send({"type": "http.response.start", "status": status, "headers": headers})
        if scope["path"] == "/broken":
            raise Problem(500, "in the middle")
        await send({"type": "http.response.body", "body": said, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


class Client:
    """The other end of a connection that is being served."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        self.stream = stream
        self.http = h11.Connection(h11.CLIENT)

    async def ask(self, request: bytes, method: str = "GET") -> tuple[h11.Response, bytes]:
        """Send a request as it stands and return its answer."""
        await self.stream.send_all(request)
        return await self.answer(method)

    async def answer(self, method: str = "GET") -> tuple[h11.Response, bytes]:
        """Return the next answer."""
        if self.http.our_state is not h11.IDLE:
            self.http.start_next_cycle()
        self.http.send(h11.Request(method=method, target="/", headers=[("host", "localhost")]))
        self.http.send(h11.EndOfMessage())
        response, body = None, b""
        with trio.fail_after(5):
            while True:
                match event := self.http.next_event():
                    case h11.NEED_DATA:
                        self.http.receive_data(await self.stream.receive_some())
                    case h11.Response():
                        response = event
                    case h11.Data():
                        body += bytes(event.data)
                    case h11.EndOfMessage():
                        assert response is not None
                        return response, body

    async def rest(self) -> bytes:
        """Return what comes until the server hangs up."""
        found = b""
        with trio.fail_after(5):
            while data := await self.stream.receive_some():
                found += data
        return found


async def converse(connection: Connection, stream: trio.abc.Stream) -> None:
    async with stream:
        while (request := await connection.next_request()) is not None:
            if not await connection.answer(request):
                return


Connect = Callable[..., Awaitable[Client]]


@pytest.fixture
def app() -> App:
    return App()


@pytest.fixture
def connect(nursery: trio.Nursery, app: App) -> Connect:
    async def connect(app: Any = app, pair: Any = memory_stream_pair) -> Client:
        ours, theirs = pair()
        nursery.start_soon(converse, Connection(ours, app), ours)
        return Client(theirs)

    return connect


async def test_requests_follow_each_other_on_one_connection(connect: Connect) -> None:
    client = await connect()
    for body in (b"one", b"two"):
        post = b"POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\n" + body
        response, said = await client.ask(post)
        assert (response.status_code, said) == (200, b"POST /x " + body)
        assert b"date" in dict(response.headers)


def test_the_date_of_an_answer_is_written_as_http_wants_it() -> None:
    for moment in (0, 951_782_400, 1_456_704_001, 1_795_844_096, 4_102_444_799):
        assert http_date(gmtime(moment)).decode() == formatdate(moment, usegmt=True)


async def test_requests_sent_ahead_are_answered_in_order(connect: Connect) -> None:
    client = await connect()
    await client.stream.send_all(HELLO + HELLO.replace(b"hello", b"again"))
    assert (await client.answer())[1] == b"GET /hello "
    assert (await client.answer())[1] == b"GET /again "


async def test_a_request_may_come_byte_by_byte(connect: Connect) -> None:
    client = await connect()
    post = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"
    for number in range(len(post)):
        await client.stream.send_all(post[number : number + 1])
    assert (await client.answer())[1] == b"POST / abc"


async def test_a_path_is_given_as_written_and_unquoted(connect: Connect) -> None:
    seen: dict[str, Any] = {}

    async def look(scope: Any, receive: Any, send: Any) -> None:
        seen.update(scope)
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    client = await connect(look)
    response, _ = await client.ask(b"GET /a%2Fb%20c?x=1&y HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert response.status_code == 204
    assert (seen["path"], seen["raw_path"], seen["query_string"]) == (
        "/a/b c",
        b"/a%2Fb%20c",
        b"x=1&y",
    )
    assert seen["headers"] == [(b"host", b"localhost")]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_an_answer_without_a_length_is_cut_into_chunks(connect: Connect, method: str) -> None:
    client = await connect()
    request = HELLO.replace(b"hello", b"long").replace(b"GET", method.encode())
    response, said = await client.ask(request, method)
    assert dict(response.headers)[b"transfer-encoding"] == b"chunked"
    assert said == (b"GET /long " if method == "GET" else b"")
    assert (await client.ask(HELLO))[1] == b"GET /hello "


@pytest.mark.parametrize(("method", "path"), [("HEAD", b"hello"), ("GET", b"nothing")])
async def test_what_has_no_body_gets_none(connect: Connect, method: str, path: bytes) -> None:
    client = await connect()
    request = HELLO.replace(b"GET", method.encode()).replace(b"hello", path)
    _, said = await client.ask(request, method)
    assert said == b""
    assert (await client.ask(HELLO))[1] == b"GET /hello "


async def test_a_client_that_asks_whether_to_send_its_body_is_told(connect: Connect) -> None:
    client = await connect()
    head = b"POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"
    await client.stream.send_all(head)
    assert await client.stream.receive_some() == b"HTTP/1.1 100 \r\n\r\n"
    assert (await client.ask(b"ab"))[1] == b"POST / ab"


async def test_an_old_client_is_answered_and_left(connect: Connect) -> None:
    client = await connect()
    await client.stream.send_all(b"GET /long HTTP/1.0\r\n\r\n")
    head, _, body = (await client.rest()).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200")
    assert b"transfer-encoding" not in head.lower()
    assert body == b"GET /long "


async def test_a_client_that_says_no_more_still_gets_its_answer(connect: Connect) -> None:
    client = await connect()
    await client.stream.send_all(HELLO)
    await client.stream.send_eof()  # type: ignore[attr-defined]  # both ends are stapled
    assert (await client.rest()).endswith(b"GET /hello ")


@pytest.mark.parametrize(
    ("garbage", "status"),
    [
        (b"\x00\xff" * 100 + b"\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 20_000, 431),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
    ],
)
async def test_what_is_no_request_is_refused_with_a_problem_document(
    connect: Connect, app: App, garbage: bytes, status: int
) -> None:
    client = await connect()
    await client.stream.send_all(garbage)
    head, _, body = (await client.rest()).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d" % status)
    assert b"connection: close" in head.lower()
    assert json.loads(body)["status"] == status
    assert app.bodies == []


@pytest.mark.parametrize("body", [b"zz\r\nab\r\n", b"2\r\na"])
async def test_a_body_that_makes_no_sense_is_no_body(
    connect: Connect, app: App, body: bytes
) -> None:
    client = await connect(Guarded(app))
    head = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    await client.stream.send_all(head + body)
    await client.stream.send_eof()  # type: ignore[attr-defined]  # both ends are stapled
    assert b"went away" in await client.rest()
    assert app.bodies == []


class Answered:
    """Gives one answer to all requests."""

    def __init__(self, answer: Answering) -> None:
        self._answer = answer

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self._answer(receive, send)


class Guarded:
    """Answers with the problem that an application raises before it has begun to answer."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            await self._app(scope, receive, send)
        except Problem as problem:
            await send({"type": "http.response.start", "status": problem.status, "headers": []})
            await send({"type": "http.response.body", "body": problem.detail.encode()})


async def test_a_body_that_nobody_read_is_thrown_away(connect: Connect) -> None:
    client = await connect()
    head = b"POST /deaf HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\n"
    assert (await client.ask(head))[1] == b"POST /deaf "
    await client.stream.send_all(b"x" * 200_000)
    assert (await client.ask(HELLO))[1] == b"GET /hello "


async def test_a_body_that_nobody_read_and_that_never_ends_is_not_waited_for(
    connect: Connect, autojump_clock: trio.testing.MockClock
) -> None:
    client = await connect()
    began = trio.current_time()
    head = b"POST /deaf HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\n"
    assert (await client.ask(head))[1] == b"POST /deaf "
    assert await client.rest() == b""
    assert trio.current_time() - began < 2


async def test_an_answer_that_breaks_off_is_not_finished(connect: Connect) -> None:
    client = await connect()
    await client.stream.send_all(HELLO.replace(b"hello", b"broken"))
    assert await client.rest() == b""


async def test_a_client_that_goes_ends_its_stream(connect: Connect) -> None:
    ended = trio.Event()

    async def produce(write: Write) -> None:
        await write(b"open")
        try:
            await trio.sleep_forever()
        finally:
            ended.set()

    client = await connect(Answered(Streamed(produce, "text/event-stream")))
    await client.stream.send_all(HELLO)
    assert (await client.stream.receive_some()).startswith(b"HTTP/1.1 200")
    await client.stream.aclose()
    with trio.fail_after(5):
        await ended.wait()


async def test_a_client_that_goes_without_reading_raises_nothing(connect: Connect) -> None:
    went = trio.Event()
    ended = trio.Event()

    async def late(scope: Any, receive: Any, send: Any) -> None:
        await went.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(3):
            await send({"type": "http.response.body", "body": b"x", "more_body": True})
        assert (await receive())["type"] == "http.disconnect"
        ended.set()

    client = await connect(late, lockstep_stream_pair)
    await client.stream.send_all(HELLO)
    await client.stream.aclose()
    went.set()
    with trio.fail_after(5):
        await ended.wait()


async def test_a_client_that_sends_ahead_without_end_is_left(connect: Connect) -> None:
    ended = trio.Event()

    async def produce(write: Write) -> None:
        await write(b"open")
        try:
            await trio.sleep_forever()
        finally:
            ended.set()

    client = await connect(Answered(Streamed(produce, "text/event-stream")))
    await client.stream.send_all(HELLO)
    for _ in range(3):
        await client.stream.send_all(b"x" * 30_000)
    with trio.fail_after(5):
        await ended.wait()


Dial = Callable[[tuple[str, int]], Awaitable[Client]]


@pytest.fixture
async def dial() -> AsyncIterator[Dial]:
    """Connects, and closes at the end."""
    async with AsyncExitStack() as stack:

        async def dial(address: tuple[str, int]) -> Client:
            stream = await trio.open_tcp_stream(*address)
            return Client(await stack.enter_async_context(stream))

        yield dial


@pytest.fixture
async def address(app: App, nursery: trio.Nursery) -> AsyncIterator[tuple[str, int]]:
    """Where the application is served, over loopback."""
    listener = (await trio.open_tcp_listeners(0, host="127.0.0.1"))[0]
    closing = trio.Event()
    await nursery.start(serve_connections, app, listener, closing)
    yield listener.socket.getsockname()
    closing.set()


def test_clients_leave_descriptors_to_the_gossip() -> None:
    commonly, other_files = 1024, 64
    assert CONNECTIONS_MOST + Settings().streams_most <= commonly - other_files
    assert CONNECTIONS_MOST > REQUESTS_MOST  # the next request is answered, with a refusal


@pytest.mark.process
async def test_connections_over_the_limit_are_closed_unheard(
    address: tuple[str, int], dial: Dial, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accepting, "CONNECTIONS_MOST", 1)
    first = await dial(address)
    assert (await first.ask(HELLO))[1] == b"GET /hello "
    second = await dial(address)
    assert await second.rest() == b""
    assert (await first.ask(HELLO))[1] == b"GET /hello "


@pytest.mark.process
@pytest.mark.parametrize("said", [b"", b"GET / HTTP/1.1\r\nHost: loc"])
async def test_a_client_that_takes_its_time_with_a_request_is_left(
    address: tuple[str, int], dial: Dial, monkeypatch: pytest.MonkeyPatch, said: bytes
) -> None:
    monkeypatch.setattr(accepting, "PATIENCE", 0.05)
    client = await dial(address)
    await client.stream.send_all(said)
    with trio.fail_after(5):
        assert await client.rest() == b""


@pytest.mark.process
async def test_an_application_that_breaks_ends_one_connection_only(
    nursery: trio.Nursery, dial: Dial, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(scope: Any, receive: Any, send: Any) -> None:
        raise ZeroDivisionError

    listener = (await trio.open_tcp_listeners(0, host="127.0.0.1"))[0]
    await nursery.start(serve_connections, broken, listener, trio.Event())
    for _ in range(2):
        client = await dial(listener.socket.getsockname())
        await client.stream.send_all(HELLO)
        assert await client.rest() == b""
    assert caplog.text.count("connection-failed") == 2
    nursery.cancel_scope.cancel()


@pytest.mark.process
async def test_at_the_end_those_who_wait_go_at_once_and_a_request_has_a_moment(dial: Dial) -> None:
    closing, asked, may_answer = trio.Event(), trio.Event(), trio.Event()

    async def slow(scope: Any, receive: Any, send: Any) -> None:
        asked.set()
        await may_answer.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"done"})

    listener = (await trio.open_tcp_listeners(0, host="127.0.0.1"))[0]
    address = listener.socket.getsockname()
    with trio.fail_after(5):
        async with trio.open_nursery() as nursery:
            await nursery.start(serve_connections, slow, listener, closing)
            idle = await dial(address)
            busy = await dial(address)
            await busy.stream.send_all(HELLO)
            await asked.wait()
            closing.set()
            assert await idle.rest() == b""
            may_answer.set()
            assert (await busy.answer())[1] == b"done"
            assert await busy.rest() == b""
        with pytest.raises(OSError, match="all attempts to connect"):
            await trio.open_tcp_stream(*address)
