"""What can be an element, and when two are the same."""

from __future__ import annotations

import collections
import dataclasses
import datetime
import decimal
import enum
import fractions
from typing import Any
import uuid

import pytest

from crdt import GSet, LWWRegister, LWWSet, ORSet, PayloadError, PNSet, RWSet, TwoPSet, USet

SETS = (GSet, TwoPSet, USet, PNSet, LWWSet, RWSet, ORSet)
every_set = pytest.mark.parametrize("kind", SETS)


class Colour(enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    LOW = 1


class Word(str):
    __slots__ = ()


class Number(float):
    pass


Pair = collections.namedtuple("Pair", "x y")


@dataclasses.dataclass(frozen=True)
class Point:
    x: int


class Odd:
    pass


def nested(depth: int) -> Any:
    value: Any = "core"
    for _ in range(depth):
        value = (value,)
    return value


ELEMENTS = [
    None,
    True,
    False,
    0,
    1,
    -1,
    2**53 - 1,
    2**53,
    -(2**53),
    2**200,
    0.0,
    1.0,
    1e300,
    5e-324,
    "",
    "1",
    "text",
    'quote " and \\ and \n',
    "é\U0001f600",
    "e\u0301",
    b"",
    b"\x00\xff",
    (),
    (1,),
    (True,),
    (1.0,),
    ("a", (b"b", None)),
    ("i", "0x1f"),
    nested(8),
]


@every_set
def test_elements_are_told_apart_by_type_and_value(kind: type[Any]) -> None:
    state = kind()
    state.update(ELEMENTS)
    assert len(state) == len(ELEMENTS)
    assert all(element in state for element in ELEMENTS)
    back = kind.from_payload(state.payload)
    assert {(type(e), e) for e in back} == {(type(e), e) for e in ELEMENTS}
    assert back.payload == state.payload


@every_set
def test_minus_zero_is_zero(kind: type[Any]) -> None:
    state = kind()
    state.add(-0.0)
    assert 0.0 in state
    assert [str(element) for element in state] == ["0.0"]


@every_set
def test_text_is_not_normalised(kind: type[Any]) -> None:
    state = kind()
    state.update(["\u00e9", "e\u0301"])
    assert len(state) == 2


@pytest.mark.parametrize(
    ("wrong", "advice"),
    [
        (Colour.RED, ".value"),
        (Level.LOW, ".value"),
        (Pair(1, 2), "tuple"),
        (Point(1), "astuple"),
        (datetime.date(2020, 1, 1), "isoformat"),
        (datetime.datetime(2020, 1, 1), "isoformat"),  # noqa: DTZ001  # never used as a time
        (datetime.timedelta(1), "total_seconds"),
        (decimal.Decimal(1), "str"),
        (fractions.Fraction(1), "str"),
        (uuid.UUID(int=1), "str"),
        (Word("w"), "str"),
        (Number(1), "float"),
        ([1], "tuple"),
        ({"a": 1}, "tuple"),
        ({1}, "tuple"),
        (frozenset([1]), "tuple"),
        (bytearray(b"x"), "bytes"),
        (memoryview(b"x"), "bytes"),
        (1j, "real"),
        (Odd(), "convert"),
        (("deep", ([1],)), "tuple"),
    ],
)
@every_set
def test_other_types_are_refused_with_a_conversion(
    kind: type[Any], wrong: Any, advice: str
) -> None:
    state = kind()
    state.add("there")
    before = state.canonical()
    with pytest.raises(TypeError, match=advice):
        state.add(wrong)
    with pytest.raises(TypeError, match=advice):
        state.update(["fine", wrong])
    assert state.canonical() == before


@pytest.mark.parametrize(
    "wrong",
    [
        float("nan"),
        float("inf"),
        float("-inf"),
        "\ud800",
        ("x", "\udfff"),
        nested(9),
        "x" * (2**24 + 1),
        b"x" * (2**24 + 1),
        1 << 2**27,
    ],
    ids=["nan", "inf", "-inf", "surrogate", "deep surrogate", "deep", "long", "bytes", "int"],
)
@every_set
def test_values_that_cannot_travel_are_refused(kind: type[Any], wrong: Any) -> None:
    state = kind()
    state.add("there")
    with pytest.raises(ValueError, match=r"finite|surrogate|deep|bytes"):
        state.add(wrong)
    assert list(state) == ["there"]


@pytest.mark.parametrize(
    "wrong", [[1], {}, Odd(), Level.LOW, Word("there"), float("nan"), "\ud800"]
)
@every_set
def test_what_cannot_be_an_element_is_simply_not_there(kind: type[Any], wrong: Any) -> None:
    state = kind()
    state.update(["there", 1])
    assert wrong not in state
    if kind is not GSet:
        before = state.canonical()
        assert state.discard(wrong).initial
        with pytest.raises(KeyError):
            state.remove(wrong)
        state -= [wrong]
        assert state.canonical() == before


def test_numpy_scalars_are_refused_with_a_conversion() -> None:
    scalar = type("float64", (type("generic", (float,), {"__module__": "numpy"}),), {})(1.0)
    with pytest.raises(TypeError, match="item"):
        GSet().add(scalar)


# --- values of registers -------------------------------------------------------------------------

VALUES: list[Any] = [
    *ELEMENTS,
    [],
    {},
    [1, [True, {"k": (1.0, ["x"])}]],
    {"": None, "a": {"b": [b"c"]}, "é": 1},
    ["i", "0x1f"],
]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_a_register_gives_back_what_it_was_given(value: Any) -> None:
    register = LWWRegister()
    register.assign(value)
    back = LWWRegister.from_payload(register.payload)
    assert repr(register.value) == repr(back.value)
    assert register.value == value
    assert type(register.value) is type(value)
    assert back.payload == register.payload


def test_a_register_copies_values_in_and_out() -> None:
    register = LWWRegister()
    value = {"list": [1]}
    register.assign(value)
    value["list"].append(2)
    register.value["list"].append(3)
    assert register.value == {"list": [1]}


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({1: "x"}, TypeError),
        ({"a": {1, 2}}, TypeError),
        ([Odd()], TypeError),
        ({"\ud800": 1}, ValueError),
        ([[[[[[[[[1]]]]]]]]], ValueError),
        ({"a": {"a": {"a": {"a": {"a": {"a": {"a": {"a": {"a": 1}}}}}}}}}, ValueError),
    ],
)
def test_a_register_refuses_what_cannot_travel(wrong: Any, error: type[Exception]) -> None:
    register = LWWRegister()
    register.assign("kept")
    with pytest.raises(error):
        register.assign(wrong)
    assert register.value == "kept"


