"""Flags, registers, counting sets and the bounded counter over HTTP."""

from typing import Any

import pytest

from crdt import BoundedCounter, type_of
from crdtnode.node.mutators import mutators

CALLS: list[tuple[str, list[Any], Any]] = [
    ("enablewinsflag/f/enable", [], True),
    ("enablewinsflag/f/disable", [], False),
    ("disablewinsflag/f/enable", [], True),
    ("disablewinsflag/f/disable", [], False),
    ("mvregister/r/assign", [{"k": [1, None]}], [{"k": [1, None]}]),
    ("mvregister/r/assign", [["b", "aGk="]], [["b", "aGk="]]),
    ("maxregister/r/assign", [["t", [1, "x"]]], ["t", [1, "x"]]),
    ("maxregister/r/assign", [7], 7),
    ("minregister/r/assign", [None], None),
    ("uset/s/add", ["x"], ["x"]),
    ("uset/s/update", [["y", "x"]], ["x", "y"]),
    ("pnset/s/update", [["y", ["b", "aGk="]]], ["y", ["b", "aGk="]]),
    ("pnset/s/discard", ["x"], []),
    ("rwset/s/add", [["t", []]], [["t", []]]),
    ("rwset/s/discard", ["never there"], []),
    ("boundedcounter/c/increment", [5], 5),
    ("boundedcounter/c/transfer", [0, "somebody"], 0),
    ("boundedcounter/c/leave", ["somebody"], 0),
]


@pytest.mark.parametrize(("target", "args", "value"), CALLS)
async def test_every_mutator_can_be_called_and_the_value_is_json(api, target, args, value):
    answer = await api.call(target, *args, value=True)
    assert answer.status == 200, answer.body
    assert answer.json["value"] == value


async def test_rights_are_spent_through_a_node_and_a_refusal_is_the_callers_fault(api):
    await api.call("boundedcounter/stock/increment", 5)
    await api.call("boundedcounter/stock/transfer", 3, "elsewhere")
    assert (await api.call("boundedcounter/stock/decrement", 3)).status in (409, 422)
    answer = await api.call("boundedcounter/stock/decrement", 2)
    assert (answer.status, answer.json["value"]) == (200, 3)
    assert (await api.call("boundedcounter/stock/reclaim", "elsewhere")).status == 200
    stock = api.node.open("stock", BoundedCounter)
    assert (stock.rights, stock.rights_of("elsewhere")) == (3, 0)


@pytest.mark.parametrize(
    ("tag", "methods"),
    [
        ("enablewinsflag@1", {"enable", "disable"}),
        ("disablewinsflag@1", {"enable", "disable"}),
        ("mvregister@1", {"assign"}),
        ("maxregister@1", {"assign"}),
        ("minregister@1", {"assign"}),
        ("uset@1", {"add", "clear", "discard", "remove", "update"}),
        ("pnset@1", {"add", "clear", "discard", "remove", "update"}),
        ("rwset@1", {"add", "clear", "discard", "remove", "update"}),
        ("boundedcounter@1", {"decrement", "increment", "leave", "reclaim", "transfer"}),
    ],
)
def test_only_mutators_can_be_called(tag: str, methods: set[str]) -> None:
    assert set(mutators(type_of(tag))) == methods
