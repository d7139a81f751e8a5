"""Answers that go on for a while, and end when the client goes or the node closes.

Rule of this file: whoever produces never learns of connections. Two tasks watch for the end, since
asking whether a client is still there never tells that it left under this server.
"""

from collections.abc import Awaitable, Callable

import trio

from crdtnode.control.guards import Receive, Scope, Send

Write = Callable[[bytes], Awaitable[None]]


class Streamed:
    """An ASGI answer whose body is written piece by piece.

    Args:
        produce: Writes the body; returning ends it.
        media_type: What it is.
    """

    def __init__(self, produce: Callable[[Write], Awaitable[None]], media_type: str) -> None:
        self._produce = produce
        self._media_type = media_type

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        headers = [
            (b"content-type", self._media_type.encode()),
            (b"cache-control", b"no-store"),
        ]

        async def write(data: bytes) -> None:
            await send({"type": "http.response.body", "body": data, "more_body": True})

        async with trio.open_nursery() as nursery:
            nursery.start_soon(_until_gone, receive, nursery.cancel_scope)
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await self._produce(write)
            await send({"type": "http.response.body", "body": b"", "more_body": False})
            nursery.cancel_scope.cancel()


async def _until_gone(receive: Receive, scope: trio.CancelScope) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    scope.cancel()
