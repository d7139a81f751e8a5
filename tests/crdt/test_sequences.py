"""Sequences: alone they are lists; together they keep what was inserted where it was meant."""

from __future__ import annotations

from itertools import pairwise, permutations
from random import Random
from typing import Any

import pytest

from crdt import RGA, GCounter, Logoot, PayloadError, Sequence, Text

LISTS: list[type[Any]] = [Sequence, RGA, Logoot]
ALL: list[type[Any]] = [*LISTS, Text]
every_list = pytest.mark.parametrize("kind", LISTS)
every_sequence = pytest.mark.parametrize("kind", ALL)
two_sided = pytest.mark.parametrize("kind", [Sequence, Text])
anchored = pytest.mark.parametrize("kind", [Sequence, Text, RGA])


def holding(kind: type[Any], items: Any, replica: str = "me") -> Any:
    state = kind(replica)
    state.extend(items)
    return state


def shown(state: Any) -> str:
    return "".join(state)


# --- alone, a sequence is a list ---------------------------------------------------------------


@every_sequence
def test_a_sequence_edits_as_a_list_does(kind: type[Any]) -> None:
    chance = Random(7)
    state, other, plain = kind("me"), kind("other"), list[str]()
    for _ in range(400):
        letter, at = chance.choice("abcdef"), chance.randrange(-3, len(plain) + 3)
        low, high = sorted(chance.randrange(len(plain) + 1) for _ in range(2))
        step = chance.randrange(7)
        if step < 3:
            plain.insert(at, letter)
            other.join(state.insert(at, letter))
        elif step == 3:
            plain += letter * 3
            other.join(state.extend(letter * 3))
        elif step == 4 and plain:
            at = chance.randrange(-len(plain), len(plain))
            assert (plain[at], plain.index(plain[at])) == (state[at], state.index(plain[at]))
            del plain[at]
            other.join(state.delete(at))
        elif step == 5:
            del plain[low : min(high, low + 9)]
            other.join(state.delete(low, min(high, low + 9)))
        else:
            plain[low : low + 2] = "xyz"
            other.join(state.splice(low, low + 2, "xyz"))
        assert list(state) == plain
    assert list(other) == plain
    assert other.canonical() == state.canonical()


@every_sequence
@pytest.mark.parametrize(
    "piece",
    [
        slice(None),
        slice(2, 5),
        slice(5, 2),
        slice(-3, None),
        slice(None, None, 2),
        slice(None, None, -1),
        slice(6, 1, -2),
        slice(0, 99, 3),
        slice(7, None),
        slice(0, 0, -1),
    ],
)
def test_slices_are_those_of_a_list(kind: type[Any], piece: slice) -> None:
    plain = list("abcdefg")
    state = holding(kind, plain)
    assert list(state[piece]) == plain[piece]
    assert type(state[piece]) is (str if kind is Text else list)
    del state[piece]
    del plain[piece]
    assert list(state) == plain


@every_sequence
@pytest.mark.parametrize(
    ("piece", "items"),
    [
        (slice(2, 4), "xyz"),
        (slice(4, 2), "x"),
        (slice(None), ""),
        (slice(None, None, 2), "WXYZ"),
        (slice(None, None, -1), "TUVWXYZ"),
        (slice(5, 0, -3), "YZ"),
        (slice(-1, None), "yz"),
    ],
)
def test_a_slice_is_assigned_as_one_delta(kind: type[Any], piece: slice, items: str) -> None:
    plain = list("abcdefg")
    state = holding(kind, plain)
    deltas: list[Any] = []
    before = state.clone()
    state.observe(deltas.append)
    state[piece] = items
    plain[piece] = items
    assert list(state) == plain
    (delta,) = deltas
    before.join(delta)
    assert before.canonical() == state.canonical()


@every_sequence
def test_a_slice_with_steps_takes_as_many_items_as_it_has(kind: type[Any]) -> None:
    state = holding(kind, "abcd")
    with pytest.raises(ValueError, match="3 values for a slice of 2"):
        state[::2] = "xyz"
    assert shown(state) == "abcd"


