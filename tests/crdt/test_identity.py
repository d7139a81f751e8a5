"""Who an object acts as, through merges, copies, forks and clashes."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy, deepcopy
import json
import os
import pickle
import re
from typing import Any

import pytest

from crdt import LWWRegister, LWWSet, ORSet, PNCounter, Tree, acting
from crdt import replica as replicas
from tests.crdt.kinds import BUILT_IN, WITH_IDENTITY, WITHOUT_IDENTITY, Change

every_type = pytest.mark.parametrize("kind", BUILT_IN)
every_type_with_identity = pytest.mark.parametrize("kind", WITH_IDENTITY)
Ids = Callable[[], str]


def shown(state: Any) -> str:
    return json.dumps(state.payload)


# --- what an id may be ---------------------------------------------------------------------------


@every_type
def test_an_id_is_any_text_up_to_255_bytes(kind: type[Any]) -> None:
    assert kind(replica="é" * 127 + "x").replica == "é" * 127 + "x"


@pytest.mark.parametrize("replica", ["", "x" * 256, "é" * 128, "\ud800"])
@every_type
def test_an_empty_long_or_broken_id_is_refused(kind: type[Any], replica: str) -> None:
    with pytest.raises(ValueError, match="replica id"):
        kind(replica=replica)
    with pytest.raises(ValueError, match="replica id"):
        kind().clone(replica=replica)
    with pytest.raises(ValueError, match="replica id"):
        kind.from_payload(kind().payload, replica=replica)


@pytest.mark.parametrize("replica", [1, b"a", ["a"]])
@every_type
def test_an_id_that_is_no_text_is_refused(kind: type[Any], replica: Any) -> None:
    with pytest.raises(TypeError, match="replica id"):
        kind(replica=replica)


def test_a_refused_id_leaves_the_old_one() -> None:
    counter = PNCounter("a")
    with pytest.raises(ValueError, match="empty"):
        counter.replica = ""
    assert counter.replica == "a"


# --- when an id is drawn -------------------------------------------------------------------------


@every_type_with_identity
def test_the_first_mutation_draws_a_random_id_of_eleven_characters(
    kind: type[Any], change: Change
) -> None:
    state = kind()
    assert state.replica is None
    change(state)
    assert re.fullmatch(r"[A-Za-z0-9_-]{11}", state.replica)
    assert state.replica in shown(state)


@every_type_with_identity
def test_reading_the_id_never_draws_one(kind: type[Any], change: Change) -> None:
    state = kind()
    assert [state.replica, state.replica] == [None, None]


@pytest.mark.parametrize("kind", WITHOUT_IDENTITY)
def test_a_type_that_needs_no_identity_never_draws_one(kind: type[Any], change: Change) -> None:
    state = kind()
    change(state)
    assert state.replica is None


def test_removing_draws_no_id() -> None:
    tags = ORSet.from_payload(ORSet("a").add("x").payload)
    tags.remove("x")
    assert tags.replica is None


@every_type_with_identity
def test_two_objects_never_draw_the_same_id(kind: type[Any], change: Change) -> None:
    one, other = kind(), kind()
    change(one)
    change(other)
    assert one.replica != other.replica


@every_type_with_identity
def test_an_id_given_by_hand_is_used(kind: type[Any], change: Change) -> None:
    state = kind("me")
    assert '"me"' in shown(change(state))


@every_type_with_identity
def test_setting_the_id_changes_who_acts_from_then_on(kind: type[Any], change: Change) -> None:
    state = kind("one")
    change(state)
    state.replica = "two"
    assert '"two"' in shown(change(state))
    state.replica = None
    assert state.replica is None
    change(state)
    assert state.replica not in (None, "one", "two")


# --- merging -------------------------------------------------------------------------------------


@every_type_with_identity
def test_after_a_merge_the_result_keeps_the_id_if_it_changes_first(
    kind: type[Any], change: Change
) -> None:
    x, y = kind("x"), kind("y")
    change(x)
    change(y)
    merged = kind.merge(x, y)
    assert (x.replica, merged.replica) == ("x", "x")
    assert '"x"' in shown(change(merged))
    assert (x.replica, merged.replica) == (None, "x")
    change(x)
    assert x.replica not in (None, "x", "y")


@every_type_with_identity
def test_after_a_merge_the_first_argument_keeps_the_id_if_it_changes_first(
    kind: type[Any], change: Change
) -> None:
    x, y = kind("x"), kind("y")
    change(x)
    merged = kind.merge(x, y)
    change(x)
    assert (x.replica, merged.replica) == ("x", None)
    change(merged)
    assert merged.replica not in (None, "x", "y")
    assert x.replica == "x"


@every_type_with_identity
def test_of_several_results_of_merges_one_keeps_the_id(kind: type[Any], change: Change) -> None:
    x = kind("x")
    merged = [kind.merge(x, kind("y")) for _ in range(3)]
    deeper = kind.merge(merged[0], merged[1])
    change(deeper)
    for state in (x, *merged):
        assert state.replica is None
        change(state)
    assert len({state.replica for state in (x, deeper, *merged)}) == 5


@every_type_with_identity
def test_the_second_argument_of_a_merge_keeps_its_id(kind: type[Any], change: Change) -> None:
    x, y = kind("x"), kind("y")
    merged = kind.merge(x, y)
    change(merged)
    change(y)
    assert y.replica == "y"


def test_nothing_is_lost_when_both_change_after_a_merge() -> None:
    x = ORSet("x")
    x.add("before")
    merged = ORSet.merge(x, ORSet("y"))
    merged.add("in the result")
    x.add("in the argument")
    assert ORSet.merge(x, merged) == {"before", "in the result", "in the argument"}


@every_type_with_identity
def test_merging_objects_without_an_id_shares_none(kind: type[Any], change: Change) -> None:
    x = kind()
    merged = kind.merge(x, kind())
    change(x)
    change(merged)
    assert x.replica != merged.replica


@every_type_with_identity
def test_joining_keeps_the_id(kind: type[Any], change: Change) -> None:
    x, y = kind("x"), kind("y")
    change(y)
    x.join(y)
    assert (x.replica, y.replica) == ("x", "y")


# --- refused mutations ---------------------------------------------------------------------------


def refuse(delta: Any) -> None:
    raise PermissionError("not now")


@every_type_with_identity
def test_a_refused_mutation_draws_no_id(kind: type[Any], change: Change) -> None:
    state = kind()
    state.observe(refuse)
    with pytest.raises(PermissionError):
        change(state)
    assert state.replica is None


@every_type_with_identity
def test_a_refused_mutation_does_not_settle_who_keeps_a_shared_id(
    kind: type[Any], change: Change
) -> None:
    x = kind("x")
    merged = kind.merge(x, kind("y"))
    merged.observe(refuse)
    with pytest.raises(PermissionError):
        change(merged)
    assert (x.replica, merged.replica) == ("x", "x")
    change(x)
    assert (x.replica, merged.replica) == ("x", None)


def test_a_wrong_argument_settles_nothing() -> None:
    x = PNCounter("x")
    merged = PNCounter.merge(x, PNCounter())
    with pytest.raises(TypeError):
        merged.increment("1")  # type: ignore[arg-type]  # the point of the test
    assert merged.increment(0).initial
    assert (x.replica, merged.replica) == ("x", "x")


# --- copies --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "duplicate",
    [lambda s: s.clone(), copy, deepcopy, lambda s: pickle.loads(pickle.dumps(s))],
    ids=["clone", "copy", "deepcopy", "pickle"],
)
@every_type
def test_a_copy_has_the_state_but_neither_id_nor_observers(
    kind: type[Any], duplicate: Change, change: Change
) -> None:
    state = kind("me")
    change(state)
    deltas: list[Any] = []
    state.observe(deltas.append)
    made = duplicate(state)
    assert made.canonical() == state.canonical()
    assert made.replica is None
    change(made)
    assert deltas == []
    assert made.replica != "me"
    change(state)
    assert len(deltas) == 1
    assert state.replica == "me"


@every_type_with_identity
def test_a_copy_made_with_an_id_acts_as_it(kind: type[Any], change: Change) -> None:
    state = kind("me")
    change(state)
    other = state.clone(replica="other")
    assert '"other"' in shown(change(other))
    loaded = kind.from_payload(state.payload, replica="third")
    assert '"third"' in shown(change(loaded))


def at_five() -> int:
    return 5


@pytest.mark.parametrize(
    "duplicate",
    [lambda s: s.clone(), copy, deepcopy, lambda s: pickle.loads(pickle.dumps(s))],
    ids=["clone", "copy", "deepcopy", "pickle"],
)
@pytest.mark.parametrize("kind", [LWWRegister, LWWSet, Tree])
def test_a_copy_keeps_the_clock(kind: type[Any], duplicate: Change, change: Change) -> None:
    state = kind(clock=at_five)
    assert "[5, 0]" in shown(change(duplicate(state)))


@pytest.mark.parametrize("duplicate", [copy, deepcopy, lambda s: pickle.loads(pickle.dumps(s))])
def test_a_copy_keeps_the_bias(duplicate: Change) -> None:
    assert duplicate(LWWSet(bias="remove")).bias == "remove"


@every_type_with_identity
def test_assigning_the_payload_forgets_the_id(kind: type[Any], change: Change) -> None:
    state = kind("me")
    change(state)
    state.payload = state.payload
    assert state.replica is None
    change(state)
    assert state.replica not in (None, "me")


def test_assigning_the_payload_keeps_the_clock() -> None:
    title = LWWRegister(clock=at_five)
    title.payload = []
    assert title.assign("x").payload[0] == [5, 0]


# --- forks ---------------------------------------------------------------------------------------


@pytest.mark.process
@every_type_with_identity
def test_a_forked_child_acts_as_somebody_else_and_unobserved(
    kind: type[Any], change: Change
) -> None:
    state = kind("me")
    change(state)
    change(state)
    deltas: list[Any] = []
    state.observe(deltas.append)
    shared = kind.merge(state, kind())
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        told: Any
        try:
            told = [state.replica, shared.replica]
            change(state)
            change(shared)
            told += [state.replica, shared.replica, len(deltas)]
        except BaseException as error:  # noqa: BLE001  # it must not get into the parent's tests
            told = repr(error)
        os.write(writer, json.dumps(told).encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        before, before_shared, after, after_shared, observed = json.loads(pipe.read())
    os.waitpid(child, 0)
    assert (before, before_shared, observed) == (None, None, 0)
    assert None not in (after, after_shared)
    assert "me" not in (after, after_shared)
    change(state)
    assert state.replica == "me"
    assert len(deltas) == 1


@every_type_with_identity
def test_an_object_that_finds_itself_in_another_process_starts_anew(
    kind: type[Any], change: Change, monkeypatch: pytest.MonkeyPatch
) -> None:
    state, bound = kind("me"), kind()
    bound.bind("node")
    deltas: list[Any] = []
    for one in (state, bound):
        change(one)
        one.observe(deltas.append)
        change(one)
    monkeypatch.setattr(replicas, "process", replicas.process)  # so that it is set back
    replicas._enter_child()
    assert (state.replica, bound.replica) == (None, None)
    for one in (state, bound):
        change(one)
        assert one.replica not in (None, "me", "node")
    assert len(deltas) == 2
    bound.payload = state.payload


def test_a_copied_process_changes_nothing_under_the_id_of_the_parent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    letters, count, more = ORSet("me"), PNCounter("me"), PNCounter("me")
    letters.update(["a", "b"])
    count.decrement(2)
    more.increment(2)
    monkeypatch.setattr(replicas, "process", replicas.process)  # so that it is set back
    replicas._enter_child()
    letters.remove("a")
    count.decrement(3)
    more.increment(3)
    assert (letters, count.value, more.value) == ({"b"}, -5, 5)
    assert letters.replica is None  # removing needs none
    assert count.replica not in (None, "me")
    assert count.payload["me"] == [0, 2]
    assert more.payload["me"] == [2, 0]


# --- clashes: somebody else uses the id ----------------------------------------------------------


@every_type_with_identity
def test_an_object_gives_up_an_id_of_which_a_joined_state_shows_more(
    kind: type[Any], change: Change
) -> None:
    mine, theirs = kind("me", **later(kind, 1)), kind("me", **later(kind, 2))
    change(theirs)
    change(theirs)
    mine.join(theirs)
    assert mine.replica is None
    change(mine)
    assert mine.replica not in (None, "me")


@every_type_with_identity
def test_an_object_on_the_short_path_gives_up_a_clashing_id_as_well(
    kind: type[Any], change: Change
) -> None:
    mine, theirs = kind("me", **later(kind, 1)), kind("me", **later(kind, 2))
    for _ in range(3):
        change(mine)
    for _ in range(5):
        change(theirs)
    mine.join(theirs)
    change(mine)
    assert mine.replica not in (None, "me")


def later(kind: type[Any], now: int) -> dict[str, Any]:
    return {"clock": lambda: now} if kind in (LWWRegister, LWWSet) else {}


@every_type_with_identity
def test_a_state_with_no_more_of_the_id_than_was_made_here_takes_nothing_away(
    kind: type[Any], change: Change
) -> None:
    state = kind("me")
    delta = change(state)
    before = state.clone()
    change(state)
    state.join(before)
    state.join(delta)
    assert state.replica == "me"


@every_type_with_identity
def test_the_result_of_a_merge_gives_up_an_id_of_which_the_other_side_shows_more(
    kind: type[Any], change: Change
) -> None:
    mine, theirs = kind("me", **later(kind, 1)), kind("me", **later(kind, 2))
    change(mine)
    change(theirs)
    change(theirs)
    merged = kind.merge(mine, theirs)
    assert merged.replica is None
    change(merged)
    assert merged.replica not in (None, "me")


def test_a_redraw_never_repeats_an_id_that_was_held(ids: Ids) -> None:
    drawn: list[str] = []

    def repeating() -> str:
        drawn.append(ids() if len(drawn) > 2 else "n0")
        return drawn[-1]

    with acting(replica=repeating):
        counter = PNCounter()
        counter.increment()
        assert counter.replica == "n0"
        counter.join(PNCounter.from_payload({"n0": [7, 0]}))
        counter.increment()
    assert drawn[:3] == ["n0", "n0", "n0"]
    assert counter.replica == "n1"


def test_a_source_that_only_repeats_itself_is_given_up() -> None:
    with acting(replica=lambda: "again"):
        counter = PNCounter()
        counter.increment()
        counter.replica = None
        counter.increment()
    assert counter.replica not in (None, "again")


def test_a_drawn_id_is_never_one_that_the_state_names() -> None:
    counter = PNCounter.from_payload({"n1": [3, 0]})
    with acting(replica="n1"):
        counter.increment()
    assert counter.replica != "n1"
    assert counter.value == 4


@every_type_with_identity
def test_unknown_replicas_are_kept_whatever_they_are_called(
    kind: type[Any], change: Change
) -> None:
    state = kind("\x00 weird/…\U0001f600")
    change(state)
    assert kind.from_payload(state.payload).payload == state.payload


# --- acting --------------------------------------------------------------------------------------


@every_type_with_identity
def test_what_is_created_inside_acting_takes_its_id_from_there_for_life(
    kind: type[Any], change: Change, ids: Ids
) -> None:
    with acting(replica=ids):
        state = kind()
    change(state)
    assert state.replica == "n1"


@every_type_with_identity
def test_what_is_changed_inside_acting_takes_its_id_from_there(
    kind: type[Any], change: Change
) -> None:
    state = kind()
    with acting(replica="n1"):
        change(state)
    assert state.replica == "n1"


@every_type_with_identity
def test_an_id_given_by_hand_stands_above_acting(kind: type[Any], change: Change) -> None:
    state = kind("me")
    with acting(replica="n1"):
        change(state)
    assert state.replica == "me"


@pytest.mark.parametrize("kind", [LWWRegister, LWWSet])
def test_time_comes_from_the_hand_then_from_acting_here_then_from_acting_at_birth(
    kind: type[Any], change: Change
) -> None:
    with acting(clock=lambda: 7):
        born, given = kind(), kind(clock=lambda: 9)
    assert "[7, 0]" in shown(change(born.clone()))
    with acting(clock=lambda: 8):
        assert "[8, 0]" in shown(change(born))
        assert "[9, 0]" in shown(change(given))


def test_inner_blocks_change_only_what_they_name() -> None:
    with acting(replica="n1", clock=lambda: 5):
        with acting(clock=lambda: 6):
            assert LWWRegister().assign(1).payload == [[6, 0], "n1", 1]
        with acting(replica="n2"):
            assert LWWRegister().assign(1).payload == [[5, 0], "n2", 1]
    assert LWWRegister().assign(1).payload[1] not in ("n1", "n2")


@pytest.mark.parametrize(
    ("wrong", "error"),
    [({"replica": ""}, ValueError), ({"replica": 5}, TypeError), ({"clock": 5}, TypeError)],
)
def test_wrong_arguments_of_acting_are_refused(
    wrong: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error), acting(**wrong):
        pass


def test_a_source_that_makes_no_id_fails_the_mutation_and_changes_nothing() -> None:
    counter = PNCounter()
    with acting(replica=lambda: ""), pytest.raises(ValueError, match="empty"):
        counter.increment()
    assert counter.initial


def test_a_clock_that_is_no_callable_is_refused() -> None:
    with pytest.raises(TypeError, match="callable"):
        LWWRegister(clock=5)  # type: ignore[arg-type]  # the point of the test


def test_a_copy_made_inside_acting_never_takes_the_fixed_id_of_its_original() -> None:
    with acting(replica="n1"):
        original = ORSet()
        made = original.clone()
        original.add("x")
        made.add("y")
    assert ORSet.merge(original, made) == {"x", "y"}


# --- bound objects -------------------------------------------------------------------------------


@every_type_with_identity
def test_a_bound_object_keeps_its_id_in_a_merge(kind: type[Any], change: Change) -> None:
    state = kind()
    state.bind("node")
    merged = kind.merge(state, kind())
    assert merged.replica is None
    change(merged)
    change(state)
    assert state.replica == "node"
    assert merged.replica != "node"


def test_a_bound_object_draws_from_its_spare_source_when_its_id_clashes(ids: Ids) -> None:
    counter = PNCounter()
    counter.bind("node", spare=ids)
    counter.increment()
    counter.absorb(PNCounter.from_payload({"node": [9, 0]}))
    counter.increment()
    assert counter.payload == {"n1": [1, 0], "node": [9, 0]}


def test_a_bound_object_takes_time_from_its_node() -> None:
    title = LWWRegister(clock=lambda: 1)
    title.bind("node", clock=lambda: 2)
    assert title.assign("x").payload == [[2, 0], "node", "x"]
    title.bind("node")
    with acting(clock=lambda: 3):
        assert title.assign("y").payload[0] == [2, 1]


@pytest.mark.parametrize("wrong", [{"spare": "n2"}, {"clock": 5}])
def test_wrong_arguments_of_bind_are_refused(wrong: dict[str, Any]) -> None:
    counter = PNCounter("a")
    with pytest.raises(TypeError, match="callable"):
        counter.bind("node", **wrong)
    assert counter.replica == "a"


@every_type
def test_the_payload_of_a_bound_object_cannot_be_assigned(kind: type[Any]) -> None:
    state = kind()
    state.bind("node")
    with pytest.raises(RuntimeError, match="join"):
        state.payload = kind().payload
    assert state.replica == "node"


@every_type
def test_the_id_of_a_bound_object_cannot_be_set(kind: type[Any]) -> None:
    state = kind()
    state.bind("node")
    for other in ("me", None):
        with pytest.raises(RuntimeError, match="acts as the node does"):
            state.replica = other
    assert state.replica == "node"
