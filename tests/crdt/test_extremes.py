"""Registers of the greatest and the least, and the order of all elements."""

from __future__ import annotations

from typing import Any

import pytest

from crdt import MaxRegister, MinRegister, PayloadError
from crdt.testing.models import typed
from crdt.testing.subjects import IN_ORDER

both = pytest.mark.parametrize("kind", [MaxRegister, MinRegister])


@both
def test_a_register_is_none_until_somebody_writes(kind: type[Any]) -> None:
    register = kind()
    assert (register.value, register.assigned, register.payload) == (None, False, [])
    register.assign(None)
    assert (register.value, register.assigned, register.payload) == (None, True, [None])


def test_of_any_two_elements_the_later_in_the_order_is_the_greatest() -> None:
    for place, small in enumerate(IN_ORDER):
        for great in IN_ORDER[place + 1 :]:
            for one, other in ((small, great), (great, small)):
                most, least = MaxRegister(), MinRegister()
                for value in (one, other):
                    most.assign(value)
                    least.assign(value)
                assert typed(most.value) == typed(great)
                assert typed(least.value) == typed(small)


def test_numbers_are_compared_exactly_and_equal_ones_by_type() -> None:
    register = MaxRegister()
    register.assign(2.0**53)
    assert register.assign(2**53).initial  # equal, and an int comes first
    assert not register.assign(2**53 + 1).initial  # which no float can tell from 2**53
    assert register.assign(2.0**53).initial
    assert register.assign(-(10**400)).initial  # beyond all floats
    assert register.assign(1.7e308).payload == [["f", "1.7e+308"]]


def test_text_is_compared_by_code_points_and_never_normalised() -> None:
    register = MaxRegister()
    register.assign("e\u0301")
    assert register.assign("\u00e9").payload == ["\u00e9"]
    assert register.assign("\U0001f600").payload == ["\U0001f600"]
    assert register.assign("\uffff").initial


@both
def test_what_does_not_win_changes_nothing_and_says_nothing(kind: type[Any]) -> None:
    register = kind()
    register.assign(5)
    register.observe(lambda delta: pytest.fail("there is nothing to see"))
    assert register.assign(5).initial
    assert register.assign(0 if kind is MaxRegister else 9).initial
    assert register.value == 5


@both
@pytest.mark.parametrize("value", [[1], {"k": 1}, {1}, object(), float("nan"), float("inf")])
def test_what_has_no_place_in_the_order_is_refused(kind: type[Any], value: Any) -> None:
    register = kind()
    register.assign(5)
    with pytest.raises((TypeError, ValueError)):
        register.assign(value)
    assert register.value == 5


@both
@pytest.mark.parametrize(
    "payload", [None, {}, "x", [1, 2], [1.5], [["l", [1]]], [["d", []]], [[]], [["f", "nan"]]]
)
def test_a_wrong_payload_of_such_a_register_is_refused(kind: type[Any], payload: Any) -> None:
    with pytest.raises(PayloadError):
        kind.from_payload(payload)