@every_sequence
@pytest.mark.parametrize("index", [3, -4, 2**70])
def test_what_is_not_there_raises_index_error(kind: type[Any], index: int) -> None:
    state = holding(kind, "abc")
    for act in (
        lambda: state[index],
        lambda: state.delete(index),
        lambda: state.replace(index, "x"),
        lambda: state.pop(index),
        lambda: state.__delitem__(index),
        lambda: state.__setitem__(index, "x"),
    ):
        with pytest.raises(IndexError, match="among 3"):
            act()
    assert shown(state) == "abc"
    with pytest.raises(IndexError):
        kind().pop()


@every_sequence
@pytest.mark.parametrize("index", [1.0, "1", None])
def test_an_index_is_a_whole_number(kind: type[Any], index: Any) -> None:
    state = holding(kind, "abc")
    for act in (state.delete, state.pop, state.__getitem__, lambda at: state.insert(at, "x")):
        with pytest.raises(TypeError):
            act(index)
    with pytest.raises(TypeError):
        state.delete(slice(0, 1), 2)
    with pytest.raises(TypeError):
        state.splice(index or "0", 1, "x")
    assert shown(state) == "abc"


@every_sequence
def test_insert_takes_indices_as_a_list_does(kind: type[Any]) -> None:
    for index in (-99, -2, -1, 0, 1, 2, 99):
        plain, state = list("ab"), holding(kind, "ab")
        plain.insert(index, "x")
        state.insert(index, "x")
        assert list(state) == plain


@every_sequence
def test_named_mutators_return_their_delta_and_the_others_what_python_wants(
    kind: type[Any],
) -> None:
    state = kind("me")
    deltas = [
        state.append("a"),
        state.extend("bcd"),
        state.insert(0, "x"),
        state.replace(0, "y"),
        state.splice(0, 2, "pq"),
        state.delete(0),
        state.remove("c"),
        state.reverse(),
    ]
    assert all(type(delta) is kind for delta in deltas)
    assert shown(state) == "dbq"
    assert state.pop() == "q"
    assert state.pop(0) == "d"
    state += "st"
    state[0] = "r"
    del state[1]
    assert shown(state) == "rt"
    assert shown(reversed(state)) == "tr"
    assert type(state.clear()) is kind
    assert not state


@every_sequence
def test_what_changes_nothing_gives_an_empty_delta_and_tells_nobody(kind: type[Any]) -> None:
    state = holding(kind, "a")
    state.observe(lambda delta: pytest.fail("nothing has changed"))
    quiet = [state.extend(""), state.delete(1, 1), state.splice(0, 0, ""), state.reverse()]
    assert all(delta.initial for delta in quiet)
    assert kind().clear().initial
    assert kind().reverse().initial


@every_sequence
def test_removing_what_is_not_there_raises_value_error(kind: type[Any]) -> None:
    state = holding(kind, "abcab")
    assert shown(holding(kind, "abcab")) == "abcab"
    state.remove("b")
    assert shown(state) == "acab"
    before = state.canonical()
    with pytest.raises(ValueError, match=r"not (in|found)"):
        state.remove("z")
    assert state.canonical() == before


@every_sequence
def test_a_batch_with_a_bad_item_changes_nothing(kind: type[Any]) -> None:
    state = holding(kind, "ab")
    before = state.canonical()
    for bad in (object(), {1, 2}, 1j):
        with pytest.raises(TypeError):
            state.extend(["x", bad])
        with pytest.raises(TypeError):
            state.splice(0, 1, ["x", bad])
        with pytest.raises(TypeError):
            state.insert(0, bad)
    with pytest.raises(ValueError, match="surrogate"):
        state.append("\ud800")
    assert state.canonical() == before


@every_sequence
def test_extending_a_sequence_by_itself_doubles_it(kind: type[Any]) -> None:
    state = holding(kind, "ab")
    state.extend(state)
    state += state
    assert shown(state) == "abababab"


