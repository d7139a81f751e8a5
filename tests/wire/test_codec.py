"""Every message survives the wire, and its bytes never change."""

from collections.abc import Callable
from typing import get_args

from hypothesis import given, settings
from hypothesis import strategies as st
from msgpack import packb
import pytest

from crdtnode.errors import MalformedMessage
from crdtnode.wire import codec
from crdtnode.wire import messages as m


def test_a_message_is_encoded_as_it_was_in_every_release(
    sample_name: str, sample: m.Message, golden: Callable[[str], dict[str, bytes]]
) -> None:
    assert codec.encode(sample).hex() == golden("messages.txt")[sample_name].hex()


def test_a_message_of_every_release_is_still_understood(
    sample_name: str, sample: m.Message, golden: Callable[[str], dict[str, bytes]]
) -> None:
    assert codec.decode(golden("messages.txt")[sample_name]) == sample


def test_every_kind_of_message_has_golden_bytes(
    golden: Callable[[str], dict[str, bytes]],
) -> None:
    kept = {type(codec.decode(body)) for body in golden("messages.txt").values()}
    assert kept == set(get_args(m.Message))


def test_a_message_cut_anywhere_is_malformed(sample: m.Message) -> None:
    body = codec.encode(sample)
    for length in range(len(body)):
        with pytest.raises(MalformedMessage):
            codec.decode(body[:length])


def test_bytes_behind_a_message_make_it_malformed(sample: m.Message) -> None:
    with pytest.raises(MalformedMessage):
        codec.decode(codec.encode(sample) + b"\xc0")


def test_fields_of_a_newer_version_behind_the_known_ones_are_ignored() -> None:
    newer = packb([7, 9, "bob", {"why": ["so", 1.5]}])
    assert codec.decode(newer) == m.PingAck(9, "bob")


def test_fields_of_a_newer_version_are_checked_all_the_same() -> None:
    newer = packb([7, 9, "bob", float("nan")])
    with pytest.raises(MalformedMessage):
        codec.decode(newer)


def test_a_kind_of_a_newer_version_is_named_and_not_read() -> None:
    assert codec.decode(packb([99, "whatever", {"it": []}])) == m.UnknownKind(99)
    assert codec.decode(packb([int(m.Kind.PART)])) == m.UnknownKind(20)


def test_what_json_does_not_know_is_refused_in_unknown_kinds_too() -> None:
    with pytest.raises(MalformedMessage):
        codec.decode(packb([99, b""]))


@pytest.mark.parametrize(
    "body", [b"\x90", b"\xc0", b"\x01", b"\x80", b"\x91\xc3", b"\x91\xff", b"\x91\xa1x", b"\xc1"]
)
def test_a_body_without_a_kind_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedMessage):
        codec.decode(body)


@pytest.mark.parametrize("asked", [[1, 0, 2, {}], [1, 1, 2], [1, 1, 2, b"x"], [1, 2**53, 2, {}]])
def test_a_question_without_a_life_or_a_context_of_json_is_malformed(asked: list[object]) -> None:
    with pytest.raises(MalformedMessage):
        codec.decode(packb([int(m.Kind.CTX), [asked], 3]))


def test_a_relay_sends_the_same_items_on_under_another_range(sample: m.Message) -> None:
    if not isinstance(sample, m.Push):
        return
    heard = codec.decode(codec.encode(sample))
    assert isinstance(heard, m.Push)
    passed_on = codec.decode(codec.encode(m.Push(99, 1, 2, (), heard.items_bytes)))
    assert passed_on == m.Push(99, 1, 2, sample.items)


def test_the_size_of_items_is_known_before_they_are_addressed() -> None:
    items = [m.Item("t@1", "x" * n, 1, 0, 0, ([n] * n,), n) for n in range(1, 15)]
    sizes = sum(map(codec.pack_size, items))
    assert len(codec.encode_items(items)) == 1 + sizes - (len(items) - 1) * len("t@1")
    push = codec.encode(m.Push(2**64 - 1, 2**64 - 1, 2**64 - 1, tuple(items)))
    assert len(push) == codec.PUSH_HEAD_BYTES + len(codec.encode_items(items))
    assert codec.decode_items(codec.encode_items(items)) == tuple(items)


@pytest.mark.parametrize("count", [0, 1, 15, 16, 300])
def test_items_encoded_one_by_one_make_the_same_batch(count: int) -> None:
    tags = ["short@1", "short@1", "t" * 40 + "@1", "t" * 40 + "@1", "u" * 200 + "@1"]
    items = [m.Item(tags[n % 5], f"x{n}", 1, 0, 0, ([n],), n) for n in range(count)]
    batch = codec.Batch()
    for item in items:
        packed = codec.pack_item(item)
        size = batch.size_with(packed)
        batch.add(packed)
        assert len(batch.encoded()) in (size + 1, size + 3)
    assert batch.count == count
    assert batch.encoded() == codec.encode_items(items)
    assert codec.decode_items(batch.encoded()) == tuple(items)


