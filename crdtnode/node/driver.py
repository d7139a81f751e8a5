"""Carries out what an engine wants, and tells it what happens: the only place with effects.

Rule of this file: the engine decides, the driver obeys. It sleeps until the engine's deadline or
until something arrives; nothing here ticks. An exception in a handler is logged, counted and
survived, because one bad message must not end a node; an engine that fails at every wake gets
nowhere, and that ends the node loudly.
"""

from collections.abc import Callable
from functools import partial
import logging
import math
from time import perf_counter
from typing import Final, TypeVar, assert_never

import trio

from crdtnode.errors import BrokenInvariant, NodeClosed
from crdtnode.metrics import Metrics
from crdtnode.node.clock import NodeClock
from crdtnode.protocol import Engine
from crdtnode.protocol.effects import (
    Address,
    Changed,
    CloseStream,
    Copy,
    Differences,
    Effect,
    Event,
    Flushed,
    Inspected,
    Left,
    MemberNews,
    OpenStream,
    Roots,
    SendDatagram,
    SendFrame,
    Stream,
    Udp,
)
from crdtnode.transport import Transport

log = logging.getLogger(__name__)

FAILURES_MOST: Final = 50
"""Wakes that may fail in a row before we give up on our own code."""

_PAUSE: Final = 0.02
"""Seconds of rest after each of them."""

_LOGGED_ALL: Final = 10
"""Contained exceptions of one room that are all logged; of later ones, the 16th, 32nd, 64th..."""

_ROUNDS_MOST: Final = 64
"""Rounds of effects that lead to effects before other tasks have their turn."""

News = Changed | MemberNews | Event
Answer = TypeVar("Answer", Flushed, Roots, Inspected)


class Ticket:
    """An answer that the engine gives later: wait for ``done``, then read ``answer``."""

    def __init__(self) -> None:
        self.done = trio.Event()
        self.answer: Flushed | Roots | Inspected | None = None


