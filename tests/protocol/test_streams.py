"""TCP streams: greetings, proofs, limits."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
import random

import pytest

from crdtnode.config import PROTOCOL, Settings
from crdtnode.metrics import Metrics
from crdtnode.protocol.channel import Channel, clear, sealed
from crdtnode.protocol.effects import CloseStream, Effect, Event, OpenStream, SendFrame
from crdtnode.protocol.strangers import Strangers
from crdtnode.protocol.streams import (
    QUEUED_MOST,
    REFUSAL_PERIOD,
    SEED_IDLE,
    SLOWEST,
    UNSENT_MOST,
    Conn,
    Received,
    Streams,
)
from crdtnode.wire import codec
from crdtnode.wire.keyring import Keyring
from crdtnode.wire.messages import NOBODY, Hello, Message, Types
from tests.protocol.people import boot

HERE, THERE = ("10.0.0.1", 1), ("10.0.0.2", 1)
MESSAGE = Types(7, ("x",))
BODY = codec.encode(MESSAGE)
SETTINGS = Settings(streams_most=8)
KEYS = Keyring.fresh(bytes(range(48)))


@dataclass
class End:
    """One node's streams, with what it wants done."""

    name: str = "a"
    channel: Channel | None = None
    cluster: str = "default"
    effects: list[Effect] = field(default_factory=list)
    receiver: bytes = NOBODY
    protocol: int = PROTOCOL

    def __post_init__(self) -> None:
        self.metrics = Metrics()
        chance = random.Random(self.name)
        self.channel = self.channel or sealed(KEYS, self.cluster, boot(self.name))
        self.streams = Streams(
            self.channel,
            self.hello,
            chance.randbytes,
            self.cluster,
            Strangers(),
            SETTINGS,
            self.metrics,
        )

    def hello(self, nonce: bytes, echo: bytes) -> Hello:
        return Hello(nonce, self.receiver, self.name, self.cluster, 7, echo, self.protocol)

    def take(self, kind: type = object) -> list[Effect]:
        new = self.streams.take_effects()
        self.effects += new
        return [effect for effect in new if isinstance(effect, kind)]

    def frames(self) -> bytes:
        return b"".join(effect.data for effect in self.take() if isinstance(effect, SendFrame))

    def saw(self, kind: type) -> list[Effect]:
        self.take()
        return [effect for effect in self.effects if isinstance(effect, kind)]


@dataclass
class Line:
    """One stream between two ends; a opens it."""

    a: End = field(default_factory=lambda: End("a"))
    b: End = field(default_factory=lambda: End("b"))
    boot: bytes | None = None
    now: float = 1.0

    def __post_init__(self) -> None:
        dialled = self.a.streams.dial(THERE, self.now, self.boot)
        assert dialled is not None
        self.there: Conn = dialled
        self.back: Conn
        self.heard_by_a: list[Message] = []
        self.heard_by_b: list[Message] = []

    def accept(self) -> None:
        id_ = self.b.streams.accepted(HERE, self.now)
        assert id_ is not None
        back = self.b.streams.numbered(id_)
        assert back is not None
        self.back = back

    def open(self) -> None:
        """Connect, and let both greet."""
        self.accept()
        self.a.streams.opened(self.there.id, self.now)
        self.run()

    def to_b(self) -> Received | None:
        data = self.a.frames()
        return self.b.streams.receive(self.back, data, self.now) if data else None

    def to_a(self) -> Received | None:
        data = self.b.frames()
        return self.a.streams.receive(self.there, data, self.now) if data else None

    def run(self) -> None:
        for _ in range(10):
            there, back = self.to_b(), self.to_a()
            self.heard_by_b += there.messages if there else []
            self.heard_by_a += back.messages if back else []
            if (there and there.over) or (back and back.over) or not (there or back):
                return


# Greeting


@pytest.mark.parametrize("channel", [sealed, clear])
def test_after_the_greetings_both_ends_are_proven(channel: Callable[..., Channel]) -> None:
    def end(name: str) -> End:
        arguments = (KEYS, "default", boot(name)) if channel is sealed else ("default", boot(name))
        return End(name, channel=channel(*arguments))

    line = Line(end("a"), end("b"))
    line.open()
    assert line.there.ready
    assert line.back.ready
    assert (line.there.boot, line.back.boot) == (boot("b"), boot("a"))


