"""What every request must pass before a route sees it.

Rule of this file: a browser on this machine must not become somebody else's hands (Host and
Origin are checked, bodies must say that they are JSON), and no client may make us hold more than
a bounded body, a bounded number of requests, or a request for ever.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

import msgspec
import trio

from crdtnode.control.problems import MEDIA_TYPE, Problem, problem_of

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

BODY_MOST_BYTES: Final = 32 * 1024 * 1024
"""Largest body that is read as a whole: twice the largest object."""

REQUESTS_MOST: Final = 512
"""Requests under way at once, streams of events included."""

DEADLINE: Final = 60.0
"""Seconds for a whole request, except for streams and waits, which have their own ends."""

LINGER: Final = 1.0
"""Seconds for the rest of a body that nobody wants."""

_HOSTS = {"localhost", "127.0.0.1", "[::1]", "crdtnode", ""}
_JSON = {"application/json", "application/x-ndjson", "application/jsonl"}
_CHANGING = {"POST", "PUT", "PATCH", "DELETE"}
_ENDLESS = ("/v1/events", "/v1/batch", "/v1/status")


class Guard:
    """Wraps the application."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._under_way = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check a request, bound it, and turn what it raises into a problem document."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = Started(receive, send)
        scope["app"] = self  # lets the router raise what it cannot route, instead of answering it
        self._under_way += 1
        try:
            self._check(scope)
            with trio.fail_after(_deadline(scope["path"])):
                await self._app(scope, started.receive, started.send)
        except trio.TooSlowError:
            await started.fail(Problem(504, f"this took longer than {DEADLINE:g} s"))
        except Exception as error:  # noqa: BLE001 (each becomes a document; ours are logged)
            await started.fail(problem_of(error))
        finally:
            self._under_way -= 1

    def _check(self, scope: Scope) -> None:
        headers = {key.decode("latin-1").lower(): value for key, value in scope["headers"]}
        if self._under_way > REQUESTS_MOST:
            raise Problem(503, f"{REQUESTS_MOST} requests are under way already")
        host = headers.get("host", b"").decode("latin-1").lower()
        if _without_port(host) not in _HOSTS:
            raise Problem(421, "this is the API of a local node; say Host: localhost")
        origin = headers.get("origin", b"").decode("latin-1").lower()
        if origin and origin.partition("://")[2] != host:
            raise Problem(403, "requests of other origins are not taken", field="origin")
        if scope["method"] in _CHANGING:
            kind = headers.get("content-type", b"").decode("latin-1").partition(";")[0].strip()
            if kind.lower() not in _JSON:
                raise Problem(415, "say Content-Type: application/json", field="content-type")


def _without_port(host: str) -> str:
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdigit() else host


def _deadline(path: str) -> float:
    return float("inf") if path in _ENDLESS else DEADLINE


class Started:
    """Knows how far a request and its answer are.

    After an answer has begun, no problem document can be sent. Before it ends, what is left of the
    request's body is thrown away: hung up on while it sends, a client sees no answer.
    """

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self._begun = False
        self._heard = False

    async def receive(self) -> Message:
        """Return the next piece of the request."""
        message = await self._receive()
        self._heard = not message.get("more_body", False)
        return message

    async def send(self, message: Message) -> None:
        """Pass a message on."""
        if message["type"] == "http.response.start":
            self._begun = True
        elif not message.get("more_body", False):
            with trio.move_on_after(LINGER):
                while not self._heard:
                    await self.receive()
        await self._send(message)

    async def fail(self, problem: Problem) -> None:
        """Answer with a problem document; where an answer has begun, break it off."""
        if self._begun:
            raise problem
        body = msgspec.json.encode(problem.document())
        headers = [(b"content-type", MEDIA_TYPE.encode()), (b"content-length", b"%d" % len(body))]
        start = {"type": "http.response.start", "status": problem.status, "headers": headers}
        await self.send(start)
        await self.send({"type": "http.response.body", "body": body, "more_body": False})


async def read_body(receive: Receive, most_bytes: int = BODY_MOST_BYTES) -> bytes:
    """Read a whole body.

    Raises:
        Problem: It is too large, or the client went away.
    """
    pieces: list[bytes] = []
    size = 0
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Problem(400, "the client went away")
        pieces.append(message.get("body", b""))
        size += len(pieces[-1])
        if size > most_bytes:
            raise Problem(413, f"a body has at most {most_bytes} bytes")
        more = message.get("more_body", False)
    return b"".join(pieces)
