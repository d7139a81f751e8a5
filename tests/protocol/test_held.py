"""A cluster in which an object of a lawless type never agrees: it is set aside, and nobody suffers."""

from typing import Any

import pytest

from crdt import GSet
from crdtnode.protocol import Event
from crdtnode.wire.messages import Kind
from tests.protocol.chaos import kind_of
from tests.protocol.table import Seat, Table
from tests.protocol.wrong import Shuffled, Summing

DATA = {Kind.SYNC, Kind.CTX, Kind.AGAIN}


def views(seat: Seat) -> list[int]:
    """How many held objects explain the roots of each other member."""
    return [member.held for member in seat.engine.members if not member.is_self]


@pytest.mark.parametrize("kind", [Summing, Shuffled])
def test_both_know_that_one_object_is_held_and_all_else_is_equal(
    table: Table, kind: type[Any]
) -> None:
    first = table.seat("first")
    second = table.seat("second", first.address)
    assert table.run(5, until=table.agreed)
    table.lose = lambda sender, receiver, data: kind_of(data) == Kind.PUSH
    for seat in (first, second):
        seat.registry.open("odd", kind).increment(1)
    assert table.run(40, until=lambda: views(first) == views(second) == [1])
    assert any(seat.saw(Event) for seat in (first, second))
    table.lose = lambda sender, receiver, data: False
    first.registry.open("words", GSet).add("red")
    table.run(3)
    assert second.registry.open("words", GSet).value == {"red"}
    assert views(first) == views(second) == [1]
    before = len(table.sent)
    table.run(10)
    assert not {kind_of(data) for _, _, data in table.sent[before:]} & DATA


def test_the_rest_of_the_cluster_stays_quiet(table: Table) -> None:
    seats = [table.seat("n0")]
    seats += [table.seat(f"n{number}", seats[0].address) for number in range(1, 5)]
    assert table.run(10, until=table.agreed)
    for seat in seats:
        seat.registry.open("odd", Summing).increment(1)
    table.run(40)
    before = len(table.sent)
    table.run(10)
    kinds = [kind_of(data) for _, _, data in table.sent[before:]]
    assert len(kinds) < 10 * len(seats) * 5
    assert sum(kind in DATA for kind in kinds) < 10
    seats[2].registry.open("words", GSet).add("red")
    assert table.run(1, until=lambda: all("red" in s.registry.open("words", GSet) for s in seats))