def test_lists_and_dicts_of_registers_nest_eight_deep_there_and_back() -> None:
    value: Any = 1
    for layer in range(8):
        value = [value] if layer % 2 else {"k": value}
    register = LWWRegister()
    register.assign(value)
    assert LWWRegister.from_payload(register.payload).value == value


# --- the spelling of atoms -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("element", "spelling"),
    [
        (2**53, ["i", "0x20000000000000"]),
        (-(2**70), ["i", hex(-(2**70))]),
        (1.5, ["f", "1.5"]),
        (1e22, ["f", "1e+22"]),
        (b"\x00\xff", ["b", "AP8="]),
        ((1, "a"), ["t", [1, "a"]]),
    ],
)
def test_what_json_lacks_is_a_tagged_list(element: Any, spelling: Any) -> None:
    state = GSet()
    state.add(element)
    assert state.payload == [spelling]


def test_lists_and_dicts_of_values_are_tagged_and_sorted() -> None:
    register = LWWRegister("a", clock=lambda: 1)
    register.assign({"b": [1], "a": 2})
    assert register.payload[2] == ["d", [["a", 2], ["b", ["l", [1]]]]]


@pytest.mark.parametrize(
    "spelling",
    [
        1.5,
        {},
        {"a": 1},
        [],
        ["i"],
        ["i", "0x1f"],
        ["i", "0X20000000000000"],
        ["i", "0x020000000000000"],
        ["i", "9007199254740992"],
        ["i", "0x2000_0000000000"],
        ["i", 5],
        ["i", "x"],
        2**53,
        -(2**53),
        ["f", "1"],
        ["f", "1.50"],
        ["f", "-0.0"],
        ["f", "nan"],
        ["f", "inf"],
        ["f", "x"],
        ["f", 1.5],
        ["b", "AP8"],
        ["b", "AP8=\n"],
        ["b", "AP9="],
        ["b", "é"],
        ["b", 5],
        ["b", "x" * (2**25 + 1)],
        ["t", "x"],
        ["t", [[]]],
        ["l", [1]],
        ["d", []],
        ["x", 1],
        [1, 1],
        ["t", [1], 1],
        "\ud800",
        b"bytes",
        (1,),
    ],
    ids=lambda spelling: repr(spelling)[:30],
)
def test_another_spelling_of_an_element_is_refused(spelling: Any) -> None:
    with pytest.raises(PayloadError):
        GSet.from_payload([spelling])


@pytest.mark.parametrize(
    "spelling",
    [
        ["d", [["b", 1], ["a", 1]]],
        ["d", [["a", 1], ["a", 1]]],
        ["d", [["a"]]],
        ["d", [[1, 1]]],
        ["d", ["ab"]],
        ["d", [["\ud800", 1]]],
        ["d", [["a", 1.5]]],
        ["l", {}],
    ],
)
def test_another_spelling_of_a_value_is_refused(spelling: Any) -> None:
    with pytest.raises(PayloadError) as caught:
        LWWRegister.from_payload([[1, 0], "a", spelling])
    assert caught.value.place.startswith("payload[2]")


@pytest.mark.parametrize("tag", ["t", "l"])
def test_atoms_nested_too_deep_are_refused(tag: str) -> None:
    spelling: Any = 1
    for _ in range(9):
        spelling = [tag, [spelling]]
    with pytest.raises(PayloadError, match="deep"):
        LWWRegister.from_payload([[1, 0], "a", spelling])


def test_an_int_or_text_or_bytes_over_the_limit_is_refused_in_payloads_too() -> None:
    for spelling in ("x" * (2**24 + 1), ["i", hex(1 << 2**27)], ["b", "AAAA" * (2**24 // 3 + 1)]):
        with pytest.raises(PayloadError, match="bytes"):
            GSet.from_payload([spelling])
