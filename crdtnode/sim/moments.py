"""What happens in a script, and when; from that, the faults of a plan.

Rule of this file: what lasts is a `Span` here; a plan knows moments only.

*Theory of operation.* `Heal` and `Restore` end everything of their kind. Where spans overlap, those
that last longer are therefore begun again in the very moment in which another one ends.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Self

from crdtnode.sim.ends import Lasting, end_of, ends
from crdtnode.sim.faults import Disk, Fault
from crdtnode.sim.link import PlanError


class Span(AbstractContextManager["Span"]):
    """Something that lasts. A ``with`` block ends it at the time that its script has reached."""

    def __init__(self, moments: "Moments", faults: Sequence[Lasting], disk: Disk) -> None:
        self.faults = tuple(faults)
        self.disk: Disk = disk
        self._moments = moments
        self._ended = False

    def end(self, at: float | None = None) -> None:
        """End it: now, or then.

        Raises:
            PlanError: It has an end already, or would end before it begins.
        """
        at = self._moments.at(at)
        self._open()
        if at < self.faults[0].at:
            raise PlanError(f"{self.faults[0]} cannot end at {at:g} s, before it begins")
        self._ended = True
        self._moments.note(at, self, ends=True)

    def ended_by(self, fault: Fault) -> bool:
        """Whether a fault ends it, be it the end of this one or of another."""
        return any(ends(fault, begun) for begun in self.faults)

    def _open(self) -> None:
        if self._ended:
            raise PlanError(f"{self.faults[0]} has an end already")

    def __enter__(self) -> Self:
        self._open()
        return self

    def __exit__(self, *_: object) -> None:
        if not self._ended:
            self.end(max(self._moments.now, self.faults[0].at))


@dataclass(frozen=True, slots=True)
class _Moment:
    at: float
    what: Fault | Span
    ends: bool


class Moments:
    """All that happens, in the order in which it was told.

    Attributes:
        now: The time that was reached, in seconds since the start.
    """

    def __init__(self) -> None:
        self.now = 0.0
        self._noted: list[_Moment] = []

    def at(self, at: float | None) -> float:
        """A given time, or now."""
        return self.now if at is None else at

    def note(self, at: float, what: Fault | Span, *, ends: bool = False) -> None:
        """Note a fault, or the beginning or the end of a span."""
        self._noted.append(_Moment(at, what, ends))

    def begin(self, *faults: Lasting, until: float | None = None, disk: Disk = "none") -> Span:
        """Begin faults that last, and end, together; with ``disk`` for a node that crashed.

        Raises:
            PlanError: ``until`` is before they begin.
        """
        span = Span(self, faults, disk)
        self.note(faults[0].at, span)
        if until is not None:
            span.end(until)
        return span

    def faults(self) -> tuple[Fault, ...]:
        """All faults, in the order of their times."""
        faults: list[Fault] = []
        running: list[Span] = []
        for moment in sorted(self._noted, key=lambda moment: moment.at):
            what, at = moment.what, moment.at
            if not isinstance(what, Span):
                faults.append(what)
                running = [span for span in running if not span.ended_by(what)]
            elif not moment.ends:
                faults += what.faults
                running.append(what)
            elif what in running:
                running.remove(what)
                over = list(dict.fromkeys(end_of(fault, at, what.disk) for fault in what.faults))
                faults += over
                again = [span for span in running if any(map(span.ended_by, over))]
                faults += [replace(fault, at=at) for span in again for fault in span.faults]
        return tuple(faults)