def test_what_was_written_before_the_greetings_goes_after_them() -> None:
    line = Line()
    assert line.a.streams.write(line.there, BODY, "types", 1.0)
    assert line.a.saw(SendFrame) == []
    line.open()
    assert line.heard_by_b == [MESSAGE]


def test_messages_go_both_ways_over_one_stream() -> None:
    line = Line(boot=boot("b"))
    line.open()
    assert line.b.streams.send(boot("a"), HERE, BODY, "types", 1.0)
    assert line.a.streams.send(boot("b"), THERE, BODY, "types", 1.0)
    line.run()
    assert (line.heard_by_a, line.heard_by_b) == ([MESSAGE], [MESSAGE])
    assert line.b.saw(OpenStream) == []


def test_an_end_that_accepted_writes_nothing_before_the_other_is_proven() -> None:
    line = Line()
    line.accept()
    line.a.streams.opened(line.there.id, 1.0)
    greeted = line.to_b()
    assert greeted is not None
    assert greeted.greeted
    line.b.frames()
    assert line.b.streams.write(line.back, BODY, "types", 1.0)
    assert line.b.frames() == b""


def test_a_stream_that_is_not_wanted_any_more_is_closed() -> None:
    end = End()
    end.streams.opened(77, 1.0)
    assert end.saw(CloseStream) == [CloseStream(77, "not wanted any more")]


# Whom we do not want to talk to


def test_an_older_or_newer_protocol_is_refused() -> None:
    line = Line(a=End("a", protocol=PROTOCOL + 1))
    line.open()
    assert line.b.metrics.dropped["protocol"] == 1
    assert line.b.saw(CloseStream)


def test_who_means_another_process_is_hung_up_on() -> None:
    line = Line(a=End("a", receiver=boot("c")))
    line.open()
    assert line.b.metrics.dropped["meant for another process"] == 1


def test_who_means_us_is_welcome() -> None:
    line = Line(a=End("a", receiver=boot("b")))
    line.open()
    assert line.back.ready


def test_where_another_process_answers_we_hang_up() -> None:
    line = Line(boot=boot("c"))
    line.open()
    assert line.a.metrics.dropped["another process answered"] == 1
    assert line.a.saw(CloseStream)
    assert line.a.saw(Event) == []  # it was restarted: nobody needs to know


def test_a_recorded_answer_is_no_answer() -> None:
    first = Line()
    first.open()
    recording = next(effect.data for effect in first.b.effects if isinstance(effect, SendFrame))
    second = Line(a=first.a, b=first.b)
    second.a.streams.opened(second.there.id, 1.0)
    assert second.a.streams.receive(second.there, recording, 1.0).over
    assert second.a.metrics.dropped["replayed"] == 1


def test_a_recorded_greeting_is_answered_and_means_nothing() -> None:
    first = Line()
    first.open()
    recording = b"".join(e.data for e in first.a.effects if isinstance(e, SendFrame))
    second = Line(a=first.a, b=first.b)
    second.accept()
    received = second.b.streams.receive(second.back, recording, 1.0)
    assert received.over
    assert received.messages == []
    assert not second.back.ready


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (End("a", sealed(Keyring.fresh(bytes(48)), "default", boot("a"))), End("b")),
        (End("a", cluster="other"), End("b")),
    ],
    ids=["another key", "another cluster"],
)
def test_strangers_read_why_we_hang_up(a: End, b: End) -> None:
    line = Line(a, b)
    line.open()
    (event,) = line.a.saw(Event)
    assert isinstance(event, Event)
    assert event.kind == "refused"
    assert event.fields["address"] == "10.0.0.2:1"
    assert event.fields["their_cluster"] == "default"
    assert line.b.channel is not None
    assert event.fields["their_keys"] == list(line.b.channel.key_ids)
    theirs = "foreign key" if a.cluster == b.cluster else "it is of the cluster 'default'"
    assert line.there.why == event.fields["reason"] == theirs
    (met,) = line.b.saw(Event)
    assert isinstance(met, Event)
    assert (met.kind, met.fields["address"]) == ("stranger", "10.0.0.1:1")


