"""The laws, each checked on one history.

States are compared by canonical bytes and laws are checked on what a history left: the replicas as
they ended, snapshots on the way, and all deltas. Replicas settle at the same time and each in an
order of its own, since settling one after the other would hide a merge that does not commute.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from copy import copy, deepcopy
import pickle
from random import Random
from typing import Any, TypeVar

from crdt.base import StateCRDT
from crdt.errors import PayloadError
from crdt.testing.demand import LawBrokenError, demand, merged, sample, through_json
from crdt.testing.history import History, canonical, hashed, keeps_its_fingerprint
from crdt.testing.models import NOT_SAID
from crdt.testing.offered import OFFERED
from crdt.testing.subjects import Subject

C = TypeVar("C", bound=StateCRDT)
Carrier = Callable[[Any], Any]
Told = dict[bytes, bytes]
"""Fingerprints, each with a hash of the canonical bytes of its state."""

_SPOILERS = 6
"""Acts up to which all of them are tried on a copy, to see whether it shares something."""

_SUBSETS = 2
"""Random parts of all deltas that are joined and compared with the model."""

_KEPT = 0.7
"""Share of the deltas in such a part."""


def check_history(
    history: History[C],
    carriers: Sequence[Carrier] = (through_json,),
    told: Told | None = None,
) -> None:
    """Check all laws on one history.

    Args:
        history: What was done.
        carriers: Each takes a payload to bytes and back.
        told: What fingerprints told of in other histories of the type; this one's are added.

    Raises:
        LawBrokenError: One does not hold; the message names it, the type and the script.
    """
    try:
        for law in _LAWS:
            law(history)
        _fingerprints_tell_states_apart(history, {} if told is None else told)
        for carrier in carriers:
            _payloads_survive(history, carrier)
    except Exception as error:
        raise broken(history.subject, error, history.script, history.told) from error


def broken(
    subject: Subject[C], error: Exception, script: bytes, told: Sequence[str] = ()
) -> LawBrokenError:
    """Return the error that names a type, the law that it breaks, and what was done."""
    if isinstance(error, PayloadError):
        error = LawBrokenError("its own payload is refused", f": {error}")
    elif not isinstance(error, LawBrokenError):
        error = LawBrokenError(f"it raises {type(error).__name__}", f": {error}")
    steps = "".join([f"\n    {step}" for step in told])
    named = LawBrokenError(f"{subject.kind.__qualname__}: {error.law}")
    named.args = (f"{subject.kind.__qualname__}: {error}{steps}\n(script {script.hex()!r})",)
    return named


def _steps_are_sound(history: History[C]) -> None:
    if history.raised is not None:
        raise history.raised
    demand(not history.unfit, "".join(history.unfit[:1]))


def _values_are_those_of_the_model(history: History[C]) -> None:
    for state, shadow in history.snapshots:
        _expect_value(history, state, shadow)


def _equal_shadows_have_equal_states(history: History[C]) -> None:
    seen: dict[frozenset[int], bytes | None] = {}
    for state, shadow in history.snapshots:
        bytes_now = canonical(state)
        demand(seen.setdefault(shadow, bytes_now) == bytes_now, "same updates, other state")


def _fingerprints_tell_states_apart(history: History[C], told: Told) -> None:
    prints: dict[bytes, bytes] = {}
    for state in [state for state, _ in history.snapshots if canonical(state) is not None]:
        known, print_now = hashed(state.canonical()), state.fingerprint(hashed)
        once = prints.setdefault(known, print_now) == print_now
        demand(once, "one state has two fingerprints")
        demand(told.setdefault(print_now, known) == known, "two states have one fingerprint")


def _joins_commute_associate_and_repeat(history: History[C]) -> None:
    states = sample(history)
    for x in states:
        demand(canonical(merged(x, x)) == canonical(x), "merge is not idempotent")
        for y in states:
            both = merged(x, y)
            demand(canonical(both) == canonical(merged(y, x)), "merge does not commute")
            for z in states:
                grouped = merged(x, merged(y, z))
                demand(canonical(merged(both, z)) == canonical(grouped), "merge does not associate")


def _order_and_growth_are_told_truly(history: History[C]) -> None:
    states = sample(history)
    for x in states:
        for y in states:
            both = merged(x, y)
            demand(x.compare(both) and y.compare(both), "merge is not an upper bound by compare")
            below = canonical(both) == canonical(y)
            demand(x.compare(y) == below, "compare disagrees with merge")
            joined = y.clone()
            demand(joined.join(x) == (not below), "join does not tell growth truly")
            demand(canonical(joined) == canonical(both), "join disagrees with merge")


def _acts_never_make_less(history: History[C]) -> None:
    demand(history.inflates, "an act makes the state less than it was")


def _merging_leaves_its_arguments_alone(history: History[C]) -> None:
    states = sample(history)
    for x in states:
        for y in states:
            before = canonical(x), canonical(y)
            both, joined = merged(x, y), x.clone()
            joined.join(y)
            demand((canonical(x), canonical(y)) == before, "merge changes its arguments")
            _change(history, both)
            _change(history, joined)
            demand((canonical(x), canonical(y)) == before, "a join aliases its arguments")


def _read(history: History[C], state: C) -> Any:
    return history.subject.read(state)


def _change(history: History[C], state: C, numbers: Sequence[int] = (1,)) -> None:
    acts = history.subject.acts
    for act in acts[:: 1 + len(acts) // _SPOILERS]:
        for number in numbers:
            try:
                act(state, number)
            except (KeyError, ValueError):
                continue


def _values_are_free(history: History[C]) -> None:
    for state in sample(history)[:1]:
        before, read = canonical(state), _read(history, state)
        _scramble(state.value)
        demand(canonical(state) == before, "a value is shared with the object")
        demand(_read(history, state) == read, "a value is not computed afresh")
        _change(history, state, (1, 255 // len(history.subject.acts)))
        again = _read(history, type(state).from_payload(state.payload))
        demand(_read(history, state) == again, "a value is not that of the payload")


def _copies_are_free(history: History[C]) -> None:
    for state in sample(history):
        before = canonical(state)
        copies = [state.clone(), copy(state), deepcopy(state)]
        if _has_a_name(type(state)):
            copies.append(pickle.loads(pickle.dumps(state)))
        for made in copies:
            demand(canonical(made) == before, "a copy is in another state")
            demand(made.replica is None, "a copy took the replica along")
            demand(_read(history, made) == _read(history, state), "a copy has another value")
            _change(history, made)
            demand(canonical(state) == before, "a copy shares something with its original")
        demand(keeps_its_fingerprint(copies[0]), "a copy has a wrong fingerprint")
        demand(keeps_its_fingerprint(state), "a state has the fingerprint of a copy")


def _has_a_name(kind: type[Any]) -> bool:
    """Tell whether pickle finds a class by its name; it finds none made in a function."""
    try:
        pickle.dumps(kind)
    except (pickle.PicklingError, AttributeError):
        return False
    return True


def _replicas_settle_equal(history: History[C]) -> None:
    ended = [replica.object.clone() for replica in history.replicas]
    chance = Random(len(history.events))
    settled = []
    for mine in ended:
        state = mine.clone()
        for other in _shuffled(chance, ended + ended):
            state.join(other)
        demand(keeps_its_fingerprint(state), "a fingerprint does not follow joins")
        settled.append(state)
    demand(len({canonical(state) for state in settled}) == 1, "settled replicas differ")
    _expect_value(history, settled[0], range(len(history.events)))
    if all(event.delta is not None for event in history.events):
        _deltas_amount_to(history, settled[0], chance)


def _deltas_amount_to(history: History[C], settled: C, chance: Random) -> None:
    numbers = range(len(history.events))
    fed = _fed(history, chance, numbers)
    demand(canonical(fed) == canonical(settled), "all deltas in some order are not all states")
    for _ in range(_SUBSETS):
        some = [number for number in numbers if chance.random() < _KEPT]
        one, other = _fed(history, chance, some), _fed(history, chance, some)
        demand(canonical(one) == canonical(other), "some deltas in two orders give two states")
        _expect_value(history, one, some)
        one.join(settled)
        demand(canonical(one) == canonical(settled), "some deltas, then the state: not the state")


def _fed(history: History[C], chance: Random, numbers: Iterable[int]) -> C:
    """Return a fresh object that some deltas were joined into, in some order, some twice."""
    fed = history.subject.new()
    often = [number for number in numbers for _ in range(1 + chance.randrange(2))]
    for number in _shuffled(chance, often):
        fed.join(history.events[number].delta)
    return fed


def _expect_value(history: History[C], state: C, shadow: Iterable[int]) -> None:
    expected = history.model.value(shadow)
    if expected is not NOT_SAID:
        found = _read(history, state)
        how = f": it is {found!r:.300}, the model says {expected!r:.300}"
        demand(found == expected, "the value is not the expected one", how)


def _shuffled(chance: Random, items: Iterable[Any]) -> list[Any]:
    mixed = list(items)
    chance.shuffle(mixed)
    return mixed


def _deltas_have_no_replica(history: History[C]) -> None:
    for event in history.events:
        if event.delta is not None:
            demand(event.delta.replica is None, "a delta has a replica")


def _fresh_objects_are_the_bottom(history: History[C]) -> None:
    for state in sample(history):
        before = canonical(state)
        fresh = history.subject.new()
        demand(fresh.compare(state), "a fresh object is not below every state")
        demand(not state.join(history.subject.new()), "joining a fresh object grows a state")
        demand(canonical(state) == before, "joining a fresh object changes a state")
        fresh.join(state)
        demand(canonical(fresh) == before, "a fresh object does not take over a state")
        if history.subject.make is None:
            new = canonical(state) == canonical(history.subject.new())
            demand(state.initial == new, "initial is not told truly")


def _payloads_survive(history: History[C], carrier: Carrier) -> None:
    # A live object as well: what was copied once may have lost already what a payload loses.
    live = [replica.object for replica in history.replicas[-1:] if canonical(replica.object)]
    for state in [*sample(history), *live]:
        payload = state.payload
        carried = carrier(payload)
        demand(_same(carried, payload), "a payload does not survive its carrier")
        before = canonical(state)
        back, assigned = type(state).from_payload(_reversed(carried)), history.subject.new()
        demand(canonical(back) == before, "from_payload gives another state")
        demand(_same(back.payload, payload), "a payload is not canonical")
        demand(_read(history, back) == _read(history, state), "from_payload gives another value")
        assigned.payload = carried
        _scramble(carried)
        demand(canonical(assigned) == before, "an object shares the payload that it was given")
        _scramble(payload)
        demand(canonical(state) == before, "an object shares the payload that it gave")


def _same(one: Any, other: Any) -> bool:
    """Tell whether two payloads are equal in types too: 1, True and 1.0 are three."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return bool(one == other)


def _reversed(payload: Any) -> Any:
    """Return a copy with every dict in the opposite order."""
    if isinstance(payload, dict):
        return {key: _reversed(payload[key]) for key in reversed(payload)}
    return [_reversed(item) for item in payload] if isinstance(payload, list) else payload


def _scramble(payload: Any) -> None:
    """Spoil everything mutable in a payload or value."""
    if isinstance(payload, set):
        payload.clear()
    if isinstance(payload, dict | list):
        for item in payload.values() if isinstance(payload, dict) else payload:
            _scramble(item)
        payload.clear()


_LAWS: tuple[Callable[[History[Any]], None], ...] = (
    _steps_are_sound,
    _values_are_those_of_the_model,
    _equal_shadows_have_equal_states,
    _joins_commute_associate_and_repeat,
    _order_and_growth_are_told_truly,
    _acts_never_make_less,
    _merging_leaves_its_arguments_alone,
    _values_are_free,
    _copies_are_free,
    _replicas_settle_equal,
    _deltas_have_no_replica,
    _fresh_objects_are_the_bottom,
    *OFFERED,
)
