"""What an embedding program holds in its hands: objects, watches, and questions to the cluster.

Rule of this file: it promises and delegates. State is the registry's, decisions are the engine's,
effects are the driver's. Use a node from the trio loop in which it was opened.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractContextManager, asynccontextmanager
import logging
from types import NoneType
from typing import Any, TypeVar

import trio

from crdt import StateCRDT, tag_of
from crdtnode.config import Settings
from crdtnode.errors import (
    FaultsNotAllowed,
    Forked,
    NoAnswer,
    NodeClosed,
    NotAcknowledged,
    NotConverged,
)
from crdtnode.metrics import Metrics
from crdtnode.node.arguments import expect
from crdtnode.node.audience import Audience
from crdtnode.node.clock import NodeClock
from crdtnode.node.driver import Driver
from crdtnode.node.journal import record
from crdtnode.node.underway import Underway
from crdtnode.node.watching import Change, MemberChange, NodeEvent, Watch
from crdtnode.protocol import Engine, MemberView
from crdtnode.protocol.effects import Address, Differences
from crdtnode.registry import Registry
from crdtnode.registry.names import check_name
from crdtnode.transport import Transport, format_address, parse_address

log = logging.getLogger("crdtnode")

C = TypeVar("C", bound=StateCRDT)

_LEAVE_MOST = 1.0
_ASK_AGAIN_LEAST = 0.01
_ASK_AGAIN_MOST = 0.2


class Node:
    """A running node; made by `crdtnode.open_node`.

    Attributes:
        registry: All objects; for those who need more than `open` and `change`.
        metrics: Plain counters.
        cluster: Name of the cluster.
        settings: What it runs with.
        leaving: Whether `leave` was called.
        audience: Who watches.
    """

    def __init__(
        self,
        *,
        engine: Engine,
        registry: Registry,
        transport: Transport,
        metrics: Metrics,
        settings: Settings,
        cluster: str,
        address: str,
        allow_faults: bool,
        clock: NodeClock | None = None,
    ) -> None:
        self.registry = registry
        self.metrics = metrics
        self.cluster = cluster
        self.settings = settings
        self._engine = engine
        self._transport = transport
        self._address = address
        self._allow_faults = allow_faults
        self.audience = Audience()
        self._driver = Driver(engine, transport, metrics, self.audience.hear, clock)
        self._unusable: type[Forked] | type[NodeClosed] | None = None
        self._began = 0.0
        self._met_somebody = False
        self.leaving = False
        registry.notify = self._driver.rearm

    # --- objects -------------------------------------------------------------------------------

    def open(self, name: str, type: type[C]) -> C:
        """Return the one live object of this name and type.

        Changing it is a method call; what changed is sent within a few milliseconds. An object
        that was opened and never written exists only here.

        Args:
            name: 1-255 bytes of UTF-8 without control characters.
            type: A class such as `crdt.PNCounter`; ``ORSet[str]`` counts as ``ORSet``.

        Raises:
            InvalidName: The name cannot be one.
            TypeConflict: An object of this name and another type is known here.
            UnknownType: The class is not registered; see `register`.
        """
        self._check()
        return self.registry.open(name, type)

    def change(self, name: str, type: type[C]) -> AbstractContextManager[C]:
        """Change an object inside a ``with`` block: all of it or nothing.

        For hand-written types, which publish no deltas, this is the only way; for others it
        makes several changes one.

        Raises:
            ChangeInProgress: A block of this object is under way.
            InvalidName, TypeConflict, UnknownType: As `open`.
        """
        self._check()
        return self.registry.change(name, type)

    def delete(self, name: str, type: type[StateCRDT] | str) -> bool:
        """Remove an object as a whole, on all nodes.

        Removal takes every update of the object's present life, also those that were made
        elsewhere and never seen here: the one exception to the promise that nothing is lost. The
        live object is empty then; writing to it again begins a new life, which holds nothing of
        the old. A node that loses what was written there tells of it as the event ``removed``.

        Args:
            name: Its name.
            type: Its class, or its tag.

        Returns:
            False where there is no such object here.

        Raises:
            ChangeInProgress: A ``change`` block of this object is under way.
            UnknownType: The type is not registered.
        """
        self._check()
        return self.registry.delete(type if isinstance(type, str) else tag_of(type), name)

    def names(self) -> list[tuple[str, str]]:
        """Return (type tag, name) of all objects, sorted."""
        self._check()
        return self.registry.names()

    def version(self, name: str, tag: str) -> str:
        """Return an object's fingerprint now, 16 hex digits; zeros where it holds nothing.

        Equal versions of one name and type on two nodes mean equal states.
        """
        self._check()
        place = self.registry.fingerprints.place(tag, name)
        return f"{self.registry.refresh(place, self._driver.now()):016x}"

    def register(self, type: type[StateCRDT]) -> None:
        """Make a type of your own known; do it on all nodes that shall hold its objects.

        Raises:
            TypeError: It is no complete subclass of `crdt.StateCRDT`.
            ValueError: Its tag belongs to another class.
        """
        self._check()
        self.registry.register(type)
        self._engine.types_changed(self._driver.now())
        self._driver.settle()

    # --- watching ------------------------------------------------------------------------------

    @asynccontextmanager
    async def watch(
        self, name: str | None = None, type: type[StateCRDT] | str | None = None
    ) -> AsyncIterator[Watch[Change]]:
        """Hear of changes to an object, or to all, made here or elsewhere.

        A watcher that falls behind by a thousand changes gets one ``resync`` instead of them.

        Args:
            name: Whose changes; None for all objects.
            type: A class or a tag, where only objects of that type are meant.

        Raises:
            InvalidName: The name cannot be one, so nothing would ever come.
            TypeError: The name is no str, or the type no replicated type.

        Example::

            async with node.watch("tags") as changes:
                async for change in changes:
                    print(change.source, change.delta.value)
        """
        self._check()
        name = name if name is None else check_name(name)
        tag = type if type is None or isinstance(type, str) else tag_of(type)

        with self.audience.of_changes(name, tag) as watch:
            yield watch

    @asynccontextmanager
    async def watch_members(self) -> AsyncIterator[Watch[MemberChange]]:
        """Hear of members that come, go, are suspected or move."""
        self._check()
        with self.audience.of_members() as watch:
            yield watch

    @asynccontextmanager
    async def watch_events(self) -> AsyncIterator[Watch[NodeEvent]]:
        """Hear of what an operator may want to know, such as name conflicts."""
        self._check()
        with self.audience.of_events() as watch:
            yield watch

    # --- questions -----------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """Our name in the cluster; ``name~xxxx`` where another process had it already."""
        return self._engine.name

    @property
    def address(self) -> str:
        """``host:port`` at which others reach us."""
        return self._address

    @property
    def encrypted(self) -> bool:
        """True where a keyring keeps strangers out."""
        return self._engine.secret

    @property
    def members(self) -> list[MemberView]:
        """All members that we know of, ourselves included, by name."""
        return self._engine.members

    @property
    def root(self) -> str:
        """The fingerprint of everything that this node holds, 16 hex digits.

        Equal roots mean equal states, between nodes that know the same types.
        """
        return f"{self.registry.root:016x}"

    @property
    def uptime(self) -> float:
        """Seconds since the node began."""
        return self._driver.now() - self._began

    @property
    def clock_held_ms(self) -> int:
        """By how many milliseconds the stamps of writes made here are held back.

        More than 0 while this host's clock is over a minute ahead of the others' (the median of
        two or more live members), so that it does not win every last-writer-wins.
        """
        return self._engine.clock_held_ms

    @property
    def health(self) -> int:
        """Our own health, 0 to 8: 0 is well; each point makes us judge others more slowly."""
        return self._engine.health

    @property
    def unreached_seeds(self) -> list[tuple[str, str]]:
        """Seeds at which no member answers, as (``host:port``, why)."""
        return [(format_address(seed), why) for seed, why in self._engine.unreached_seeds]

    @property
    def peers(self) -> list[Address]:
        """Where other members live or lived, at most 64 addresses, the most likely first."""
        return self._engine.peers

    def stats(self) -> dict[str, Any]:
        """Return counts of everything: objects, members by state, and the counters by label."""
        return {
            "name": self.name,
            "address": self.address,
            "objects": len(self.registry),
            "root": self.root,
            "members": self.member_counts(),
            "uptime_s": round(self.uptime, 3),
            "counters": {name: dict(tally) for name, tally in self.metrics.snapshot().items()},
        }

    def member_counts(self) -> dict[str, int]:
        """Return how many members are alive, suspect, dead and left; ourselves included."""
        counts = dict.fromkeys(("alive", "suspect", "dead", "left"), 0)
        for member in self.members:
            counts[member.state] += 1
        return counts

    async def flush(
        self,
        timeout: float | None = None,  # noqa: ASYNC109 (an error of ours)
        *,
        until: int = 1,
    ) -> int:
        """Wait until everything written here so far is held by somebody else.

        Args:
            timeout: Seconds to wait; None for ever.
            until: How many others shall hold it; all of them where there are fewer. More survive
                more, and wait for the slowest of them.

        Returns:
            How many other members hold it: ``until``, or all there are; 0 where nobody else is
            alive or knows its types, so that nobody but this process holds it.

        Raises:
            NotAcknowledged: Too few did within ``timeout`` seconds.
            TypeError, ValueError: ``until`` is no whole number, or below 1.
        """
        self._check()
        expect("until", until, (int,))
        if until < 1:
            raise ValueError(f"until: at least one member, not {until}")
        with trio.move_on_after(_seconds(timeout)):
            return await self._driver.flush(until)
        raise NotAcknowledged(f"too few other members acknowledged within {timeout} s")

    async def roots(self) -> dict[str, bool | None]:
        """Ask every live member whether it holds what we hold: one round trip, at most 0.1 s.

        Returns:
            By member: True if its root is ours, False if not, None if it did not answer, or if
            it is suspected, so that nobody knows whether it lives.
        """
        self._check()
        roots = await self._driver.ask_roots()
        suspects = {view.name: None for view in self.members if view.state == "suspect"}
        return {**suspects, **roots}

    async def converged(self, timeout: float | None = None) -> bool:  # noqa: ASYNC109 (names who differs)
        """Wait until all live members hold the same state as this node; always gives True.

        Alone, that is true at once, unless there are seeds that were not reached yet. All are
        asked at least once, at most 0.1 s, also where ``timeout`` is shorter.

        Raises:
            NotConverged: They did not within ``timeout`` seconds; names those that differ.
        """
        self._check()
        roots: dict[str, bool | None] = dict.fromkeys(self._others(), None)
        with trio.move_on_after(max(_seconds(timeout), self.settings.roots_timeout)):
            pause = _ASK_AGAIN_LEAST
            while True:
                roots = await self.roots()
                if all(roots.values()) and not self.registry.dirty and self._may_be_alone(roots):
                    return True
                await trio.sleep(pause)
                pause = min(pause * 1.5, _ASK_AGAIN_MOST)
        raise NotConverged(
            [name for name, equal in roots.items() if equal is False],
            [name for name, equal in roots.items() if equal is None],
        )

    async def diff(self, member: str) -> Differences:
        """Find out which objects differ from what a member holds; nothing is changed by it.

        Only objects of types that both know are compared. The price is that of the difference.

        Raises:
            NoAnswer: The member is silent.
            UnknownMember: No other member that may be alive is called so.
        """
        self._check()
        found = await self._driver.compare(member)
        if found is None:
            raise NoAnswer(member)
        return found

    async def payload_at(self, member: str, name: str, tag: str) -> Any:
        """Return a member's payload of one object; None where it holds no such object.

        Raises:
            NoAnswer, UnknownMember: As `diff`.
        """
        self._check()
        place = self.registry.fingerprints.place(tag, name)
        found = await self._driver.inspect(member, place)
        if found is None:
            raise NoAnswer(member)
        return found.payloads[0][0] if found.payloads and found.payloads[0] else None

    def _others(self) -> list[str]:
        """Return the names of the members that may live, without ours."""
        talking = (view for view in self.members if view.state in ("alive", "suspect"))
        return [view.name for view in talking if not view.is_self]

    def _may_be_alone(self, roots: Mapping[str, object]) -> bool:
        """With seeds that never answered, being alone says nothing about the cluster."""
        self._met_somebody = self._met_somebody or bool(roots)
        return self._met_somebody or not self._engine.unreached_seeds

    # --- the cluster ---------------------------------------------------------------------------

    def join(self, address: str) -> Underway:
        """Meet whoever listens at ``host[:port]``; tried again for ever until somebody answers.

        Begins at once; ``await`` it or not.

        Raises:
            InvalidAddress: It is no address.
            TypeError: It is no str.
        """
        self._check()
        expect("address", address, [str])
        self._driver.join([parse_address(address)])
        return Underway(trio.lowlevel.checkpoint)

    def forget(self, name: str) -> None:
        """Forget a member that is dead or left, here and everywhere.

        For a day nothing that others say brings it back; it can come back itself.

        Raises:
            UnknownMember: There is none of this name.
            MemberLives: It is alive or suspect: it would only come back.
        """
        self._check()
        self._driver.forget(name)

    def leave(self) -> Underway:
        """Leave the cluster for good: others are told, and do not take us for dead.

        Begins at once: what was written is flushed, and nothing can be written any more. ``await``
        it to know that somebody heard (at most 0.3 s).
        """
        self._check()
        if not self.leaving:
            self.leaving = True
            self._driver.leave()
            self.registry.close(NodeClosed.by_leaving)
        return Underway(self._until_left)

    async def _until_left(self) -> None:
        """Wait for the goodbye, but not for ever: whoever ends a node wants it to end."""
        with trio.move_on_after(_LEAVE_MOST):
            await self._driver.left.wait()
        self._driver.left.set()

    @property
    def has_left(self) -> trio.Event:
        """Set once the node has left the cluster."""
        return self._driver.left

    # --- faults --------------------------------------------------------------------------------

    @property
    def faults_allowed(self) -> bool:
        """Whether `isolate` may be used."""
        return self._allow_faults

    @property
    def isolated(self) -> bool:
        """True while `isolate` cuts us off."""
        return self._transport.isolated

    def isolate(self) -> None:
        """Cut this node off: drop every datagram, close and refuse every stream, both ways.

        Raises:
            FaultsNotAllowed: The node was opened without ``allow_faults=True``.
        """
        self._check()
        if not self._allow_faults:
            raise FaultsNotAllowed
        self._transport.isolate()
        record(log, logging.WARNING, "isolated")

    def heal(self) -> None:
        """End `isolate`.

        Raises:
            FaultsNotAllowed: The node was opened without ``allow_faults=True``.
        """
        self._check()
        if not self._allow_faults:
            raise FaultsNotAllowed
        self._transport.heal()
        record(log, logging.WARNING, "healed")

    # --- inside --------------------------------------------------------------------------------

    def _check(self) -> None:
        if self._unusable is Forked:
            raise Forked
        if self._unusable is NodeClosed:
            raise _closed()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Drive the node until cancelled; `crdtnode.open_node` does that."""
        self._began = self._driver.now()
        await self._driver.run(task_status=task_status)

    async def leave_if_running(self) -> None:
        """Leave, unless that was done, or nobody drives the node any more."""
        if self._driver.running and self._unusable is None:
            await self.leave()

    def end(self) -> None:
        """Let watches end, and refuse further use, that of its objects included."""
        self._unusable = NodeClosed
        self.registry.close(_closed)
        self.audience.end()

    def enter_child(self) -> None:
        """Give everything up: this is a forked child, and the node is its parent's."""
        self._unusable = Forked
        self._transport.abandon()


def _closed() -> NodeClosed:
    return NodeClosed("this node is closed")


def _seconds(timeout: float | None) -> float:
    expect("timeout", timeout, (int, float, NoneType))
    return float("inf") if timeout is None else max(timeout, 0.0)
