"""What arrived and waits to be joined, so that a large batch never starves a probe.

One call joins at most `work_items` items, or one part of a large object; the rest waits here, and
the engine's deadline is now.
"""

from collections import deque
from dataclasses import field

from crdtnode.protocol.effects import Changed, Event
from crdtnode.protocol.joins import Joined, Joins, Repaired
from crdtnode.protocol.members import Member
from crdtnode.values import struct
from crdtnode.wire.messages import Form, Item, Push, Sync

WAITING_MOST = 65_536
"""Items that may wait; while there are more, what comes is dropped, and repair brings it again. That
is more than the smallest items in all chunks that one peer sends ahead."""

REPAIRS_SHARE = 4
"""A push is joined before what repair brought, which may be much; but while both wait, one of so many
items that a call joins is a repair's."""


@struct
class Job:
    """One batch of items, and how many of them are joined."""

    sender: Member
    message: Push | Sync
    done: int = 0
    changed: bool = False
    kept: bool = True
    """True where nothing of it was refused."""
    repaired: list[Repaired] = field(default_factory=list)
    """What became of the items of a repair."""


class Inbox:
    """Batches in the order in which they came, what was pushed before what repair brought.

    Attributes:
        waiting: Items that are not joined yet, each batch counting as one more.
    """

    def __init__(self, joins: Joins, work_items: int) -> None:
        self._joins = joins
        self._work_items = work_items
        self._pushed: deque[Job] = deque()
        self._repairs: deque[Job] = deque()
        self.waiting = 0

    @property
    def full(self) -> bool:
        """True while too much waits to take more."""
        return self.waiting >= WAITING_MOST

    def put(self, sender: Member, message: Push | Sync) -> bool:
        """Queue a batch; False where too many wait."""
        if self.full:
            return False
        lane = self._pushed if isinstance(message, Push) else self._repairs
        lane.append(Job(sender, message))
        self.waiting += 1 + len(message.items)
        return True

    def work(self, now: float) -> tuple[list[Changed | Event], list[Job]]:
        """Join a bounded number of items; gives what changed, and the batches that are done."""
        changes: list[Changed | Event] = []
        finished: list[Job] = []
        budget = self._work_items
        kept = budget // REPAIRS_SHARE if self._repairs else 0
        for lane, spare in ((self._pushed, kept), (self._repairs, 0)):
            while lane and budget > spare:
                job = lane[0]
                budget -= self._join(job, budget - spare, changes, now)
                if job.done >= len(job.message.items):
                    finished.append(lane.popleft())
                    self.waiting -= 1 + len(job.message.items)
        return changes, finished

    def _join(self, job: Job, most: int, changes: list[Changed | Event], now: float) -> int:
        """Join up to so many items of a batch; gives how many they count for."""
        items = job.message.items[job.done : job.done + most]
        parted = False
        for item in items:
            kept, news = self._take(job, item, now)
            job.kept = job.kept and kept
            job.changed = job.changed or bool(news)
            parted = parted or item.form == Form.PART
            changes += news
        job.done += len(items)
        return self._work_items if parted else max(1, len(items))

    def _take(self, job: Job, item: Item, now: float) -> Joined:
        if isinstance(job.message, Push):
            return self._joins.take(item, job.sender.name, now)
        joined, repaired = self._joins.repair(item, job.sender.name, now)
        if repaired is not None:
            job.repaired.append(repaired)
        return joined
