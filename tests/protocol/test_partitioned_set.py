"""A large set that both sides of a partition go on changing is repaired for the bytes of the adds."""

from typing import Any

import pytest

from crdt import GSet, ORSet
from crdtnode.wire.messages import Kind
from tests.protocol.chaos import kind_of
from tests.protocol.table import Seat, Table

ELEMENTS = 20_000
PACE = 50
"""Adds a second on each side."""

SECONDS = 60


def parted(table: Table, kind: type[Any]) -> tuple[Seat, Seat]:
    """Two nodes that added apart for a minute, one flush for each add."""
    first, second = table.seat("first"), table.seat("second", ("10.0.0.1", 1000))
    first.registry.open("big", kind).update(f"element {number:06}" for number in range(ELEMENTS))
    assert table.run(10, until=lambda: table.agreed() and table.equal())
    table.run(5)
    table.cut = lambda sender, receiver: True
    for number in range(PACE * SECONDS):
        for seat in (first, second):
            seat.registry.open("big", kind).add(f"{seat.engine.name} {number}")
        table.run(1 / PACE)
    return first, second


@pytest.mark.parametrize("kind", [ORSet, pytest.param(GSet, marks=pytest.mark.sweep)])
def test_a_minute_of_adds_on_both_sides_costs_the_adds_and_not_the_set(
    table: Table, kind: type[Any]
) -> None:
    first, second = parted(table, kind)
    table.cut = lambda sender, receiver: False
    before = len(table.sent)
    assert table.run(20, until=table.equal)
    value = first.registry.open("big", kind).value
    assert value == second.registry.open("big", kind).value
    assert len(value) == ELEMENTS + 2 * PACE * SECONDS
    sent = table.sent[before:]
    added = sum(len(element) + 1 for element in value) - ELEMENTS * len("element 000000 ")
    whole = ELEMENTS * len("element 000000 ")
    size = sum(len(data) for _, _, data in sent)
    assert size < 1.2 * added < whole / 2
    assert Kind.PUSH not in {kind_of(data) for _, _, data in sent}
