"""Faults as spans of time: what was wrong from when to when.

Rule of this file: plain arithmetic over a plan; nothing is run. What ends what is known by
`crdtnode.sim.ends`.
"""

from dataclasses import dataclass, field

from crdtnode.sim.ends import Endings, Lasting, ends
from crdtnode.sim.faults import (
    Bridge,
    ClockRate,
    Clone,
    Crash,
    Cut,
    DiskError,
    Fault,
    Flapping,
    Heal,
    Hold,
    Isolate,
    Join,
    Leave,
    MajorityRing,
    Partition,
    Pause,
    Relink,
    Slow,
    Swizzle,
)
from crdtnode.sim.plan import Plan

NETWORK = "network"
"""The row of what concerns no single node."""

_KINDS: dict[type, str] = {
    Partition: "cut",
    Isolate: "cut",
    Bridge: "cut",
    MajorityRing: "cut",
    Cut: "one-way cut",
    Hold: "held",
    Relink: "bad link",
    Crash: "down",
    Leave: "left",
    Pause: "paused",
    Slow: "slow",
    DiskError: "disk",
    ClockRate: "clock",
}

_ADD_UP = ("one-way cut", "held", "bad link")
"""Kinds of which several may last at once, none in the place of another."""

_TEXT_MOST = 300
"""Characters after which a span says no more of what else is in it."""


@dataclass(frozen=True, slots=True)
class Span:
    """Something that lasts; a moment where both ends are the same."""

    row: str
    """A node, or `NETWORK`."""
    kind: str
    start: float
    end: float
    text: str


@dataclass(slots=True)
class _Bar:
    """What has begun and lasts."""

    start: float
    text: str
    faults: list[Lasting] = field(default_factory=list)


class _Spans:
    def __init__(self, plan: Plan) -> None:
        self._end = plan.duration
        self._open: dict[tuple[str, str], _Bar] = {}
        self.done: list[Span] = []

    def begin(self, row: str, kind: str, fault: Lasting) -> None:
        """Begin a span; it replaces the one of its kind, or adds to it."""
        bar = self._open.get((row, kind))
        if bar is None or kind not in _ADD_UP:
            self._close(row, kind, fault.at)
            bar = self._open[row, kind] = _Bar(fault.at, str(fault))
        elif len(bar.text) < _TEXT_MOST:
            bar.text += f"; {fault}"
        bar.faults.append(fault)

    def end(self, fault: Fault) -> None:
        """End what a fault ends; a span ends with the last fault that it is made of."""
        for (row, kind), bar in list(self._open.items()):
            bar.faults = [begun for begun in bar.faults if not ends(fault, begun)]
            if not bar.faults:
                self._close(row, kind, fault.at)

    def _close(self, row: str, kind: str, at: float) -> None:
        bar = self._open.pop((row, kind), None)
        if bar is not None:
            self.done.append(Span(row, kind, bar.start, at, bar.text))

    def finish(self) -> list[Span]:
        """All spans; those that are open end with the first phase."""
        for row, kind in list(self._open):
            self._close(row, kind, self._end)
        return sorted(self.done, key=lambda span: (span.start, span.row))


def spans_of(plan: Plan) -> list[Span]:
    """What was wrong from when to when, by start."""
    spans = _Spans(plan)
    for name in plan.latecomers:
        joins = (f for f in plan.faults if isinstance(f, Join | Clone) and f.node == name)
        at = next(joins).at
        spans.done.append(Span(name, "down", 0.0, at, f"{name} is not there before {at:g} s"))
    heals = [fault.at for fault in plan.faults if isinstance(fault, Heal)]
    for fault in sorted(plan.faults, key=lambda fault: fault.at):
        spans.end(fault)
        _enter(spans, fault, heals)
    return spans.finish()


def _enter(spans: _Spans, fault: Fault, heals: list[float]) -> None:
    match fault:
        case Slow(per_call=0.0) | ClockRate(rate=1.0):
            pass  # an end, and nothing else
        case Flapping() | Swizzle():
            end = min((at for at in heals if fault.at <= at <= fault.until), default=fault.until)
            spans.done.append(Span(NETWORK, "cut", fault.at, end, str(fault)))
        case _ if isinstance(fault, Lasting):
            kind = _KINDS[type(fault)]
            network = kind == "cut" or kind in _ADD_UP
            spans.begin(NETWORK if network else fault.nodes[0], kind, fault)
        case _ if isinstance(fault, Endings):
            pass
        case _:
            row = fault.nodes[0] if fault.nodes else NETWORK
            spans.done.append(Span(row, "event", fault.at, fault.at, str(fault)))
