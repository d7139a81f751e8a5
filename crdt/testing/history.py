"""What several replicas of one type did, run from a string of bytes.

A script is cheap for Hypothesis to draw and to shrink. Its first byte says how many replicas there
are; then every two bytes are a step of one of them: change the state, take over another's state,
receive some delta (late, again, or before the ones it follows), or move the clock, also backwards.

Beside each state goes a shadow: the numbers of the events that it should reflect. A model computes
the expected value from the shadow alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Generic, TypeVar

from crdt.ambient import acting
from crdt.base import StateCRDT
from crdt.rows import Print, Rowed, summed
from crdt.testing.models import Model
from crdt.testing.subjects import Subject

C = TypeVar("C", bound=StateCRDT)

_NAMES = "abcde"
_STEPS = 8

_UNWATCHED = "a"
"""Replicas whose fingerprint nobody asks for, so that they take the shortest ways."""
_WATCHED = "bd"
"""Replicas whose fingerprint is kept up to date from the beginning, however small they are."""
_STEPPED = "c"
"""Replicas whose fingerprint is made a row at a time, while they change."""
_LOOKS = 4
"""One step in so many is followed by a look at the fingerprint, which has to follow the others."""


@dataclass(frozen=True)
class Event(Generic[C]):
    """One change at one replica.

    Attributes:
        number: Its place in the history.
        replica: Who made it.
        act: The index of the act that was called.
        chance: The number that the act was given.
        now: What the replica's clock said, in milliseconds.
        past: The numbers of the events that the replica knew.
        delta: What the act returned, None if it was no delta.
    """

    number: int
    replica: str
    act: int
    chance: int
    now: int
    past: frozenset[int]
    delta: C | None


@dataclass
class Replica(Generic[C]):
    """One live object, its shadow and its clock."""

    name: str
    object: C
    known: set[int] = field(default_factory=set)
    now: int = 100


@dataclass
class History(Generic[C]):
    """A finished run: the replicas as they ended, what they did, and states on the way."""

    subject: Subject[C]
    script: bytes
    replicas: list[Replica[C]]
    events: list[Event[C]] = field(default_factory=list)
    model: Model = field(default_factory=Model)
    snapshots: list[tuple[C, frozenset[int]]] = field(default_factory=list)
    unfit: list[str] = field(default_factory=list)
    """What single steps did wrong; a law of its own reads it."""
    told: list[str] = field(default_factory=list)
    """What was done, in words, step by step."""
    inflates: bool = True
    """Whether every act left the state at or above the one before."""
    raised: Exception | None = None
    """What the type raised in the last step, where it should not."""


def run_history(subject: Subject[C], script: bytes) -> History[C]:
    """Run the history that ``script`` describes; any bytes describe one."""
    count = 2 + (script[0] % 4 if script else 0)
    history = History(subject, script, [_replica(subject, name) for name in _NAMES[:count]])
    history.model = subject.model_of()
    try:
        for who, what in zip(script[1::2], script[2::2], strict=False):
            _step(history, history.replicas[who % count], who // count % _STEPS, what)
    except Exception as error:  # noqa: BLE001  # a type that is being tested may raise anything
        history.raised = error
    history.snapshots += [(one.object, frozenset(one.known)) for one in history.replicas]
    return history


def _replica(subject: Subject[C], name: str) -> Replica[C]:
    made = subject.new()
    made.replica = name
    if name in _WATCHED and isinstance(made, Rowed):
        keep_a_print(made)
    return Replica(name, made)


def keep_a_print(state: Rowed) -> None:
    """Let a state hear of its changes from now on, as one does whose fingerprint was asked for."""
    rows = list(state._hashed_rows(hashed))
    state._keep_print(Print(hashed, len(rows), summed(hashed, rows)))


def _step(history: History[C], replica: Replica[C], step: int, what: int) -> None:
    if step == 0:
        other = history.replicas[what % len(history.replicas)]
        if other is not replica:
            replica.object.join(other.object)
            replica.known |= other.known
            history.told.append(f"{replica.name} joins {other.name}")
    elif step == 1:
        _receive(history, replica, what)
    elif step == 2:
        replica.now = max(0, replica.now + what % 8 - 3)
        history.told.append(f"the clock of {replica.name} says {replica.now}")
    else:
        _act(history, replica, what)
    if replica.name in _STEPPED:
        replica.object._prepare(hashed, 1)
    if what % _LOOKS == 0 and replica.name not in _UNWATCHED:
        _look(history, replica.object)
    if what % _LOOKS == 1 and replica.known:
        history.subject.read(replica.object)  # what it remembers of it must follow all that comes


def _look(history: History[C], state: C) -> None:
    if not keeps_its_fingerprint(state):
        history.unfit.append("the fingerprint is not that of an object made of the payload")


def _receive(history: History[C], replica: Replica[C], what: int) -> None:
    if history.events:
        event = history.events[what % len(history.events)]
        if event.delta is not None:
            replica.object.join(event.delta)
            replica.known.add(event.number)
            what_came = f"the delta of {event.replica}'s acts[{event.act}]({event.chance})"
            history.told.append(f"{replica.name} receives {what_came}")


def _act(history: History[C], replica: Replica[C], what: int) -> None:
    acts = history.subject.acts
    number, chance = what % len(acts), what // len(acts)
    before = replica.object.clone()
    history.told.append(f"{replica.name} calls acts[{number}]({chance})")
    try:
        with acting(clock=lambda: replica.now):
            returned = acts[number](replica.object, chance)
    except (KeyError, ValueError):
        history.told[-1] += ", which raises"
        _expect_unchanged(history, before, replica.object)
        return
    delta = returned if type(returned) is history.subject.kind else None
    event = Event(
        len(history.events),
        replica.name,
        number,
        chance,
        replica.now,
        frozenset(replica.known),
        delta,
    )
    history.events.append(event)
    history.model.learn(event)
    replica.known.add(event.number)
    history.snapshots.append((replica.object.clone(), frozenset(replica.known)))
    history.inflates &= before.compare(replica.object)
    if delta is not None and canonical(_joined(before, delta)) != canonical(replica.object):
        history.unfit.append("a delta joined to the state before is not the state after")


def _expect_unchanged(history: History[C], before: C, after: C) -> None:
    if canonical(before) != canonical(after):
        history.unfit.append("an act that raised has changed the state")


def _joined(state: C, delta: C) -> C:
    state.join(delta)
    return state


def hashed(data: bytes) -> bytes:
    """Return 16 bytes for fingerprints."""
    return blake2b(data, digest_size=16).digest()


def keeps_its_fingerprint(state: StateCRDT) -> bool:
    """Tell whether the fingerprint, if there is one, is that of a new object with its payload."""
    if canonical(state) is None:
        return True
    fresh = type(state).from_payload(state.payload)
    return state.fingerprint(hashed) == fresh.fingerprint(hashed)


def canonical(state: StateCRDT) -> bytes | None:
    """Return the canonical bytes of a state, None while it has no payload."""
    return None if state._payload_or_none() is None else state.canonical()
