"""Streams: one listener, outgoing connects with a deadline, and a bounded queue for each.

A stream is known by its number only. Two tasks carry it: one reads and hands over chunks, one
writes what is queued. A peer that sends nothing, or that does not read, costs a descriptor and
its queue, never a task that others wait for; how long it may is the engine's to say.
"""

from collections import deque
import errno
import logging
import os
import socket
from typing import Final

import trio

from crdtnode.metrics import Metrics
from crdtnode.protocol.effects import Address
from crdtnode.transport import CONNECT_TIMEOUT, LINGER, SEND_QUEUE_BYTES, Receiver, Why
from crdtnode.transport.binding import bind_tcp
from crdtnode.transport.udp import errno_name, plain_source

log = logging.getLogger(__name__)

CHUNK_BYTES: Final = 65_536
_WRITE_BYTES: Final = 262_144
_REBIND_EVERY: Final = 0.2
_NO_DESCRIPTOR_PAUSE: Final = 0.1
_OUT_OF_DESCRIPTORS = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}


class Link:
    """One stream: its socket once connected, and what waits to be written."""

    def __init__(self, number: int, peer: Address) -> None:
        self.number = number
        self.peer = peer
        self.scope = trio.CancelScope()
        self.queue: deque[bytes] = deque()
        self.queued_bytes = 0
        self.closing = False
        self.sock: trio.socket.SocketType | None = None
        self.work = trio.Event()

    def put(self, data: bytes) -> None:
        """Queue bytes for the writer."""
        self.queue.append(data)
        self.queued_bytes += len(data)
        self.work.set()

    def take(self) -> bytes:
        """Take the next piece to write: many small frames at once, a large one by itself."""
        piece = [self.queue.popleft()]
        size = len(piece[0])
        while self.queue and size + len(self.queue[0]) <= _WRITE_BYTES:
            piece.append(self.queue.popleft())
            size += len(piece[-1])
        self.queued_bytes -= size
        return piece[0] if len(piece) == 1 else b"".join(piece)