class Driver:
    """Runs one engine over one transport. It is the transport's `Receiver`.

    Args:
        engine: Who decides.
        transport: Bound, not yet running.
        metrics: Counts what was contained.
        tell: Hears of changes, members and events; what it raises is contained.
        clock: The time that the engine lives by.
    """

    def __init__(
        self,
        engine: Engine,
        transport: Transport,
        metrics: Metrics,
        tell: Callable[[News], None],
        clock: NodeClock | None = None,
    ) -> None:
        self.engine = engine
        self.transport = transport
        self.left = trio.Event()
        self._metrics = metrics
        self._tell = tell
        self._clock = clock or NodeClock()
        self._nap = trio.CancelScope()
        self._alarm = math.inf
        """When the nap ends."""
        self._sleeper: trio.lowlevel.Task | None = None
        self._token: trio.lowlevel.TrioToken
        self._time: Callable[[], float]
        self._tickets: dict[tuple[type[Effect], int], Ticket] = {}
        self._settling = False
        self._failures = 0
        self.running = False

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Drive until cancelled.

        Raises:
            BrokenInvariant: The engine fails at every wake.
        """
        self._token = trio.lowlevel.current_trio_token()
        self._time = trio.lowlevel.current_clock().current_time
        try:
            async with trio.open_nursery() as nursery:
                await nursery.start(self.transport.run, self)
                self.running = True
                self._do("start", self.engine.start)
                task_status.started()
                await self._wake_for_ever()
        finally:
            self.running = False
            self._give_up_tickets()

    async def _wake_for_ever(self) -> None:
        while True:
            with trio.CancelScope() as self._nap:
                self._alarm = math.inf
                while True:  # what makes the engine due before its deadline does not end the nap
                    await self._until_due()
                    await self._wake()
            await self._wake()

    async def _wake(self) -> None:
        if self._do("wake", self.engine.wake):
            self._failures = 0
            return
        self._failures += 1
        if self._failures >= FAILURES_MOST:
            raise BrokenInvariant(f"{self._failures} wakes in a row failed; the log says why")
        self._nap.deadline = self._alarm = math.inf
        await trio.sleep(_PAUSE)

    async def _until_due(self) -> None:
        """Wait until the engine is due; where that is now, others have their turn first.

        The end of the nap cancels this.
        """
        due = self._due()
        if due <= self._time():
            await trio.lowlevel.checkpoint()
            return
        if due != self._alarm:
            self._nap.deadline = self._alarm = due
        self._sleeper = trio.lowlevel.current_task()
        await trio.lowlevel.wait_task_rescheduled(self._stop_sleeping)

    def _stop_sleeping(self, _: object) -> trio.lowlevel.Abort:
        self._sleeper = None
        return trio.lowlevel.Abort.SUCCEEDED

    def now(self) -> float:
        """Return the time that the engine lives by."""
        return self._clock.now()

    def _due(self) -> float:
        """Return when trio must wake us; never again once we left, since nothing is due then."""
        return math.inf if self.left.is_set() else self._clock.in_trio(self.engine.deadline)

    def rearm(self) -> None:
        """Sleep until the engine's present deadline; call it when that may have changed.

        May be called from anywhere, outside trio's own turn too (guest mode, other threads).
        """
        if trio.lowlevel.in_trio_run():
            self._sleep_until_due()
        else:
            self._token.run_sync_soon(self.rearm, idempotent=True)

    def _sleep_until_due(self) -> None:
        if self._sleeper is None:
            return  # it is awake, and looks for itself before it sleeps again
        due = self._due()
        if due <= self._time():  # a deadline that is over would cost three times as much
            sleeper, self._sleeper = self._sleeper, None
            trio.lowlevel.reschedule(sleeper)
        elif due != self._alarm:
            self._nap.deadline = self._alarm = due

    def _do(self, room: str, call: Callable[[float], object]) -> bool:
        """Call the engine, contain what it raises, and carry out what it wants."""
        done = True
        began = perf_counter()
        try:
            call(self.now())
        except Exception as error:  # noqa: BLE001 (whatever it is, it must not end the node)
            self._contain(room, error)
            done = False
        self._metrics.longest_ms.took(room, perf_counter() - began)
        self.settle()
        return done

    def _contain(self, room: str, error: Exception) -> None:
        """Count an exception, and log it: one bad message must not end a node."""
        self._metrics.contained.add(room)
        count = self._metrics.contained[room]
        if count <= _LOGGED_ALL or count & (count - 1) == 0:
            log.error("contained room=%s count=%d", room, count, exc_info=error)

    def settle(self) -> None:
        """Carry out all effects, those that carrying out leads to included, and sleep until due."""
        if not self._settling:  # else the round that is under way does it
            self._carry_out_all()
            self._sleep_until_due()

    def _carry_out_all(self) -> None:
        self._settling = True
        try:
            for _ in range(_ROUNDS_MOST):
                effects = self.engine.effects()
                if not effects:
                    break
                for effect in effects:
                    try:
                        self._carry_out(effect)
                    except Exception as error:  # noqa: BLE001 (the other effects still count)
                        self._contain(type(effect).__name__, error)
        finally:
            self._settling = False

    def _carry_out(self, effect: Effect) -> None:
        match effect:
            case SendDatagram(address, data, reached):
                self.transport.send(address, data, reached=reached)
            case SendFrame(stream, data):
                self.transport.write(stream, data)
            case OpenStream(stream, address):
                self.transport.open(stream, address)
            case CloseStream(stream):
                self.transport.close(stream)
            case Changed() | MemberNews() | Event():
                self._tell(effect)
            case Flushed(number) | Roots(number) | Inspected(number):
                if ticket := self._tickets.pop((type(effect), number), None):
                    ticket.answer = effect
                    ticket.done.set()
            case Left():
                self.left.set()
            case _:
                assert_never(effect)

    # What the transport tells.

    def datagrams(self, batch: list[tuple[bytes, Address]]) -> None:
        """Hand datagrams to the engine, one by one: the first bad one must not hide the others."""
        self._receive(batch, self.engine.receive)

    def announcements(self, batch: list[tuple[bytes, Address]]) -> None:
        """The same for what came by multicast."""
        self._receive(batch, self.engine.announced)

    def _receive(
        self,
        batch: list[tuple[bytes, Address]],
        take: Callable[[bytes, Udp, float], None],
    ) -> None:
        now, began = self.now(), perf_counter()
        for data, address in batch:
            try:
                take(data, Udp(address), now)
            except Exception as error:  # noqa: BLE001 (the other datagrams still count)
                self._contain("receive", error)
        self._metrics.longest_ms.took("datagrams", perf_counter() - began)
        if not self._settling:  # first: others wait for what is relayed, watchers for what changed
            self._carry_out_all()
        self._do("heard", self.engine.heard)

    def accepted(self, address: Address) -> int | None:
        """Ask whether to take a stream."""
        numbers: list[int | None] = []
        self._do("accepted", lambda now: numbers.append(self.engine.accepted(address, now)))
        return numbers[0] if numbers else None

    def received(self, stream: int, data: bytes) -> None:
        """Hand over a chunk of a stream."""
        self._do("receive", lambda now: self.engine.receive(data, Stream(stream), now))

    def opened(self, stream: int) -> None:
        """Tell that a stream is open."""
        self._do("opened", lambda now: self.engine.opened(stream, now))

    def drained(self, stream: int) -> None:
        """Tell that a stream is written out."""
        self._do("drained", lambda now: self.engine.drained(stream, now))

    def closed(self, stream: int, why: str) -> None:
        """Tell that a stream ended; nobody wants to know while everything is being closed."""
        if self.running:
            self._do("closed", lambda now: self.engine.closed(stream, why, now))

    def send_failed(self, address: Address, errno_name: str) -> None:
        """Tell that a datagram could not be sent."""
        self._do("send_failed", lambda now: self.engine.send_failed(address, errno_name, now))

    def datagrams_lost(self, count: int) -> None:
        """Tell that we do not read fast enough."""
        self._do("datagrams_lost", lambda now: self.engine.datagrams_lost(count, now))

    # What the node asks.

    def join(self, addresses: list[Address]) -> None:
        """Try these seeds now."""
        self._do("join", lambda now: self.engine.join(addresses, now))

    def forget(self, name: str) -> None:
        """Forget a member that is gone.

        Raises:
            UnknownMember, MemberLives: As the engine does.
        """
        self.engine.forget(name, self.now())
        self.settle()

    def leave(self) -> None:
        """Begin to leave; `left` is set once others know."""
        self._do("leave", self.engine.leave)

    async def flush(self, until: int = 1) -> int:
        """Push what was written, and wait until so many others hold it; answers how many do.

        Raises:
            NodeClosed: The node was closed meanwhile.
        """
        ask = self.engine.flush if until == 1 else partial(self.engine.flush_until, until)
        answer = await self._ask(ask, Flushed)
        return answer.members

    async def ask_roots(self) -> dict[str, bool | None]:
        """Ask every live member whether its root is ours, None for a silent one.

        Raises:
            NodeClosed: The node was closed meanwhile.
        """
        answer = await self._ask(self.engine.ask_roots, Roots)
        return answer.equal

    async def compare(self, name: str) -> Differences | None:
        """Find out what differs from what a member holds; None where it does not answer.

        Raises:
            UnknownMember: There is no other of this name that may be alive.
            NodeClosed: The node was closed meanwhile.
        """
        answer = await self._ask(lambda now: self.engine.compare(name, now), Inspected)
        return answer.found if isinstance(answer.found, Differences) else None

    async def inspect(self, name: str, place: int) -> Copy | None:
        """Get a member's copy of one object; as `compare`."""
        answer = await self._ask(lambda now: self.engine.inspect(name, place, now), Inspected)
        return answer.found if isinstance(answer.found, Copy) else None

    async def _ask(self, question: Callable[[float], int], kind: type[Answer]) -> Answer:
        number = question(self.now())
        ticket = self._tickets[kind, number] = Ticket()
        self.settle()
        try:
            await ticket.done.wait()
        finally:
            self._tickets.pop((kind, number), None)
        if not isinstance(ticket.answer, kind):
            raise NodeClosed("the node was closed while somebody waited for its answer")
        return ticket.answer

    def _give_up_tickets(self) -> None:
        for ticket in list(self._tickets.values()):
            ticket.done.set()
