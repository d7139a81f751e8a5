"""From what an engine tells to what watchers and the log hear.

Rule of this file: each piece of news is told once, to everybody who asked for its kind, in the
words of the API.
"""

from collections.abc import Iterator
from contextlib import contextmanager
import logging
from typing import Final, Literal, assert_never

from crdtnode.node.driver import News
from crdtnode.node.journal import record
from crdtnode.node.watching import Change, MemberChange, NodeEvent, Watch, Watches
from crdtnode.protocol.effects import Changed, Event, MemberNews
from crdtnode.transport import format_address

log = logging.getLogger("crdtnode")

LOUD: Final = {
    "clock-ahead",
    "name-conflict",
    "name-contested",
    "removed",
    "set-aside",
    "too-large-to-send",
}
"""Events after which somebody may have to do something: logged as warnings."""


class Audience:
    """All who watch one node."""

    def __init__(self) -> None:
        self.changes: Watches[Change] = Watches()
        self.members: Watches[MemberChange] = Watches()
        self.events: Watches[NodeEvent] = Watches()

    def hear(self, news: News) -> None:
        """Tell those whom it concerns."""
        match news:
            case Changed(tag, name, delta, source):
                if self.changes:
                    word: Literal["change", "removed"] = "removed" if delta is None else "change"
                    self.changes.tell(Change(word, tag, name, delta, source))
            case MemberNews(name, address, state):
                where = format_address(address)
                record(log, logging.INFO, "member", name=name, address=where, state=state)
                self.members.tell(MemberChange("change", name, where, state))
            case Event(kind, fields):
                level = logging.WARNING if kind in LOUD else logging.INFO
                record(log, level, kind, **fields)
                self.events.tell(NodeEvent("event", kind, fields))
            case _:
                assert_never(news)

    @contextmanager
    def of_changes(self, name: str | None, tag: str | None) -> Iterator[Watch[Change]]:
        """Watch objects of a name and a type; None for any."""

        def wanted(change: Change) -> bool:
            return name in (None, change.name) and tag in (None, change.type)

        with self.changes.add(
            Watch(Change("resync", tag or "", name or "", None, None), wanted)
        ) as watch:
            yield watch

    @contextmanager
    def of_members(self) -> Iterator[Watch[MemberChange]]:
        """Watch members."""
        with self.members.add(Watch(MemberChange("resync", "", "", ""), lambda _: True)) as watch:
            yield watch

    @contextmanager
    def of_events(self) -> Iterator[Watch[NodeEvent]]:
        """Watch events."""
        with self.events.add(Watch(NodeEvent("resync", "", {}), lambda _: True)) as watch:
            yield watch

    def end(self) -> None:
        """Let all watches end after what they have queued."""
        for watches in (self.changes, self.members, self.events):
            watches.end()
