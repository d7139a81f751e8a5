"""What was written and not yet told, and whose version is not yet computed.

Rule of this file: nothing is computed for each write. A write is joined into the one pending delta
of its object; versions are computed once per flush and object, however many writes there were.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from math import inf

from crdt import StateCRDT
from crdtnode.errors import NoLifeLeft, ObjectTooLarge
from crdtnode.fingerprints import Fingerprints
from crdtnode.metrics import Metrics
from crdtnode.registry.entry import LARGE, Entry
from crdtnode.registry.histories import Histories
from crdtnode.registry.lives import FIRST, LIFE_MOST
from crdtnode.registry.telling import parts_of
from crdtnode.values import value


@value
class Change:
    """What was written to one object here since the last flush."""

    type: str
    name: str
    hn: int
    delta: StateCRDT | None
    """The deltas of all writes, joined; for a plain type the whole state; None where the object
    was removed."""
    payload: object
    """The payload of `delta`; None where that is so large that it travels in parts."""
    before: int
    """The version that the delta leads from; 0 where the object was absent, or where something else
    was joined in the same time, so that the delta stands by itself."""
    version: int
    """The version now."""
    life: int = FIRST
    """The object's life counter."""
    divisible: bool = False
    """The delta can be divided."""

    @property
    def rows(self) -> int:
        """About how many rows the delta has; 0 where it is not looked at in portions."""
        return 0 if self.delta is None else self.delta._bulk()

    @property
    def large(self) -> bool:
        """Whether the delta is so large that nobody has made its payload."""
        return self.divisible and self.rows > LARGE

    def parts(self, limit_bytes: int) -> Iterator[object] | None:
        """Payloads of about so many bytes that say what the delta says; None if it is not divisible.

        They are made while they are taken.
        """
        if self.delta is None or not self.divisible:
            return None
        return parts_of(self.delta, limit_bytes)


_BESIDES_BYTES = 8
"""What a payload may need for brackets and commas beside what is hashed."""

_OBJECT_BYTES = 256
"""What an object costs besides its rows, in bytes that could be hashed in that time."""

_ROWS_AT_ONCE = 1024
"""Rows that are hashed before anybody looks whether it is enough for now."""

_GRAIN_BYTES = 65_536
"""Over sixteen times so much, an object is weighed again only when it may have grown by this."""


