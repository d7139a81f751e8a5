"""Large objects travel in parts, each lawful alone, so that nobody is busy with one for long."""

from collections.abc import Callable

import pytest

from crdt import GSet, LWWRegister, ORSet
from crdt.catalogue import register
from crdtnode.fingerprints import Fingerprints
from crdtnode.protocol import Changed, Event
from crdtnode.protocol.arriving import MOST, PATIENCE, Arriving
from crdtnode.protocol.descent import Give
from crdtnode.protocol.division import Division, Pieces
from crdtnode.protocol.effects import Flushed
from crdtnode.protocol.parcels import PART_BYTES
from crdtnode.registry import Registry
from crdtnode.wire.messages import Ctx, Form, Item, Sync
from tests.protocol.pair import Pair, Side
from tests.protocol.table import Seat, Table

ELEMENTS = 20_000


class Labels(GSet):
    """A user's subclass of a built-in type."""


register(Labels, "parts-labels@1")
LARGEST = 2 * PART_BYTES
"""No frame needs more: a chunk is full with what is over its size."""


def names(count: int, prefix: str = "element") -> list[str]:
    return [f"{prefix}{n:06d}" for n in range(count)]


def pair(table: Table, kind: type = ORSet) -> tuple[Seat, Seat]:
    """Two nodes, one of which has written a large set that was not pushed."""
    one = table.seat("a")
    other = table.seat("b", one.address)
    assert table.run(2, until=table.agreed)
    table.lose = lambda sender, receiver, data: True
    one.registry.open("large", kind).update(names(ELEMENTS))
    table.run(0.01)
    table.lose = lambda sender, receiver, data: False
    table.sent.clear()
    return one, other


def frames(table: Table, source: Seat) -> list[int]:
    return [len(data) for sender, _, data in table.sent if sender == source.address]


@pytest.mark.parametrize("kind", [ORSet, GSet])
def test_a_large_set_arrives_in_parts(table: Table, kind: type) -> None:
    one, other = pair(table, kind)
    assert table.run(5, until=table.equal)
    assert len(other.registry.open("large", kind)) == ELEMENTS
    assert max(frames(table, one)) < LARGEST
    seen = [e for e in other.saw(Changed) if isinstance(e, Changed)]
    assert len(seen) > 3
    assert not any(e.kind == "set-aside" for e in other.saw(Event) if isinstance(e, Event))


def test_a_stream_that_breaks_goes_on_where_it_stopped(table: Table) -> None:
    one, other = pair(table)
    got = 0

    def cut(sender: tuple[str, int], receiver: tuple[str, int]) -> bool:
        nonlocal got
        entry = other.registry.get("orset@1", "large")
        got = 0 if entry is None else len(entry)  # type: ignore[arg-type]  # a set
        return got > ELEMENTS // 2

    table.cut = cut
    assert not table.run(3, until=table.equal)
    assert ELEMENTS // 2 < got < ELEMENTS
    table.cut = lambda sender, receiver: False
    before = sum(frames(table, one))
    assert table.run(10, until=table.equal)
    rest = sum(frames(table, one)) - before
    assert rest < 0.55 * (before + rest)


def test_what_is_written_meanwhile_arrives_too(table: Table) -> None:
    one, other = pair(table)
    written: list[str] = []

    def write(sender: tuple[str, int], receiver: tuple[str, int]) -> bool:
        if len(written) < 5 and len(other.registry) and not table.equal():
            written.append(f"late{len(written)}")
            tags = one.registry.open("large", ORSet)
            tags.add(written[-1])
            tags.discard(names(ELEMENTS)[len(written)])
        return False

    table.cut = write
    assert table.run(10, until=lambda: table.equal() and len(written) == 5)
    assert other.registry.open("large", ORSet).value == one.registry.open("large", ORSet).value
    assert set(written) <= other.registry.open("large", ORSet).value


def test_both_sides_of_a_partition_grew_by_much(table: Table) -> None:
    one, other = pair(table)
    assert table.run(5, until=table.equal)
    table.cut = lambda sender, receiver: True
    one.registry.open("large", ORSet).update(names(ELEMENTS, "one"))
    other.registry.open("large", ORSet).update(names(ELEMENTS, "other"))
    table.run(20)
    table.cut = lambda sender, receiver: False
    table.sent.clear()
    assert table.run(10, until=table.equal)
    assert len(one.registry.open("large", ORSet)) == 3 * ELEMENTS
    assert max(frames(table, one) + frames(table, other)) < LARGEST
    assert sum(frames(table, one)) < 1.5 * 13 * ELEMENTS


def test_a_set_larger_than_any_message_may_be_arrives(table: Table) -> None:
    one = table.seat("a")
    one.registry.open("large", GSet).update(names(20, "x" * 60_000))
    other = table.seat("b", one.address)
    assert table.run(5, until=table.equal)
    assert len(other.registry.open("large", GSet)) == 20


