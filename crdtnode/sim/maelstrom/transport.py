"""Datagrams and streams between nodes, as messages of the workbench.

Rule of this file: bodies of our own types only - ``datagram`` and ``segment`` - and nothing of what
they carry is read. What comes from the workbench may be anything.
"""

from base64 import b64decode, b64encode
import binascii
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import trio

from crdtnode.config import DEFAULT_PORT
from crdtnode.protocol.effects import Address
from crdtnode.sim.maelstrom.pipe import RESEND, Pipe, Segment
from crdtnode.transport import CONNECT_TIMEOUT, DATAGRAM_MOST_BYTES, Receiver, Transport

Send = Callable[[str, Mapping[str, Any]], None]
"""Puts a body on its way to a node."""

Key = tuple[str, int]
"""A stream: the node that asked for it, and its number there."""

TYPES: Final = ("datagram", "segment")


@dataclass(slots=True)
class _Stream:
    key: Key
    peer: str
    pipe: Pipe
    number: int | None
    """What the receiver calls it; None once it hears no more of it."""


class MaelstromTransport(Transport):
    """One node's place in the workbench.

    Args:
        ours: This node's id.
        ids: Those of all nodes.
        send: Takes what we send.
    """

    def __init__(self, ours: str, ids: Sequence[str], send: Send) -> None:
        self._ours = ours
        self._send = send
        self._hosts = {name: f"10.1.{n >> 8}.{n & 255}" for n, name in enumerate(ids, 1)}
        self._names = {host: name for name, host in self._hosts.items()}
        self.address = self.address_of(ours)
        self._receiver: Receiver
        self._running = False
        self._streams: dict[Key, _Stream] = {}
        self._numbers: dict[int, _Stream] = {}
        """Streams that the receiver still hears of."""
        self._work = trio.Event()

    def address_of(self, name: str) -> Address:
        """Where a node stands, in addresses of ours."""
        return (self._hosts[name], DEFAULT_PORT)

    async def run(
        self, receiver: Receiver, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Send again what was lost, until cancelled."""
        self._receiver, self._running = receiver, True
        task_status.started()
        try:
            while True:
                if all(stream.pipe.drained for stream in self._streams.values()):
                    self._work = trio.Event()
                    await self._work.wait()
                await trio.sleep(RESEND)
                for stream in list(self._streams.values()):
                    self._tend(stream)
        finally:
            self.close_now()

    def _tend(self, stream: _Stream) -> None:
        now, pipe = trio.current_time(), stream.pipe
        if pipe.broken(now, CONNECT_TIMEOUT) if pipe.connecting else pipe.broken(now):
            self._end(stream, "timeout")
            return
        for segment in pipe.again(now):
            self._send_segment(stream.peer, stream.key, segment)

    # What the node asks

    def send(self, address: Address, data: bytes, *, reached: bool = False) -> None:
        """Send one datagram."""
        name = self._names.get(address[0])
        if name is not None and not self.isolated:
            self._send(name, {"type": "datagram", "data": b64encode(data).decode()})

    def open(self, stream: int, address: Address) -> None:
        """Begin to connect."""
        name = self._names.get(address[0])
        if name is None or self.isolated:
            self._receiver.closed(stream, "unreachable")
            return
        pipe = Pipe(connecting=True, heard=trio.current_time())
        made = self._add(_Stream((self._ours, stream), name, pipe, stream))
        self._write(made, b"")

    def write(self, stream: int, data: bytes) -> None:
        """Queue bytes on a stream."""
        if stream in self._numbers:
            self._write(self._numbers[stream], data)

    def close(self, stream: int) -> None:
        """Write what is queued, then close."""
        found = self._numbers.pop(stream, None)
        if found is not None:
            found.number = None
            self._write(found, b"", last=True)

    def isolate(self) -> None:
        """Drop everything, both ways."""
        self.isolated = True
        for stream in list(self._streams.values()):
            self._end(stream, "error")

    def heal(self) -> None:
        """End `isolate`."""
        self.isolated = False

    def close_now(self) -> None:
        """Forget all streams."""
        self._running = False
        self._streams.clear()
        self._numbers.clear()

    def _add(self, stream: _Stream) -> _Stream:
        self._streams[stream.key] = stream
        if stream.number is not None:
            self._numbers[stream.number] = stream
        return stream

    def _write(self, stream: _Stream, data: bytes, *, last: bool = False) -> None:
        for segment in stream.pipe.write(data, trio.current_time(), last=last):
            self._send_segment(stream.peer, stream.key, segment)
        self._work.set()

    def _send_segment(self, peer: str, key: Key, segment: Segment, *, reset: bool = False) -> None:
        if self.isolated:
            return
        body: dict[str, Any] = {"type": "segment", "stream": list(key), "have": segment.have}
        if segment.number is not None:
            body |= {"number": segment.number, "data": b64encode(segment.data).decode()}
        body |= {name: True for name, said in (("last", segment.last), ("reset", reset)) if said}
        self._send(peer, body)

    def _end(self, stream: _Stream, why: str) -> None:
        """Forget a stream, and tell the receiver if it still hears of it."""
        self._streams.pop(stream.key, None)
        if stream.number is not None:
            self._numbers.pop(stream.number, None)
            self._receiver.closed(stream.number, why)

    # What comes from other nodes

    def take(self, source: str, body: Mapping[str, Any]) -> None:
        """Take a message of one of our `TYPES`.

        Raises:
            ValueError: It is not what a node of ours sends.
        """
        if not self._running or self.isolated or source not in self._hosts:
            return
        if body["type"] == "datagram":
            data = _bytes(body.get("data"))
            if len(data) <= DATAGRAM_MOST_BYTES:
                self._receiver.datagrams([(data, self.address_of(source))])
            return
        match body.get("stream"):
            case [str(asker), int(number)]:
                self._take_segment(source, (asker, number), _segment(body), body.get("reset"))
            case _:
                raise ValueError("a segment names its stream")

    def _take_segment(self, source: str, key: Key, segment: Segment, reset: object) -> None:
        stream = self._streams.get(key)
        if stream is None:
            stream = self._unknown(source, key, segment)
        if stream is None or stream.peer != source:
            return
        if reset:
            self._end(stream, "refused" if stream.pipe.connecting else "error")
            return
        before = stream.pipe.drained
        for ready in stream.pipe.receive(segment, trio.current_time()):
            self._arrive(stream, ready)
        if segment.number is not None:
            self._send_segment(source, key, stream.pipe.acknowledgement())
        if stream.pipe.drained and not before:
            self._drained(stream)

    def _unknown(self, source: str, key: Key, segment: Segment) -> _Stream | None:
        """A segment of a stream that we do not have: a new one, or one that is over."""
        if segment.number is None:
            return None
        number = None
        if segment.number == 0 and not segment.data and key[0] == source:
            number = self._receiver.accepted((self._hosts[source], 0))
        elif segment.last:
            self._send_segment(source, key, Segment(None, segment.number + 1))
            return None
        if number is None:
            self._send_segment(source, key, Segment(None, 0), reset=True)
            return None
        pipe = Pipe(connecting=False, heard=trio.current_time())
        return self._add(_Stream(key, source, pipe, number))

    def _arrive(self, stream: _Stream, segment: Segment) -> None:
        if stream.number is not None and segment.data:
            self._receiver.received(stream.number, segment.data)
        if segment.last:
            self._send_segment(stream.peer, stream.key, stream.pipe.acknowledgement())
            self._end(stream, "eof")

    def _drained(self, stream: _Stream) -> None:
        pipe = stream.pipe
        if pipe.connecting:
            pipe.connecting = False
            if stream.number is not None:
                self._receiver.opened(stream.number)
        elif pipe.ended:
            self._streams.pop(stream.key, None)
        elif stream.number is not None:
            self._receiver.drained(stream.number)


def _segment(body: Mapping[str, Any]) -> Segment:
    number, have = body.get("number"), body.get("have")
    if type(have) is not int or not (number is None or type(number) is int):
        raise ValueError("a segment counts in whole numbers")
    data = b"" if number is None else _bytes(body.get("data"))
    return Segment(number, have, data, bool(body.get("last")))


def _bytes(text: object) -> bytes:
    if not isinstance(text, str):
        raise ValueError("bytes come as base64")
    try:
        return b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError("bytes come as base64") from error
