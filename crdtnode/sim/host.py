"""One simulated machine: its clock, its disk, its address, and the process that runs on it.

Rule of this file: it decides when something happens to the process, never what the process does
about it. A crash throws the process away; a restart begins with a new boot id and a new replica
id, at the same address, with the disk that the plan wants.
"""

from base64 import urlsafe_b64encode
from collections import deque
from math import inf
from random import Random
from typing import TYPE_CHECKING

from crdt import StateCRDT
from crdt.catalogue import type_of
from crdtnode.config import DEFAULT_PORT, Settings
from crdtnode.errors import CrdtNodeError
from crdtnode.metrics import Metrics
from crdtnode.protocol import Engine
from crdtnode.protocol.channel import Channel
from crdtnode.protocol.effects import Address, Udp
from crdtnode.sim.agenda import SECOND, Act, no_earlier
from crdtnode.sim.channel import handing_over, sealing
from crdtnode.sim.disk import EMPTY, Disk
from crdtnode.sim.events import Write
from crdtnode.sim.faults import Remove
from crdtnode.sim.network import Way
from crdtnode.sim.process import Process
from crdtnode.sim.shadow import WatchedRegistry

if TYPE_CHECKING:
    from crdtnode.sim.world import World

CLUSTER = "simulation"
SALT = b"simulation salt."
EPOCH_MS = 1_700_000_000_000
"""What the wall clocks show when a simulation begins."""
STEP = 1000
"""Nanoseconds that a call of the engine takes at least: what is due at once comes so much later."""

BUFFER = 256
"""Datagrams that wait for a process which takes nothing in; further ones are dropped."""


def address_of(index: int) -> Address:
    """Where the node with this index lives, from 0."""
    return (f"10.{index >> 16}.{index >> 8 & 255}.{index & 255}", DEFAULT_PORT)