def test_what_cannot_be_divided_travels_whole(table: Table) -> None:
    one = table.seat("a")
    one.registry.open("large", LWWRegister).assign("x" * 3 * PART_BYTES)
    one.registry.open("small", LWWRegister).assign("y")
    other = table.seat("b", one.address)
    assert table.run(5, until=table.equal)
    assert len(other.registry.open("large", LWWRegister).value) == 3 * PART_BYTES


def test_what_no_message_can_carry_is_counted_and_hinders_nothing_else() -> None:
    both = Pair(a=Side("a", message_bytes_most=2 * PART_BYTES))
    both.a.registry.open("atom", LWWRegister).assign("x" * 3 * PART_BYTES)
    both.a.registry.open("atoms", GSet).update(["y" * 3 * PART_BYTES, "red", "z" * PART_BYTES])
    both.a.registry.open("small", LWWRegister).assign("y")
    both.probe()
    assert both.b.registry.open("small", LWWRegister).value == "y"
    assert both.b.registry.open("atoms", GSet).value == {"red", "z" * PART_BYTES}
    assert both.b.registry.names() == [("gset@1", "atoms"), ("lwwregister@1", "small")]
    assert both.a.metrics.dropped["too large to send"] == 2


def test_a_hand_written_type_is_never_divided() -> None:
    both = Pair()
    both.a.registry.register(Labels)
    both.b.registry.register(Labels)
    both.a.registry.open("large", Labels).update(names(ELEMENTS))
    both.probe()
    assert len(both.b.registry.open("large", Labels)) == ELEMENTS
    assert not any(item.form == Form.PART for m in both.sent for item in getattr(m, "items", ()))


# What is on its way


def test_while_an_object_comes_it_is_asked_for_nowhere_else() -> None:
    coming = Arriving()
    assert not coming.comes(7, 0.0)
    coming.expect(7, b"a", 0.0)
    assert coming.comes(7, 0.1)
    assert coming.comes_from(7, b"a", 0.1)
    assert not coming.comes_from(7, b"b", 0.1)
    assert not coming.comes(8, 0.1)


def test_each_part_is_a_reason_to_wait_for_the_next_one_a_moment_longer() -> None:
    coming = Arriving()
    coming.expect(7, b"a", 0.0)
    coming.expect(7, b"a", 0.9 * PATIENCE)
    assert coming.comes(7, 1.8 * PATIENCE)
    assert not coming.comes(7, 2 * PATIENCE)


def test_the_last_part_or_the_end_of_its_source_ends_the_wait() -> None:
    coming = Arriving()
    coming.expect(7, b"a", 0.0)
    coming.expect(8, b"a", 0.0)
    coming.expect(9, b"b", 0.0)
    coming.done(7)
    coming.forget(b"a")
    assert [place for place in (7, 8, 9) if coming.comes(place, 0.0)] == [9]


def test_only_so_many_are_remembered() -> None:
    coming = Arriving()
    for place in range(2 * MOST):
        coming.expect(place, b"a", 0.0)
    assert sum(coming.comes(place, 0.0) for place in range(2 * MOST)) == MOST


def test_of_two_that_ask_each_other_at_once_one_question_goes_on() -> None:
    both = Pair()
    both.a.registry.open("large", ORSet).update(names(ELEMENTS))
    both.probe()
    place = both.a.registry.fingerprints.place("orset@1", "large")
    contexts = [side.registry.context(place) for side in (both.a, both.b)]
    both.a.registry.open("large", ORSet).add("mine")
    both.b.registry.open("large", ORSet).add("theirs")
    for side, peer in ((both.a, both.b), (both.b, both.a)):
        side.registry.flush(both.now)
        side.repair._arriving.expect(place, peer.me.boot, both.now)
    ctx = Ctx(((place, 1, 1, contexts[0]),), 20)
    answers = [
        both.a.repair.on_ctx(both.b.me, ctx, both.now),
        both.b.repair.on_ctx(both.a.me, ctx, both.now),
    ]
    assert [len(sends) for sends in answers] == [0, 1]


def test_large_objects_are_flushed_sent_and_joined_in_small_steps(table: Table) -> None:
    """No call does more than a part's worth of work, and between any two a probe is answered."""
    one, other = table.seat("a"), table.seat("b", ("10.0.0.1", 1000))
    assert table.run(2, until=table.agreed)
    table.run(3)
    hashed, most = 0, 0
    digest = Fingerprints.digest

    def counting(self: Fingerprints, data: bytes) -> bytes:
        nonlocal hashed
        hashed += 1
        return digest(self, data)

    def bounded(act: Callable[..., object]) -> Callable[..., object]:
        def acting(*args: object) -> object:
            nonlocal hashed, most
            hashed = 0
            result = act(*args)
            most = max(most, hashed)
            return result

        return acting

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Fingerprints, "digest", counting)
        for seat in (one, other):
            for call in ("receive", "wake"):
                patch.setattr(seat.engine, call, bounded(getattr(seat.engine, call)))
        one.registry.open("large", ORSet).update(names(3 * ELEMENTS))
        ticket = table.call(one, lambda: one.engine.flush(table.now))
        assert table.run(2, until=table.equal)
        assert table.run(1, until=lambda: Flushed(ticket, 1) in one.saw(Flushed))
    assert len(other.registry.open("large", ORSet)) == 3 * ELEMENTS
    assert 100 < most < 6000
    assert not one.metrics.repairs["begun"]


