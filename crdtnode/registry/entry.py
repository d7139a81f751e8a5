"""One object of the registry: what it is called, its state, and what was written to it here.

Theory of operation. The object is observed: each delta of a local mutator is joined into one
pending delta, which the next flush takes. The observer is asked before a delta applies, and an
observer that came later may still refuse it. So a flush looks whether the pending delta is really
in the state; where it is not, the state travels whole, once, and from then on each delta waits
until the next one shows whether it was applied.

While a ``change`` block runs, the state before it is kept apart: that is what the rest of the node
sees and joins into, until the block ends well.
"""

from collections.abc import Callable
from typing import Any, Final, Protocol

from crdt import StateCRDT
from crdtnode.errors import ChangeRequired
from crdtnode.registry.kinds import Kind
from crdtnode.registry.lives import FIRST

LARGE: Final = 2048
"""Rows over which a state, or a delta, is looked at in portions."""


PARTS_TRACED: Final = 2
"""Parts of something larger that the history of an object takes for deltas."""


class Keeper(Protocol):
    """What an entry needs of the registry that keeps it."""

    def writing(self, entry: "Entry") -> None:
        """Somebody is about to change the object here.

        Raises:
            ObjectTooLarge: It is over the limit; the change is refused.
            Exception: The registry was closed with it; the change is refused.
        """


class Block:
    """A ``change`` block under way.

    Attributes:
        start: The state when a plain type's block began; None for other types.
        before: The state without what the block changed, but with what arrived meanwhile; None
            while the block has changed nothing.
        pending: The deltas of the block, joined.
        arrived: Something was joined into `before` meanwhile.
    """

    __slots__ = ("arrived", "before", "pending", "start")

    def __init__(self, start: StateCRDT | None) -> None:
        self.start = start
        self.before = None if start is None else start.clone()
        self.pending: StateCRDT | None = None
        self.arrived = False

    def note(self, obj: StateCRDT, delta: StateCRDT) -> None:
        """Keep a delta that is about to apply to `obj`."""
        if self.before is None:
            self.before = obj.clone()
        if self.pending is None:
            self.pending = delta.clone()
        else:
            self.pending.absorb(delta)

    def applied(self, obj: StateCRDT) -> StateCRDT | None:
        """What the block wrote, as one delta; None if nothing.

        Where an observer refused some of it, this is the whole state.
        """
        if self.pending is None or self.pending.compare(obj):
            return self.pending
        return obj.clone()