class Host:
    """A machine that runs one node, or none while it is down.

    Attributes:
        name: The node's name in the plan, whatever it calls itself.
        address: Of its socket.
        udp: What a datagram from there comes from.
        lives: Number of processes started here so far.
        process: The one that runs, if any.
        registries: One for each of them.
        sent_bytes: What all of them together have put on the wire.
        routes: The ways that their datagrams took, and who lives at their ends.
        root: The root that the registry had after the last call; None while it is down.
        paused: True while the process stands still.
        gone: True once the node has left, or while it has not joined yet.
        backup: The copy of the disk that was made last.
    """

    def __init__(self, world: "World", index: int, name: str) -> None:
        self.world = world
        self._agenda = world.agenda
        self._trace = world.trace
        self._reach = world.links.reach
        self.name = name
        self.address = address_of(index)
        self.udp = Udp(self.address)
        self.lives = 0
        self.process: Process | None = None
        self.registries: list[WatchedRegistry] = []
        self.metrics = Metrics()
        self.sent_bytes = 0
        self.routes: dict[Address, tuple[Way, Host]] = {}
        self.root: int | None = None
        self.gone = False
        self.backup = EMPTY
        self.disk_fails = False
        self._disk = EMPTY
        """What is on the disk while the process is down, or while the disk takes no writes."""
        self._deadline = inf
        """The engine's deadline after the last call."""
        self._wake_at: int | None = None
        self._wake_wanted = inf
        """The moment that was asked for: `_wake_at` is the first free one from there on."""
        self._wake_wanted_s = inf
        """The same in seconds."""
        self.paused = False
        self._per_call = 0
        """Nanoseconds that each call takes, on top of nothing."""
        self._free_at = 0
        self._waiting: deque[Act] = deque()
        self._waiting_datagrams = 0
        self._draining = False
        self._clock = (0, EPOCH_MS * 1_000_000, 1.0)
        """(moment, nanoseconds shown then, rate) of the wall clock."""

    @property
    def up(self) -> bool:
        """True while a process runs here."""
        return self.process is not None

    @property
    def engine(self) -> Engine:
        """The process's engine; only while it is up."""
        assert self.process is not None
        return self.process.engine

    @property
    def registry(self) -> WatchedRegistry:
        """The process's registry; only while it is up."""
        assert self.process is not None
        return self.process.registry

    # Its life

    def start(self, moment: int, disk: Disk = EMPTY, name: str = "") -> None:
        """Start a process with what is on a disk, under a name that may be another one's."""
        world = self.world
        self.lives += 1
        self.gone = False
        life = f"{world.plan.seed}/node/{self.name}/{self.lives}"
        entropy = Random(f"{life}/entropy").randbytes
        registry = world.new_registry(
            node=self.name,
            ledger=world.ledger,
            witnesses=world.witnesses,
            salt=SALT,
            replica=lambda: urlsafe_b64encode(entropy(8)).decode().rstrip("="),
            clock=self.wall_clock,
            metrics=self.metrics,
            types=world.types,
        )
        self.registries.append(registry)
        engine = world.new_engine(
            name=name or self.name,
            cluster=CLUSTER,
            addresses=(self.address,),
            registry=registry,
            channel=self._channel(entropy(16)),
            settings=Settings(),
            metrics=self.metrics,
            chance=Random(f"{life}/chance"),
            entropy=entropy,
            clock=self.wall_clock,
            seeds=tuple(dict.fromkeys((*world.seeds_of(self), *disk.peers))),
            tags={},
        )
        world.trace.add(moment, "start", "", self.name)
        disk.load(registry, moment / SECOND)
        self.process = world.new_process(self, engine, registry)
        self.process.start()

    def _channel(self, boot: bytes) -> Channel:
        """Sealed only where bits flip: elsewhere it would cost most of the time and show nothing."""
        if self.world.corrupts:
            return sealing(CLUSTER, boot)
        return handing_over(CLUSTER, boot, self.world.letters)

    def crash(self, moment: int, *, torn: bool = False) -> None:
        """Stop in the middle of everything; what is on the disk stays."""
        self._trace.add(moment, "crash", "", self.name)
        self._disk = self.disk(torn=torn)
        self._stop()

    def left(self) -> None:
        """The process has said goodbye and ends."""
        self._trace.add(self._agenda.now, "left", "", self.name)
        self._disk = self.disk()
        self.gone = True
        self._stop()

    def _stop(self) -> None:
        process, self.process = self.process, None
        self._deadline = inf
        self.world.streams.crash(self)
        self._no_wake()
        self.paused = self.disk_fails = False
        self._per_call = 0
        self._waiting.clear()
        self._waiting_datagrams = 0
        self.show_root(None)
        if process is not None:
            process.end()

    # Its disk

    def disk(self, *, torn: bool = False) -> Disk:
        """What is on its disk now."""
        if self.process is None or self.disk_fails:
            return self._disk
        return Disk.of(self.registry, self.engine, torn=torn)

    def disk_error(self) -> None:
        """From now on nothing gets onto the disk."""
        if self.process is not None and not self.disk_fails:
            self._disk = self.disk()
            self.disk_fails = True

    # Its clock

    def wall_clock(self) -> int:
        """Whole milliseconds since 1970, as this machine believes."""
        return self._shown() // 1_000_000

    def _shown(self) -> int:
        since, shown, rate = self._clock
        passed = self._agenda.now - since
        return shown + (passed if rate == 1.0 else int(passed * rate))

    def set_clock(self, by: float = 0.0, rate: float | None = None) -> None:
        """Let the wall clock jump by so many seconds, or go at another rate."""
        old = self._clock[2]
        shown = max(0, self._shown() + int(by * SECOND))
        self._clock = (self._agenda.now, shown, old if rate is None else rate)

    # Standing still, and having too much to do

    @property
    def hindered(self) -> bool:
        """True while the process takes nothing in."""
        return (
            self.paused
            or bool(self._waiting)
            or (self._per_call > 0 and self._agenda.now < self._free_at)
        )

    def put_off(self, act: Act) -> None:
        """Let something wait until the process can take it."""
        self._waiting.append(act)
        self._drain_later()

    def pause(self) -> None:
        """Let the process stand still."""
        self.paused = True

    def resume(self) -> None:
        """Let it go on with what waits: its sockets and its deadline in any order."""
        if not self.paused:
            return
        self.paused = False
        chance = Random(f"{self.world.plan.seed}/resume/{self.name}/{self._agenda.now}")
        if self._wake_at is not None and self._wake_at <= self._agenda.now:
            place = 0 if chance.random() < 0.5 else len(self._waiting)
            self._waiting.insert(place, self._wake_late)
        self._drain_later()

    def slow_down(self, per_call: float) -> None:
        """Let every call take so many seconds."""
        self._per_call = round(per_call * SECOND)

    @property
    def slow(self) -> bool:
        """True while every call takes time."""
        return self._per_call > 0

    def _busy(self, moment: int) -> None:
        self._free_at = moment + self._per_call

    def _drain_later(self) -> None:
        if self._waiting and not self.paused and not self._draining:
            self._draining = True
            self._agenda.at(max(self._agenda.now + 1, self._free_at), self._drain)

    def _drain(self, moment: int) -> None:
        self._draining = False
        if self.paused or not self._waiting:
            return
        act = self._waiting.popleft()
        if self._per_call:
            self._busy(moment)
        self._drain_later()  # takes its moment before what the act plans, on every engine
        act(moment)
        self._drain_later()

    # What happens to it

    def write(self, write: Write, moment: int) -> None:
        """Call a mutator, as the process's own code would."""
        if self.paused:
            self.put_off(lambda at: self.write(write, at))
            return
        process = self.process
        if process is None:
            return
        self._trace.add(moment, "write", "", self.name, str(write).encode())
        registry = process.registry
        past = registry.shadows.get((write.type, write.name), 0)
        try:
            delta = _mutate(registry, write)
        except Exception as error:  # noqa: BLE001 - a type that raises is what a run must show
            self.world.raised(self, error)
            return
        if delta is not None:
            life = registry.life((write.type, write.name))
            update = self.world.ledger.wrote(write, delta, moment, past, life)
            registry.wrote(update)
            self.world.wrote(self, update)
        if write.flush:
            process.flush()
        else:
            process.wrote()

    def remove(self, removal: Remove, moment: int) -> None:
        """Remove an object, as the process's own code would."""
        if self.paused:
            self.put_off(lambda at: self.remove(removal, at))
            return
        process = self.process
        if process is None:
            return
        try:
            removed = process.registry.delete(removal.type, removal.name)
        except CrdtNodeError as error:
            process.registry.ledger.refused.append(f"{removal}: {error}")
            return
        if removed:
            self._trace.add(moment, "remove", "", self.name, str(removal).encode())
            process.wrote()

    def leave(self, moment: int) -> None:
        """Begin to leave; `left` follows."""
        if self.paused:
            self.put_off(self.leave)
        elif self.process is not None:
            self._trace.add(moment, "leave", "", self.name)
            self.process.leave()

    def datagram(self, source: "Host", data: bytes, moment: int) -> None:
        """A datagram arrives."""
        process = self.process
        if process is None:
            return
        reach = self._reach
        if not reach.whole:
            if not reach(source.name, self.name):
                return
            if reach.holds(source.name, self.name):
                reach.keep(source.name, self.name, lambda: self._arrive_again(source, data))
                return
        if (self.paused or self._per_call or self._waiting) and self.hindered:
            self._queue_datagram(source, data)
            return
        self._trace.add(moment, "datagram", source.name, self.name, data)
        process.datagram(data, source.udp)
        if self._per_call:
            self._busy(moment)

    def damaged(self, source: "Host", data: bytes, moment: int) -> None:
        """A datagram arrives in which bits have flipped: the checks see what comes of it."""
        understood, joined = self.metrics.packets_received, self.metrics.joins
        before = sum(understood.values()), sum(joined.values()), self.root
        self.datagram(source, data, moment)
        after = sum(understood.values()), sum(joined.values()), self.root
        acts = ("understood a message", "joined something", "changed its state")
        used = " and ".join(act for act, b, a in zip(acts, before, after, strict=True) if a != b)
        self.world.damaged(self, data, used)

    def _arrive_again(self, source: "Host", data: bytes) -> None:
        agenda = self._agenda
        agenda.at(agenda.now + 1, lambda at: self.datagram(source, data, at))

    def _queue_datagram(self, source: "Host", data: bytes) -> None:
        """Keep a datagram in the socket's buffer."""
        if self._waiting_datagrams >= BUFFER:
            return
        self._waiting_datagrams += 1

        def take(moment: int) -> None:
            self._waiting_datagrams -= 1
            if self.process is not None:
                self._trace.add(moment, "datagram", source.name, self.name, data)
                self.process.datagram(data, source.udp)

        self.put_off(take)

    def accept(self, moment: int, address: Address) -> int | None:
        """A connection comes in."""
        if self.process is None:
            return None
        self._trace.add(moment, "accept", "", self.name)
        return self.process.accepted(address)

    def stream_opened(self, moment: int, stream: int) -> None:
        """A connect succeeded."""
        self._trace.add(moment, "opened", "", self.name)
        if self.process is not None:
            self.process.opened(stream)

    def stream_bytes(self, moment: int, stream: int, data: bytes, source: str) -> None:
        """Bytes arrive on a stream."""
        self._trace.add(moment, "stream", source, self.name, data)
        if self.process is not None:
            self.process.received(stream, data)

    def stream_drained(self, moment: int, stream: int) -> None:
        """All that was written to a stream is out."""
        self._trace.add(moment, "drained", "", self.name)
        if self.process is not None:
            self.process.drained(stream)

    def stream_closed(self, moment: int, stream: int, why: str) -> None:
        """A stream broke, or a connect failed."""
        self._trace.add(moment, "closed", "", self.name, why.encode())
        if self.process is not None:
            self.process.closed(stream, why)

    # Its deadline

    def plan_wake(self, deadline: float) -> None:
        """Have the engine woken at its deadline, unless a wake comes before it anyway."""
        self._deadline = deadline
        if deadline >= self._wake_wanted_s:
            return  # the wake that is planned comes before it
        moment = self._agenda.now + STEP
        if deadline > moment / SECOND:
            moment = no_earlier(deadline)
        if moment < self._wake_wanted:
            self._wake_wanted, self._wake_wanted_s = moment, moment / SECOND
            self._wake_at = self._agenda.at(moment, self._wake)

    def _no_wake(self) -> None:
        self._wake_at = None
        self._wake_wanted = self._wake_wanted_s = inf

    def _wake(self, moment: int) -> None:
        if moment != self._wake_at:
            return  # an earlier wake took its place, or the process is gone
        if self.paused:
            return  # it sleeps through its deadline; `resume` knows
        if (self._per_call or self._waiting) and self.hindered:
            self.put_off(self._wake_late)
        else:
            self._ring(moment)
            if self._per_call:
                self._busy(moment)

    def _wake_late(self, moment: int) -> None:
        if self._wake_at is not None and self._wake_at <= moment:
            self._ring(moment)

    def _ring(self, moment: int) -> None:
        self._no_wake()
        if moment / SECOND < self._deadline:
            self.plan_wake(self._deadline)  # the deadline moved on meanwhile
        elif self.process is not None:
            self.process.ring()

    def show_root(self, root: int | None) -> None:
        """Say which root the registry has now."""
        if root != self.root:
            self.world.root_changed(self.root, root)
            self.root = root


def _mutate(registry: WatchedRegistry, write: Write) -> StateCRDT | None:
    """Do a write; None where the type refused it, or it changed nothing."""
    kind = type_of(write.type)
    try:
        delta = getattr(registry.open(write.name, kind), write.method)(*write.args)
    except (KeyError, ValueError, CrdtNodeError) as error:
        registry.ledger.refused.append(f"{write}: {error}")
        return None
    if not isinstance(delta, kind):
        raise TypeError(f"{write.type}.{write.method} gave no delta, but {delta!r}")
    return None if delta.initial else delta