@every_list
def test_items_are_told_apart_by_type_and_value(kind: type[Any]) -> None:
    state = holding(kind, [1, True, 1.0, "1", None])
    assert [state.index(item) for item in (1, True, 1.0, "1", None)] == [0, 1, 2, 3, 4]
    assert state.count(True) == 1
    state.remove(1.0)
    assert list(map(type, state)) == [int, bool, str, type(None)]
    assert 1.0 not in state
    assert object() not in state
    assert state == [1, True, "1", None]
    assert state != [True, 1, "1", None]
    assert state != [1, True, "1", object()]
    with pytest.raises(ValueError, match="not in"):
        state.index("1", 0, 2)
    assert state.index("1", -2) == 2


@every_list
def test_lists_and_dicts_are_copied_in_and_out(kind: type[Any]) -> None:
    mine: list[Any] = [{"k": [1]}]
    state = kind("me")
    state.append(mine)
    mine[0]["k"].append(2)
    state.value[0][0]["k"].append(3)
    state[0][0]["k"].append(4)
    assert state == [[{"k": [1]}]]
    assert kind.from_payload(state.payload) == state


@every_list
def test_sequences_are_equal_if_their_items_are(kind: type[Any]) -> None:
    state = holding(kind, "ab")
    assert state == holding(Sequence, "ab")
    assert state == ["a", "b"] == state
    assert state != ["b", "a"]
    assert state != ("a", "b")
    assert state != "ab"
    assert state != holding(Text, "ab")
    assert repr(state) == f"{kind.__name__}(['a', 'b'])"
    with pytest.raises(TypeError, match="unhashable"):
        hash(state)


@every_sequence
def test_iterating_is_not_disturbed_by_edits(kind: type[Any]) -> None:
    state = holding(kind, "abc")
    for item in state:
        state.append(item)
    assert shown(state) == "abcabc"


# --- together ----------------------------------------------------------------------------------


def typed(state: Any, at: int, run: str, *, backward: bool) -> list[Any]:
    """Type a run at a position, item by item; return the deltas."""
    if backward:
        return [state.insert(at, letter) for letter in reversed(run)]
    return [state.insert(at + i, letter) for i, letter in enumerate(run)]