class Ledger:
    """The flush: from writes and joins to versions and deltas.

    Args:
        fingerprints: Where versions go.
        metrics: Where failures of hand-written types are counted.
        max_object_bytes: Size over which an object takes no more local changes.
        histories: Where it is kept what led from version to version.

    Attributes:
        notify: Called at the first local change after a flush.
        closed: Makes what every local change raises; None as long as they are taken.
        removed: How many objects are removed, and not written to again.
        unfinished: The last flush left something for the next one.
    """

    def __init__(
        self,
        fingerprints: Fingerprints,
        metrics: Metrics,
        max_object_bytes: int,
        histories: Histories,
    ) -> None:
        self.notify: Callable[[], object] = _nobody
        self.closed: Callable[[], Exception] | None = None
        self.removed = 0
        self._fingerprints = fingerprints
        self._metrics = metrics
        self._max_object_bytes = max_object_bytes
        self._histories = histories
        self._stale: dict[int, Entry] = {}
        self._written: list[Entry] = []
        self._notified = False
        self._left_bytes = inf
        self.unfinished = False

    @property
    def dirty(self) -> bool:
        """Whether a flush would do anything."""
        return bool(self._stale or self._written)

    @property
    def untold(self) -> bool:
        """Whether a flush would give anything to tell."""
        return bool(self._written)

    def writing(self, entry: Entry) -> None:
        """Somebody is about to change an object here.

        Raises:
            NoLifeLeft: It is removed, and cannot come back.
            Exception: As `check_writable`; the change is refused.
        """
        self.check_writable(entry)
        if not entry.alive:
            if entry.life >= LIFE_MOST:
                raise NoLifeLeft(f"{entry.name!r} was removed for the last time: take another name")
            self.begin(entry, entry.life + 1)
        if entry.pending is None and entry.doubtful is None:
            entry.base = 0 if entry.stale else self._fingerprints.get(entry.hn)
            self._written.append(entry)
        entry.authored = True
        self._mark(entry)
        self._notify()

    def removing(self, entry: Entry) -> None:
        """Somebody here ends an object's life."""
        self.begin(entry, entry.life + 1)
        entry.removing = True
        self._written.append(entry)
        self._notify()

    def begin(self, entry: Entry, life: int) -> None:
        """Let an object go into another life; its state is the caller's business."""
        self.removed -= not entry.alive
        entry.begin(life)
        self.removed += not entry.alive
        self._histories.forget(entry.hn)
        self._mark(entry)

    def _notify(self) -> None:
        if not self._notified:  # last, so that whoever is woken finds that there is work
            self._notified = True
            self.notify()

    def arrived(self, entry: Entry, payloads: Sequence[object]) -> None:
        """Payloads from elsewhere were joined into an object."""
        entry.base = 0
        self._mark(entry)
        self._remember(entry, payloads)

    def _remember(self, entry: Entry, payloads: Iterable[object]) -> None:
        """Note what leads on from the version that was computed last, where that is of this life.

        Of a plain type whole states are all there is: they are no news worth keeping.
        """
        if entry.kind.plain or entry.versioned != entry.life:
            return
        if entry.news is None:
            entry.news = []
        entry.news += payloads

    def _mark(self, entry: Entry) -> None:
        if not entry.stale:
            entry.stale = True
            self._stale[entry.hn] = entry

    def check_open(self) -> None:
        """Refuse every local change once `closed` is set.

        Raises:
            Exception: What `closed` makes.
        """
        if self.closed is not None:
            raise self.closed()

    def check_writable(self, entry: Entry, adding_bytes: int = 0) -> None:
        """Refuse a local change of an object over the limit, or one that is by itself.

        Raises:
            ObjectTooLarge: It is.
            Exception: What `closed` makes, after that was set.
        """
        self.check_open()
        if entry.most_bytes > self._max_object_bytes:
            self._weigh(entry)
        if entry.too_large or adding_bytes > self._max_object_bytes:
            raise ObjectTooLarge(
                f"{entry.tag}/{entry.name} is larger than {self._max_object_bytes} bytes and "
                "takes no more changes here; spread what it holds over several objects"
            )

    def holds(self, entry: Entry) -> bool:
        """Whether an object is more than opened: something was written or arrived."""
        return entry.stale or self._fingerprints.get(entry.hn) != 0

    def count(self) -> int:
        """How many objects are more than opened, without those that are removed."""
        new = sum(1 for hn in self._stale if not self._fingerprints.get(hn))
        return len(self._fingerprints) + new - self.removed

    def refresh(self, entry: Entry, now: float, *, at_once: bool = True) -> int:
        """The version of an object now, computed if need be.

        Args:
            entry: The object.
            now: Monotonic time in float seconds.
            at_once: However much there is to hash; else it may be that of the last flush.
        """
        if entry.stale and (at_once or not entry.large or self._ready(entry)):
            if entry.pending is not None or entry.doubtful is not None:
                self._told(entry, entry.told)
            self._compute(entry, now)
        return self._fingerprints.get(entry.hn)

    def flush(self, now: float, most_bytes: float = inf) -> list[Change]:
        """Compute versions, and return and forget what was written.

        Args:
            now: Monotonic time in float seconds.
            most_bytes: Bytes to hash after which the rest is left for the next flush.
        """
        self._left_bytes = most_bytes
        changes: list[Change | None] = []
        if self._written:
            written, self._written = self._written, []
            changes = [self._flushed(entry, now) for entry in written]
        for entry in [*self._stale.values()]:
            if self._left_bytes <= 0:
                break
            if self._affords(entry):
                self._compute(entry, now)
        if not self._stale:
            self._stale = {}  # an empty dict keeps the room of all that were ever in it
        self.unfinished = self.dirty
        self._notified = False
        return [change for change in changes if change is not None]

    def _flushed(self, entry: Entry, now: float) -> Change | None:
        """What was written to an object, with its version; None if nothing, or if that must wait."""
        if not self._affords(entry):
            self._written.append(entry)
            return None
        told = None if entry.removing else self._told(entry, entry.take)
        if entry.stale:
            self._compute(entry, now)
        return self._change(entry, told)

    def _affords(self, entry: Entry) -> bool:
        """Whether this flush may compute a version; where that takes long, it does a part of it."""
        if self._left_bytes == inf:
            return True
        if self._left_bytes <= 0:
            return False
        self._left_bytes -= _OBJECT_BYTES
        return not entry.large or self._ready(entry)

    def _ready(self, entry: Entry) -> bool:
        """Do a part of what it takes to compute a version; True once little is left."""
        ready = entry.state._prepare(self._fingerprints.digest, _ROWS_AT_ONCE)
        self._count(entry)
        return ready

    def _count(self, entry: Entry) -> None:
        """Note what was hashed of an object.

        That covers the state or, from the second time on, what changed of it: the sum is no less
        than the size.
        """
        prints = self._fingerprints
        hashed_bytes = prints.hashed_bytes + _BESIDES_BYTES * prints.hashes
        prints.hashed_bytes = prints.hashes = 0
        entry.most_bytes += hashed_bytes
        self._left_bytes -= hashed_bytes

    def _told(
        self, entry: Entry, tell: Callable[[], StateCRDT | None]
    ) -> tuple[StateCRDT, object] | None:
        """What was written to an object: the delta and its payload; None if nothing."""
        try:
            delta = tell()
            if delta is None:
                return None
            large = not entry.kind.foreign and delta._bulk() > LARGE
            payload = None if large else delta.payload
        except Exception:
            if not entry.kind.foreign:
                raise
            self._metrics.contained.add("registry")  # repair will carry what it was
            entry.news = None
            return None
        if entry.stale and large:
            entry.untraced = True
        elif entry.stale:
            self._remember(entry, (payload,))
        return delta, payload

    def _change(self, entry: Entry, told: tuple[StateCRDT, object] | None) -> Change | None:
        version = self._fingerprints.get(entry.hn)
        place = entry.tag, entry.name, entry.hn
        if entry.removing:
            entry.removing = False
            return Change(*place, None, None, 0, version, entry.life)
        if told is None or version == entry.base:
            return None  # refused after all, or nothing new
        return Change(*place, *told, entry.base, version, entry.life, not entry.kind.foreign)

    def _compute(self, entry: Entry, now: float) -> None:
        del self._stale[entry.hn]
        entry.stale = False
        entry.sink = None
        news, entry.news = entry.news, None
        if entry.untraced:
            news, entry.untraced = None, False
        entry.versioned = entry.life
        if not entry.alive:
            tombstone = self._fingerprints.version(entry.hn, entry.life, b"")
            self._fingerprints.set(entry.tag, entry.hn, tombstone, now)
            return
        try:
            state = entry.state.fingerprint(self._fingerprints.digest)
        except Exception:
            if not entry.kind.foreign:
                raise
            self._metrics.contained.add("registry")  # its version stays; the others are not hurt
            self._histories.forget(entry.hn)
            return
        self._count(entry)
        initial = state == entry.kind.initial and entry.life == FIRST
        version = 0 if initial else self._fingerprints.version(entry.hn, entry.life, state)
        before = self._fingerprints.get(entry.hn)
        self._fingerprints.set(entry.tag, entry.hn, version, now)
        if before and version != before:
            if news:
                self._histories.record(entry.hn, before, news)
            else:
                self._histories.forget(entry.hn)

    def admit(self, entry: Entry, now: float) -> int:
        """Give an object that came into being this moment its version; 0 where it holds nothing."""
        state = entry.obj.fingerprint(self._fingerprints.digest)
        self._count(entry)
        if state == entry.kind.initial:
            return 0
        version = self._fingerprints.version(entry.hn, FIRST, state)
        self._fingerprints.set(entry.tag, entry.hn, version, now)
        entry.versioned = FIRST
        return version

    def _weigh(self, entry: Entry) -> None:
        """Find out whether an object that may be over the limit is.

        It is looked at exactly, which takes long where it is large, unless it has hardly changed.
        """
        weighed = entry.weighed_bytes
        grain = _GRAIN_BYTES if weighed > 16 * _GRAIN_BYTES and not entry.too_large else 0
        if weighed and entry.most_bytes - weighed <= grain:
            return
        entry.most_bytes = entry.weighed_bytes = len(entry.state.canonical())
        entry.too_large = entry.most_bytes > self._max_object_bytes


def _nobody() -> None:
    """Stand in for `Ledger.notify` until somebody listens."""