def test_a_tag_is_said_once_for_items_in_a_row() -> None:
    items = [m.Item("pncounter@1", f"x{n}", 1, 0, 0, (), n) for n in range(100)]
    assert codec.encode_items(items).count(b"pncounter@1") == 1


def test_the_first_item_has_no_tag_before_it() -> None:
    with pytest.raises(MalformedMessage):
        codec.decode_items(packb([[None, "x", 1, 0, 0, [], 1, 0, None]]))


def test_a_body_fits_a_datagram_less_what_the_seal_adds() -> None:
    assert codec.body_room(1200) == 1152


def test_an_item_that_msgpack_has_no_word_for_is_our_own_fault() -> None:
    for payload in (2**64, object()):
        with pytest.raises(ValueError, match="cannot be encoded"):
            codec.encode_items([m.Item("t@1", "x", 1, 0, 0, (payload,), 1)])


def test_no_challenge_is_longer_than_what_provokes_it() -> None:
    challenge = codec.encode(m.Challenge(b"n" * 16, echo=b"e" * 16))
    hello = codec.encode(m.Hello(b"n" * 16, m.NOBODY, "a", "c", 0))
    assert len(challenge) <= len(hello)
    bare = codec.encode(m.Challenge(b"n" * 16))
    assert len(bare) == codec.CHALLENGE_BYTES
    for round_ in (0, 200, 2**32 - 1):
        for root in (None, 0, 2**64 - 1):
            ping = m.Ping(round_, root, (), (), (), round_)
            assert len(codec.encode(ping)) >= len(bare)
            assert codec.decode(codec.encode(ping)) == ping


class Choices:
    """Makes a message of any bytes: each choice takes one, and zeros when they are used up."""

    def __init__(self, data: bytes) -> None:
        self._left = list(data)

    def below(self, most: int) -> int:
        return (self._left.pop() if self._left else 0) % most

    def number(self, bits: int = 64) -> int:
        top = (1 << bits) - 1
        exact = self.below(256) << self.below(bits)
        return (0, 1, top, top >> 1, min(exact, top))[self.below(5)]

    def ident(self) -> bytes:
        return bytes([self.below(256), self.below(256)] * 8)

    def text(self) -> str:
        return ("a", "é" * 127, "x" * 255, "日本", "a b")[self.below(5)]

    def numbers(self, bits: int = 64) -> tuple[int, ...]:
        return tuple(self.number(bits) for _ in range(self.below(4)))

    def rows(self) -> tuple[m.Row, ...]:
        return tuple((self.number(), self.number()) for _ in range(self.below(4)))

    def json(self, depth: int = 0) -> object:
        leaves = (None, True, -(2**63), self.number(), 1.5, -0.0, "", self.text())
        choice = self.below(11)
        if choice < 8 or depth > 3:
            return leaves[choice % 8]
        if choice == 8:
            return {str(n): self.json(depth + 1) for n in range(self.below(4))}
        return [self.json(depth + 1) for _ in range(self.below(4))]

    def address(self) -> m.Address:
        return (("h", 1), ("::ffff:10.0.0.1", 65535))[self.below(2)]

    def member(self) -> m.MemberRecord:
        return m.MemberRecord(
            name=self.text(),
            boot=self.ident(),
            incarnation=self.number(53),
            state=self.below(4),
            addresses=tuple(self.address() for _ in range(self.below(4))),
            types=self.number(),
            protocol=self.number(16),
            tags={str(n): self.text() for n in range(self.below(3))},
        )

    def members(self) -> tuple[m.MemberRecord, ...]:
        return tuple(self.member() for _ in range(self.below(3)))

    def item(self) -> m.Item:
        payloads = tuple(self.json() for _ in range(self.below(3)))
        life, form = max(1, self.number(53)), self.below(2)
        numbers = self.number(), self.number(), self.number()
        of = m.Item(self.text(), self.text(), life, numbers[0], form, payloads, numbers[1])
        return of._replace(of=numbers[2], context=self.json())

    def items(self) -> tuple[m.Item, ...]:
        return tuple(self.item() for _ in range(self.below(4)))

    def wanted(self) -> tuple[m.Wanted, ...]:
        many = range(self.below(3))
        return tuple((self.number(), self.number(), self.numbers(32)) for _ in many)

    def node(self) -> m.TrieNode:
        depth, leaf = self.below(16), bool(self.below(2))
        path = self.number(4 * depth) if depth else 0
        if leaf:
            return m.TrieNode(self.text(), depth, path, leaves=self.rows(), leaf=True)
        return m.TrieNode("", depth, path, tuple(self.number() for _ in range(16)))

    def nodes(self) -> tuple[m.TrieNode, ...]:
        return tuple(self.node() for _ in range(self.below(3)))

    def sketches(self) -> tuple[m.Sketch, ...]:
        return tuple(self.sketch() for _ in range(self.below(4)))

    def sketch(self) -> m.Sketch:
        depth, leaf = self.below(16), bool(self.below(2))
        count = self.below(m.SKETCHED_MOST + 2) if leaf else 16
        words = tuple(self.number(16) for _ in range(count))
        prefix = self.number(4 * depth) if depth else 0
        return m.Sketch("gset@1", depth, prefix, self.below(4), leaf, words)

    def asked(self) -> tuple[m.Asked, ...]:
        return tuple(
            m.Asked(self.number(), 1 + self.number(50), self.number(), self.json())
            for _ in range(self.below(3))
        )

    def left(self) -> int:
        return self.below(m.LEFT_MAX + 1)

    def message(self) -> m.Message:
        number, text, ident = self.number, self.text, self.ident
        makers: list[Callable[[], m.Message]] = [
            lambda: m.Hello(ident(), ident(), text(), text(), number(), ident(), number(16)),
            lambda: m.Challenge(ident(), ident() if self.below(2) else b""),
            lambda: m.Refused(text(), ("00ff00ff",) * self.below(3), text()),
            lambda: m.Ping(
                number(32), number(), self.members(), self.rows(), self.rows(), number()
            ),
            lambda: m.Pong(
                number(32), number(), number(), self.members(), number(43), number(), number()
            ),
            lambda: m.PingReq(number(32), text(), ident(), self.address()),
            lambda: m.PingAck(number(32), text()),
            lambda: m.Nack(number(32), text(), self.below(3)),
            lambda: m.Push(number(), number(), number(), self.items()),
            lambda: m.Ack(self.numbers(), bool(self.below(2))),
            lambda: m.Tell(number(), number(), number(), self.members()),
            lambda: m.Forget(number(), number(), number(), self.members()),
            lambda: m.Announce(number(), number(), number(), number(), number()),
            lambda: m.Pull((number(), number())),
            lambda: m.MemberList(number(), self.members(), bool(self.below(2))),
            lambda: m.Leave(number(), self.member()),
            lambda: m.Look(
                number(), ((text(), 2, self.below(256)),), (number(),), bool(self.below(2))
            ),
            lambda: m.Looked(number(), (), (m.Holding(text(), text(), number(), ()),)),
            lambda: m.Types(number(), (text(),) * self.below(4)),
            lambda: m.Want(number(), self.wanted(), self.rows(), self.rows(), self.left()),
            lambda: m.Again(number(), self.rows(), self.nodes(), self.rows(), self.left()),
            lambda: m.Busy(number(16)),
            lambda: m.Ctx(self.asked(), self.left()),
            lambda: m.Sync(
                self.items(),
                self.wanted(),
                self.nodes(),
                self.left(),
                bool(self.below(2)),
                self.sketches(),
            ),
        ]
        return makers[self.below(len(makers))]()


