"""The kit that holds types to the laws."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
import pytest

from crdt import GSet, LWWRegister, ORSet, PNCounter
from crdt.testing import (
    History,
    LawBrokenError,
    Subject,
    check_history,
    check_laws,
    histories,
    run_history,
    subject_of,
    wide_script,
)
from crdt.testing.subjects import lwwset
from tests.crdt.kinds import BUILT_IN
from tests.crdt.test_handwritten import Highest


def raised(state: Highest, number: int) -> None:
    state.payload = max(state.value, number)


@pytest.mark.parametrize("kind", BUILT_IN)
def test_built_in_types_pass(kind: type[Any]) -> None:
    check_laws(kind, examples=12)


def test_a_set_of_either_bias_passes() -> None:
    check_laws(lwwset("remove"), examples=12)


def test_a_hand_written_type_passes_by_its_acts_alone() -> None:
    check_laws(Highest, acts=[raised], examples=30)


def test_an_alias_of_a_class_is_the_class() -> None:
    check_laws(ORSet[str], examples=5)


def test_a_type_that_nobody_knows_how_to_change_is_refused() -> None:
    with pytest.raises(LookupError, match="acts"):
        check_laws(Highest)


@settings(max_examples=20, deadline=None)
@given(histories(PNCounter))
def test_histories_are_a_strategy(history: History[PNCounter]) -> None:
    assert 2 <= len(history.replicas) <= 5
    assert all(replica.known <= set(range(len(history.events))) for replica in history.replicas)
    check_history(history)


@settings(max_examples=5, deadline=None)
@given(histories(subject_of(GSet)))
def test_histories_of_a_subject_are_a_strategy(history: History[GSet[Any]]) -> None:
    assert history.subject.kind is GSet


def test_wide_histories_have_four_replicas_and_more_than_thirty_operations() -> None:
    for seed in range(30):
        history = run_history(subject_of(ORSet), wide_script(seed))
        assert len(history.replicas) >= 4
        assert len(history.script) // 2 > 30


def test_a_script_always_gives_the_same_history() -> None:
    script = wide_script(3)
    one, other = (run_history(subject_of(LWWRegister), script) for _ in range(2))
    assert [e.now for e in one.events] == [e.now for e in other.events]
    assert [s.canonical() for s, _ in one.snapshots] == [s.canonical() for s, _ in other.snapshots]


def test_an_act_that_raises_after_changing_something_is_caught() -> None:
    def half(state: Highest, number: int) -> None:
        state.payload = state.value + 1
        raise ValueError("too late")

    with pytest.raises(LawBrokenError, match="an act that raised"):
        check_laws(Highest, acts=[half], examples=10)


def test_an_act_that_only_raises_makes_no_event() -> None:
    def refuse(state: Highest, number: int) -> None:
        raise KeyError(number)

    check_laws(Subject(Highest, (refuse, raised)), examples=10)


def test_a_carrier_that_spoils_payloads_is_noticed() -> None:
    for carrier in (lambda payload: [*payload, 1.0], lambda payload: str(payload)):
        with pytest.raises(LawBrokenError, match="carrier"):
            check_laws(GSet, examples=10, carriers=[carrier])
