"""Connections come in, are served side by side, and end when the node does.

Rule of this file: the number of connections is bounded, and so is the time in which a client says
what it wants. At the end whoever waits for its next request is sent away at once; a request under
way has a moment to finish.
"""

from functools import partial
import logging
from typing import Final

import trio

from crdtnode.control.connection import Connection
from crdtnode.control.exchange import App
from crdtnode.control.guards import REQUESTS_MOST

log = logging.getLogger(__name__)

CONNECTIONS_MOST: Final = REQUESTS_MOST + 128
"""Connections at once; further ones are closed unheard.

More than requests, so that whoever comes too late is told so. With what strangers may hold of the
gossip's streams it has to stay below the 1,024 descriptors that a process commonly gets: a process
without any left cannot repair.
"""

PATIENCE: Final = 60.0
"""Seconds in which a connection may hold no request, or half of one's head."""

GRACE: Final = 0.25
"""Seconds that requests under way have when the node closes."""


async def serve_connections(
    app: App,
    listener: trio.SocketListener,
    closing: trio.Event,
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve all who connect until ``closing`` is set; the listener is closed then."""
    lobby = _Lobby(app, closing)
    async with trio.open_nursery() as connections:
        async with trio.open_nursery() as accepting:
            serve = partial(trio.serve_listeners, handler_nursery=connections)
            await accepting.start(serve, lobby.receive, [listener])
            task_status.started()
            await closing.wait()
            accepting.cancel_scope.cancel()
        lobby.send_away()
        connections.cancel_scope.deadline = trio.current_time() + GRACE


class _Lobby:
    """Knows who is here, and who of them waits for nothing but a next request."""

    def __init__(self, app: App, closing: trio.Event) -> None:
        self._app = app
        self._closing = closing
        self._here = 0
        self._waiting: set[trio.CancelScope] = set()

    async def receive(self, stream: trio.SocketStream) -> None:
        """Serve one connection; what goes wrong with it stays with it."""
        async with stream:
            self._here += 1
            try:
                if self._here <= CONNECTIONS_MOST:
                    await self._serve(Connection(stream, self._app))
            except Exception as error:
                log.error("connection-failed", exc_info=error)
            finally:
                self._here -= 1

    async def _serve(self, connection: Connection) -> None:
        again = True
        while again and not self._closing.is_set():
            request = None
            with trio.move_on_after(PATIENCE) as scope:
                self._waiting.add(scope)
                try:
                    request = await connection.next_request()
                finally:
                    self._waiting.discard(scope)
            again = request is not None and await connection.answer(request)

    def send_away(self) -> None:
        """End the connections that wait."""
        for scope in self._waiting:
            scope.cancel()
