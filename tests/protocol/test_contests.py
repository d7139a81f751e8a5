"""Names that two processes claim."""

from crdtnode.protocol.contests import Contests
from tests.protocol.people import record


def test_a_name_that_was_defended_can_be_claimed_again() -> None:
    contests = Contests()
    contests.begin(record("b", process="b2"), 1.0)
    contests.answered("b")
    assert contests.wake(9.0) == []
    again = record("b", process="b3")
    contests.begin(again, 10.0)
    assert contests.wake(10.5) == [again]


def test_each_contest_has_its_own_end() -> None:
    contests = Contests()
    first, second = record("b", process="b2"), record("c", process="c2")
    contests.begin(first, 1.0)
    contests.begin(second, 1.2)
    assert contests.deadline == 1.5
    assert contests.wake(1.5) == [first]
    assert contests.deadline == 1.7