@given(st.binary(max_size=200))
@settings(max_examples=300)
def test_whatever_is_encoded_comes_out_equal(data: bytes) -> None:
    message = Choices(data).message()
    body = codec.encode(message)
    heard = codec.decode(body)
    assert heard == message
    assert not isinstance(heard, m.UnknownKind)
    assert codec.encode(heard) == body


@pytest.mark.parametrize("payloads", [{}, [1, 2], [b""], [float("inf")], None])
def test_of_an_object_that_is_looked_at_there_is_one_payload_or_none(payloads: object) -> None:
    with pytest.raises(MalformedMessage):
        codec.decode(packb([25, 1, [], [["gset@1", "n", 7, payloads]]]))
    assert codec.decode(packb([25, 1, [], [["gset@1", "n", 7, [[1]]]]])) == m.Looked(
        1, (), (m.Holding("gset@1", "n", 7, ([1],)),)
    )


WORDS = list(range(16))


@pytest.mark.parametrize(
    "groups",
    [
        {},
        [["gset@1", 0, 0, False]],
        [["", 0, 0, False, [0, WORDS]]],
        [["gset@1", 17, 0, False, [0, WORDS]]],
        [["gset@1", 16, 0, False, [0, WORDS]]],
        [["gset@1", 0, 4, False, [0, WORDS]]],
        [["gset@1", 0, 0, 1, [0, WORDS]]],
        [["gset@1", 0, 0, False, [0]]],
        [["gset@1", 0, 0, False, {}]],
        [["gset@1", 1, 0, False, [16, WORDS]]],
        [["gset@1", 0, 0, False, [0, WORDS[1:]]]],
        [["gset@1", 0, 0, False, [0, [*WORDS[1:], 2**16]]]],
        [["gset@1", 0, 0, True, [0, [1] * (m.SKETCHED_MOST + 2)]]],
        [["gset@1", 0, 0, True, [0, []] * (codec.NODES + 1)]],
        [["gset@1", 0, 0, True, []]] * (codec.NODES + 1),
    ],
)
def test_a_sketch_of_the_wrong_shape_is_malformed(groups: object) -> None:
    with pytest.raises(MalformedMessage):
        codec.decode(packb([16, [], [], 5, False, groups]) + codec.NO_ITEMS)
    lawful = [["gset@1", 0, 0, False, [0, WORDS]]]
    (sketch,) = codec.decode(packb([16, [], [], 5, False, lawful]) + codec.NO_ITEMS).sketches  # type: ignore[union-attr]  # it is a SYNC
    assert sketch == m.Sketch("gset@1", 0, 0, 0, False, tuple(WORDS))
