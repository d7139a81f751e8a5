"""Takes connections to the API, and has hypercorn speak HTTP on each of them.

Rule of this file: a connection costs a descriptor as long as there is a client, and no longer;
there are so many at most; and one that fails, fails alone.

Hypercorn's own loop of accepting is not used: it keeps a connection whose client is gone until the
keep-alive time is over, so that a script which asks twenty times a second uses up all descriptors
of the node, and what one connection raises ends them all.
"""

from contextlib import suppress
from functools import partial
import logging
import socket
from typing import Final

from hypercorn.app_wrappers import ASGIWrapper
from hypercorn.config import Config
from hypercorn.trio.tcp_server import TCPServer
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import ConnectionState
import trio

from crdtnode.control.guards import REQUESTS_MOST, App
from crdtnode.metrics import Metrics

log = logging.getLogger(__name__)

CONNECTIONS_MOST: Final = REQUESTS_MOST + 128
"""Connections at once: beyond the requests under way, those that idle between two. Below the 1,024
descriptors that a process may commonly have, since the gossip needs some too."""

_FULL: Final = b"HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
_GRACE: Final = 0.25
"""Seconds that requests under way have when the node closes."""

_KEEP_ALIVE: Final = 60.0


class _Connection(TCPServer):
    """One connection, which ends when its client is gone."""

    async def _read_data(self) -> None:
        await super()._read_data()
        await self.idle_task.stop()


class Connections:
    """All connections to the API of one node.

    Args:
        app: Who answers.
        metrics: Counts connections that failed by a mistake of ours.
    """

    def __init__(self, app: App, metrics: Metrics) -> None:
        config = Config()
        config.accesslog = None
        config.errorlog = logging.getLogger("crdtnode.control.http")
        config.errorlog.setLevel(logging.WARNING)
        config.keep_alive_timeout = _KEEP_ALIVE
        config.keep_alive_max_requests = 1_000_000
        config.include_server_header = False
        self._metrics = metrics
        self._context = WorkerContext(None)
        wrapped = ASGIWrapper(app)  # type: ignore[arg-type]  # its scope types are TypedDicts
        state = ConnectionState({})
        self._speak = partial(_Connection, wrapped, config, self._context, state)
        self._open: set[trio.SocketStream] = set()

    async def serve(
        self,
        sock: socket.socket,
        closing: trio.Event,
        *,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Take connections from a listening socket until ``closing`` is set, and see them end.

        Requests under way have a moment to end by themselves; then they are broken off, those too
        whose clients do not read.
        """
        listener = trio.SocketListener(trio.socket.from_stdlib_socket(sock))
        async with trio.open_nursery() as around:
            around.start_soon(self._hang_up_at_the_end, closing)
            async with trio.open_nursery() as nursery:
                async with trio.open_nursery() as accepting:
                    take = partial(trio.serve_listeners, handler_nursery=nursery)
                    await accepting.start(take, self._take, [listener])
                    task_status.started()
                    await closing.wait()
                    accepting.cancel_scope.cancel()
                await self._context.terminated.set()
                nursery.cancel_scope.deadline = trio.current_time() + _GRACE
            around.cancel_scope.cancel()

    async def _take(self, stream: trio.SocketStream) -> None:
        if len(self._open) >= CONNECTIONS_MOST:
            await _turn_away(stream)
            return
        self._open.add(stream)
        try:
            await self._speak(stream)  # type: ignore[arg-type]  # it takes plain ones as well
        except Exception as error:
            log.error("api-connection-failed", exc_info=error)
            self._metrics.contained.add("control")
        finally:
            self._open.discard(stream)

    async def _hang_up_at_the_end(self, closing: trio.Event) -> None:
        """Break off connections whose clients do not read.

        Hypercorn writes under a shield, so that nothing else ends a write that nobody takes.
        """
        try:
            await closing.wait()
            await trio.sleep(_GRACE)
        finally:
            for stream in self._open:
                with suppress(OSError):
                    stream.socket.shutdown(trio.socket.SHUT_RDWR)


async def _turn_away(stream: trio.SocketStream) -> None:
    async with stream:
        with suppress(trio.BrokenResourceError):
            with trio.move_on_after(_GRACE):
                await stream.receive_some()  # closed unread, it would lose the answer too
            await stream.send_all(_FULL)
