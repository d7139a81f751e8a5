"""Removal of whole objects in a cluster: pushed, repaired, and never undone by what comes late."""

import random

import pytest

from crdt import GSet
from crdtnode.protocol import Changed, Event
from crdtnode.protocol.joins import SHOWN_BYTES
from tests.protocol.table import Seat, Table

SET = "gset@1"


@pytest.fixture
def trio(table: Table) -> list[Seat]:
    first = table.seat("n0")
    seats = [first, *(table.seat(f"n{n}", first.address) for n in (1, 2))]
    first.registry.open("tags", GSet).add("red")
    assert table.run(2, until=lambda: table.agreed() and table.equal())
    return seats


def gone(seats: list[Seat]) -> bool:
    return all(not seat.registry.names() for seat in seats)


def test_a_removal_is_on_all_members_at_once(table: Table, trio: list[Seat]) -> None:
    assert trio[1].registry.delete(SET, "tags")
    assert table.run(0.05, until=lambda: gone(trio) and table.equal())
    told = [e for e in trio[2].saw(Changed) if isinstance(e, Changed)]
    assert (told[-1].delta, told[-1].source) == (None, "n1")


def test_a_removal_whose_pushes_are_lost_is_repaired(table: Table, trio: list[Seat]) -> None:
    table.lose = lambda sender, receiver, data: True
    assert trio[1].registry.delete(SET, "tags")
    table.run(0.3)
    table.lose = lambda sender, receiver, data: False
    assert table.run(5, until=lambda: gone(trio) and table.equal())


def test_a_removal_and_unseen_writes_meet_after_a_partition(table: Table, trio: list[Seat]) -> None:
    cut_off = trio[2].address
    table.cut = lambda sender, receiver: (sender == cut_off) != (receiver == cut_off)
    trio[2].registry.open("tags", GSet).add("unseen")
    trio[0].registry.delete(SET, "tags")
    table.run(30)
    table.cut = lambda sender, receiver: False
    assert table.run(10, until=lambda: gone(trio) and table.equal())
    told = [e for e in trio[2].saw(Event) if isinstance(e, Event) and e.kind == "removed"]
    assert len(told) == 1
    lost = GSet.from_payload(told[0].fields["payload"])
    assert lost.value == {"red", "unseen"}
    assert told[0].fields["name"] == "tags"


def test_who_lost_much_is_told_how_much(table: Table, trio: list[Seat]) -> None:
    trio[0].registry.open("tags", GSet).add("x" * SHOWN_BYTES)
    trio[1].registry.delete(SET, "tags")
    assert table.run(1, until=lambda: gone(trio) and table.equal())
    told = [e for e in trio[0].saw(Event) if isinstance(e, Event) and e.kind == "removed"]
    assert "payload" not in told[0].fields
    assert told[0].fields["payload_bytes"] > SHOWN_BYTES  # type: ignore[operator]


def test_a_newcomer_learns_of_what_is_removed(table: Table, trio: list[Seat]) -> None:
    trio[0].registry.delete(SET, "tags")
    assert table.run(1, until=lambda: gone(trio) and table.equal())
    late = table.seat("n3", trio[0].address)
    assert table.run(5, until=lambda: late.registry.root == trio[0].registry.root != 0)
    assert gone([*trio, late])


@pytest.mark.parametrize("seed", range(20))
def test_any_order_of_writes_and_removals_ends_alike(table: Table, seed: int) -> None:
    chance = random.Random(seed)
    seats = [table.seat("n0")]
    seats += [table.seat(f"n{n}", seats[0].address) for n in (1, 2)]
    table.run(1, until=table.agreed)
    table.lose = lambda sender, receiver, data: chance.random() < 0.4
    for step in range(60):
        registry = chance.choice(seats).registry
        if chance.random() < 0.3:
            registry.delete(SET, "tags")
        else:
            registry.open("tags", GSet).add(step)
        table.run(chance.choice((0.0, 0.002, 0.1)))
    table.lose = lambda sender, receiver, data: False
    assert table.run(10, until=table.equal)
    values = [seat.registry.open("tags", GSet).value for seat in seats]
    assert values[0] == values[1] == values[2]
