"""Faults as spans of time: what was wrong from when to when.

Rule of this file: plain arithmetic over a plan; nothing is run.
"""

from dataclasses import dataclass

from crdtnode.sim.faults import (
    Bridge,
    ClockRate,
    Clone,
    Crash,
    Cut,
    DiskError,
    DiskMended,
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
    Release,
    Relink,
    Restart,
    Restore,
    Resume,
    Slow,
    Swizzle,
)
from crdtnode.sim.plan import Plan

NETWORK = "network"
"""The row of what concerns no single node."""

_ADD_UP = ("one-way cut", "held", "bad link")
"""Kinds of which several may begin in one moment, none in the place of another."""

_TEXT_MOST = 300
"""Characters after which a span says no more of what else began with it."""

_BEGINS: dict[type, str] = {
    Crash: "down",
    Leave: "left",
    Pause: "paused",
    Slow: "slow",
    DiskError: "disk",
    ClockRate: "clock",
}
_ENDS: dict[type, tuple[str, ...]] = {
    Restart: ("down", "left"),
    Resume: ("paused",),
    DiskMended: ("disk",),
}


@dataclass(frozen=True, slots=True)
class Span:
    """Something that lasts; a moment where both ends are the same."""

    row: str
    """A node, or `NETWORK`."""
    kind: str
    start: float
    end: float
    text: str


class _Spans:
    def __init__(self, plan: Plan) -> None:
        self._end = plan.duration
        self._open: dict[tuple[str, str], tuple[float, str]] = {}
        self.done: list[Span] = []

    def begin(self, row: str, kind: str, fault: Fault) -> None:
        """Begin a span, and end the one of its kind that it replaces."""
        text = str(fault)
        start, before = self._open.get((row, kind), (-1.0, ""))
        if start == fault.at and kind in _ADD_UP and len(before) < _TEXT_MOST:
            text = f"{before}; {text}"
        else:
            self.end(row, kind, fault.at)
        self._open[row, kind] = (fault.at, text)

    def end(self, row: str, kind: str, at: float) -> None:
        """End a span, if there is one."""
        if (row, kind) in self._open:
            start, text = self._open.pop((row, kind))
            self.done.append(Span(row, kind, start, at, text))

    def end_all(self, row: str, at: float) -> None:
        """End all spans of a row."""
        for where, kind in list(self._open):
            if where == row:
                self.end(where, kind, at)

    def finish(self) -> list[Span]:
        """All spans; those that are open end with the first phase."""
        for row, kind in list(self._open):
            self.end(row, kind, self._end)
        return sorted(self.done, key=lambda span: (span.start, span.row))


def spans_of(plan: Plan) -> list[Span]:
    """What was wrong from when to when, by start."""
    spans = _Spans(plan)
    for name in plan.latecomers:
        joins = (f for f in plan.faults if isinstance(f, Join | Clone) and f.node == name)
        at = next(joins).at
        spans.done.append(Span(name, "down", 0.0, at, f"{name} is not there before {at:g} s"))
    for fault in sorted(plan.faults, key=lambda fault: fault.at):
        _enter(spans, fault)
    return spans.finish()


def _enter(spans: _Spans, fault: Fault) -> None:
    match fault:
        case Partition() | Isolate() | Bridge() | MajorityRing():
            spans.begin(NETWORK, "cut", fault)
        case Cut():
            spans.begin(NETWORK, "one-way cut", fault)
        case Flapping() | Swizzle():
            spans.done.append(Span(NETWORK, "cut", fault.at, fault.until, str(fault)))
        case Heal():
            for kind in ("cut", "one-way cut", "held"):
                spans.end(NETWORK, kind, fault.at)
        case Hold():
            spans.begin(NETWORK, "held", fault)
        case Release():
            spans.end(NETWORK, "held", fault.at)
        case Relink():
            spans.begin(NETWORK, "bad link", fault)
        case Restore():
            spans.end(NETWORK, "bad link", fault.at)
        case Slow(node=node, per_call=0.0):
            spans.end(node, "slow", fault.at)
        case ClockRate(node=node, rate=1.0):
            spans.end(node, "clock", fault.at)
        case _ if type(fault) in _BEGINS:
            spans.begin(fault.nodes[0], _BEGINS[type(fault)], fault)
        case _ if type(fault) in _ENDS:
            for kind in _ENDS[type(fault)]:
                spans.end(fault.nodes[0], kind, fault.at)
        case _:
            row = fault.nodes[0] if fault.nodes else NETWORK
            spans.done.append(Span(row, "event", fault.at, fault.at, str(fault)))