def test_all_who_get_an_object_at_a_time_get_the_same_parts() -> None:
    side, peers = Side("a"), [Side("b"), Side("c"), Side("d")]
    side.registry.open("large", ORSet).update(names(ELEMENTS))
    side.registry.flush(0.0)
    place = side.registry.fingerprints.place("orset@1", "large")
    divided = 0

    def parts(self: Registry, *args: object) -> object:
        nonlocal divided
        divided += 1
        return real(self, *args)

    real: Callable[..., object] = Registry.parts
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Registry, "parts", parts)
        items = []
        for peer in peers:
            sends = side.sync(Sync((), ((place, 0, ()),), (), 20), peer, 0.0)
            while side.repair.busy:
                sends += side.repair.work(0.0)
            for send in sends:
                assert isinstance(send.message, Sync)
                items += [id(item.payloads[0]) for item in send.message.items]
    assert divided == 1
    assert len(items) > len(set(items))


def test_what_is_on_its_way_to_a_peer_is_not_begun_anew_for_it() -> None:
    side, peer = Side("a"), Side("b")
    side.registry.open("large", ORSet).update(names(ELEMENTS))
    side.registry.flush(0.0)
    place = side.registry.fingerprints.place("orset@1", "large")
    wanted = Sync((), ((place, 0, ()),), (), 20)
    sends = side.sync(wanted, peer, 0.0)
    sends += side.sync(wanted, peer, 0.0)
    for _ in range(100):
        sends += side.repair.work(0.0) or side.sync(Sync((), (), (), 20), peer, 0.0)
    items = [item for send in sends for item in getattr(send.message, "items", ())]
    joined = [element for item in items for element in ORSet.from_payload(item.payloads[0])]
    assert sorted(joined) == names(ELEMENTS)


def test_an_object_whose_version_is_not_known_yet_waits() -> None:
    both = Pair()
    both.a.registry.open("large", ORSet).update(names(ELEMENTS))
    both.a.registry.flush(0.0, most_bytes=1000)
    place = both.a.registry.fingerprints.place("orset@1", "large")
    assert both.a.registry.stale(place)
    assert both.a.sync(Sync((), ((place, 5, ()),), (), 20), both.b, 0.0)  # Side.sync flushes
    other = Side("c")
    other.registry.open("large", ORSet).update(names(ELEMENTS))
    assert other.registry.flush(0.0, most_bytes=1000) == []
    (send,) = other.repair.on_ctx(both.b.me, Ctx(((place, 1, 1, {}),), 20), 0.0)
    assert send.message.wanted == ((place, 0, ()),)  # type: ignore[union-attr]  # it is a SYNC
    parcel, _ = other.repair._parcels.parcel(Give(place), 0.0, whole=False)
    assert parcel is None
    other.registry.flush(0.0)
    other.registry.open("large", ORSet).update(names(ELEMENTS, "more"))
    assert other.registry.version("orset@1", "large")  # an earlier one
    parcel, _ = other.repair._parcels.parcel(Give(place), 0.0, whole=False)
    assert parcel is None
    other.registry.flush(0.0)
    parcel, _ = other.repair._parcels.parcel(Give(place), 0.0, whole=False)
    assert parcel is not None


def test_a_probe_asks_for_nothing_that_comes_already() -> None:
    both = Pair()
    both.a.registry.open("tags", GSet).add("red")
    place = both.a.registry.fingerprints.place("gset@1", "tags")
    both.b.repair._arriving.expect(place, b"somebody", 0.0)
    (send,) = both.b.repair.on_ping(both.a.me, both.a.ping(both.b, 0.0), 0.0)
    assert send.message.wanted == ()  # type: ignore[union-attr]  # it is a WANT
    (send,) = both.b.repair.on_ping(both.a.me, both.a.ping(both.b, 9.0), 9.0)
    assert send.message.wanted != ()  # type: ignore[union-attr]  # it is a WANT


def test_what_a_history_tells_goes_in_one() -> None:
    both = Pair()
    both.a.registry.open("tags", GSet).add("old")
    both.probe()
    for number in range(12):
        both.a.registry.open("tags", GSet).add(f"{number:04000}")
        both.a.registry.flush(both.now)
    both.forget_what_was_sent()
    both.probe()
    assert both.equal
    items = [item for message in both.sent for item in getattr(message, "items", ())]
    assert [item.form for item in items] == [Form.DELTAS]
    assert "old" not in [element for item in items for element in item.payloads[0]]


def test_of_nothing_no_piece_is_sent() -> None:
    side, peer = Side("a"), Side("b")
    whole = Item("gset@1", "tags", 1, 0, Form.STATE, (), 7)
    assert side.repair.hand(peer.me, 7, Pieces(whole, Division(iter(()))), 0.0) == []