class Streams:
    """All streams of a node, and its listener."""

    def __init__(self, listener: socket.socket, metrics: Metrics) -> None:
        self._listener = trio.socket.from_stdlib_socket(listener)
        self._bound = listener.getsockname()
        self._metrics = metrics
        self._links: dict[int, Link] = {}
        self._healed = trio.Event()
        self._healed.set()
        self._shut = False
        self._nursery: trio.Nursery
        self._receiver: Receiver

    async def run(self, receiver: Receiver, nursery: trio.Nursery) -> None:
        """Accept streams until cancelled; all tasks live in ``nursery``."""
        self.begin(receiver, nursery)
        while not self._shut:
            if self._listener.fileno() < 0:
                await self._listen_again()
                continue
            try:
                sock, source = await self._listener.accept()
            except trio.ClosedResourceError:
                continue  # isolated or shut while we waited
            except OSError as error:
                await self._accept_failed(error)
                continue
            self._accept(sock, plain_source(source))

    def begin(self, receiver: Receiver, nursery: trio.Nursery) -> None:
        """Take note of who listens and where tasks live; streams can be opened from now on."""
        self._receiver = receiver
        self._nursery = nursery

    async def _accept_failed(self, error: OSError) -> None:
        self._metrics.dropped.add(f"accept {errno_name(error)}")
        if error.errno in _OUT_OF_DESCRIPTORS:
            # The client waits in the kernel, and accept would fail again at once.
            await trio.sleep(_NO_DESCRIPTOR_PAUSE)

    async def _listen_again(self) -> None:
        """Bind the port anew after an isolation; somebody may have taken it meanwhile."""
        await self._healed.wait()
        while self._healed.is_set():
            try:
                self._listener = trio.socket.from_stdlib_socket(bind_tcp(self._bound))
            except OSError as error:
                log.warning("stream-port-taken port=%d error=%s", self._bound[1], errno_name(error))
                await trio.sleep(_REBIND_EVERY)
            else:
                return

    def _accept(self, sock: trio.socket.SocketType, source: Address) -> None:
        number = self._receiver.accepted(source)
        if number is None:
            self._metrics.dropped.add("stream, too many")
            sock.close()
            return
        link = self._links[number] = Link(number, source)
        self._nursery.start_soon(self._carry_accepted, link, sock)

    def open(self, number: int, address: Address) -> None:
        """Begin to connect."""
        link = self._links[number] = Link(number, address)
        self._nursery.start_soon(self._connect_and_carry, link)

    def write(self, number: int, data: bytes) -> None:
        """Queue bytes; closes a stream whose peer lets too much pile up."""
        link = self._links.get(number)
        if link is None:
            return
        link.put(data)
        if link.queued_bytes > SEND_QUEUE_BYTES:
            self._metrics.dropped.add("stream, send queue full")
            link.queue.clear()
            self._end(link, "error")

    def close(self, number: int) -> None:
        """Let the writer finish, then close; bounded by `LINGER`."""
        link = self._links.pop(number, None)
        if link is None:
            return
        link.closing = True
        link.scope.deadline = trio.current_time() + LINGER
        link.work.set()

    def _end(self, link: Link, why: Why) -> None:
        """Stop a stream and tell the receiver, unless it was closed here already."""
        link.scope.cancel()
        if self._links.get(link.number) is link:
            del self._links[link.number]
            self._receiver.closed(link.number, why)

    async def _connect_and_carry(self, link: Link) -> None:
        why: Why = "error"
        try:
            with link.scope:
                with trio.move_on_after(CONNECT_TIMEOUT) as patience:
                    sock = await connect(link.peer)
                if patience.cancelled_caught:
                    why = "timeout"
                else:
                    why = await self._carry(link, sock, ours=True)
        except (OSError, UnicodeError) as error:  # a name may be beyond what IDNA can write
            why = reason(error)
        finally:
            self._end(link, why)

    async def _carry_accepted(self, link: Link, sock: trio.socket.SocketType) -> None:
        why: Why = "error"
        try:
            with link.scope:
                why = await self._carry(link, sock, ours=False)
        finally:
            self._end(link, why)

    async def _carry(self, link: Link, sock: trio.socket.SocketType, *, ours: bool) -> Why:
        """Read and write one connected stream until it ends; answers why it did."""
        link.sock = sock
        stream = trio.SocketStream(sock)
        why: Why = "error"
        try:
            if ours and self._links.get(link.number) is link:
                self._receiver.opened(link.number)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._write, link, stream, nursery.cancel_scope)
                why = await self._read(link, stream)
                nursery.cancel_scope.cancel()
        except Exception:
            # One stream's trouble must not reach the others: log it, count it, end this stream.
            log.exception("stream-failed stream=%d", link.number)
            self._metrics.contained.add("transport")
        finally:
            sock.close()
        return why

    async def _read(self, link: Link, stream: trio.SocketStream) -> Why:
        while True:
            try:
                data = await stream.receive_some(CHUNK_BYTES)
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                return "error"
            if not data:
                return "eof"
            if self._links.get(link.number) is link:
                self._receiver.received(link.number, bytes(data))

    async def _write(self, link: Link, stream: trio.SocketStream, both: trio.CancelScope) -> None:
        try:
            while not (link.closing and not link.queue):
                if link.queue:
                    await self._write_queued(link, stream)
                link.work = trio.Event()
                if not link.queue and not link.closing:
                    await link.work.wait()
            # Our end only: closing at once with unread bytes in the kernel would send a reset,
            # which may overtake what we wrote last.
            await stream.send_eof()
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            both.cancel()

    async def _write_queued(self, link: Link, stream: trio.SocketStream) -> None:
        while link.queue:
            await stream.send_all(link.take())
        if self._links.get(link.number) is link:
            self._receiver.drained(link.number)

    def isolate(self) -> None:
        """Close every stream and the listener, so that connects are refused."""
        self._healed = trio.Event()
        self._listener.close()
        for link in list(self._links.values()):
            self._end(link, "error")

    def heal(self) -> None:
        """Listen again."""
        self._healed.set()

    def close_now(self) -> None:
        """Close the listener at once and for good."""
        self._shut = True
        self._listener.close()

    def abandon(self) -> None:
        """Drop the descriptors past trio, which shares its event loop with our parent."""
        self._shut = True
        for sock in (self._listener, *[link.sock for link in self._links.values() if link.sock]):
            os.close(sock.detach())


async def connect(address: Address) -> trio.socket.SocketType:
    """Connect to the first address of a host that takes us; names are resolved anew each time.

    Raises:
        OSError: Of the last address tried, or of the name's resolution.
    """
    host, port = address
    found = await trio.socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    failure: OSError = OSError(errno.EHOSTUNREACH, "the name has no address")
    for family, kind, protocol, _, target in found:
        sock = trio.socket.socket(family, kind, protocol)
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await sock.connect(target)
            if sock.getsockname() == sock.getpeername():
                # Where nobody listens, the kernel may join our own two ends (same port by chance).
                raise OSError(errno.ECONNREFUSED, "connected to itself")
        except OSError as error:
            sock.close()
            failure = error
        except BaseException:
            sock.close()
            raise
        else:
            return sock
    raise failure


def reason(error: OSError | UnicodeError) -> Why:
    """Put an error of a connect into the words that the protocol reasons with."""
    if isinstance(error, socket.gaierror | UnicodeError):
        return "unreachable"
    match error.errno:
        case errno.ECONNREFUSED:
            return "refused"
        case errno.ETIMEDOUT:
            return "timeout"
        case errno.ENETUNREACH | errno.EHOSTUNREACH | errno.EACCES | errno.EPERM:
            return "unreachable"
        case errno.EADDRNOTAVAIL | errno.EINVAL | errno.EAFNOSUPPORT:
            return "unreachable"
        case _:
            return "error"
