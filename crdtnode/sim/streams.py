"""Streams between nodes: ordered, reliable, and broken by partitions and crashes as TCP is.

Rule of this file: bytes arrive in order or not at all, cut where chance wants. What a node hears of
a broken stream is what a kernel would say: ``refused``, ``timeout`` or ``eof``.

*Theory of operation.* A connection is two pipes. A pipe keeps what was written in order and has
one event under way: the arrival of its head. Where the head meets a partition it is sent again,
ever more rarely; after `GIVE_UP` its writer is told ``timeout``, and the other end, which has heard
nothing, stays open until it writes itself. Closing, and the death of a process, put an end mark
into the pipe behind the data, as the kernel does with what it was given.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from crdtnode.protocol.effects import Address
from crdtnode.sim.agenda import SECOND, Act, Agenda
from crdtnode.sim.network import RETRANSMIT, Links

CONNECT_TIMEOUT = 1 * SECOND
"""Nanoseconds after which a connect without answer has failed."""

GIVE_UP = 10 * SECOND
"""Nanoseconds after which a stream whose bytes do not arrive is broken."""

WINDOW_BYTES = 256 * 1024
"""Bytes under way that a writer need not wait for."""

UNKNOWN = -1
"""The number of a stream that the target's process has not taken yet."""

WELCOME = b""
"""The first piece on the way back: the target accepted the connection."""

_A_MOMENT = 1000


class Party(Protocol):
    """A node, as streams see it."""

    name: str

    @property
    def up(self) -> bool:
        """True while its process runs."""

    @property
    def hindered(self) -> bool:
        """True while its process takes nothing in: it stands still, or has enough to do."""

    def put_off(self, act: Act) -> None:
        """Let something that happens to the process wait until it can take it."""

    def accept(self, moment: int, address: Address) -> int | None:
        """An incoming connection; None refuses it."""

    def stream_opened(self, moment: int, stream: int) -> None:
        """Its connect succeeded."""

    def stream_bytes(self, moment: int, stream: int, data: bytes, source: str) -> None:
        """Bytes arrived."""

    def stream_drained(self, moment: int, stream: int) -> None:
        """All that it wrote is out."""

    def stream_closed(self, moment: int, stream: int, why: str) -> None:
        """The stream is gone."""


@dataclass(slots=True, eq=False)
class End:
    """One end of a connection, and the pipe that leads from it to the other end."""

    party: Party
    stream: int
    other: "End | None" = None
    open: bool = True
    pieces: "deque[tuple[int, bytes | None]]" = field(default_factory=deque)
    """(earliest arrival, bytes) in order; None marks the end."""
    unsent_bytes: int = 0
    waiting: bool = False
    """True while the writer waits to hear that all is out."""
    stalled: int | None = None
    """When the head was first sent in vain."""
    patience: int = 0


