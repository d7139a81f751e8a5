"""Many operations in one request: JSON lines in, one result line each, in order.

Rule of this file: each line stands for itself. A bad line is refused with its reason, the others
are done; lines are worked on as they arrive, and what is done is answered while more arrive, so
that a batch may be as long as it likes.
"""

from typing import Any, Final

import msgspec
import trio

from crdtnode.control.calls import call, tag_for
from crdtnode.control.guards import Receive, Scope, Send
from crdtnode.control.problems import Problem, problem_of
from crdtnode.node import Node

LINE_MOST_BYTES: Final = 16 * 1024 * 1024
"""Longest line; whatever is longer is refused with its batch."""

_AT_A_TIME: Final = 100
"""Operations before other tasks have their turn."""

_SILENCE_MOST: Final = 60.0
"""Seconds that a client may send nothing."""

_DONE: Final = b'{"line":%d,"ok":true}\n'


class Operation(msgspec.Struct, forbid_unknown_fields=True):
    """One line: call ``method`` of the object ``name`` of ``type``."""

    type: str
    name: str
    method: str
    args: list[Any] = []


_decode = msgspec.json.Decoder(Operation).decode


class Batch:
    """The state of one batch: which line comes next, and what of a line has come."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._line = 0
        self._rest = b""
        self._tags: dict[str, str] = {}

    def feed(self, chunk: bytes) -> list[bytes]:
        """Cut complete lines."""
        lines = (self._rest + chunk).split(b"\n")
        self._rest = lines.pop()
        return lines

    def check(self) -> None:
        """Refuse to wait for the end of a line that is too long already.

        Raises:
            Problem: It is.
        """
        if len(self._rest) > LINE_MOST_BYTES:
            self._line += 1
            raise Problem(413, f"over {LINE_MOST_BYTES} bytes; nothing after it was done")

    def last(self) -> list[bytes]:
        """Give the line that no line end followed."""
        rest, self._rest = self._rest, b""
        return [rest] if rest else []

    async def work(self, lines: list[bytes]) -> bytes:
        """Do what the lines say; answers with their result lines."""
        results: list[bytes] = []
        for number, line in enumerate(lines, 1):
            self._line += 1
            if line.strip():
                results.append(self._do(line))
            if number % _AT_A_TIME == 0:
                await trio.lowlevel.checkpoint()
        return b"".join(results)

    def _do(self, line: bytes) -> bytes:
        try:
            operation = _decode(line)
            call(
                self._node,
                self._tag(operation.type),
                operation.name,
                operation.method,
                operation.args,
            )
        except Exception as error:  # noqa: BLE001 (each becomes a result line; ours are logged)
            return self.failure(error)
        return _DONE % self._line

    def _tag(self, written: str) -> str:
        tag = self._tags.get(written)
        if tag is None:
            tag = self._tags[written] = tag_for(self._node, written)
        return tag

    def failure(self, error: Exception) -> bytes:
        """Return the result line that says why a line was refused."""
        problem = problem_of(error).document()
        del problem["type"], problem["title"]
        return msgspec.json.encode({"line": self._line, "ok": False, **problem}) + b"\n"


class BatchAnswer:
    """The ASGI answer to a batch: it reads and writes at the same time."""

    def __init__(self, node: Node) -> None:
        self._node = node

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Work until the body ends or the client goes; what was done stays done."""
        batch = Batch(self._node)
        headers = [(b"content-type", b"application/x-ndjson")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        more = True
        while more:
            with trio.fail_after(_SILENCE_MOST):
                message = await receive()
            if message["type"] == "http.disconnect":
                return
            more = message.get("more_body", False)
            lines = batch.feed(message.get("body", b""))
            results = await batch.work(lines if more else lines + batch.last())
            try:
                batch.check()
            except Problem as problem:
                more, results = False, results + batch.failure(problem)
            if results:
                await send({"type": "http.response.body", "body": results, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})
