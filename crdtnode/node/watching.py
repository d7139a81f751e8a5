"""Who hears of changes, and why nobody can slow the node by not listening.

Rule of this file: telling never waits. Each watch has a bounded queue of its own; when that is
full, everything in it is replaced by one ``resync``, which says: you missed something, look at
the objects themselves.
"""

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, Generic, Literal, Self, TypeVar

import trio

from crdt import StateCRDT

QUEUE_MOST: Final = 1000
"""Changes that wait for one watcher before they become a resync."""


@dataclass(frozen=True, slots=True)
class Change:
    """An object changed, here or elsewhere, or was removed as a whole; then ``delta`` is None.

    For a ``resync``, changes were lost between the last and the next: ``delta`` is None, ``type``
    and ``name`` are those that were asked for, empty for all.
    """

    kind: Literal["change", "removed", "resync"]
    type: str
    """The type's tag, such as ``pncounter@1``."""
    name: str
    delta: StateCRDT | None
    """What was joined: a small state of the object's type. Shared: do not change it."""
    source: str | None
    """The member it came from; None for a change made here."""


@dataclass(frozen=True, slots=True)
class MemberChange:
    """A member joined, left, changed its state or its address; or changes were lost (resync)."""

    kind: Literal["change", "resync"]
    name: str
    address: str
    """``host:port``."""
    state: str
    """``alive``, ``suspect``, ``dead`` or ``left``."""


@dataclass(frozen=True, slots=True)
class NodeEvent:
    """Something an operator may want to know, such as ``name-conflict``; or a resync."""

    kind: Literal["event", "resync"]
    event: str
    fields: dict[str, object]


T = TypeVar("T", Change, MemberChange, NodeEvent)


class Watch(Generic[T]):
    """An endless iterator over what changes; it ends when the node closes.

    Args:
        resync: What stands for lost changes.
        wanted: Tells what this watcher wants to hear of.
        most: Size of the queue.
    """

    def __init__(self, resync: T, wanted: Callable[[T], bool], most: int = QUEUE_MOST) -> None:
        self._resync: T = resync
        self._wanted: Callable[[T], bool] = wanted
        self._most = most
        self._queue: deque[T] = deque()
        self._news = trio.Event()
        self._over = False

    def put(self, change: T) -> None:
        """Queue a change, if it is wanted; never waits."""
        if not self._wanted(change):
            return
        if len(self._queue) >= self._most:
            self._queue.clear()
            change = self._resync
        self._queue.append(change)
        self._news.set()

    def end(self) -> None:
        """Let the iterator end after what is queued."""
        self._over = True
        self._news.set()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        if self._queue:
            await trio.lowlevel.checkpoint()  # others have their turn; to wait is one itself
        while not self._queue:
            if self._over:
                raise StopAsyncIteration
            self._news = trio.Event()
            await self._news.wait()
        return self._queue.popleft()


class Watches(Generic[T]):
    """All watches of one kind."""

    def __init__(self) -> None:
        self._all: list[Watch[T]] = []

    def __bool__(self) -> bool:
        return bool(self._all)

    @contextmanager
    def add(self, watch: Watch[T]) -> Iterator[Watch[T]]:
        """Let a watch hear of everything until the block ends."""
        self._all.append(watch)
        try:
            yield watch
        finally:
            self._all.remove(watch)

    def tell(self, change: T) -> None:
        """Tell every watch."""
        for watch in self._all:
            watch.put(change)

    def end(self) -> None:
        """End all watches."""
        for watch in self._all:
            watch.end()
