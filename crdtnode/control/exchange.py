"""What a route gets and what it gives: a request, and an answer that sends itself.

Rule of this file: it takes requests apart and puts answers together, and knows no route. Between
connections and routes go the messages of ASGI, ``http.request``, ``http.disconnect`` and
``http.response.*``, so that each side can be tried without the other.
"""

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol
from urllib.parse import parse_qsl

import msgspec

from crdtnode.control.problems import MEDIA_TYPE, Problem

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

BODY_MOST_BYTES: Final = 32 * 1024 * 1024
"""Largest body that is read as a whole: twice the largest object."""

_LENGTHLESS: Final = 304


class Request:
    """A request whose body has yet to come.

    Attributes:
        method: In capital letters.
        path: Unquoted.
        raw_path: As it was written, without the query.
        query: What follows the question mark; of equal keys the last counts.
        headers: By name in small letters; of equal names the last counts.
        receive: Gives the messages of the body.
    """

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.raw_path: bytes = scope["raw_path"]
        query = scope["query_string"].decode("latin-1")
        self.query = dict(parse_qsl(query, keep_blank_values=True))
        self.headers: dict[str, str] = {
            name.decode("latin-1").lower(): value.decode("latin-1")
            for name, value in scope["headers"]
        }
        self.receive = receive

    async def body(self, most_bytes: int = BODY_MOST_BYTES) -> bytes:
        """Read the whole body.

        Raises:
            Problem: It is too large, or the client went away.
        """
        pieces: list[bytes] = []
        size = 0
        more = True
        while more:
            message = await self.receive()
            if message["type"] == "http.disconnect":
                raise Problem(400, "the client went away")
            pieces.append(message.get("body", b""))
            size += len(pieces[-1])
            if size > most_bytes:
                raise Problem(413, f"a body has at most {most_bytes} bytes")
            more = message.get("more_body", False)
        return b"".join(pieces)


class Answering(Protocol):
    """Something that answers a request."""

    async def __call__(self, receive: Receive, send: Send) -> None:
        """Send the answer; ``receive`` tells of the client meanwhile."""


Handler = Callable[[Request], Awaitable[Answering]]


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer whose body is there as a whole."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)

    async def __call__(self, receive: Receive, send: Send) -> None:
        """Send it."""
        headers = [(name.encode(), value.encode("latin-1")) for name, value in self.headers.items()]
        if self.status != _LENGTHLESS:
            headers.append((b"content-length", b"%d" % len(self.body)))
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body, "more_body": False})


def answer(document: Any, *, status: int = 200, etag: str | None = None) -> Answer:
    """Return a JSON answer.

    Args:
        document: JSON-friendly.
        status: HTTP status.
        etag: The version of what is shown, if it has one.
    """
    headers = {"content-type": "application/json", "cache-control": "no-store"}
    if etag is not None:
        headers["etag"] = f'"{etag}"'
    return Answer(msgspec.json.encode(document), status, headers)


def refusal(problem: Problem, **headers: str) -> Answer:
    """Return a problem document as an answer."""
    body = msgspec.json.encode(problem.document())
    return Answer(body, problem.status, {"content-type": MEDIA_TYPE, **headers})
