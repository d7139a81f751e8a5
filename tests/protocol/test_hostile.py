"""Bad input: counted, bounded, without effect, and the honest rest goes on.

Strangers have no key; traitors have it, and may even be members.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
import random

import pytest

from crdt import GSet, PNCounter
from crdtnode.config import Settings
from crdtnode.protocol import Event, Stream, Udp
from crdtnode.protocol.answers import HOT_MOST
from crdtnode.protocol.channel import sealed
from crdtnode.protocol.chunks import AHEAD_MOST, TASKS_MOST, UNASKED
from crdtnode.protocol.contact import CHALLENGES_MOST, PROVEN_MOST
from crdtnode.protocol.members import FAR, INCARNATION_MOST, MEMBERS_MOST
from crdtnode.wire import codec
from crdtnode.wire.keyring import Keyring
from crdtnode.wire.messages import (
    LEFT_MAX,
    NOBODY,
    Ack,
    Again,
    Asked,
    Busy,
    Challenge,
    Ctx,
    Form,
    Hello,
    Item,
    MemberList,
    MemberRecord,
    Message,
    Nack,
    Ping,
    PingAck,
    PingReq,
    Pong,
    Push,
    Seen,
    State,
    Sync,
    TrieNode,
    Want,
)
from tests.protocol.babble import Babbler
from tests.protocol.people import boot
from tests.protocol.puppet import Puppet, boot_of
from tests.protocol.table import Seat, Table

KEYS = Keyring.fresh(bytes(range(48)))
SETTINGS = Settings()
NOWHERE = ("10.9.9.9", 9)
ITEM = Item("gset@1", "tags", 1, 0, Form.STATE, (["evil"],), 1)


@pytest.fixture
def trio(table: Table) -> list[Seat]:
    """Three honest nodes with a key, and some state."""
    first = table.seat("n0", keyring=KEYS)
    seats = [first, *(table.seat(f"n{n}", first.address, keyring=KEYS) for n in (1, 2))]
    assert table.run(2, until=table.agreed)
    first.registry.open("visits", PNCounter).increment(3)
    assert table.run(1, until=table.equal)
    return seats


def looks(seat: Seat) -> object:
    """What a node holds and thinks, to see that nothing changed."""
    return seat.registry.root, seat.registry.names(), seat.states


def goes_on(table: Table, trio: list[Seat]) -> None:
    """The honest nodes hold each other for alive, and a write reaches all of them."""
    honest = {f"n{n}" for n in range(3)}
    for seat in trio:
        assert {seat.states[name] for name in honest} == {"alive"}
    trio[2].registry.open("after", GSet).add("all of it")
    assert table.run(3, until=lambda: all("after" in str(s.registry.names()) for s in trio))
    assert table.run(3, until=lambda: len({seat.registry.root for seat in trio}) == 1)


def drops(seat: Seat) -> int:
    return sum(seat.metrics.dropped.values())


# Strangers


def recorded(table: Table, seat: Seat) -> list[bytes]:
    return [data for _, to, data in table.sent if to == seat.address]


def noises(table: Table, seat: Seat) -> Iterator[bytes]:
    """Datagrams of people without the key."""
    chance = random.Random(7)
    yield b""
    for size in (1, 31, 32, 47, 48, 200, 1200, 8192, 9000):
        yield chance.randbytes(size)
    for data in recorded(table, seat)[:20]:
        yield data[: chance.randrange(len(data))]
        flipped = bytearray(data)
        flipped[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        yield bytes(flipped)
        yield data  # a repetition
        yield data + b"x"
    for keyring, cluster in (
        (Keyring.fresh(bytes(48)), "default"),
        (KEYS, "other"),
        (Keyring(b"another salt 123", KEYS.keys), "default"),
        (Keyring.open_key("default"), "default"),
    ):
        channel = sealed(keyring, cluster, b"x" * 16)
        for receiver in (boot_of(seat), NOBODY):
            yield channel.datagrams.seal(receiver, codec.encode(Ping(1, 0, (), (), (), 0)))[1]


def test_noise_is_counted_and_answered_by_silence(table: Table, trio: list[Seat]) -> None:
    target, before = trio[0], looks(trio[0])
    counted = drops(target)
    sent = 0
    for number, data in enumerate(noises(table, target), start=1):
        target.engine.receive(data, Udp(NOWHERE), table.now)
        sent += sum(not isinstance(effect, Event) for effect in target.engine.effects())
        assert drops(target) == counted + number
    assert sent == 0
    assert looks(target) == before
    goes_on(table, trio)


@pytest.mark.parametrize("size", [0, 1, 3, 4, 5, 100, 5000, 70_000])
@pytest.mark.parametrize("cut", [1, 1000, 10**6])
def test_garbage_on_a_stream_ends_it(table: Table, trio: list[Seat], size: int, cut: int) -> None:
    target, before = trio[0], looks(trio[0])
    data = random.Random(size).randbytes(size)
    id_ = target.engine.accepted(NOWHERE, table.now)
    assert id_ is not None
    for at in range(0, min(size, 6000), cut):
        target.engine.receive(data[at : at + cut], Stream(id_), table.now)
    table.call(target, lambda: None)
    table.run(SETTINGS.stream_greeting + 0.1)
    assert target.engine._streams.numbered(id_) is None
    assert looks(target) == before
    goes_on(table, trio)


def test_a_stream_that_announces_much_and_brings_nothing_costs_nothing(
    table: Table, trio: list[Seat]
) -> None:
    target = trio[0]
    id_ = target.engine.accepted(NOWHERE, table.now)
    assert id_ is not None
    target.engine.receive(b"\xff\xff\xff\xff", Stream(id_), table.now)
    assert target.metrics.dropped["too large"] == 1
    assert target.engine._streams.numbered(id_) is None


def test_streams_that_never_greet_are_bounded_and_let_others_in(
    table: Table, trio: list[Seat]
) -> None:
    target = trio[0]
    for _ in range(1000):
        target.engine.accepted(NOWHERE, table.now)
        assert len(target.engine._streams._conns) <= SETTINGS.streams_most
    newcomer = table.seat("n3", target.address, keyring=KEYS)
    assert table.run(1, until=lambda: newcomer.states.get("n2") == "alive")
    table.run(SETTINGS.stream_idle + SETTINGS.stream_greeting)
    assert len(target.engine._streams._conns) == 0


def test_recorded_traffic_means_nothing_to_a_process_started_later(
    table: Table, trio: list[Seat]
) -> None:
    first, other, third = trio
    recording = recorded(table, third)
    table.crash(third)
    again = table.seat("n2", port=third.address[1], keyring=KEYS, seed=1)
    before = looks(again)
    for data in recording:
        again.engine.receive(data, Udp(first.address), table.now)
    again.engine.effects()
    assert looks(again) == before
    assert other.states["n2"] == "alive"


def test_recorded_greetings_get_a_challenge_and_no_place(table: Table, trio: list[Seat]) -> None:
    target = trio[0]
    puppet = Puppet(table, keyring=KEYS)
    hello = codec.encode(puppet.hello(b"n" * 16, b""))
    _, data = puppet.channel.datagrams.seal(None, hello)
    before = looks(target)
    target.engine.receive(data, Udp(NOWHERE), table.now)
    target.engine.receive(data, Udp(NOWHERE), table.now)
    assert len(target.engine.effects()) == 1
    assert target.metrics.dropped["replayed"] == 1
    assert looks(target) == before


# Traitors that are no members


EVERY_MESSAGE: list[Message] = [
    Ping(1, 0, (), (), (), 0),
    Pong(1, 1, 0, (), 0, 0, 0),
    PingReq(1, "n1", boot("x"), NOWHERE),
    PingAck(1, "n1"),
    Nack(1, "n1", Seen.REFUSED),
    Push(1, 0, 0, (ITEM,)),
    Ack((1,), stored=False),
    MemberList(0, (), reply=True),
    Want(0, ((1, 1, ()),), (), (), LEFT_MAX),
    Sync((ITEM,), (), (), LEFT_MAX),
    Again(0, (), (), (), LEFT_MAX),
    Ctx((Asked(1, 1, 1, {}),), LEFT_MAX),
    Busy(1),
    Challenge(b"c" * 16),
]


@pytest.mark.parametrize("message", EVERY_MESSAGE, ids=lambda message: type(message).__name__)
@pytest.mark.parametrize("proves", [True, False], ids=["proven", "not proven"])
@pytest.mark.parametrize("stream", [True, False], ids=["stream", "datagram"])
def test_from_a_process_that_is_no_member_nothing_is_taken(
    table: Table, trio: list[Seat], message: Message, proves: bool, stream: bool
) -> None:
    target, before = trio[0], looks(trio[0])
    puppet = Puppet(table, keyring=KEYS)
    puppet.proves = proves
    if stream:
        puppet.write(puppet.connect(target), message)
    else:
        puppet.say(target, message)
    table.run(0.5)
    assert looks(target) == before
    assert not puppet.got(Sync)
    goes_on(table, trio)


def test_strangers_that_never_prove_themselves_are_bounded(table: Table, trio: list[Seat]) -> None:
    target = trio[0]
    ping = codec.encode(Ping(1, 0, (), (), (), 0))
    for number in range(2 * CHALLENGES_MOST):
        table.run(0.01)
        channel = sealed(KEYS, "default", number.to_bytes(16))
        _, data = channel.datagrams.seal(boot_of(target), ping)
        target.engine.receive(data, Udp(NOWHERE), table.now)
        (effect,) = target.engine.effects()
        assert len(effect.data) <= len(data)
    contact = target.engine._doorway._contact
    assert len(contact._challenged) == CHALLENGES_MOST
    assert len(target.engine._channel.datagrams._strangers) <= CHALLENGES_MOST
    assert target.states == dict.fromkeys(("n0", "n1", "n2"), "alive")


def test_strangers_that_prove_themselves_and_join_nothing_are_bounded(
    table: Table, trio: list[Seat]
) -> None:
    target = trio[0]
    for number in range(PROVEN_MOST + 100):
        table.now += 0.01
        puppet = Puppet(table, seed=number, keyring=KEYS, port=5000)
        puppet.say(target, Ping(1, 0, (), (), (), 0))
        table.sent.clear()
    datagrams = target.engine._channel.datagrams
    assert len(datagrams._members) == PROVEN_MOST + 2
    assert len(datagrams._strangers) <= 1000
    goes_on(table, trio)


def test_a_flood_of_greetings_leaves_room_for_who_means_it(table: Table, trio: list[Seat]) -> None:
    target = trio[0]
    channel = sealed(KEYS, "default", b"flood" + bytes(11))
    hello = codec.encode(Hello(b"n" * 16, NOBODY, "flood", "default", 7))
    for _ in range(5000):
        target.engine.receive(channel.datagrams.seal(None, hello)[1], Udp(NOWHERE), table.now)
    answers = target.engine.effects()
    assert len(answers) == 5000  # one short challenge for each, to where it came from
    newcomer = table.seat("n3", target.address, keyring=KEYS)
    assert table.run(1, until=lambda: newcomer.states.get("n2") == "alive")


# Traitors that are members


@pytest.fixture
def puppet(table: Table, trio: list[Seat]) -> Puppet:
    """A member that does what a test says."""
    made = Puppet(table, keyring=KEYS)
    made.join(trio[0])
    assert table.run(2, until=lambda: all("puppet" in seat.states for seat in trio))
    return made


def records_of(trio: list[Seat], **changes: object) -> list[MemberRecord]:
    own = [next(m for m in seat.engine._members if m.name == seat.engine.name) for seat in trio]
    return [replace(one.record(), **changes) for one in own]


@pytest.mark.parametrize("ahead", [0, 1, 10**6, None], ids=str)
@pytest.mark.parametrize("state", [State.SUSPECT, State.DEAD, State.LEFT])
def test_slander_about_everybody_kills_nobody(
    table: Table, trio: list[Seat], puppet: Puppet, state: State, ahead: int | None
) -> None:
    for _ in range(5):
        records = records_of(trio, state=int(state))
        lies = tuple(
            replace(r, incarnation=INCARNATION_MOST if ahead is None else r.incarnation + ahead)
            for r in records
        )
        for seat in trio:
            puppet.say(seat, MemberList(0, lies, reply=False), Ping(1, 0, lies, (), (), 0))
        table.run(0.5)
    table.run(12)
    goes_on(table, trio)


def test_incarnations_at_the_end_of_their_range_poison_nothing(
    table: Table, trio: list[Seat], puppet: Puppet
) -> None:
    for incarnation in (FAR - 1, FAR, FAR + 1, 2**53 - 2, INCARNATION_MOST):
        lies = tuple(records_of(trio, incarnation=incarnation, addresses=(NOWHERE,)))
        for seat in trio:
            puppet.say(seat, MemberList(0, lies, reply=False))
        table.run(0.5)
    table.run(12)
    goes_on(table, trio)
    for seat in trio:
        assert {m.addresses[0][0] for m in seat.engine.members if m.name != "puppet"} == {
            "10.0.0.1"
        }
        assert seat.metrics.dropped["unbelievable news"]


def test_news_without_addresses_is_counted(table: Table, trio: list[Seat], puppet: Puppet) -> None:
    lies = [replace(puppet.record(5), name=f"x{n}", boot=boot(f"x{n}")) for n in range(3)]
    lies += records_of(trio)
    puppet.say(trio[0], MemberList(0, tuple(replace(r, addresses=()) for r in lies), reply=False))
    assert trio[0].metrics.dropped["unbelievable news"] == 6
    goes_on(table, trio)


@pytest.mark.sweep
def test_a_list_of_sixteen_thousand_names_is_bounded_and_passes(
    table: Table, trio: list[Seat], puppet: Puppet
) -> None:
    names = [replace(puppet.record(5), name=f"x{n}", boot=boot(f"x{n}")) for n in range(16_000)]
    stream = puppet.connect(trio[0])
    puppet.write(stream, MemberList(0, tuple(names), reply=False))
    assert len(trio[0].engine.members) == MEMBERS_MOST
    assert trio[0].metrics.dropped["too many members"] > 0
    newcomer = table.seat("n3", trio[0].address, keyring=KEYS)
    assert newcomer.states["n0"] == "alive"
    goes_on(table, trio)


def test_names_of_ours_with_other_processes_change_nothing(
    table: Table, trio: list[Seat], puppet: Puppet
) -> None:
    for number in range(100):
        lies = tuple(
            replace(r, boot=number.to_bytes(16), addresses=(NOWHERE,)) for r in records_of(trio)
        )
        for seat in trio:
            puppet.say(seat, MemberList(0, lies, reply=False))
    before = len(table.sent)
    table.run(2)
    assert len(table.sent) - before < 200
    goes_on(table, trio)


def test_a_sync_whose_version_is_wrong_is_answered_once(
    table: Table, trio: list[Seat], puppet: Puppet
) -> None:
    puppet.heard.clear()
    puppet.say(trio[0], Sync((ITEM,), (), (), LEFT_MAX))
    table.run(0.01)
    (answer,) = puppet.got(Sync)
    assert isinstance(answer, Sync)
    assert [item.of for item in answer.items] == [ITEM.version]


@pytest.mark.parametrize(
    "item",
    [
        ITEM._replace(tag="strange@1"),
        ITEM._replace(payloads=({"x": 1},)),
        ITEM._replace(payloads=(["x"] * 3,)),
        ITEM._replace(payloads=()),
        ITEM._replace(life=2),
        ITEM._replace(life=2**53 - 1),
        ITEM._replace(tag="pncounter@1", payloads=({"r": [-1, 0]},)),
        ITEM._replace(tag="lwwregister@1", payloads=([[2**43, 0], "r", 1],)),
    ],
)
def test_items_that_are_none_change_nothing(
    table: Table, trio: list[Seat], puppet: Puppet, item: Item
) -> None:
    before = [looks(seat) for seat in trio]
    for seat in trio:
        puppet.say(seat, Push(1, 0, 0, (item,)), Sync((item,), (), (), LEFT_MAX))
    assert [looks(seat) for seat in trio] == before
    goes_on(table, trio)


@pytest.mark.parametrize(
    "node",
    [
        TrieNode("gset@1", 0, 0, (1,) * 16),
        TrieNode("gset@1", 15, 16**15 - 1, (1,) * 16),
        TrieNode("gset@1", 16, 2**64 - 1, (), ((2**64 - 1, 1),), leaf=True),
        TrieNode("gset@1", 3, 77, (), ((1, 1), (1, 2), (2**64 - 1, 0)), leaf=True),
        TrieNode("strange@1", 0, 0, (1,) * 16),
        TrieNode("", 0, 0, (), ((1, 1),) * 1000, leaf=True),
        TrieNode("", 5, 1, (1,) * 16),
    ],
)
def test_trie_nodes_of_no_trie_are_survived(
    table: Table, trio: list[Seat], puppet: Puppet, node: TrieNode
) -> None:
    before = [looks(seat) for seat in trio]
    puppet.say(trio[0], Sync((), (), (node,) * 5, LEFT_MAX), Again(7, (), (node,), (), LEFT_MAX))
    table.run(0.1)
    assert [looks(seat) for seat in trio] == before
    goes_on(table, trio)


def test_a_flood_of_wants_is_queued_up_to_a_bound(
    table: Table, trio: list[Seat], puppet: Puppet
) -> None:
    target = trio[0]
    for number in range(500):
        target.registry.open(f"set-{number}", GSet).add("x" * 500)
    table.run(1)
    rows = tuple((p, 1, ()) for p in target.registry.fingerprints.subtree("gset@1", 0, 0))
    want = codec.encode(Want(1, rows, (), (), LEFT_MAX - 2))
    stream = puppet.connect(target)
    end = table._ends[puppet.place.address, stream][1]
    seal = puppet._streams[stream]
    for _ in range(300):
        target.engine.receive(seal.send(want), Stream(end), table.now)
        (queue,) = target.engine._repair.queues.values()
        assert len(queue.tasks) <= TASKS_MOST
    given = sum(len(getattr(effect, "data", b"")) for effect in target.engine.effects())
    assert given < (UNASKED + AHEAD_MOST + 1) * SETTINGS.chunk_bytes  # the rest waits for answers
    puppet.hang_up(stream)
    goes_on(table, trio)


def test_a_process_that_greets_and_goes_silent_is_let_go(table: Table, trio: list[Seat]) -> None:
    target = trio[0]
    silent = Puppet(table, "silent", keyring=KEYS)
    for _ in range(50):
        silent.connect(target)
    table.run(SETTINGS.stream_greeting + 0.1)
    assert len(silent.closed_streams) == 50
    proven = silent.connect(target)
    silent.write(proven, Ack((1,), stored=False))
    table.run(SETTINGS.stream_idle + 0.1)
    assert len(silent.closed_streams) == 51


def test_garbage_after_the_greeting_ends_the_stream(
    table: Table, trio: list[Seat], puppet: Puppet
) -> None:
    target, before = trio[0], looks(trio[0])
    stream = puppet.connect(target)
    puppet.write(stream, Ack((1,), stored=False))
    puppet.write(stream, b"\x91\x7f", b"\xc1")
    assert target.metrics.dropped["unknown kind"] == 1
    assert target.metrics.dropped["malformed"] == 1
    assert puppet.closed_streams == [stream]
    other = puppet.connect(target)
    puppet.write_raw(other, b"\0\0\0\x20" + bytes(32))
    assert puppet.closed_streams == [stream, other]
    assert looks(target) == before
    goes_on(table, trio)


@pytest.mark.parametrize("body", [b"", b"\xc1", b"\x90", b"\x91\xa1x", b"\x91\x7f", b"\x95\x04"])
def test_authentic_datagrams_that_are_no_messages_are_counted(
    table: Table, trio: list[Seat], puppet: Puppet, body: bytes
) -> None:
    target, before = trio[0], looks(trio[0])
    counted = drops(target)
    puppet.raw(target.address, puppet.channel.datagrams.seal(boot_of(target), body)[1])
    puppet.go()
    assert drops(target) == counted + 1
    assert looks(target) == before


def test_a_stranger_that_says_nonsense_first_may_prove_itself_and_is_not_heard(
    table: Table, trio: list[Seat]
) -> None:
    target = trio[0]
    stranger = Puppet(table, "stranger", keyring=KEYS)
    stranger.say(target, Want(0, ((1, 2, ()),) * 10, (), (), LEFT_MAX))
    assert target.metrics.dropped["not a member"] == 1
    stranger.say(target, *[Ping(1, 0, (), (), (), 0)] * 20)
    assert len(stranger.got(MemberList)) == 1
    goes_on(table, trio)


def test_a_member_that_never_acknowledges_costs_a_bounded_number_of_repetitions(
    table: Table, trio: list[Seat], puppet: Puppet
) -> None:
    target = trio[0]
    counter = target.registry.open("visits", PNCounter)
    for _ in range(1000):
        counter.increment()
        table.run(0.01)
    waiting = target.engine._cluster.deliveries._waiting[puppet.boot]
    assert len(waiting) <= 512
    table.run(30)
    assert waiting == {}
    assert target.engine._cluster.deliveries.queue == []
    goes_on(table, trio)


def test_rounds_that_jump_do_not_stop_the_probes(
    table: Table, trio: list[Seat], puppet: Puppet
) -> None:
    for round_ in (2**31, 2**32 - 1, 0, 5, 2**31 + 7):
        for seat in trio:
            puppet.say(seat, Ping(round_, 0, (), (), (), 0))
        table.run(1.1)
    table.crash(trio[2])
    assert table.run(4, until=lambda: trio[0].states["n2"] == trio[1].states["n2"] == "dead")


def test_a_flood_of_probes_for_others_is_bounded(
    table: Table, trio: list[Seat], puppet: Puppet
) -> None:
    target = trio[0]
    request = PingReq(1, "n1", boot_of(trio[1]), trio[1].address)
    trio[1].stopped = True
    table.lose = lambda sender, receiver, data: receiver == puppet.place.address
    puppet.say(target, *[request] * 2000)
    assert len(target.engine._cluster.probing._relays) <= 256
    trio[1].stopped = False
    table.lose = lambda sender, receiver, data: False
    table.run(2)
    assert len(target.engine._cluster.probing._connects) == 0
    assert len(target.engine._cluster.probing._relays) == 0


@pytest.mark.sweep
@pytest.mark.parametrize("seed", range(20))
def test_flipped_frames_and_datagrams_between_honest_nodes_are_survived(seed: int) -> None:
    """Sealed, a flipped bit is a lost packet: everything still arrives."""
    table = Table()
    chance = random.Random(seed)

    def spoil(place_of: Callable[[bytes], bytes]) -> None:
        carry = table._give

        def give(place: object, data: bytes, source: object) -> None:
            carry(place, place_of(data), source)

        table._give = give

    def flip(data: bytes) -> bytes:
        if chance.random() > 0.1 or not data:
            return data
        flipped = bytearray(data)
        flipped[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        return bytes(flipped)

    spoil(flip)
    first = table.seat("n0", keyring=KEYS)
    seats = [first, *(table.seat(f"n{n}", first.address, keyring=KEYS) for n in (1, 2))]
    for number in range(300):
        chance.choice(seats).registry.open(f"set-{number % 100}", GSet).add(number)
        table.run(0.05)
    assert table.run(60, until=lambda: table.agreed() and table.equal())
    assert sum(len(first.registry.open(f"set-{n}", GSet).value) for n in range(100)) == 300


@pytest.mark.sweep
@pytest.mark.parametrize("seed", range(10))
def test_a_member_may_say_anything_and_the_honest_go_on(seed: int) -> None:
    table = Table()
    first = table.seat("n0")
    trio = [first, *(table.seat(f"n{n}", first.address) for n in (1, 2))]
    puppet = Puppet(table)
    puppet.join(first)
    puppet.proves = puppet.pongs = seed % 2 == 0
    first.registry.open("visits", PNCounter).increment(3)
    first.registry.open("tags", GSet).add("red")
    assert table.run(2, until=lambda: all(s.states == first.states for s in trio))
    views = first.engine.members
    babbler = Babbler(
        seed,
        [view.name for view in views],
        [view.boot for view in views],
        [view.addresses[0] for view in views],
        list(first.registry.fingerprints.subtree("gset@1", 0, 0)),
    )
    for _ in range(400):
        puppet.say(babbler.chance.choice(trio), babbler.say())
        table.run(babbler.chance.choice((0.0, 0.01, 0.3)))
    puppet.place.dead = True
    names = {"n0", "n1", "n2"}

    def agreed() -> bool:
        alive = [{n for n, state in s.states.items() if state == "alive"} for s in trio]
        return all(one >= {s.engine.name for s in trio} for one in alive)

    assert table.run(60, until=agreed)
    assert {seat.engine.name.partition("~")[0] for seat in trio} == names
    trio[2].registry.open("after", GSet).add("all of it")
    assert table.run(5, until=lambda: len({s.registry.root for s in trio}) == 1)
    assert trio[0].registry.open("after", GSet).value == {"all of it"}


def test_a_member_that_is_always_busy_is_asked_now_and_then_and_the_rest_converges(
    table: Table, trio: list[Seat], puppet: Puppet
) -> None:
    target = trio[0]
    target.registry.open("words", GSet).add("red")
    table.run(2)
    puppet.heard.clear()
    for _ in range(100):
        puppet.say(target, *[Busy(number % 200) for number in range(20)])
        table.run(0.1)
    pings = len(puppet.got(Ping))
    assert pings <= 12 * HOT_MOST
    assert target.metrics.repairs["busy"] == 2000
    trio[1].registry.open("words", GSet).add("blue")
    assert table.run(2, until=lambda: all("blue" in s.registry.open("words", GSet) for s in trio))
    goes_on(table, trio)
