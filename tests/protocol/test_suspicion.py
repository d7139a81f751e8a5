"""Suspects, and how long they have."""

import random

import pytest

from crdtnode.protocol.health import GRACE, LATE, Health
from crdtnode.protocol.suspicion import SUSPECTS, TELLERS, TELLING, Suspicions
from tests.protocol.people import member

B = member("b")


@pytest.fixture
def suspicions() -> Suspicions:
    return Suspicions(Health(), random.Random(1))


def test_a_suspect_is_told_at_once_and_again_and_again(suspicions: Suspicions) -> None:
    suspicions.begin(B, 1.5, 10.0, ours=True)
    assert suspicions.deadline == 10.0
    assert suspicions.wake(10.0, size=3) == ([B], [])
    assert suspicions.deadline == 10.0 + TELLING
    assert suspicions.wake(10.1, size=3) == ([], [])
    assert suspicions.wake(10.0 + TELLING, size=3) == ([B], [])


def test_where_many_hold_a_suspicion_each_tells_less_often(suspicions: Suspicions) -> None:
    suspicions.begin(B, 1.5, 10.0, ours=True)
    suspicions.wake(10.0, size=5 * TELLERS)
    assert suspicions.deadline == 10.0 + 5 * TELLING


@pytest.mark.parametrize("ours", [True, False])
def test_a_suspect_that_does_not_refute_is_out_of_time(suspicions: Suspicions, ours: bool) -> None:
    suspicions.begin(B, 1.5, 10.0, ours=ours)
    assert suspicions.wake(11.5, size=3) == ([], [(B, ours)])
    assert suspicions.deadline == float("inf")


def test_a_suspicion_that_ended_is_over(suspicions: Suspicions) -> None:
    suspicions.begin(B, 1.5, 10.0, ours=True)
    suspicions.end(B.boot)
    suspicions.end(B.boot)
    assert suspicions.wake(20.0, size=3) == ([], [])


def test_of_our_own_verdicts_the_latest_counts_from_the_beginning(suspicions: Suspicions) -> None:
    suspicions.begin(B, 10.0, 10.0, ours=False)
    suspicions.begin(B, 1.5, 10.5, ours=True)
    suspicions.begin(B, 10.0, 11.0, ours=False)
    assert suspicions.wake(11.5, size=3) == ([], [(B, True)])


def test_who_is_held_for_dead_by_others_has_less_time(suspicions: Suspicions) -> None:
    suspicions.hasten(B, 1.5)
    suspicions.begin(B, 10.0, 10.0, ours=False)
    suspicions.hasten(B, 1.5)
    suspicions.hasten(B, 5.0)
    assert suspicions.wake(11.5, size=3) == ([], [(B, False)])


def test_a_node_that_is_late_itself_first_reads_what_waits(suspicions: Suspicions) -> None:
    suspicions.begin(B, 1.5, 10.0, ours=True)
    late = 11.5 + 2 * LATE
    assert suspicions.wake(late, size=3)[1] == []
    assert suspicions.wake(late + GRACE, size=3) == ([], [(B, True)])


def test_a_node_that_slept_forgives_everybody(suspicions: Suspicions) -> None:
    suspicions.begin(B, 1.5, 10.0, ours=True)
    assert suspicions.forgive() == [B]
    assert suspicions.deadline == float("inf")


def test_who_heard_of_a_suspicion_from_others_tells_when_its_turn_comes(
    suspicions: Suspicions,
) -> None:
    suspicions.begin(B, 60.0, 10.0, ours=False)
    assert suspicions.wake(10.0, size=10 * TELLERS) == ([], [])
    turn = suspicions.deadline
    assert 10.0 < turn < 10.0 + 10 * TELLING
    assert suspicions.wake(turn, size=10 * TELLERS) == ([B], [])
    assert suspicions.deadline == turn + 10 * TELLING


def test_who_suspects_many_tells_each_of_them_less_often(suspicions: Suspicions) -> None:
    suspects = [member(f"m{number}") for number in range(3 * SUSPECTS)]
    for suspect in suspects:
        suspicions.begin(suspect, 60.0, 10.0, ours=True)
    assert len(suspicions.wake(10.0, size=3)[0]) == len(suspects)
    assert suspicions.deadline == pytest.approx(10.0 + 3 * TELLING)


def test_whom_others_hold_for_dead_is_told_at_once(suspicions: Suspicions) -> None:
    suspicions.begin(B, 10.0, 10.0, ours=False)
    suspicions.hasten(B, 1.5)
    assert suspicions.wake(10.0, size=10 * TELLERS) == ([B], [])


def test_a_verdict_that_is_put_off_does_not_hasten_the_next_telling(
    suspicions: Suspicions,
) -> None:
    suspicions.begin(B, 1.5, 10.0, ours=True)
    suspicions.wake(10.0, size=100 * TELLERS)
    late = 11.5 + 2 * LATE
    assert suspicions.wake(late, size=100 * TELLERS) == ([], [])
    assert suspicions.deadline == late + GRACE
