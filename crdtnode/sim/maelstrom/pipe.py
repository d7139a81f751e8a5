"""One stream over messages that get lost, doubled and overtake each other.

Rule of this file: no I/O and no clock; segments come in and go out, time is an argument. Both ends
number what they send; the other acknowledges what came in order, and what stays unacknowledged is
sent again. The first segment of the end that connects carries nothing but its number.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

RESEND: Final = 0.2
"""Seconds after which what was not acknowledged is sent again."""

GIVE_UP: Final = 10.0
"""Seconds without an acknowledgement after which the stream is broken."""

AT_ONCE: Final = 16
"""Segments that are sent again at once."""

SEGMENT_BYTES: Final = 32_768


@dataclass(frozen=True, slots=True)
class Segment:
    """What travels: bytes with their number, and what we have of the other's."""

    number: int | None
    """None for one that only acknowledges."""
    have: int
    """All of the other's segments below this came."""
    data: bytes = b""
    last: bool = False
    """Nothing comes after this one."""


@dataclass(slots=True)
class Pipe:
    """Our end of a stream."""

    connecting: bool
    """Whether we asked for it, and the first segment was not acknowledged yet."""
    heard: float
    """When the other end last got further, in seconds."""
    sent: float = 0.0
    """When we last sent something that wants an acknowledgement."""
    ended: bool = False
    """Whether our last segment is queued."""
    _next: int = 0
    _have: int = 0
    _waiting: list[Segment] = field(default_factory=list)
    _early: dict[int, Segment] = field(default_factory=dict)

    @property
    def drained(self) -> bool:
        """True while nothing of ours is on its way."""
        return not self._waiting

    def write(self, data: bytes, now: float, *, last: bool = False) -> list[Segment]:
        """Number some bytes; the segments to send."""
        if self.drained:
            self.heard = now
        pieces = [data[at : at + SEGMENT_BYTES] for at in range(0, len(data), SEGMENT_BYTES)]
        segments = []
        for place, piece in enumerate(pieces or [b""]):
            end = last and place >= len(pieces) - 1
            segments.append(Segment(self._next, self._have, piece, end))
            self._next += 1
        self._waiting += segments
        self.sent, self.ended = now, self.ended or last
        return segments

    def receive(self, segment: Segment, now: float) -> Iterator[Segment]:
        """Take a segment; those that are in order now, each once."""
        left = [waiting for waiting in self._waiting if (waiting.number or 0) >= segment.have]
        if len(left) < len(self._waiting):
            self._waiting, self.heard = left, now
        if segment.number is not None and segment.number >= self._have:
            self._early[segment.number] = segment
        while (ready := self._early.pop(self._have, None)) is not None:
            self._have += 1
            yield ready

    def acknowledgement(self) -> Segment:
        """What we have, for the other end."""
        return Segment(None, self._have)

    def again(self, now: float) -> list[Segment]:
        """What to send again now."""
        if self.drained or now < self.sent + RESEND:
            return []
        self.sent = now
        return self._waiting[:AT_ONCE]

    def broken(self, now: float, patience: float = GIVE_UP) -> bool:
        """True where the other end stayed silent for too long."""
        return not self.drained and now >= self.heard + patience