def test_of_many_strangers_only_some_read_it() -> None:
    end = End()
    for now in (1.0, 1.0 + REFUSAL_PERIOD / 2, 1.0 + 2 * REFUSAL_PERIOD):
        id_ = end.streams.accepted(HERE, now)
        assert id_ is not None
        conn = end.streams.numbered(id_)
        assert conn is not None
        assert end.streams.receive(conn, b"GET / HTTP/1.1\r\n" * 300, now).over
    assert len(end.saw(SendFrame)) == 0  # too large for a greeting: not even a stranger of ours
    for now in (10.0, 10.0 + REFUSAL_PERIOD / 2, 10.0 + 2 * REFUSAL_PERIOD):
        id_ = end.streams.accepted(HERE, now)
        assert id_ is not None
        conn = end.streams.numbered(id_)
        assert conn is not None
        assert end.streams.receive(conn, b"\0\0\0\x50" + b"x" * 80, now).over
    assert len(end.saw(SendFrame)) == 2


def test_an_answer_in_a_strange_tongue_is_reported() -> None:
    line = Line()
    line.a.streams.opened(line.there.id, 1.0)
    line.a.streams.receive(line.there, b"\0\0\0\x50" + b"x" * 80, 1.0)
    (event,) = line.a.saw(Event)
    assert isinstance(event, Event)
    assert event.fields == {"address": "10.0.0.2:1", "reason": "magic"}


def test_meeting_ourselves_is_noticed() -> None:
    us = End()
    line = Line(us, us)
    line.open()
    assert line.there.ourselves
    other = Line(us, End("b", sealed(Keyring.fresh(bytes(48)), "default", boot("b"))))
    other.open()
    assert not other.there.ourselves


def test_nobody_else_can_make_us_believe_that_we_met_ourselves() -> None:
    line = Line(b=End("b", sealed(KEYS, "default", boot("a"))))
    line.open()
    assert line.there.why == "self"
    assert not line.there.ourselves


# What comes after the greeting


@pytest.mark.parametrize(
    ("body", "why"),
    [(b"\xc1", "malformed"), (b"\x91\x7f", "unknown kind")],
)
def test_garbage_from_the_proven(body: bytes, why: str) -> None:
    line = Line()
    line.open()
    line.a.streams.write(line.there, body, "garbage", 1.0)
    line.a.streams.write(line.there, BODY, "types", 1.0)
    line.run()
    assert line.b.metrics.dropped[why] == 1
    assert bool(line.b.saw(CloseStream)) is (why == "malformed")


def test_what_came_before_a_bad_frame_counts() -> None:
    line = Line()
    line.open()
    line.a.streams.write(line.there, BODY, "types", 1.0)
    received = line.b.streams.receive(line.back, line.a.frames() + b"\0\0\0\x20" + bytes(32), 1.0)
    assert received.messages == [MESSAGE]
    assert received.over
    assert line.b.metrics.dropped["forged"] == 1


def test_what_is_too_large_for_any_stream_is_not_sent() -> None:
    channel = sealed(KEYS, "default", boot("a"))
    line = Line(a=End("a", channel=replace(channel, message_bytes_most=100)))
    line.open()
    assert not line.a.streams.write(line.there, bytes(101), "push", 1.0)
    assert line.a.metrics.dropped["too large to send"] == 1
    assert line.a.streams.write(line.there, BODY, "types", 1.0)


def test_before_the_greetings_only_so_many_messages_wait() -> None:
    line = Line()
    written = [line.a.streams.write(line.there, BODY, "types", 1.0) for _ in range(100)]
    assert sum(written) == QUEUED_MOST
    assert line.a.metrics.dropped["stream full"] == 100 - QUEUED_MOST


def test_to_a_peer_that_does_not_read_only_so_much_is_given() -> None:
    line = Line()
    line.open()
    line.a.streams.drained(line.there.id)
    body = bytes(1_000_000)
    written = [line.a.streams.write(line.there, body, "push", 1.0) for _ in range(20)]
    assert sum(written) == UNSENT_MOST // 1_000_000 + 1
    assert line.a.streams.drained(line.there.id) is line.there
    assert line.a.streams.write(line.there, body, "push", 1.0)
    assert line.a.streams.drained(77) is None


