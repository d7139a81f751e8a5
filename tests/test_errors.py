"""What errors say, and counters that cannot grow without bound."""

import pytest

from crdtnode.errors import CannotBind, CrdtNodeError, Forked, InsecureBind
from crdtnode.metrics import Longest, Tally


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (CannotBind("10.0.0.1:1", "in use"), "cannot listen on 10.0.0.1:1: in use"),
        (InsecureBind("0.0.0.0:1"), "crdtnode key new"),
        (Forked(), "lives in the parent process"),
    ],
)
def test_an_error_says_what_happened_and_what_to_do(error: CrdtNodeError, says: str) -> None:
    assert says in str(error)


def test_beyond_so_many_labels_all_others_count_as_one() -> None:
    tally = Tally(most=2)
    for label in ("a", "b", "c", "d", "a"):
        tally.add(label)
    assert dict(tally) == {"a": 2, "b": 1, "other": 2}


def test_of_times_the_longest_is_kept() -> None:
    longest = Longest(most=1)
    for label, seconds in (("wake", 0.0101), ("wake", 0.3), ("wake", 0.02), ("idle", 0.0009)):
        longest.took(label, seconds)
    assert dict(longest) == {"wake": 300}
    longest.took("other", 0.005)
    assert dict(longest) == {"wake": 300, "other": 5}
