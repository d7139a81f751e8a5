"""What differs between two members, seen without repairing it."""

import pytest

from crdt import GSet, PNCounter
from crdtnode.errors import UnknownMember
from crdtnode.protocol import Engine
from crdtnode.protocol.effects import Copy, Differences, Inspected
from crdtnode.protocol.looking import DIFFERENCES_MOST, PATIENCE
from crdtnode.wire.messages import Look, Looked, State
from tests.protocol.puppet import Puppet
from tests.protocol.table import Seat, Table


def parted(table: Table) -> tuple[Seat, Seat]:
    """Two that know each other, and neither push nor repair what they write from now on."""
    one = table.seat("n0")
    other = table.seat("n1", one.address)
    assert table.run(2, until=table.agreed)
    for seat in (one, other):
        seat.engine._repair.on_ping = lambda *_: []
        seat.engine._pushes._push = lambda *_: []
    return one, other


def write(seat: Seat, *names: str, kind: type[GSet] = GSet) -> None:
    for name in names:
        seat.registry.open(name, kind).add(f"by {seat.engine.name}")


def found(table: Table, seat: Seat, ticket: int) -> Differences | Copy | None:
    assert table.run(
        2 * PATIENCE,
        until=lambda: any(e.ticket == ticket for e in seat.saw(Inspected)),
    )
    (answer,) = [e for e in seat.saw(Inspected) if e.ticket == ticket]
    return answer.found


def compare(table: Table, seat: Seat, name: str) -> Differences | Copy | None:
    return found(table, seat, ask(table, seat, lambda engine: engine.compare(name, table.now)))


def ask(table: Table, seat: Seat, question: object) -> int:
    ticket = question(seat.engine)
    table._take(seat)
    return int(ticket)


def test_equal_members_differ_in_nothing(table: Table) -> None:
    one, other = parted(table)
    assert compare(table, one, "n1") == Differences((), (), (), complete=True)
    for seat in (one, other):
        seat.registry.open("same", GSet).add("equal")
    assert compare(table, one, "n1") == Differences((), (), (), complete=True)


@pytest.mark.parametrize("many", [0, 3000], ids=["few objects", "many objects"])
@pytest.mark.parametrize("more", ["here", "there"])
def test_each_object_that_differs_is_named_with_where_it_is(
    table: Table, many: int, more: str
) -> None:
    """``many`` are only on one side, so that one trie is deep and the other one shallow."""
    one, other = parted(table)
    write(one if more == "here" else other, *(f"many-{number}" for number in range(many)))
    for seat in (one, other):
        write(seat, "both", "same")
        seat.registry.open("same", GSet).add("by n0")
        seat.registry.open("same", GSet).add("by n1")
    write(one, "mine")
    write(other, "yours")
    differences = compare(table, one, "n1")
    assert isinstance(differences, Differences)
    if many:
        assert not differences.complete
        return
    assert differences == Differences(
        (("gset@1", "mine"),), (("gset@1", "yours"),), (("gset@1", "both"),), complete=True
    )


@pytest.mark.parametrize("more", ["here", "there"])
def test_a_few_differences_among_many_objects_are_found_for_their_price(
    table: Table, more: str
) -> None:
    one, other = parted(table)
    names = [f"many-{number}" for number in range(2000)]
    for seat in (one, other):
        for name in names:
            seat.registry.open(name, GSet).add("equal")
    write(one if more == "here" else other, "odd", *(f"odd-{number}" for number in range(300)))
    write(other, names[5])
    before = sum(len(data) for _, _, data in table.sent)
    differences = compare(table, one, "n1")
    assert isinstance(differences, Differences)
    assert (len(differences.only_here), len(differences.only_there)) == (
        (301, 0) if more == "here" else (0, 301)
    )
    assert differences.differing == (("gset@1", names[5]),)
    assert differences.complete
    assert sum(len(data) for _, _, data in table.sent) - before < 60_000


def test_a_branch_that_the_other_does_not_have_is_only_here(table: Table) -> None:
    one, other = parted(table)
    place = one.registry.fingerprints.place
    names = [f"shared-{number}" for number in range(80)]
    names = [name for name in names if place("gset@1", name) >> 60]  # none on the first branch
    for seat in (one, other):
        for name in names:
            seat.registry.open(name, GSet).add("equal")
    write(one, *(f"odd-{number}" for number in range(300)))
    differences = compare(table, one, "n1")
    assert isinstance(differences, Differences)
    assert len(differences.only_here) == 300
    assert (differences.only_there, differences.differing) == ((), ())
    assert differences.complete


def test_more_differences_than_anybody_reads_are_cut(table: Table) -> None:
    one, other = parted(table)
    write(other, *(f"many-{number}" for number in range(3 * DIFFERENCES_MOST)))
    differences = compare(table, one, "n1")
    assert isinstance(differences, Differences)
    assert not differences.complete
    assert 0 < len(differences.only_there) <= DIFFERENCES_MOST


def test_a_members_copy_of_an_object_can_be_seen(table: Table) -> None:
    one, other = parted(table)
    write(other, "a")
    place = one.registry.fingerprints.place

    def look(name: str) -> Differences | Copy | None:
        at = place("gset@1", name)
        ticket = ask(table, one, lambda engine: engine.inspect("n1", at, table.now))
        return found(table, one, ticket)

    assert look("a") == Copy(((other.registry.open("a", GSet).payload,),))
    assert look("nothing") == Copy(())


def test_a_silent_member_is_given_up(table: Table) -> None:
    one, other = parted(table)
    ticket = ask(table, one, lambda engine: engine.compare("n1", table.now))
    other.stopped = True
    assert found(table, one, ticket) is None


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("n0", "'n0' is this node itself"),
        ("n1", "'n1' is dead"),
        ("nobody", "no member is called 'nobody'"),
    ],
)
def test_only_another_member_that_may_live_can_be_looked_at(
    table: Table, name: str, why: str
) -> None:
    one, _ = parted(table)
    engine: Engine = one.engine
    member = engine._members.named("n1")
    assert member is not None
    engine._members.judge(member, State.DEAD, table.now)
    with pytest.raises(UnknownMember, match=why):
        engine.compare(name, table.now)


def test_answers_that_nobody_asked_for_are_ignored(table: Table) -> None:
    one, _ = parted(table)
    puppet = Puppet(table)
    puppet.join(one)
    table.run(1)
    ticket = ask(table, one, lambda engine: engine.compare("n1", table.now))
    puppet.say(one, Looked(ticket, (), ()), Looked(99, (), ()))
    assert isinstance(found(table, one, ticket), Differences)


def test_whoever_looks_at_nothing_sees_nothing(table: Table) -> None:
    one, _ = parted(table)
    one.registry.open("visits", PNCounter).increment()
    puppet = Puppet(table)
    puppet.join(one)
    table.run(1)
    puppet.say(one, Look(7, (("nonsense", 3, 5),), (1, 2), payloads=True))
    table.run(1)
    (looked,) = [message for message in puppet.heard if isinstance(message, Looked)]
    assert looked.holdings == ()
    assert looked.nodes[0].leaves == ()
