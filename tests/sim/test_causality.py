"""The oracle of sets: what follows from who had seen what."""

from types import SimpleNamespace
from typing import Any

from crdtnode.sim.checks.causality import _add_wins


def call(number: int, *seen: int) -> Any:
    """The call of this number, made where these had been seen."""
    return SimpleNamespace(bit=1 << number, past=sum(1 << other for other in seen))


def test_an_add_that_no_removal_had_seen_wins() -> None:
    assert _add_wins([call(3, 1, 2)], [call(9, 1, 2)])
    assert not _add_wins([call(3, 1, 2)], [call(9, 1, 2, 3)])


def test_who_removes_a_later_add_removes_the_earlier_ones_that_it_had_seen() -> None:
    """The later one overtook the earlier one on its way to the remover."""
    adds = [call(3, 1, 2), call(6, 1, 2, 3)]
    assert not _add_wins(adds, [call(9, 1, 2, 6)])
    assert _add_wins(adds, [call(9, 1, 2, 3)])
