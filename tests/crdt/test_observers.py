"""Observers see each delta before it applies, and may refuse it."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest

from crdt import (
    AddRemovePartialOrder,
    BoundedCounter,
    DisableWinsFlag,
    EnableWinsFlag,
    GCounter,
    GSet,
    LWWRegister,
    LWWSet,
    MaxRegister,
    MinRegister,
    MonotonicDAG,
    MVRegister,
    ORSet,
    PNCounter,
    PNSet,
    RWSet,
    Tree,
    TwoPSet,
    TwoPTwoPGraph,
    USet,
)
from tests.crdt.kinds import BUILT_IN, Change

every_type = pytest.mark.parametrize("kind", BUILT_IN)

MUTATIONS: list[tuple[Any, Change]] = [
    (GCounter, lambda s: s.increment(2)),
    (PNCounter, lambda s: s.increment(2)),
    (PNCounter, lambda s: s.decrement(2)),
    (GSet, lambda s: s.add("new")),
    (GSet, lambda s: s.update(["new", "newer"])),
    (TwoPSet, lambda s: s.update(["new", "newer"])),
    (TwoPSet, lambda s: s.discard("old")),
    (LWWSet, lambda s: s.add("old")),
    (LWWSet, lambda s: s.update(["new", "newer"])),
    (LWWSet, lambda s: s.discard("never there")),
    (LWWSet, lambda s: s.clear()),
    (ORSet, lambda s: s.add("old")),
    (ORSet, lambda s: s.add("new")),
    (ORSet, lambda s: s.add(7)),
    (ORSet, lambda s: s.update(["new", "newer"])),
    (ORSet, lambda s: s.remove("old")),
    (ORSet, lambda s: s.discard("old")),
    (ORSet, lambda s: s.clear()),
    (LWWRegister, lambda s: s.assign("new")),
    (Tree, lambda s: s.move("new", "n0")),
    (Tree, lambda s: s.move("n1", "n0")),
    (TwoPTwoPGraph, lambda s: s.add_vertex("new")),
    (TwoPTwoPGraph, lambda s: s.add_edge("n0", "n1")),
    (TwoPTwoPGraph, lambda s: s.remove_vertex("n0")),
    (MonotonicDAG, lambda s: s.add_between("n0", f"new{len(s)}", s.END)),
    (MonotonicDAG, lambda s: s.add_between(s.START, f"new{len(s)}", "n0")),
    (AddRemovePartialOrder, lambda s: s.add_between("n0", f"new{len(s)}", s.END)),
    (AddRemovePartialOrder, lambda s: s.remove_vertex("n0")),
    (BoundedCounter, lambda s: s.increment(2)),
    (BoundedCounter, lambda s: s.decrement(2)),
    (BoundedCounter, lambda s: s.transfer(2, "you")),
    (BoundedCounter, lambda s: s.leave("you")),
    (EnableWinsFlag, lambda s: s.enable()),
    (EnableWinsFlag, lambda s: s.disable()),
    (DisableWinsFlag, lambda s: s.enable()),
    (DisableWinsFlag, lambda s: s.disable()),
    (MVRegister, lambda s: s.assign("new")),
    (MaxRegister, lambda s: s.assign("new")),
    (MinRegister, lambda s: s.assign(None)),
    (USet, lambda s: s.update(["new", "newer"])),
    (USet, lambda s: s.discard("old")),
    (PNSet, lambda s: s.add("old")),
    (PNSet, lambda s: s.update(["new", "old"])),
    (PNSet, lambda s: s.discard("old")),
    (PNSet, lambda s: s.remove("old")),
    (PNSet, lambda s: s.clear()),
    (RWSet, lambda s: s.add("old")),
    (RWSet, lambda s: s.update(["new", "old"])),
    (RWSet, lambda s: s.discard("never there")),
    (RWSet, lambda s: s.remove("old")),
    (RWSet, lambda s: s.clear()),
]
IN_PLACE: list[tuple[Any, Change]] = [
    (GSet, lambda s: s.__ior__({"new"})),
    (TwoPSet, lambda s: s.__isub__({"old"})),
    (LWWSet, lambda s: s.__ior__({"new"})),
    (ORSet, lambda s: s.__ior__({"new", "newer"})),
    (ORSet, lambda s: s.__isub__({"old", "older"})),
    (ORSet, lambda s: s.__iand__({"new"})),
    (ORSet, lambda s: s.__ixor__({"old", "new"})),
    (ORSet, lambda s: s.pop()),
    (USet, lambda s: s.__ixor__({"old", "new"})),
    (PNSet, lambda s: s.__ior__({"new", "old"})),
    (PNSet, lambda s: s.__isub__({"old", "older"})),
    (PNSet, lambda s: s.__ixor__({"old", "new"})),
    (PNSet, lambda s: s.pop()),
    (RWSet, lambda s: s.__ior__({"new", "old"})),
    (RWSet, lambda s: s.__isub__({"old", "oldest"})),
    (RWSet, lambda s: s.__iand__({"new"})),
    (RWSet, lambda s: s.__ixor__({"old", "new"})),
    (RWSet, lambda s: s.pop()),
]


def adding_x(state: Any) -> Any:
    return state.add("x")


def used(kind: type[Any]) -> Any:
    state = kind("me")
    for element in ("old", "older"):
        if hasattr(state, "add"):
            state.add(element)
        elif kind in (Tree, TwoPTwoPGraph, MonotonicDAG, AddRemovePartialOrder):
            BUILT_IN[kind](state)
        elif hasattr(state, "enable"):
            state.enable()
        else:
            (state.assign if hasattr(state, "assign") else state.increment)(1)
    return state


@pytest.mark.parametrize(("kind", "mutate"), MUTATIONS)
def test_a_mutator_shows_its_delta_before_it_applies_and_returns_it(
    kind: type[Any], mutate: Change
) -> None:
    state = used(kind)
    before = state.canonical()
    seen: list[tuple[Any, bytes]] = []
    state.observe(lambda delta: seen.append((delta, state.canonical())))
    returned = mutate(state)
    ((delta, then),) = seen
    assert returned is delta
    assert then == before != state.canonical()


@pytest.mark.parametrize(("kind", "mutate"), MUTATIONS)
def test_a_delta_joined_to_the_state_before_gives_the_state_after(
    kind: type[Any], mutate: Change
) -> None:
    state = used(kind)
    before = state.clone()
    delta = mutate(state)
    assert type(delta) is kind
    assert before.join(delta)
    assert before.canonical() == state.canonical()
    assert not before.join(delta)


@pytest.mark.parametrize(("kind", "mutate"), MUTATIONS)
def test_a_delta_has_no_replica_clock_or_observer_and_stands_alone(
    kind: type[Any], mutate: Change
) -> None:
    state = used(kind)
    state.observe(lambda delta: None)
    delta = mutate(state)
    told = delta.canonical()
    assert delta._seat is None
    with contextlib.suppress(KeyError, ValueError):
        mutate(state)
    assert delta.canonical() == told
    assert kind.from_payload(delta.payload).canonical() == told


@pytest.mark.parametrize(("kind", "mutate"), MUTATIONS + IN_PLACE)
def test_a_refused_mutation_changes_nothing(kind: type[Any], mutate: Change) -> None:
    state = used(kind)
    before = state.canonical()

    def refuse(delta: Any) -> None:
        raise PermissionError("not now")

    end = state.observe(refuse)
    with pytest.raises(PermissionError):
        mutate(state)
    assert state.canonical() == before
    end()
    mutate(state)
    assert state.canonical() != before


@pytest.mark.parametrize(("kind", "mutate"), IN_PLACE)
def test_an_operator_in_place_gives_one_delta(kind: type[Any], mutate: Change) -> None:
    state = used(kind)
    before = state.clone()
    deltas: list[Any] = []
    state.observe(deltas.append)
    mutate(state)
    (delta,) = deltas
    before.join(delta)
    assert before.canonical() == state.canonical()


@pytest.mark.parametrize(
    ("kind", "mutations"),
    [
        (GCounter, [lambda s: s.increment()] * 3),
        (PNCounter, [lambda s: s.increment(), lambda s: s.decrement()] * 2),
        (LWWRegister, [lambda s: s.assign("v")] * 3),
        (ORSet, [lambda s: s.add("x"), lambda s: s.add("y"), lambda s: s.remove("x"), adding_x]),
    ],
)
def test_a_watched_object_on_the_short_path_shows_every_delta_before_it_applies(
    kind: type[Any], mutations: list[Change]
) -> None:
    state = used(kind)
    seen: list[tuple[Any, bytes]] = []
    state.observe(lambda delta: seen.append((delta, state.canonical())))
    for mutate in mutations:
        before = state.clone()
        delta = mutate(state)
        assert seen.pop() == (delta, before.canonical())
        assert seen == []
        before.join(delta)
        assert before.canonical() == state.canonical()

    def refuse(delta: Any) -> None:
        raise PermissionError

    state.observe(refuse)
    for mutate in mutations:
        before = state.clone()
        with pytest.raises(PermissionError):
            mutate(state)
        assert state.canonical() == before.canonical()


@pytest.mark.parametrize(
    ("kind", "mutate"),
    [
        (GCounter, lambda s: s.increment(0)),
        (PNCounter, lambda s: s.decrement(0)),
        (GSet, lambda s: s.add("old")),
        (GSet, lambda s: s.update([])),
        (TwoPSet, lambda s: s.add("old")),
        (TwoPSet, lambda s: s.discard("new")),
        (LWWSet, lambda s: s.update([])),
        (ORSet, lambda s: s.discard("new")),
        (ORSet, lambda s: s.discard(["unhashable"])),
        (ORSet, lambda s: s.update()),
        (LWWSet, lambda s: s.discard(["unhashable"])),
        (BoundedCounter, lambda s: s.increment(0)),
        (BoundedCounter, lambda s: s.decrement(0)),
        (BoundedCounter, lambda s: s.transfer(0, "you")),
        (MaxRegister, lambda s: s.assign(0)),
        (MinRegister, lambda s: s.assign("more")),
        (USet, lambda s: s.discard("new")),
        (PNSet, lambda s: s.discard("new")),
        (PNSet, lambda s: s.update()),
        (PNSet, lambda s: s.discard(["unhashable"])),
        (RWSet, lambda s: s.update()),
        (RWSet, lambda s: s.discard(["unhashable"])),
    ],
)
def test_no_change_gives_an_empty_delta_and_shows_nothing(kind: type[Any], mutate: Change) -> None:
    state = used(kind)
    state.observe(lambda delta: pytest.fail("there is nothing to see"))
    assert mutate(state).initial


@every_type
def test_an_observer_sees_nothing_after_its_end(kind: type[Any], change: Change) -> None:
    state = kind()
    deltas: list[Any] = []
    end = state.observe(deltas.append)
    change(state)
    end()
    end()
    change(state)
    assert len(deltas) == 1


def test_a_callback_that_observes_twice_is_told_twice_and_ends_once() -> None:
    counter = PNCounter()
    deltas: list[Any] = []
    first, _ = counter.observe(deltas.append), counter.observe(deltas.append)
    counter.increment()
    assert len(deltas) == 2
    first()
    first()
    counter.increment()
    assert len(deltas) == 3


def test_observers_are_asked_in_order_and_the_first_refusal_counts() -> None:
    counter = PNCounter()
    asked: list[str] = []

    def refuse(delta: Any) -> None:
        asked.append("second")
        raise PermissionError

    counter.observe(lambda delta: asked.append("first"))
    counter.observe(refuse)
    counter.observe(lambda delta: asked.append("third"))
    with pytest.raises(PermissionError):
        counter.increment()
    assert asked == ["first", "second"]


def test_an_observer_must_be_callable() -> None:
    with pytest.raises(TypeError, match="callable"):
        PNCounter().observe("no")  # type: ignore[arg-type]  # the point of the test


@every_type
def test_an_observer_cannot_change_the_object_whose_delta_it_is_shown(
    kind: type[Any], change: Change
) -> None:
    state, other = kind("me"), kind("other")
    change(other)
    attempts = [
        lambda: change(state),
        lambda: state.absorb(other),
        lambda: state.join(other),
        lambda: setattr(state, "payload", other.payload),
    ]
    for attempt in attempts:
        end = state.observe(lambda delta, attempt=attempt: attempt())
        with pytest.raises(RuntimeError, match="observer"):
            change(state)
        assert state.initial
        end()
    change(state)


# --- join and absorb -----------------------------------------------------------------------------


@every_type
def test_a_users_join_passes_the_observers(kind: type[Any], change: Change) -> None:
    state, other = kind("me"), kind("other")
    change(other)
    deltas: list[Any] = []
    state.observe(deltas.append)
    assert state.join(other)
    (delta,) = deltas
    assert delta is not other
    assert delta.canonical() == other.canonical()


@every_type
def test_a_join_that_brings_nothing_is_shown_to_nobody(kind: type[Any], change: Change) -> None:
    state = kind("me")
    delta = change(state)
    state.observe(lambda delta: pytest.fail("there is nothing to see"))
    assert not state.join(delta)
    assert not state.join(state)
    assert not state.join(kind())


@every_type
def test_a_refused_join_changes_nothing(kind: type[Any], change: Change) -> None:
    state, other = kind("me"), kind("other")
    change(other)

    def refuse(delta: Any) -> None:
        raise PermissionError

    state.observe(refuse)
    with pytest.raises(PermissionError):
        state.join(other)
    assert state.initial


@every_type
def test_absorbing_is_not_shown_to_observers(kind: type[Any], change: Change) -> None:
    state, other = kind("me"), kind("other")
    change(other)
    state.observe(lambda delta: pytest.fail("a node's join is not shown"))
    assert state.absorb(other)
    assert not state.absorb(other)
    assert not state.absorb(state)
    assert state.canonical() == other.canonical()


class Later(GCounter):
    pass


@pytest.mark.parametrize("wrong", [PNCounter(), Later(), {"a": 1}, None])
@pytest.mark.parametrize("how", ["join", "absorb", "compare"])
def test_other_types_do_not_join(wrong: Any, how: str) -> None:
    counter = GCounter("a")
    counter.increment()
    with pytest.raises(TypeError, match="joins only with its own type"):
        getattr(counter, how)(wrong)
    with pytest.raises(TypeError):
        GCounter.merge(counter, wrong)
    with pytest.raises(TypeError):
        GCounter.merge(wrong, counter)
    assert counter.payload == {"a": 1}


def test_sets_of_another_bias_do_not_join() -> None:
    one, other = LWWSet(), LWWSet(bias="remove")
    other.add("x")
    with pytest.raises(TypeError, match="bias"):
        one.join(other)
    with pytest.raises(TypeError, match="bias"):
        LWWSet.merge(one, other)
    assert one.initial


def test_a_subclass_joins_with_itself_and_makes_deltas_of_itself() -> None:
    one, other = Later("a"), Later("b")
    one.increment()
    delta = one.increment()
    assert type(delta) is Later
    assert other.join(delta)
    assert Later.merge(one, other).value == 2


class Tagged(ORSet[str]):
    """Has a constructor of its own, and an attribute that every instance needs."""

    def __init__(self) -> None:
        super().__init__()
        self.label = "tags"


def test_a_subclass_that_forgets_the_constructor_of_its_parent_is_told() -> None:
    class Forgetful(ORSet[str]):
        def __init__(self) -> None:
            pass

    with pytest.raises(AttributeError, match="constructor of this Forgetful"):
        Forgetful().add("x")


def test_a_subclass_is_always_built_by_its_own_constructor() -> None:
    tags = Tagged()
    tags.add("x")
    delta = tags.add("y")
    made = [delta, tags.clone(), Tagged.merge(tags, delta), Tagged.from_payload(tags.payload)]
    made += [tags.add("z"), tags.remove("x")]
    assert {one.label for one in made} == {"tags"}
    assert tags == {"y", "z"}
