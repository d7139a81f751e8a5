"""Registers, and the stamps by which last writers win."""

from __future__ import annotations

from typing import Any

import pytest

from crdt import LWWRegister, LWWSet, PayloadError
from crdt.clock import COUNTER_LIMIT, MS_LIMIT, next_stamp, system_clock


def at(now: int) -> Any:
    return lambda: now


def written(now: int, replica: str, value: Any, counter: int = 0) -> Any:
    from crdt.atoms import freeze
    from crdt.tagged import encode

    return LWWRegister.from_payload([[now, counter], replica, encode(freeze(value))])


def test_a_register_is_none_until_somebody_writes() -> None:
    title = LWWRegister()
    assert (title.value, title.assigned, title.payload) == (None, False, [])
    title.assign(None)
    assert (title.value, title.assigned) == (None, True)


@pytest.mark.parametrize(
    ("loser", "winner"),
    [
        (written(1, "z", "a"), written(2, "a", "b")),
        (written(1, "z", "a"), written(1, "a", "b", counter=1)),
        (written(1, "a", "z"), written(1, "b", "a")),
        (written(1, "a", "a"), written(1, "a", "b")),
        (written(1, "a", "1"), written(1, "a", 1)),
        (written(1, "a", 1), written(1, "a", 1.0)),
        (written(1, "a", 1.0), written(1, "a", True)),
        (written(1, "a", [1]), written(1, "a", (1,))),
        (LWWRegister(), written(0, "a", None)),
    ],
)
def test_the_greatest_stamp_replica_and_value_wins_whatever_the_order(
    loser: Any, winner: Any
) -> None:
    for one, other in ((loser, winner), (winner, loser)):
        assert LWWRegister.merge(one, other).payload == winner.payload
    assert loser.compare(winner)
    assert not winner.compare(loser)
    assert loser.clone().join(winner)
    assert not winner.clone().join(loser)


def test_two_writes_in_one_tick_keep_their_order() -> None:
    title = LWWRegister("a", clock=at(5))
    first, second = title.assign("z"), title.assign("a")
    assert LWWRegister.merge(second, first).value == "a"
    assert title.payload == [[5, 1], "a", "a"]


def test_writes_keep_their_order_when_the_clock_steps_back() -> None:
    times = iter([9, 3, 8, 10, 2])
    title = LWWRegister("a", clock=lambda: next(times))
    stamps = [title.assign(n).payload[0] for n in range(5)]
    assert stamps == [[9, 0], [9, 1], [9, 2], [10, 0], [10, 1]]


def test_a_local_write_beats_a_stamp_from_the_future() -> None:
    title = LWWRegister("a", clock=at(5))
    title.join(written(2**42, "z", "from the future"))
    title.assign("now")
    assert title.payload == [[2**42, 1], "a", "now"]


def test_the_clock_is_looked_up_at_each_write() -> None:
    now = [1]
    title = LWWRegister("a", clock=lambda: now[0])
    title.assign("x")
    now[0] = 7
    assert title.assign("y").payload[0] == [7, 0]


def test_without_a_clock_the_systems_is_used() -> None:
    before = system_clock()
    ms, _ = LWWRegister().assign("x").payload[0]
    assert before <= ms <= system_clock()


def test_the_counter_carries_over_into_the_next_millisecond() -> None:
    assert next_stamp(5, (5, COUNTER_LIMIT - 1)) == (6, 0)
    assert next_stamp(5, (9, COUNTER_LIMIT - 1)) == (10, 0)


def test_a_clock_before_1970_counts_as_1970() -> None:
    assert next_stamp(-5, (-1, 0)) == (0, 0)
    assert next_stamp(-1, (-1, 0)) == (0, 0)
    assert next_stamp(-5, (0, 0)) == (0, 1)
    assert LWWRegister("a", clock=at(-9)).assign("x").payload[0] == [0, 0]


@pytest.mark.parametrize("kind", [LWWRegister, LWWSet])
def test_nothing_beats_the_last_stamp_and_the_writer_is_told(kind: type[Any]) -> None:
    last = [MS_LIMIT - 1, COUNTER_LIMIT - 1]
    if kind is LWWRegister:
        state, write = kind.from_payload([last, "z", 1]), "assign"
    else:
        state, write = kind.from_payload({"added": [["x", last, "z"]]}), "add"
    before = state.canonical()
    with pytest.raises(OverflowError, match="last possible stamp"):
        getattr(state, write)("y")
    assert state.canonical() == before
    assert kind.merge(kind(), state).canonical() == before  # merging never refuses a lawful one


@pytest.mark.parametrize(
    ("now", "error"), [(1.5, TypeError), (True, TypeError), ("1", TypeError), (2**43, ValueError)]
)
def test_a_broken_clock_fails_the_write_and_changes_nothing(
    now: Any, error: type[Exception]
) -> None:
    times = iter([5, 5, now, now])
    title = LWWRegister("a", clock=lambda: next(times))
    title.assign("x")
    title.assign("y")
    with pytest.raises(error):
        title.assign("z")
    assert title.value == "y"


@pytest.mark.parametrize(
    "payload",
    [
        None,
        {},
        "",
        [1],
        [[1, 0], "a"],
        [[1, 0], "a", 1, 2],
        [[1], "a", 1],
        [1, "a", 1],
        [[1, 0], "", 1],
        [[1, 0], 5, 1],
        [[-1, 0], "a", 1],
        [[True, 0], "a", 1],
        [[1, 2**32], "a", 1],
        [[2**43, 0], "a", 1],
        [[1, 0], "a", 1.0],
        [[1, 0], "a", {"k": 1}],
    ],
)
def test_a_wrong_payload_of_a_register_is_refused(payload: Any) -> None:
    with pytest.raises(PayloadError):
        LWWRegister.from_payload(payload)


def test_registers_are_equal_if_their_states_are() -> None:
    one, other = written(1, "a", "x"), written(1, "a", "x")
    assert one == other
    assert one != written(1, "b", "x")
    assert one != "x"
    with pytest.raises(TypeError):
        hash(one)