# How many, and how long


def test_only_so_many_streams_are_open() -> None:
    end = End()
    dialled = [end.streams.dial(THERE, 1.0) for _ in range(SETTINGS.streams_most + 2)]
    assert dialled[-2:] == [None, None]
    assert end.streams.accepted(HERE, 1.0) is None
    assert not end.streams.send(boot("b"), THERE, BODY, "types", 1.0)
    assert end.metrics.dropped["too many streams"] == 4


def test_of_those_that_prove_nothing_the_oldest_gives_way() -> None:
    end = End()
    first = end.streams.accepted(HERE, 1.0)
    for _ in range(20):
        assert end.streams.accepted(HERE, 1.0) is not None
    assert first is not None
    assert end.streams.numbered(first) is None
    assert len(end.saw(CloseStream)) == 20 - SETTINGS.streams_most // 2


def test_the_proven_do_not_give_way_to_strangers() -> None:
    line = Line()
    line.open()
    for _ in range(20):
        line.b.streams.accepted(HERE, 1.0)
    assert line.b.streams.numbered(line.back.id) is line.back


def test_who_does_not_greet_in_time_is_hung_up_on() -> None:
    line = Line()
    line.accept()
    assert line.b.streams.deadline == 1.0 + SETTINGS.stream_greeting
    assert line.b.streams.wake(3.9) == []
    assert line.b.streams.wake(4.0) == [line.back]
    assert line.back.why == "no greeting"
    assert line.b.saw(CloseStream) == [CloseStream(line.back.id, "no greeting")]
    assert line.b.streams.deadline == float("inf")


def test_a_stream_without_use_is_closed() -> None:
    line = Line(boot=boot("b"))
    line.open()
    assert line.a.streams.wake(line.a.streams.deadline) == []
    line.a.streams.write(line.there, BODY, "types", 9.0)
    line.a.streams.drained(line.there.id)
    assert line.a.streams.wake(9.0 + SETTINGS.stream_idle - 0.1) == []
    assert line.a.streams.wake(9.0 + SETTINGS.stream_idle) == [line.there]
    assert line.there.why == "idle"


def test_a_stream_that_is_still_writing_is_in_use() -> None:
    line = Line(boot=boot("b"))
    line.open()
    line.a.streams.write(line.there, bytes(10 * SLOWEST), "push", 1.0)
    assert line.a.streams.wake(1.0 + 2 * SETTINGS.stream_idle - 0.1) == []
    line.a.streams.drained(line.there.id)
    assert line.a.streams.deadline == 1.0 + SETTINGS.stream_idle


def test_a_process_has_one_stream_where_possible() -> None:
    line = Line(boot=boot("b"))
    second = line.a.streams.dial(THERE, 1.0)
    assert second is not None
    line.open()
    line.a.streams.closed(second.id)
    assert line.a.streams.send(boot("b"), THERE, BODY, "types", 1.0)
    assert len(line.a.saw(OpenStream)) == 2
    assert line.a.streams.closed(line.there.id) is line.there
    assert line.a.streams.closed(line.there.id) is None
    assert line.a.streams.send(boot("b"), THERE, BODY, "types", 1.0)
    assert len(line.a.saw(OpenStream)) == 3


def test_at_the_end_all_are_closed() -> None:
    line = Line()
    line.open()
    line.a.streams.close_all("left")
    line.a.streams.close(line.there, "again")
    assert line.a.saw(CloseStream) == [CloseStream(line.there.id, "left")]


def test_a_stream_to_a_seed_is_closed_soon_after_it_was_used() -> None:
    line = Line()
    line.open()
    line.a.streams.drained(line.there.id)
    assert line.a.streams.wake(line.there.used + SEED_IDLE - 0.01) == []
    assert line.a.streams.wake(line.there.used + SEED_IDLE) == [line.there]


def test_a_stream_without_a_known_process_is_one_to_a_seed() -> None:
    end = End()
    assert [end.streams.dial(THERE, 1.0, of).to_seed for of in (None, boot("b"))] == [True, False]
