"""The objects of one node: local writes and joins go in, deltas and fingerprints come out.

Rule of this file: identity is (type, name). Here objects are found, made and handed out; what was
written to them is the ledger's business, what a foreign type may do is the doors'.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from math import inf
from typing import Final, TypeVar, cast

from crdt import StateCRDT, acting
from crdtnode.errors import ChangeInProgress, InvalidName, TypeConflict
from crdtnode.fingerprints import Fingerprints
from crdtnode.metrics import Metrics
from crdtnode.registry import doors, telling
from crdtnode.registry.directory import Directory
from crdtnode.registry.entry import LARGE, PARTS_TRACED, Block, Entry
from crdtnode.registry.guards import Guards
from crdtnode.registry.histories import Histories
from crdtnode.registry.kinds import Kind, Kinds
from crdtnode.registry.ledger import Change, Ledger
from crdtnode.registry.lives import FIRST, Absorbed, check_life
from crdtnode.registry.names import check_name

T = TypeVar("T", bound=StateCRDT)
_NOTHING: Final = nullcontext()


class Registry:
    """The objects of one node, by type and name.

    Args:
        salt: The cluster's salt, which keys all fingerprints.
        replica: Makes a fresh replica id at each call. The first is the one that objects act as;
            more are asked for only when an object must give its id up.
        clock: Returns whole milliseconds since 1970, for the stamps of local writes; the attribute
            of the same name may be replaced.
        metrics: Where failures of hand-written types are counted.
        max_object_bytes: Size over which an object takes no more local changes.
        types: Tags of the types known; None for all of `crdt.catalogue`, now and later.

    Attributes:
        kinds: The types that are known here.
        fingerprints: Versions, roots and tries, as of the last flush.
        histories: What led each object to its version.
        replica: The id that the objects act as.
        clock: What local writes are stamped with, milliseconds since 1970.
    """

    def __init__(
        self,
        *,
        salt: bytes,
        replica: Callable[[], str],
        clock: Callable[[], int],
        metrics: Metrics | None = None,
        max_object_bytes: int = 16 * 1024 * 1024,
        types: Iterable[str] | None = None,
    ) -> None:
        self.fingerprints = Fingerprints(salt)
        self.replica = replica()
        self._fresh_replica = replica
        self.clock = clock
        self._stamp = self._show_clock  # made once: each object that writes has it
        self._metrics = metrics or Metrics()
        self.histories = Histories(self.joined_payloads)
        self._ledger = Ledger(self.fingerprints, self._metrics, max_object_bytes, self.histories)
        self.kinds = Kinds(self.fingerprints, types)
        self._guards = Guards()
        self._directory = Directory()

    # --- what is here --------------------------------------------------------------------------

    @property
    def types(self) -> tuple[str, ...]:
        """The tags of the types known here, sorted."""
        return self.kinds.tags

    @property
    def types_hash(self) -> int:
        """A 64-bit hash of `types`."""
        return self.kinds.tags_hash

    def register(self, cls: type[StateCRDT]) -> str:
        """Make a type known and give its tag; see `crdt.catalogue.register`.

        Raises:
            TypeError: It is no complete subclass of StateCRDT.
            ValueError: Its tag belongs to another class. Nothing changed.
        """
        return self.kinds.register(cls)

    def names(self) -> list[tuple[str, str]]:
        """(type tag, name) of all objects that are more than opened, sorted."""
        held = (one for one in self._directory if one.alive and self._ledger.holds(one))
        return sorted((entry.tag, entry.name) for entry in held)

    def find(self, name: str) -> list[str]:
        """The tags of the types under which a name is known, also if only opened; sorted."""
        return [entry.tag for entry in self._directory.alive(name)]

    def shared_names(self) -> dict[str, list[str]]:
        """Names under which objects of several types are held, with their tags, both sorted.

        Each is an object of its own. It takes two nodes that chose different types for one name
        before they heard of each other.
        """
        tags = {
            name: [one.tag for one in self._directory.alive(name) if self._ledger.holds(one)]
            for name in self._directory.shared()
        }
        return {name: held for name, held in tags.items() if len(held) > 1}

    def get(self, tag: str, name: str) -> StateCRDT | None:
        """The live object of this type and name, None if it is not known here, or removed."""
        entry = self._directory.named(tag, name)
        return self._handed(entry) if entry is not None and entry.alive else None

    def __len__(self) -> int:
        return self._ledger.count()

    # --- local acts ----------------------------------------------------------------------------

    def open(self, name: str, type: type[T]) -> T:
        """Return the one live object of this type and name, in the initial state if it is new.

        Its mutations are noted here and go out with the next flush. Opening alone changes nothing
        that others can see.

        Raises:
            InvalidName: The name cannot be one.
            UnknownType: The class is not registered.
            TypeConflict: The name is known here, but as another type only.
            TypeError: `name` is no str, or `type` no replicated type.
        """
        kind = self.kinds.of_class(type)
        return cast(T, self._handed(self._directory.named(kind.tag, name) or self._new(kind, name)))

    def change(self, name: str, type: type[T]) -> AbstractContextManager[T]:
        """Change one object in a ``with`` block, all or nothing: the way to change plain types.

        If the block raises, the object is as it was before. Whatever changes the object here while
        the block runs is part of it; what arrives from elsewhere is not: it is joined when the
        block ends, either way. An attribute of a plain object that is assigned outside a block goes
        unnoticed; its parts that are CRDTs refuse.

        Raises:
            ChangeInProgress: A block of this object is under way already; that one goes on.
            InvalidState: The block of a plain type left a state that cannot be replicated, or that
                lacks something it had. The object is as it was before.
            ObjectTooLarge: The object is over the limit, or would be. It is as it was before.
            Exception: Whatever `open` raises.
        """
        return self._change(name, type)

    @contextmanager
    def _change(self, name: str, type: type[T]) -> Iterator[T]:
        obj = self.open(name, type)
        entry = self._directory.named(self.kinds.of_class(type).tag, name)
        assert entry is not None  # it was opened
        if entry.block is not None:
            raise ChangeInProgress(f"{entry.tag}/{name} is being changed already")
        self._ledger.check_writable(entry)
        block = entry.block = Block(obj.clone() if entry.kind.plain else None)
        entry.sink = None
        try:
            with self._acting():
                yield obj
                self._commit(entry, block)
        except BaseException:
            self._roll_back(entry, block)
            raise
        finally:
            entry.block = None
            self._guard(entry)

    def _commit(self, entry: Entry, block: Block) -> None:
        """Turn what a block did into a local write."""
        delta = self._delta(entry, block)
        if delta is not None:
            self._ledger.writing(entry)
            entry.add_applied(delta)
        if block.arrived and block.before is not None:
            entry.obj.absorb(block.before)

    def _delta(self, entry: Entry, block: Block) -> StateCRDT | None:
        if block.start is None:
            return block.applied(entry.obj)
        delta = doors.changed(entry.kind, entry.obj, block.start)
        if delta is not None:
            self._ledger.check_writable(entry, len(delta.canonical()))
        return delta

    def _roll_back(self, entry: Entry, block: Block) -> None:
        """Undo what a block did.

        Its deltas may be in the caller's hands, so what it wrote under the object's id must not be
        written again differently: the object gives that id up.
        """
        if block.before is not None:
            entry.obj._adopt(block.before)
            self._bind(entry.obj, self._fresh_replica())

    def absorb_payload(self, tag: str, name: str, payload: object) -> bool:
        """Join a payload as a local write, so that others hear of it; True if that changed it.

        Raises:
            InvalidName: The name cannot be one.
            UnknownType: The tag is not known here.
            TypeConflict: The name is known here, but as another type only.
            PayloadError: The payload is none of this type.
            ObjectTooLarge: The object or the payload is over the limit. Nothing changed.
        """
        kind = self.kinds.of_tag(tag)
        entry = self._directory.named(kind.tag, name)
        if entry is None:
            self._check_free(kind, name)
        with self._acting_for(kind):
            delta = doors.parsed(kind, (payload,))
            entry = entry or self._made(kind, name)
            self._ledger.check_writable(entry, len(delta.canonical()))
            if not self._join(entry, delta):
                return False
        self._ledger.writing(entry)
        entry.add_applied(delta)
        return True

    def delete(self, tag: str, name: str) -> bool:
        """Remove a whole object, everywhere: every update of this life of it, seen here or not.

        The live object is empty then. Whoever writes to it again begins a new life, which holds
        nothing of this one. What is left of a removed object is some 25 bytes, for ever.

        Returns:
            False where there is nothing to remove.

        Raises:
            UnknownType: The tag is not known here.
            ChangeInProgress: A block of this object is under way.
            Exception: The registry was closed with it. Nothing changed.
        """
        entry = self._directory.named(self.kinds.of_tag(tag).tag, name)
        if entry is None or not entry.alive or not self._ledger.holds(entry):
            return False
        if entry.block is not None:
            raise ChangeInProgress(f"{tag}/{name} is being changed: it cannot be removed now")
        self._ledger.check_open()
        with self._acting_for(entry.kind):
            self._replace(entry, entry.kind.cls())
        self._ledger.removing(entry)
        return True

    def _replace(self, entry: Entry, state: StateCRDT) -> None:
        """Give an object that goes into another life the state that it has there.

        What was written in this life may be in the caller's hands as deltas, so that the object
        must not write under the same id again.
        """
        entry.obj._adopt(state)
        if entry.handed:
            self._bind(entry.obj, self._fresh_replica() if entry.authored else self.replica)
        self._guard(entry)

    # --- what comes from elsewhere, and what goes there ----------------------------------------

    def absorb(
        self,
        tag: str,
        name: str,
        life: int,
        payloads: Sequence[object],
        now: float,
    ) -> Absorbed:
        """Join what another node sent: all of it, or nothing if it raises.

        Args:
            tag: The type.
            name: The object's name.
            life: Its life counter: odd while it lives, even once it is removed. A higher one than
                ours ends what is here, a lower one changes nothing.
            payloads: A state, or parts or deltas of one, none where the object is removed; nothing
                of them is kept.
            now: Monotonic time in float seconds. The version is dated at the next flush.

        Raises:
            UnknownType: The sender knows more types.
            InvalidName: The sender erred, or two names share one place.
            PayloadError: The sender erred, or the type's code did. Nothing changed.
        """
        kind = self.kinds.of_tag(tag)
        check_life(life, payloads)
        if not kind.foreign:  # nearly always, and a tenth of the price
            return self._absorb(kind, name, life, payloads)
        with self._acting():
            return self._absorb(kind, name, life, payloads)

    def _absorb(self, kind: Kind, name: str, life: int, payloads: Sequence[object]) -> Absorbed:
        delta = doors.parsed(kind, payloads) if payloads else None
        entry = self._directory.named(kind.tag, name)
        ours = FIRST if entry is None else entry.life
        if life < ours or (delta is None and life == ours):
            return Absorbed(changed=False, delta=delta)
        entry = entry or self._made(kind, check_name(name))
        if life > ours:
            return self._reborn(entry, life, delta)
        if delta is None or not self._join(entry, delta):
            return Absorbed(changed=False, delta=delta)
        self._ledger.arrived(entry, payloads)
        return Absorbed(changed=True, delta=delta)

    def admit(
        self, tag: str, name: str, payloads: Sequence[object], now: float
    ) -> tuple[StateCRDT, int] | None:
        """Take in an object that is not known here, in its first life: `absorb` for a new node.

        Args:
            tag: The type.
            name: The object's name.
            payloads: What it holds, at least one; nothing of them is kept.
            now: Monotonic time in float seconds, with which its version is dated.

        Returns:
            What arrived, and the version of the new object; 0 where that says nothing, and nothing
            changed. None where it is not so simple, and nothing changed: the object is known here,
            is large, or of a hand-written type.

        Raises:
            UnknownType: The sender knows more types.
            InvalidName: The sender erred.
            PayloadError: The sender erred. Nothing changed.
        """
        kind = self.kinds.of_tag(tag)
        place = self.fingerprints.place(tag, name)
        if kind.foreign or place in self._directory.at:
            return None
        delta = doors.parsed(kind, payloads)
        if delta._bulk() > LARGE:
            return None
        entry = Entry(self._ledger, kind, check_name(name), place, delta._copied())
        version = self._ledger.admit(entry, now)
        if version:
            self._directory.keep(entry)
        return delta, version

    def _reborn(self, entry: Entry, life: int, delta: StateCRDT | None) -> Absorbed:
        """Go into a life of which others told, and hold what they said of it."""
        if entry.block is not None:
            return Absorbed(changed=False, delta=delta)  # whoever has another state tells us again
        state = entry.kind.cls()
        if delta is not None:
            doors.joined(entry.kind, state, delta)
        lost = entry.obj.clone() if entry.authored else None
        self._directory.keep(entry)
        self._replace(entry, state)
        self._ledger.begin(entry, life)
        return Absorbed(changed=True, delta=delta, lost=lost)

    def _join(self, entry: Entry, delta: StateCRDT) -> bool:
        state = entry.state
        if not doors.joined(entry.kind, state, delta):
            return False
        if entry.block is not None and state is entry.block.before:
            entry.block.arrived = True
        self._directory.keep(entry)
        self._guard(entry)
        return True

    @property
    def notify(self) -> Callable[[], object]:
        """Called once at the first local change after a flush, before the change applies.

        Whoever drives the node sets it, to be woken. It may look at `dirty`, and must do nothing
        else with the registry.
        """
        return self._ledger.notify

    @notify.setter
    def notify(self, notify: Callable[[], object]) -> None:
        self._ledger.notify = notify

    @property
    def dirty(self) -> bool:
        """Whether anything was written or arrived since the last flush."""
        ledger = self._ledger  # asked after each packet: `Ledger.dirty`, spelled out
        return bool(ledger._stale or ledger._written)

    @property
    def untold(self) -> bool:
        """Whether anything was written here that no flush has told yet."""
        return self._ledger.untold

    def flush(self, now: float, most_bytes: float = inf) -> list[Change]:
        """Compute the version of all that changed, and take what was written here.

        Args:
            now: Monotonic time in float seconds.
            most_bytes: Bytes to hash after which the rest is left for the next flush: then
                `unfinished` is True.

        Returns:
            The local changes since the last flush, one for each object.
        """
        self.kinds.look()
        return self._ledger.flush(now, most_bytes) if self._ledger.dirty else []

    @property
    def unfinished(self) -> bool:
        """Whether the last flush left something for the next one, which should come soon."""
        return self._ledger.unfinished and self._ledger.dirty

    def close(self, error: Callable[[], Exception]) -> None:
        """Refuse local changes from now on: nobody would hear of them.

        Objects keep what they hold and can be read; a block under way ends as one that raised.

        Args:
            error: Makes what each refused change raises.
        """
        self._ledger.closed = error
        for entry in self._directory:
            entry.sink = None  # whoever wrote since the last flush is asked again

    @property
    def root(self) -> int:
        """The XOR of all versions, as of the last flush."""
        return self.fingerprints.root

    def version(self, tag: str, name: str) -> int:
        """The version of an object as of the last flush; 0 if it holds nothing."""
        entry = self._directory.named(tag, name)
        return 0 if entry is None else self.fingerprints.get(entry.hn)

    def refresh(self, hn: int, now: float, *, at_once: bool = True) -> int:
        """The version of the object at a place now, computed if it is stale; 0 if there is none.

        Args:
            hn: The object's place.
            now: Monotonic time in float seconds.
            at_once: However much there is to hash. Else a little of it is done, and while much
                is left the version is that of the last flush and the object `stale`.
        """
        entry = self._directory.at.get(hn)
        return 0 if entry is None else self._ledger.refresh(entry, now, at_once=at_once)

    def parted(self, hn: int, *, more: bool) -> None:
        """Note that a part of something larger was joined into the object at a place, or its end.

        A few parts are deltas like others. Of many, the object's history tells nothing: they would
        drive out everything else, and led to versions that nobody else knows.
        """
        entry = self._directory.at.get(hn)
        if entry is not None:
            entry.parts += more
            entry.untraced = entry.untraced or (entry.stale and entry.parts > PARTS_TRACED)
            entry.parts = entry.parts if more else 0

    def stale(self, hn: int) -> bool:
        """Whether the version of the object at a place is still that of an earlier state."""
        entry = self._directory.at.get(hn)
        return entry is not None and entry.stale

    def state(self, hn: int) -> tuple[str, str, int, tuple[object, ...]] | None:
        """(tag, name, life, payloads) of the object at a place; None if it holds nothing.

        There is one payload, and none where the object is removed.
        """
        entry = self._directory.at.get(hn)
        if entry is None or not self._ledger.holds(entry):
            return None
        payloads = telling.payloads(entry, self._metrics)
        return None if payloads is None else (entry.tag, entry.name, entry.life, payloads)

    def joined_payloads(self, hn: int, payloads: Sequence[object]) -> object:
        """One payload that says what several deltas of the object at a place say together.

        Raises:
            PayloadError: They are none of this type, or its code failed.
        """
        kind = self._directory.at[hn].kind
        with self._acting_for(kind):
            return doors.joined_payload(kind, payloads)

    def crowded(self, hn: int) -> bool:
        """Whether the object at a place has so many elements that packing it costs something."""
        entry = self._directory.at.get(hn)
        return entry is not None and telling.crowded(entry)

    def context(self, hn: int) -> object:
        """What the object at a place has seen, for `parts_since`; None where it cannot tell."""
        entry = self._directory.at.get(hn)
        return None if entry is None else telling.context(entry, self._metrics)

    def parts_since(self, hn: int, context: object, limit_bytes: int) -> Iterator[object] | None:
        """Payloads that say what the owner of a context lacks of the object at a place.

        There is at least one, and it may say nothing. They are made while they are taken.

        Args:
            hn: The object's place.
            context: What somebody told with `context`.
            limit_bytes: What each may take, as for `parts`.

        Returns:
            None if that is no context, or if the type has none.
        """
        entry = self._directory.at.get(hn)
        if entry is None:
            return None
        return telling.parts_since(entry, context, limit_bytes, self._metrics)

    def parts(self, hn: int, limit_bytes: int) -> Iterator[object] | None:
        """Payloads of about so many bytes that join to the state of the object at a place.

        They are made while they are taken, from what the state is now.

        Args:
            hn: The object's place.
            limit_bytes: What a part may take as JSON; what cannot be divided may take more.

        Returns:
            None where the type cannot be divided, or where it is known to be small.
        """
        entry = self._directory.at.get(hn)
        return None if entry is None else telling.parts(entry, limit_bytes)

    def entry(self, hn: int) -> Entry | None:
        """The object at a place, with its name and type; to read only."""
        return self._directory.at.get(hn)

    # --- objects -------------------------------------------------------------------------------

    def _new(self, kind: Kind, name: str) -> Entry:
        self._check_free(kind, name)
        with self._acting_for(kind):
            entry = self._made(kind, name)
        self._directory.keep(entry)
        return entry

    def _check_free(self, kind: Kind, name: str) -> None:
        tags = self.find(check_name(name))
        if tags:
            raise TypeConflict(name, kind.tag, tags)

    def _made(self, kind: Kind, name: str) -> Entry:
        hn = self.fingerprints.place(kind.tag, name)
        if hn in self._directory.at:
            raise InvalidName(f"the place of {name!r} is taken; choose another name")
        return Entry(self._ledger, kind, name, hn, kind.cls())

    def _handed(self, entry: Entry) -> StateCRDT:
        """The object, which from now on acts for this node and is observed."""
        if not entry.handed:
            entry.handed = True
            self._bind(entry.obj, self.replica)
            entry.obj.observe(entry)
            self._guard(entry)
        return entry.obj

    def _show_clock(self) -> int:
        return self.clock()

    def _bind(self, obj: StateCRDT, replica: str) -> None:
        obj.bind(replica, spare=self._fresh_replica, clock=self._stamp)

    def _guard(self, entry: Entry) -> None:
        if entry.kind.plain and entry.handed:
            self._guards.renew(entry.hn, entry.obj, entry.guard)

    def _acting(self) -> AbstractContextManager[None]:
        return acting(replica=self._fresh_replica, clock=self._stamp)

    def _acting_for(self, kind: Kind) -> AbstractContextManager[None]:
        """What foreign code runs under, so that it is deterministic; our own needs nothing."""
        return self._acting() if kind.foreign else _NOTHING
