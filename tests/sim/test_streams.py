from dataclasses import dataclass, field

import pytest

from crdtnode.protocol.effects import Address
from crdtnode.sim import Latency, Network
from crdtnode.sim.agenda import SECOND, Act, Agenda, nanoseconds
from crdtnode.sim.network import Links
from crdtnode.sim.streams import WINDOW_BYTES, Streams


@dataclass
class Node:
    """Writes down what it hears."""

    name: str
    up: bool = True
    accepts: bool = True
    heard: list[tuple[str, int]] = field(default_factory=list)
    got: bytes = b""
    hindered: bool = False
    waiting: list[Act] = field(default_factory=list)

    def put_off(self, act: Act) -> None:
        self.waiting.append(act)

    def accept(self, moment: int, address: Address) -> int | None:
        if not self.accepts:
            return None
        self.heard.append(("accept", 100))
        return 100

    def stream_opened(self, moment: int, stream: int) -> None:
        self.heard.append(("opened", stream))

    def stream_bytes(self, moment: int, stream: int, data: bytes, source: str) -> None:
        assert data
        self.got += data

    def stream_drained(self, moment: int, stream: int) -> None:
        self.heard.append(("drained", stream))

    def stream_closed(self, moment: int, stream: int, why: str) -> None:
        self.heard.append((why, stream))


class Pair:
    """Two nodes and what is between them."""

    def __init__(self, **network: object) -> None:
        self.agenda = Agenda()
        self.links = Links(3, Network(**network))
        self.one, self.other = Node("one"), Node("other")
        self.streams = Streams(self.agenda, self.links, {("10.0.0.2", 1): self.other}.get)

    def run(self, seconds: float) -> None:
        limit = self.agenda.now + nanoseconds(seconds)
        while self.agenda.run(limit):
            pass

    def connect(self) -> None:
        self.streams.connect(self.one, 7, ("10.0.0.2", 1))
        self.run(0.5)
        assert ("opened", 7) in self.one.heard


def test_bytes_arrive_in_order_however_late_each_piece_is() -> None:
    pair = Pair(latency=Latency.uniform(0.001, 0.1), loss=0.2)
    pair.connect()
    sent = [bytes([number]) * 50 for number in range(100)]
    for piece in sent:
        pair.streams.write(pair.one, 7, piece)
    pair.run(60)
    assert pair.other.got == b"".join(sent)


def test_both_ends_can_write() -> None:
    pair = Pair()
    pair.connect()
    pair.streams.write(pair.one, 7, b"question")
    pair.streams.write(pair.other, 100, b"answer")
    pair.run(1)
    assert (pair.one.got, pair.other.got) == (b"answer", b"question")


def test_an_accepting_end_may_write_before_the_other_knows_that_it_is_open() -> None:
    pair = Pair(latency=Latency.uniform(0.001, 0.2))
    pair.streams.connect(pair.one, 7, ("10.0.0.2", 1))
    while not pair.other.heard:
        assert pair.agenda.run(SECOND)
    pair.streams.write(pair.other, 100, b"first")
    pair.run(1)
    assert pair.one.heard == [("opened", 7)]
    assert pair.one.got == b"first"


def test_closing_lets_out_what_was_written_before() -> None:
    pair = Pair()
    pair.connect()
    pair.streams.write(pair.one, 7, b"last words")
    pair.streams.close(pair.one, 7)
    pair.run(1)
    assert pair.other.got == b"last words"
    assert pair.other.heard[-1] == ("eof", 100)
    assert ("eof", 7) not in pair.one.heard


def test_a_process_that_does_not_run_refuses() -> None:
    pair = Pair()
    pair.other.up = False
    pair.streams.connect(pair.one, 7, ("10.0.0.2", 1))
    pair.run(2)
    assert pair.one.heard == [("refused", 7)]


def test_a_node_that_wants_no_stream_hangs_up_after_its_kernel_accepted() -> None:
    pair = Pair()
    pair.other.accepts = False
    pair.streams.connect(pair.one, 7, ("10.0.0.2", 1))
    pair.run(2)
    assert pair.one.heard == [("opened", 7), ("eof", 7)]


@pytest.mark.parametrize("address", [("10.0.0.2", 1), ("10.9.9.9", 1)])
def test_a_connect_that_nothing_answers_times_out(address: Address) -> None:
    pair = Pair()
    pair.links.reach.turn_off("other")
    pair.streams.connect(pair.one, 7, address)
    pair.run(0.9)
    assert pair.one.heard == []
    pair.run(0.2)
    assert pair.one.heard == [("timeout", 7)]


def test_an_answer_that_comes_too_late_leaves_no_half_open_end() -> None:
    pair = Pair(latency=Latency.constant(0.6))
    pair.streams.connect(pair.one, 7, ("10.0.0.2", 1))
    pair.run(5)
    assert pair.one.heard == [("timeout", 7)]
    assert pair.other.heard == [("accept", 100), ("eof", 100)]


def test_a_partition_delays_bytes_until_the_heal() -> None:
    pair = Pair()
    pair.connect()
    pair.links.reach.turn_off("other")
    pair.streams.write(pair.one, 7, b"patience")
    pair.run(3)
    assert pair.other.got == b""
    pair.links.reach.heal()
    pair.run(10)
    assert pair.other.got == b"patience"


def test_a_long_partition_breaks_the_end_that_writes_and_the_other_when_it_writes() -> None:
    pair = Pair()
    pair.connect()
    pair.links.reach.turn_off("other")
    pair.streams.write(pair.one, 7, b"in vain")
    pair.run(30)
    assert pair.one.heard[-1] == ("timeout", 7)
    assert pair.other.heard == [("accept", 100)]
    pair.links.reach.heal()
    pair.streams.write(pair.other, 100, b"anybody there?")
    pair.run(1)
    assert pair.other.heard[-1] == ("eof", 100)
    assert pair.one.got == b""


def test_a_crash_ends_all_streams_of_the_process() -> None:
    pair = Pair()
    pair.connect()
    pair.streams.crash(pair.other)
    pair.run(1)
    assert pair.one.heard[-1] == ("eof", 7)
    assert ("eof", 100) not in pair.other.heard


def test_a_writer_hears_that_all_is_out_and_waits_when_too_much_is_under_way() -> None:
    pair = Pair(latency=Latency.constant(0.1))
    pair.connect()
    pair.streams.write(pair.one, 7, b"little")
    pair.run(0.01)
    assert pair.one.heard[-1] == ("drained", 7)
    pair.run(1)
    pair.one.heard.clear()
    pair.streams.write(pair.one, 7, bytes([1]) * (WINDOW_BYTES + 1))
    pair.run(0.05)
    assert pair.one.heard == []
    pair.run(1)
    assert pair.one.heard == [("drained", 7)]


def test_writing_to_a_stream_that_is_gone_does_nothing() -> None:
    pair = Pair()
    pair.streams.write(pair.one, 7, b"lost")
    pair.streams.close(pair.one, 7)
    pair.run(1)
    assert pair.other.got == b""
