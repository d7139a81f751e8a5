"""Values as JSON."""

import json
import math

import pytest

from crdt import GSet, LWWRegister, PNCounter
from crdtnode.control.rendering import PLAIN_BITS_MOST, shown, value_of


@pytest.mark.parametrize(
    ("value", "document"),
    [
        (None, None),
        (True, True),
        (1, 1),
        (1.0, 1.0),
        ("text", "text"),
        (2**70, 2**70),
        (b"hi", ["b", "aGk="]),
        ((1, (2.5, "x")), ["t", [1, ["t", [["f", "2.5"], "x"]]]]),
        ([1, {"a": (1,)}], [1, {"a": ["t", [1]]}]),
        ({3, 1, 2}, [1, 2, 3]),
        (frozenset({"b", "a"}), ["a", "b"]),
        ({1: "x"}, {"1": "x"}),
        (math.inf, "inf"),
        ((object,), [str(object)]),
        (object, str(object)),
        ({object}, [str(object)]),
    ],
)
def test_json_where_it_can_and_payload_form_where_it_cannot(
    value: object, document: object
) -> None:
    assert shown(value) == document
    assert type(shown(value)) is type(document)
    json.dumps(shown(value), allow_nan=False)


def test_a_number_of_more_digits_than_anybody_reads_is_written_as_in_payloads() -> None:
    assert json.loads(json.dumps(shown(2**PLAIN_BITS_MOST - 1))) == 2**PLAIN_BITS_MOST - 1
    assert shown([-(16**5000)]) == [["i", f"-0x1{'0' * 5000}"]]
    counter = PNCounter()
    counter.increment(16**5000)
    assert value_of(counter) == ["i", f"0x1{'0' * 5000}"]


def test_a_set_shows_what_python_would_merge() -> None:
    odd: GSet[object] = GSet()
    odd.update([1, True, 1.0, "1"])
    assert sorted(map(repr, value_of(odd))) == ["'1'", "1", "1.0", "True"]


def test_counters_and_registers_show_their_value() -> None:
    counter, register = PNCounter(), LWWRegister()
    counter.increment(2**60)
    register.assign([b"x"])
    assert value_of(counter) == 2**60
    assert value_of(register) == [["b", "eA=="]]