class Entry:
    """One object.

    Attributes:
        kind: Its type.
        name: Its name.
        hn: Its place.
        obj: The live object.
        life: Its life counter: odd while it lives, even once it is removed.
        authored: Something was written here in this life.
        removing: It was removed here since the last flush.
        pending: What was written here since the last flush, as one delta; or None.
        sink: Joins into `pending`, where a delta may go straight there; else None.
        base: The version that `pending` leads from; 0 where other things were joined meanwhile.
        doubtful: A delta that may yet be refused by a later observer; only where one ever was.
        wary: A later observer refused a delta once.
        stale: The version of the present state is not computed yet.
        handed: The caller has the object, so it is bound and observed.
        unopposed: Who observed the object when `pending` began, where nobody can refuse what this
            entry has noted; None where somebody can, or where that is not known.
        most_bytes: What the state takes at most, as JSON.
        weighed_bytes: What it took when that was looked at exactly; 0 before the first time.
        too_large: It took more than the limit then.
        block: The ``change`` block under way, or None.
        news: Payloads that led from the last computed version to the present state; None where
            nothing is remembered of them.
        parts: Parts of something larger that were joined so far.
        untraced: Something else, of which nothing is remembered, led there too.
        versioned: The life in which the version was computed last; 0 before the first time.
    """

    __slots__ = (
        "__dict__",
        "authored",
        "base",
        "handed",
        "hn",
        "keeper",
        "kind",
        "life",
        "most_bytes",
        "name",
        "news",
        "obj",
        "pending",
        "sink",
        "stale",
        "unopposed",
        "versioned",
    )

    # What few objects ever have stands in `__dict__`, and so costs the others nothing.
    block: Block | None = None
    doubtful: StateCRDT | None = None
    parts = 0
    removing = too_large = untraced = wary = False
    weighed_bytes = 0

    def __init__(self, keeper: Keeper, kind: Kind, name: str, hn: int, obj: StateCRDT) -> None:
        self.keeper = keeper
        self.kind = kind
        self.name = name
        self.hn = hn
        self.obj = obj
        self.life = FIRST
        self.authored = False
        self.pending: StateCRDT | None = None
        self.sink: Callable[[Any], bool] | None = None
        self.base = 0
        self.stale = False
        self.handed = False
        self.unopposed: tuple[object, ...] | None = None
        self.most_bytes = 0
        self.news: list[object] | None = None
        self.versioned = 0

    @property
    def tag(self) -> str:
        """The type's tag."""
        return self.kind.tag

    @property
    def alive(self) -> bool:
        """False once it is removed, until somebody writes to it again."""
        return self.life % 2 == 1

    def begin(self, life: int) -> None:
        """Go into another life, with nothing written in it yet."""
        self.life = life
        self.pending = self.sink = self.news = self.unopposed = None
        self.base = self.most_bytes = 0
        self.authored = False
        for name in ("doubtful", "weighed_bytes", "removing", "too_large"):
            self.__dict__.pop(name, None)

    @property
    def state(self) -> StateCRDT:
        """What the rest of the node sees: without what a block under way has changed."""
        if self.block is None or self.block.before is None:
            return self.obj
        return self.block.before

    def __call__(self, delta: StateCRDT) -> None:
        """Observe a local delta that is about to apply.

        Raises:
            Exception: What the keeper raises; the change is refused.
        """
        sink = self.sink
        if sink is not None:  # the hot path: all but the first write after a flush
            sink(delta)
        elif self.block is not None:
            self.block.note(self.obj, delta)
        else:
            self.keeper.writing(self)
            self.add(delta)

    def add(self, delta: StateCRDT) -> None:
        """Keep a local delta that is about to apply, outside any block."""
        if self.wary:
            self.settle_doubt()
            self.doubtful = delta.clone()
            return
        observers = self._observers()
        opposed = not observers or observers[-1] is not self
        if self.pending is None:
            self.pending = delta.clone()
            self.unopposed = observers
        else:
            self.pending.absorb(delta)
        if opposed or self.unopposed is not observers:
            self.unopposed = None  # a flush has to look whether it was applied
        self.sink = self.pending.absorb

    def _observers(self) -> tuple[object, ...] | None:
        """Who observes the object, always the same tuple while nobody comes or goes.

        None where it is not ours to say when a delta applies.
        """
        seat = self.obj._seat
        return None if seat is None or self.kind.foreign else seat.observers

    @property
    def _applied(self) -> bool:
        """Whether all that is pending certainly applied: nobody came who could refuse it."""
        return self.unopposed is not None and self.unopposed is self._observers()

    @property
    def large(self) -> bool:
        """Whether its state has so many rows that nobody should look at all of them at once."""
        return not self.kind.foreign and self.state._bulk() > LARGE

    def add_applied(self, delta: StateCRDT) -> None:
        """Keep a local delta that certainly applies."""
        if self.pending is None:
            self.pending = delta.clone()
            self.unopposed = self._observers()
        else:
            self.pending.absorb(delta)

    def settle_doubt(self) -> None:
        """Keep the doubtful delta if it was applied, drop it if it was refused."""
        if self.doubtful is not None:
            doubtful, self.doubtful = self.doubtful, None
            if doubtful.compare(self.state):
                self.add_applied(doubtful)

    def take(self) -> StateCRDT | None:
        """Return what was written here since the last time, as one delta, and begin anew."""
        delta = self.told()
        self.pending = self.sink = None
        return delta

    def told(self) -> StateCRDT | None:
        """Return what was written here since the last `take`, as one delta; None if nothing."""
        self.settle_doubt()
        pending = self.pending
        if pending is None or self._applied or pending.compare(self.state):
            return pending
        self.wary = True
        return self.state.clone()

    def guard(self, delta: StateCRDT) -> None:
        """Observe the children of a plain object: they change in blocks only.

        Raises:
            ChangeRequired: No block is under way; the change is refused.
        """
        if self.block is None:
            raise ChangeRequired(
                f"{self.kind.tag}/{self.name} is changed inside `with change(...)`: "
                "what is changed outside no other node would hear of"
            )
