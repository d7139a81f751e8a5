"""Meeting without being told where."""

from itertools import pairwise
import random

import pytest

from crdtnode.protocol import SendDatagram, Udp
from crdtnode.protocol.discovery import ALONE_MOST, FIRST, TOGETHER_MOST, Discovery
from crdtnode.protocol.mail import Send
from crdtnode.wire.keyring import Keyring
from crdtnode.wire.messages import NOBODY, Hello
from tests.protocol.people import members
from tests.protocol.table import Seat, Table

GROUP = ("239.1.2.3", 9)
HELLO = Hello(bytes(16), NOBODY, "a", "default", 7)


def pauses(*names: str) -> list[float]:
    discovery = Discovery(members(*names), lambda: HELLO, GROUP, random.Random(1))
    discovery.start(10.0)
    assert discovery.wake(9.0) == []
    times = []
    for _ in range(20):
        times.append(discovery.deadline)
        assert discovery.wake(discovery.deadline) == [Send(NOBODY, GROUP, HELLO)]
    assert times[0] == 10.0
    return [then - before for before, then in pairwise(times)]


@pytest.mark.parametrize(("names", "most"), [((), ALONE_MOST), (("b",), TOGETHER_MOST)])
def test_announcements_become_rare_and_never_end(names: tuple[str, ...], most: float) -> None:
    found = pauses(*names)
    assert 0.75 * FIRST <= found[0] <= 1.25 * FIRST
    assert 0.75 * most <= found[-1] <= 1.25 * most


def test_whoever_was_not_told_to_announces_nothing() -> None:
    discovery = Discovery(members(), lambda: HELLO, None, random.Random(1))
    discovery.start(10.0)
    assert discovery.deadline == float("inf")
    assert discovery.wake(20.0) == []


def announcements(table: Table, seat: Seat) -> list[bytes]:
    return [data for _, to, data in table.sent if to == GROUP]


def test_two_that_hear_each_others_announcements_become_a_cluster(table: Table) -> None:
    one = table.seat("n0", group=GROUP)
    other = table.seat("n1")
    (announced,) = announcements(table, one)
    table.announce(other, announced, one.address)
    assert table.run(1, until=lambda: set(one.states) == set(other.states) == {"n0", "n1"})
    assert other.metrics.packets_received["announcement"] == 1


def test_an_announcement_of_a_member_of_ourselves_or_of_strangers_leads_to_nothing(
    table: Table,
) -> None:
    one = table.seat("n0", group=GROUP)
    other = table.seat("n1", one.address)
    stranger = table.seat("n2", keyring=Keyring(bytes(16), (bytes(32),)))
    assert table.run(1, until=lambda: len(other.states) == 2)
    announced = announcements(table, one)[-1]
    before = len(table.sent)
    for seat in (one, other, stranger):
        table.announce(seat, announced, one.address)
    table.announce(other, b"noise", one.address)
    assert len(table.sent) == before
    assert len(stranger.states) == 1


def test_only_greetings_count_as_announcements(table: Table) -> None:
    one, other = table.seat("n0"), table.seat("n1")
    _, ping = one.engine._channel.datagrams.seal(None, bytes([0x91, 99]))
    one.engine.announced(ping, Udp(other.address), table.now)
    assert not [e for e in one.engine.effects() if isinstance(e, SendDatagram)]
