"""What errors say, and counters that cannot grow without bound."""

import pytest

from crdtnode.errors import CannotBind, CrdtNodeError, Forked, InsecureBind
from crdtnode.metrics import Tally


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
