"""Flags: who wins where enabling and disabling have not seen each other."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from crdt import DisableWinsFlag, EnableWinsFlag, PayloadError

every_flag = pytest.mark.parametrize("kind", [EnableWinsFlag, DisableWinsFlag])


@every_flag
def test_a_flag_starts_false_and_is_its_own_truth(kind: type[Any]) -> None:
    flag = kind()
    assert (flag.value, bool(flag)) == (False, False)
    flag.enable()
    assert (flag.value, bool(flag)) == (True, True)
    flag.disable()
    assert (flag.value, bool(flag)) == (False, False)


@pytest.mark.parametrize(("kind", "wins"), [(EnableWinsFlag, True), (DisableWinsFlag, False)])
def test_the_name_says_who_wins_of_two_that_have_not_seen_each_other(
    kind: type[Any], wins: bool
) -> None:
    here, there = kind("here"), kind("there")
    there.join(here.enable())
    enabled, disabled = here.enable(), there.disable()
    for order in permutations([enabled, disabled]):
        for start in (here, there, kind.merge(here, there)):
            state = start.clone()
            for delta in order:
                state.join(delta)
            assert state.value is wins


@every_flag
def test_the_last_of_two_that_have_seen_each_other_counts(kind: type[Any]) -> None:
    here, there = kind("here"), kind("there")
    for expected in (True, False) * 3:
        here.join(there.enable() if expected else there.disable())
        assert here.value is there.value is expected
        here, there = there, here


def test_disabling_a_disable_wins_flag_beats_an_enabling_that_has_not_arrived() -> None:
    here, there = DisableWinsFlag("here"), DisableWinsFlag("there")
    enabled = there.enable()
    assert not here.disable().initial
    here.join(enabled)
    assert not here.value


def test_disabling_an_enable_wins_flag_that_is_off_says_nothing_and_draws_no_id() -> None:
    flag = EnableWinsFlag()
    assert flag.disable().initial
    assert flag.replica is None
    flag = EnableWinsFlag.from_payload(EnableWinsFlag("there").enable().payload)
    assert flag.disable().payload == {"there": [[], [], [0, 1]]}
    assert flag.replica is None


def test_enabling_again_outlives_whoever_disabled_the_first_one_only() -> None:
    here, there = EnableWinsFlag("here"), EnableWinsFlag("there")
    there.join(here.enable())
    again = here.enable()
    assert not again.initial
    here.join(there.disable())
    assert here.value


def test_one_of_two_disablings_does_not_undo_the_other() -> None:
    here, there, third = (DisableWinsFlag(name) for name in ("here", "there", "third"))
    off, also_off, on = here.disable(), there.disable(), here.enable()
    for delta in (off, also_off, on):
        third.join(delta)
    assert not third.value
    third.enable()
    assert third.value
    assert third.payload["third"] == [[True], [0, 1], [0, 1]]


@every_flag
def test_switching_for_ever_keeps_the_size_constant(kind: type[Any]) -> None:
    flag = kind("me")
    flag.enable()
    for _ in range(300):
        flag.disable()
        flag.enable()
    assert len(flag.canonical()) < 40
    assert flag.stats()["tombstones"] == 0


@every_flag
def test_a_dot_that_overtakes_the_one_before_it_stays_beside_it(kind: type[Any]) -> None:
    writer, remover = kind("a"), kind("b")
    first = writer.enable()
    remover.join(first)
    gone = remover.disable()
    second = kind.from_payload({"a": [[True], [1, 1], [1, 1]]})
    ends = set()
    for order in permutations([first, gone, second]):
        state = kind()
        for delta in order:
            state.join(delta)
        ends.add(state.canonical())
    assert len(ends) == 1
    both = kind.merge(first, second)
    assert both.payload == {"a": [[True, True], [0, 2], [0, 2]]}
    assert kind.from_payload(both.payload).payload == both.payload
    both.disable()
    assert not both.value


@pytest.mark.parametrize(
    "parts",
    [
        [["x"], [0, 1], [0, 1]],
        [[1], [0, 1], [0, 1]],
        [[None], [0, 1], [0, 1]],
        [[True, True], [0, 1], [0, 1]],
        [[True], [0, ["i", hex(2**60)]], [0, ["i", hex(2**60)]]],
        [[], [0, 1], [0, 1]],
        [True, [0, 1], [0, 1]],
        [[True], [0, 1], [0, 1], []],
    ],
)
@every_flag
def test_a_wrong_payload_of_a_flag_is_refused(kind: type[Any], parts: Any) -> None:
    with pytest.raises(PayloadError):
        kind.from_payload({"a": parts})


def test_an_enable_wins_flag_holds_no_disabling() -> None:
    off = DisableWinsFlag("a").disable().payload
    assert off == {"a": [[False], [0, 1], [0, 1]]}
    with pytest.raises(PayloadError, match="expected true"):
        EnableWinsFlag.from_payload(off)
