"""What a foreign type gives is looked at here before it becomes a state of ours.

Hand-written code may raise anything, return anything, and give payloads that nobody can carry. At
these doors it becomes one clear error, and nothing has changed.
"""

from collections.abc import Sequence
from typing import Final

from crdt import PayloadError, StateCRDT
from crdtnode.errors import InvalidState
from crdtnode.registry.kinds import Kind

DEPTH_MOST: Final = 56
"""Lists and dicts that may nest in a payload. A message is at most 64 deep and puts its own around
it."""


def parsed(kind: Kind, payloads: Sequence[object]) -> StateCRDT:
    """The join of what one or more payloads say.

    Raises:
        PayloadError: One of them is no payload of this type.
    """
    try:
        whole = kind.cls.from_payload(payloads[0])
        if len(payloads) > 1:
            others = [kind.cls.from_payload(payload) for payload in payloads[1:]]
            for other in others:
                whole.absorb(other)
    except PayloadError:
        raise
    except Exception as error:  # a hand-written type may raise anything
        raise PayloadError(f"{kind.tag} refuses it: {error!r:.200}") from error
    if type(whole) is not kind.cls:
        raise PayloadError(f"{kind.tag} made something else of it")
    return whole


def joined_payload(kind: Kind, payloads: Sequence[object]) -> object:
    """One payload that says what several say together.

    Raises:
        PayloadError: One of them is no payload of this type, or its code failed.
    """
    whole = parsed(kind, payloads)
    try:
        return whole.payload
    except Exception as error:  # a hand-written type may raise anything
        raise PayloadError(f"{kind.tag} has no payload: {error!r:.200}") from error


def joined(kind: Kind, state: StateCRDT, delta: StateCRDT) -> bool:
    """Join what came from elsewhere into a state; True if it grew.

    Raises:
        PayloadError: They do not join to a lawful state. Nothing changed.
    """
    try:
        if not kind.foreign:
            return state.absorb(delta)
        trial = state.clone()
        if not trial.absorb(delta):
            return False
        copied(trial)
        return state.absorb(delta)
    except Exception as error:  # a hand-written type may raise anything
        raise PayloadError(f"{kind.tag} cannot join it: {error!r:.200}") from error


def copied(obj: StateCRDT) -> StateCRDT:
    """A copy of a state by way of its payload.

    Raises:
        ValueError: Its payload cannot be carried, or says something else than the state.
        Exception: Whatever a hand-written type raises.
    """
    payload = obj.payload
    if _depth(payload) > DEPTH_MOST:
        raise ValueError(f"a payload nests at most {DEPTH_MOST} deep")
    copy = type(obj).from_payload(payload)
    if type(copy) is not type(obj) or copy.canonical() != obj.canonical():
        raise ValueError("its payload does not give back the same state")
    return copy


def changed(kind: Kind, obj: StateCRDT, before: StateCRDT) -> StateCRDT | None:
    """What a block made of a plain object, as a delta; None if it changed nothing.

    A type whose merge is not even idempotent is let through: what it loses nobody can tell, and
    nodes that never agree on an object are dealt with where they meet.

    Raises:
        InvalidState: The state cannot be replicated, or has lost something that it had before, so
            that the next join would undo the change.
    """
    try:
        delta = copied(obj)
        grown = before.compare(obj)
        if grown and obj.compare(before):
            return None
        lost = not grown and delta.compare(obj)
    except Exception as error:
        raise InvalidState(f"{kind.tag} was left in no lawful state: {error!r:.200}") from error
    if lost:
        raise InvalidState(f"{kind.tag} lost something: a change can only add to a state")
    return delta


def _depth(payload: object) -> int:
    """How deep lists and dicts nest, counted up to one more than is allowed."""
    level: list[object] = [payload]
    for depth in range(DEPTH_MOST + 1):
        deeper: list[object] = []
        for value in level:
            if isinstance(value, list):
                deeper += value
            elif isinstance(value, dict):
                deeper += value.values()
        if not deeper:
            return depth
        level = deeper
    return DEPTH_MOST + 1