class Streams:
    """All connections of a simulation."""

    def __init__(
        self, agenda: Agenda, links: Links, party_at: Callable[[Address], Party | None]
    ) -> None:
        self._agenda = agenda
        self._links = links
        self._party_at = party_at
        self._ends: dict[tuple[str, int], End] = {}
        self._connects = 0

    @property
    def unsent_bytes(self) -> int:
        """What waits on the fullest stream."""
        return max((end.unsent_bytes for end in self._ends.values()), default=0)

    # What a node does

    def connect(self, party: Party, stream: int, address: Address) -> None:
        """Open a stream; the node hears ``stream_opened`` or ``stream_closed``."""
        end = self._ends[party.name, stream] = End(party, stream)
        self._connects += 1
        came_from = ("10.255.0.0", 32768 + self._connects % 28000)
        self._agenda.at(self._agenda.now + CONNECT_TIMEOUT, lambda at: self._too_late(at, end))
        target = self._party_at(address)
        wait = None if target is None else self._links.connect(party.name, target.name)
        if target is not None and wait is not None:
            self._agenda.at(
                self._agenda.now + wait, lambda at: self._knock(at, end, target, came_from)
            )

    def write(self, party: Party, stream: int, data: bytes) -> None:
        """Send bytes; the node hears ``stream_drained`` when they are out."""
        end = self._ends.get((party.name, stream))
        if end is None or end.other is None:
            return
        self._put(end, data)
        if not end.waiting:
            end.waiting = True
            if end.unsent_bytes <= WINDOW_BYTES:
                self._agenda.at(self._agenda.now + _A_MOMENT, lambda at: self._drained(at, end))

    def close(self, party: Party, stream: int) -> None:
        """Let what was written go out, then close; the node hears no more of this stream."""
        end = self._ends.pop((party.name, stream), None)
        if end is not None and end.open:
            end.open = False
            if end.other is not None:
                self._put(end, None)

    def crash(self, party: Party) -> None:
        """Close all streams of a process that died; its kernel still says so to the others."""
        for _, stream in [key for key in self._ends if key[0] == party.name]:
            self.close(party, stream)

    # What the network does

    def _too_late(self, moment: int, end: End) -> None:
        if end.open and end.other is None:
            self._break(moment, end, "timeout")

    def _knock(self, moment: int, end: End, target: Party, came_from: Address) -> None:
        """The first packet of a connect arrives."""
        if not self._passes(end.party, target):
            return
        if not target.up:
            answer = self._links.connect(target.name, end.party.name)
            if answer is not None:
                self._agenda.at(moment + answer, lambda at: self._refused(at, end, target))
            return
        theirs = End(target, UNKNOWN, other=end)
        self._put(theirs, WELCOME)  # the kernel accepts, whatever the process does
        self._take(moment, target, lambda at: self._accept(at, theirs, came_from))

    def _accept(self, moment: int, theirs: End, came_from: Address) -> None:
        """The process takes the connection that its kernel accepted, or hangs up."""
        stream = theirs.party.accept(moment, came_from)
        if stream is not None:
            theirs.stream = stream
            self._ends[theirs.party.name, stream] = theirs
        elif theirs.open:
            theirs.open = False
            self._put(theirs, None)

    def _take(self, moment: int, party: Party, act: Act) -> None:
        """Let something happen to a process: now, or when it can take it."""
        if party.hindered:
            party.put_off(act)
        else:
            act(moment)

    def _passes(self, one: Party, other: Party) -> bool:
        """True where a stream between these two makes progress: both ways are open."""
        reach = self._links.reach
        if reach.whole:
            return True
        both = ((one.name, other.name), (other.name, one.name))
        return all(reach(*way) and not reach.holds(*way) for way in both)

    def _refused(self, moment: int, end: End, target: Party) -> None:
        if end.open and self._passes(end.party, target):
            self._break(moment, end, "refused")

    def _put(self, end: End, data: bytes | None) -> None:
        other = end.other
        assert other is not None
        now, size = self._agenda.now, len(data or b"")
        arrival = now + self._links.segment(end.party.name, other.party.name, size, now)
        idle = not end.pieces
        if data is None:
            end.pieces.append((arrival, None))
        else:
            end.unsent_bytes += len(data)
            pieces = self._links.cut(end.party.name, other.party.name, data)
            end.pieces.extend((arrival, piece) for piece in pieces)
        if idle:
            self._next(end)

    def _next(self, end: End) -> None:
        if end.pieces:
            self._agenda.at(end.pieces[0][0], lambda at: self._arrive(at, end))

    def _arrive(self, moment: int, end: End) -> None:
        other = end.other
        assert other is not None
        if not end.pieces:
            return  # the stream broke meanwhile
        if not self._passes(end.party, other.party):
            self._stall(moment, end)
            return
        end.stalled = None
        _, data = end.pieces.popleft()
        if data is not None:
            end.unsent_bytes -= len(data)
        self._take(moment, other.party, lambda at: self._deliver(at, end, other, data))
        if end.waiting and end.unsent_bytes <= WINDOW_BYTES:
            self._drained(moment, end)
        self._next(end)

    def _deliver(self, moment: int, end: End, other: End, data: bytes | None) -> None:
        gone = not other.open or other.stream == UNKNOWN  # its process ended
        if data is None:
            if not gone:
                self._break(moment, other, "eof")
        elif gone:  # nobody is there any more, and the writer is told so
            if end.open:
                self._break(moment, end, "eof")
        elif not data:
            other.other = end
            other.party.stream_opened(moment, other.stream)
        else:
            other.party.stream_bytes(moment, other.stream, data, end.party.name)

    def _stall(self, moment: int, end: End) -> None:
        """The head met a partition: send it again later, or give up."""
        if end.stalled is None:
            end.stalled, end.patience = moment, round(RETRANSMIT * SECOND)
        if moment - end.stalled > GIVE_UP:
            end.pieces.clear()
            if end.open:
                self._break(moment, end, "timeout")
            return
        end.patience *= 2
        self._agenda.at(moment + end.patience, lambda at: self._arrive(at, end))

    def _drained(self, moment: int, end: End) -> None:
        if end.waiting:
            end.waiting = False
            self._take(moment, end.party, lambda at: self._tell_drained(at, end))

    def _tell_drained(self, moment: int, end: End) -> None:
        if end.open:
            end.party.stream_drained(moment, end.stream)

    def _break(self, moment: int, end: End, why: str) -> None:
        """One end hears that the stream is gone, when it can hear."""
        end.pieces.clear()
        self._take(moment, end.party, lambda at: self._tell_closed(at, end, why))

    def _tell_closed(self, moment: int, end: End, why: str) -> None:
        if end.open:
            end.open = False
            self._ends.pop((end.party.name, end.stream), None)
            end.party.stream_closed(moment, end.stream, why)