#   a: x . . . . . y      all three insert runs between x and y at the same time,
#   b: x . . . . . y      each item by item, forwards or backwards
#   c: x . . . . . y
@two_sided
@pytest.mark.parametrize("text", ["", "xy"])
@pytest.mark.parametrize("directions", range(8))
def test_runs_typed_at_one_place_never_mix_in_either_direction(
    kind: type[Any], text: str, directions: int
) -> None:
    base = holding(kind, text, "base")
    deltas: list[Any] = []
    runs = {"b": "lmnop", "a": "LMNOP", "c": "12345"}
    for i, (replica, run) in enumerate(runs.items()):
        writer = base.clone(replica=replica)
        deltas += typed(writer, len(text) // 2, run, backward=bool(directions >> i & 1))
    ends = set()
    for seed in range(6):
        Random(seed).shuffle(deltas)
        state = base.clone()
        for delta in deltas:
            state.join(delta)
        ends.add(shown(state))
    (end,) = ends
    assert sorted(end) == sorted(text + "".join(runs.values()))
    assert all(run in end for run in runs.values())
    assert end.startswith(text[:1])
    assert end.endswith(text[1:])


@two_sided
def test_runs_typed_from_the_middle_outwards_never_mix(kind: type[Any]) -> None:
    base = holding(kind, "xy", "base")
    states = []
    for replica, run in (("a", "ABCDEF"), ("b", "abcdef")):
        writer = base.clone(replica=replica)
        typed(writer, 1, run[3:], backward=False)
        typed(writer, 1, run[:3], backward=True)
        states.append(writer)
    assert shown(kind.merge(*states)) == "xABCDEFabcdefy"


@two_sided
def test_runs_typed_after_a_deletion_at_one_place_never_mix(kind: type[Any]) -> None:
    base = holding(kind, "xoooy", "base")
    base.delete(1, 4)
    states = []
    for replica, run in (("a", "ABC"), ("b", "abc")):
        for backward in (False, True):
            writer = base.clone(replica=replica + str(backward))
            typed(writer, 1, run, backward=backward)
            states.append(writer)
    whole = kind()
    for state in states:
        whole.join(state)
    assert shown(whole).replace("ABC", "").replace("abc", "") == "xy"


def test_an_rga_keeps_runs_typed_forwards_apart() -> None:
    one, other = RGA("one"), RGA("other")
    typed(one, 0, "abc", backward=False)
    typed(other, 0, "ABC", backward=False)
    assert shown(RGA.merge(one, other)) in ("abcABC", "ABCabc")


def test_in_an_rga_the_newest_of_what_stands_behind_one_item_comes_first() -> None:
    here = holding(RGA, "xy", "here")
    there = RGA.from_payload(here.payload, replica="there")
    there.insert(1, "1")
    there.insert(1, "2")
    late = here.insert(1, "a")
    there.join(late)
    assert shown(there) == "x2a1y"
    assert RGA.merge(here, there) == there


@every_sequence
def test_an_insert_stays_between_its_neighbours_wherever_others_edit(kind: type[Any]) -> None:
    here = holding(kind, "abcdef", "here")
    there = here.clone(replica="there")
    there.splice(0, 3, "xyz")
    there.delete(4)
    here.insert(4, "!")
    here.join(there)
    there.join(here)
    assert shown(here) == shown(there) == "xyzd!f"


@every_sequence
def test_two_replicas_that_delete_the_same_item_are_in_equal_states(kind: type[Any]) -> None:
    here = holding(kind, "abc", "here")
    there = here.clone(replica="there")
    one, other = here.delete(1), there.delete(1)
    assert not here.join(other)
    assert not there.join(one)
    assert here.canonical() == there.canonical()


@every_sequence
def test_a_delete_that_overtakes_its_insert_still_deletes(kind: type[Any]) -> None:
    writer = kind("writer")
    parts = [writer.extend("abc"), writer.delete(1), writer.insert(1, "x"), writer.delete(0, 2)]
    for order in permutations(parts):
        state = kind()
        for delta in order:
            state.join(delta)
            assert kind.from_payload(state.payload).canonical() == state.canonical()
        assert shown(state) == "c"
        assert state.canonical() == writer.canonical()


@anchored
def test_an_item_whose_anchor_has_not_arrived_waits_unseen(kind: type[Any]) -> None:
    writer = kind("writer")
    reader = kind("reader")
    first, second, third = writer.append("a"), writer.append("b"), writer.insert(1, "x")
    reader.join(third)
    reader.join(second)
    assert len(reader) == 0
    assert reader.stats()["elements"] == 2
    reader.join(first)
    assert shown(reader) == "axb"
    assert reader.canonical() == writer.canonical()


@anchored
def test_what_is_typed_while_something_waits_does_not_disturb_it(kind: type[Any]) -> None:
    #  writer: a - b - c - d    reader has b's rest before a, types z, deletes it, then gets a
    writer, reader = kind("writer"), kind("reader")
    first, rest = writer.append("a"), [writer.append(letter) for letter in "bcd"]
    more = writer.insert(2, "x")
    for delta in (rest[0], rest[1], more, rest[2]):
        reader.join(delta)
        assert shown(reader) == ""
    reader.append("z")
    gone = writer.clone(replica="other").delete(2)
    reader.join(gone)
    reader.join(first)
    assert "".join(sorted(reader)) == "abcdz"
    assert shown(reader).replace("z", "") == "abcd"


@every_sequence
def test_deltas_in_any_order_with_doubles_give_equal_bytes(kind: type[Any]) -> None:
    states = [kind(name) for name in "abcde"]
    chance, deltas = Random(3), []
    for _ in range(60):
        state = chance.choice(states)
        if state and chance.random() < 0.3:
            deltas.append(state.delete(chance.randrange(len(state))))
        else:
            deltas.append(state.insert(chance.randrange(len(state) + 1), chance.choice("xyz")))
        if chance.random() < 0.3:
            state.join(chance.choice(states))
    ends = set()
    for seed in range(50):
        order = deltas + deltas[:20]
        Random(seed).shuffle(order)
        state = kind()
        for delta in order:
            state.join(delta)
        ends.add(state.canonical())
    assert len(ends) == 1


@every_sequence
def test_what_is_kept_up_to_date_is_what_is_made_anew(kind: type[Any]) -> None:
    chance = Random(11)
    states = [kind(name) for name in "abc"]
    for turn in range(900):
        state = chance.choice(states)
        at = chance.randrange(len(state) + 1)
        if chance.random() < 0.25:
            delta = state.delete(at, at + chance.randrange(4))
        else:
            delta = state.splice(at, at, "uvwxyz"[: chance.randrange(1, 4)])
        for other in states:
            if chance.random() < 0.8:
                other.join(delta)
        if turn % 300 == 299:
            for other in states:
                state.join(other)
            for other in states:
                other.join(state)
        if turn % 30 == 0:
            assert shown(state) == shown(state.clone())
    assert len({state.canonical() for state in states}) == 1
    assert {shown(state) for state in states} == {shown(kind.from_payload(states[0].payload))}


CHANGES: list[Any] = [
    lambda state: state.insert(1, "x"),
    lambda state: state.append("x"),
    lambda state: state.extend("xyz"),
    lambda state: state.delete(0),
    lambda state: state.delete(0, 2),
    lambda state: state.replace(1, "x"),
    lambda state: state.splice(0, 2, "xyz"),
    lambda state: state.remove("b"),
    lambda state: state.clear(),
    lambda state: state.reverse(),
    lambda state: state.pop(),
    lambda state: state.__iadd__("xy"),
    lambda state: state.__setitem__(slice(None, None, 2), "xy"),
    lambda state: state.__delitem__(slice(None, None, 2)),
]


@every_sequence
@pytest.mark.parametrize("change", CHANGES)
def test_every_edit_shows_one_delta_before_it_applies(kind: type[Any], change: Any) -> None:
    state = holding(kind, "abc")
    before = state.clone()
    seen: list[tuple[Any, bytes]] = []
    end = state.observe(lambda delta: seen.append((delta, state.canonical())))
    change(state)
    ((delta, then),) = seen
    assert then == before.canonical() != state.canonical()
    assert delta.replica is None
    told = delta.canonical()
    assert not delta.compare(before)
    assert delta.compare(state)
    assert before.join(delta)
    assert before.canonical() == state.canonical()
    end()
    state.extend("more")
    assert delta.canonical() == told == kind.from_payload(delta.payload).canonical()


@every_sequence
@pytest.mark.parametrize("change", CHANGES)
def test_a_refused_edit_changes_nothing(kind: type[Any], change: Any) -> None:
    state = holding(kind, "abc")
    before = state.canonical()

    def refuse(delta: Any) -> None:
        raise PermissionError("not now")

    state.observe(refuse)
    with pytest.raises(PermissionError):
        change(state)
    assert (state.canonical(), shown(state)) == (before, "abc")


@every_sequence
def test_a_watched_sequence_shows_what_is_joined_once(kind: type[Any]) -> None:
    state, other = holding(kind, "ab", "me"), holding(kind, "xy", "other")
    other.delete(0)
    seen: list[Any] = []
    state.observe(seen.append)
    assert state.join(other)
    assert not state.join(other)
    assert len(seen) == 1
    assert sorted(state) == ["a", "b", "y"]


@every_sequence
def test_an_assigned_payload_replaces_what_is_shown(kind: type[Any]) -> None:
    state, other = holding(kind, "abc"), holding(kind, "xy", "other")
    assert len(state) == 3
    state.payload = other.payload
    assert shown(state) == "xy"
    assert not state.join(other)


@every_sequence
def test_a_large_join_shows_all_of_it(kind: type[Any]) -> None:
    here, there = holding(kind, "ab", "here"), kind("there")
    for i in range(200):
        there.insert(i // 2, "x")
    assert (len(here), here.join(there), len(here)) == (2, True, 202)
    assert here.join(there.clear())
    assert shown(here) == "ab"


# --- ids, ends and costs -----------------------------------------------------------------------


@anchored
@pytest.mark.parametrize("what", ["item", "deletion", "anchor"])
def test_ids_that_somebody_names_are_not_given_out_again(kind: type[Any], what: str) -> None:
    # The process lost its state; a delta tells of what it made before, in one way or another.
    lost = holding(kind, "abc", "same")
    other = lost.clone(replica="other")
    delta = {
        "item": lambda: lost.append("d"),
        "deletion": lambda: other.delete(2),
        "anchor": lambda: other.append("x"),
    }[what]()
    again = kind("same")
    again.append("q")
    again.join(delta)
    assert again.replica is None
    named = kind("same")
    named.join(delta)
    named = kind.from_payload(named.payload, replica="same")
    named.append("q")
    whole = kind.merge(other, named)
    assert sorted(whole).count("q") == 1
    assert sorted(kind.merge(named, other)) == sorted(whole)


@anchored
def test_a_gap_that_somebody_fills_shows_that_the_id_is_not_ours_alone(kind: type[Any]) -> None:
    first = holding(kind, "a", "same")
    between, last = first.clone(replica="same"), None
    middle = between.append("b")
    last = between.append("c")
    holder = kind.from_payload(first.payload)
    holder.join(last)
    holder.replica = "same"
    holder.join(last)
    assert holder.replica == "same"
    holder.join(middle)
    assert holder.replica is None


@anchored
def test_deleted_ids_keep_no_content_and_few_runs(kind: type[Any]) -> None:
    state = kind("me")
    for letter in "abcdefghij" * 30:
        state.append(letter)
    for _ in range(298):
        state.delete(1)
    (row,) = state.payload.values()
    ((_, taken, _, items),) = row[0]
    assert (taken, "".join(items), row[1]) == (300, "aj", [1, 298])
    assert state.stats()["tombstones"] == 298
    assert len(state.canonical()) < 60


def test_deleting_from_a_logoot_leaves_nothing_but_the_context() -> None:
    state = Logoot("me")
    for _ in range(100):
        state.extend("abc")
        state.clear()
    assert state.payload == {"me": [[], [], [0, 300]]}
    assert state.stats()["tombstones"] == 0


@pytest.mark.parametrize("typing", ["append", "prepend", "in the middle", "between"])
def test_the_places_of_a_run_stay_short(typing: str) -> None:
    state = holding(Logoot, "xy")
    for i in range(300):
        at = {"append": i + 2, "prepend": 0, "in the middle": i + 1, "between": 1}[typing]
        state.insert(at, "a")
    (row,) = state.payload.values()
    assert max(len(path) for path, _ in row[0]) <= 13
    assert all(one[0] < other[0] for one, other in pairwise(state._sorted()))


def test_places_are_found_between_any_two() -> None:
    chance = Random(5)
    states = [Logoot(name) for name in "abc"]
    plain: list[str] = []
    for i in range(300):
        at = chance.choice([0, 0, len(plain), len(plain) // 2, chance.randrange(len(plain) + 1)])
        plain.insert(at, str(i))
        delta = states[i % 3].insert(at, str(i))
        for state in states:
            state.join(delta)
        if i % 20 == 19:  # squeeze between two neighbours
            for _ in range(12):
                plain.insert(1, "s")
                delta = states[0].insert(1, "s")
                for state in states:
                    state.join(delta)
    assert states[0] == states[1] == states[2] == plain


def test_there_is_a_place_before_the_very_first() -> None:
    state = Logoot.from_payload({"r": [[[[1], "z"]], [0, 1], [0, 1]]}, replica="me")
    for letter in "yxw":
        state.insert(0, letter)
    state.insert(1, "!")
    assert shown(state) == "w!xyz"
    paths = [path for path, _ in state._sorted()]
    assert paths == sorted(set(paths))
    assert Logoot.from_payload(state.payload) == state


@every_sequence
def test_pickle_and_copies_do_not_follow_links_too_deep(kind: type[Any]) -> None:
    import pickle

    state = kind("me")
    for _ in range(3000):
        state.insert(0, "a")
    assert len(pickle.loads(pickle.dumps(state))) == 3000


# --- payloads ----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [Sequence, Text])
@pytest.mark.parametrize(
    ("row", "where"),
    [
        (5, "payload['r']"),
        ([[], []], "payload['r']"),
        ([[[0, 1, [">"]]], []], "[0][0]"),
        ([[[0, 1, [">"], 7]], []], "[0][0][3]"),
        ([[[0, 1, ["<"], "x"]], []], "[0][0][2]"),
        ([[[0, 1, ["?", "r", 1], "x"]], []], "[0][0][2][0]"),
        ([[[0, 1, [["<"], "r", 1], "x"]], []], "[0][0][2][0]"),
        ([[[0, 1, [">", "", 1], "x"]], []], "[0][0][2][1]"),
        ([[[0, 1, [">", "q", 0], "x"]], []], "[0][0][2][2]"),
        ([[[0, 1, [">", "r", 1], "x"]], []], "[0][0][2]"),
        ([[[-1, 1, [">"], "x"]], []], "[0][0][0]"),
        ([[[0, 0, [">"], "x"]], []], "[0][0][1]"),
        ([[[0, 2, [">"], "x"]], []], "[0][0][3]"),
        ([[[0, 1, [">"], "xy"]], []], "[0][0][3]"),
        ([[[0, 1, [">"], "x"]], [0, 1]], "[0][0][3]"),
        ([[[0, 1, [">"], "x"], [0, 1, [">", "r", 1], "y"]], []], "[0][1]"),
    ],
)
def test_a_malformed_payload_is_refused_by_place(kind: type[Any], row: Any, where: str) -> None:
    if kind is Sequence and isinstance(row, list):
        row = [
            [[*run[:3], list(run[3])] if isinstance(run[-1], str) else run for run in row[0]],
            row[1],
        ]
    with pytest.raises(PayloadError) as caught:
        kind.from_payload({"r": row})
    assert where in str(caught.value)


@pytest.mark.parametrize(
    ("place", "where"),
    [([5], "[2]"), (["r", 1], "[2]"), (["q", 1], "[2]"), (["", 1], "[2][0]"), (["q", 0], "[2][1]")],
)
def test_an_rga_stands_behind_what_is_older(place: Any, where: str) -> None:
    with pytest.raises(PayloadError) as caught:
        RGA.from_payload({"r": [[[0, 1, place, ["x"]]], []]})
    assert where in str(caught.value)


@pytest.mark.parametrize(
    ("path", "where"),
    [
        ([], "[0]"),
        ([0], "[0]"),
        ([2**32], "[0]"),
        ([1, "a"], "[0]"),
        ([1, "a", 1, 0], "[0]"),
        ([1, "", 1, 1], "[0][1]"),
        ([1, "a", 0, 1], "[0][2]"),
        ([-1], "[0][0]"),
        ("x", "[0]"),
    ],
)
def test_a_malformed_path_is_refused_by_place(path: Any, where: str) -> None:
    with pytest.raises(PayloadError) as caught:
        Logoot.from_payload({"r": [[[path, "x"]], [0, 1], [0, 1]]})
    assert f"[0][0]{where}" in str(caught.value)


@anchored
def test_ids_that_a_stranger_claims_cost_nothing(kind: type[Any]) -> None:
    place: Any = [] if kind is RGA else [">"]
    items: Any = "xy" if kind is Text else ["x", "y"]
    state = kind.from_payload(
        {"r": [[[0, ["i", hex(2**70)], place, items]], [1, ["i", hex(2**70 - 2)]]]}
    )
    assert shown(state) == "xy"
    assert state.stats()["tombstones"] == 2**70 - 2
    own = kind("me")
    own.join(state)
    own.insert(1, "m")
    assert shown(own) == "xmy"


@two_sided
def test_anchors_that_go_round_in_a_circle_wait_for_ever(kind: type[Any]) -> None:
    item: Any = "x" if kind is Text else ["x"]
    payload = {
        "a": [[[0, 1, ["<", "b", 1], item]], []],
        "b": [[[0, 1, [">", "a", 1], item]], []],
    }
    state = kind.from_payload(payload, replica="me")
    assert shown(state) == ""
    state.append("y")
    state.join(kind.from_payload(payload))
    assert shown(state) == "y"
    assert state.payload == {**payload, **kind.from_payload(state.payload).payload}


@every_sequence
def test_other_types_are_not_joined(kind: type[Any]) -> None:
    with pytest.raises(TypeError, match="joins only with its own type"):
        kind().join(GCounter())
