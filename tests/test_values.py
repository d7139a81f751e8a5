"""Small classes of data do what a dataclass does."""

from dataclasses import dataclass, field, fields, replace
from typing import Any

import pytest

from crdtnode.values import struct, value


@value
class Point:
    """Where."""

    x: int
    tags: tuple[str, ...] = ()
    note: str = field(default="", compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Plain:
    """The same, as Python makes it."""

    x: int
    tags: tuple[str, ...] = ()
    note: str = field(default="", compare=False, repr=False)


@value
class Nothing:
    """No fields."""


@value
class One:
    """A lone field."""

    x: object


@struct
class Basket:
    """What is in it."""

    items: list[int] = field(default_factory=list)


ARGS: list[tuple[Any, ...]] = [(1,), (1, ()), (1, ("a",)), (2,), (1, (), "noted")]


def test_values_compare_hash_and_show_as_dataclasses_do() -> None:
    for one in ARGS:
        for two in ARGS:
            assert (Point(*one) == Point(*two)) is (Plain(*one) == Plain(*two))
        assert len({Point(*one), Point(*one)}) == 1
        assert repr(Point(*one)) == repr(Plain(*one)).replace("Plain", "Point")
        assert [f.name for f in fields(Point)] == [f.name for f in fields(Plain)]
        assert replace(Point(*one), x=7) == Point(7, *one[1:2])


def test_values_of_unlike_classes_are_never_equal() -> None:
    assert One(1) != Point(1)
    assert Point(1) != 1
    assert One(1) != (1,)
    assert Nothing() == Nothing() != One(())
    assert len({Nothing(), Nothing(), One(1), One(1)}) == 2


def test_values_have_slots_and_match_by_position() -> None:
    match Point(3, ("a",)):
        case Point(x, tags):
            assert (x, tags) == (3, ("a",))
    with pytest.raises(AttributeError):
        Point(1).z = 1  # type: ignore[attr-defined]  # the point of the test


def test_structs_change_compare_and_cannot_be_hashed() -> None:
    basket = Basket()
    basket.items.append(1)
    assert basket == Basket([1]) != Basket()
    assert repr(basket) == "Basket(items=[1])"
    with pytest.raises(TypeError, match="unhashable type: 'Basket'"):
        hash(basket)
