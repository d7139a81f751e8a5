"""Streams: greetings, order, caps, and what a stranger hears."""

from collections.abc import Callable
from random import Random

import pytest

from crdtnode.errors import MalformedMessage, Rejected
from crdtnode.wire import codec
from crdtnode.wire.frames import (
    FRAME_BYTES_MAX,
    GREETING_BYTES_MAX,
    OPEN_MESSAGE_BYTES_MAX,
    SECRET_MESSAGE_BYTES_MAX,
    ClearStream,
    StreamSeal,
    refusal,
)
from crdtnode.wire.keyring import Keyring
from crdtnode.wire.messages import Challenge, Refused

Pair = tuple[StreamSeal, StreamSeal]
NONCE_A, NONCE_B = b"the first nonce.", b"the other nonce."


@pytest.fixture(params=["sealed", "clear"])
def pair(request: pytest.FixtureRequest, keyring: Keyring, boot_a: bytes, boot_b: bytes) -> Pair:
    """Make both ends of one stream, of either kind: both behave alike."""
    if request.param == "sealed":
        return (
            StreamSeal(keyring, "default", boot_a, NONCE_A, initiator=True),
            StreamSeal(keyring, "default", boot_b, NONCE_B, initiator=False),
        )
    return (
        ClearStream("default", boot_a, NONCE_A, initiator=True),
        ClearStream("default", boot_b, NONCE_B, initiator=False),
    )


def shake_hands(ours: StreamSeal, theirs: StreamSeal) -> None:
    assert theirs.receive(ours.greet(b"hello")) == [b"hello"]
    assert ours.receive(theirs.greet(b"hello too")) == [b"hello too"]


def fault(seal: StreamSeal, data: bytes) -> str:
    """Say why these bytes end the stream."""
    with pytest.raises((Rejected, MalformedMessage)) as caught:
        seal.receive(data)
    return str(caught.value)


def test_both_ends_learn_who_the_other_is_and_prove_it_with_the_next_frame(
    pair: Pair, boot_a: bytes, boot_b: bytes
) -> None:
    ours, theirs = pair
    assert (ours.sender, theirs.sender) == (None, None)
    shake_hands(ours, theirs)
    assert (ours.sender, theirs.sender) == (boot_b, boot_a)
    assert not ours.proven
    assert not theirs.proven
    assert theirs.receive(ours.send(b"first")) == [b"first"]
    assert theirs.proven
    assert ours.receive(theirs.send(b"answer")) == [b"answer"]
    assert ours.proven


def test_bodies_arrive_in_order_however_the_bytes_are_cut(
    keyring: Keyring, boot_a: bytes, boot_b: bytes
) -> None:
    chance = Random(3)
    bodies = [chance.randbytes(n) for n in (0, 1, 5000, 300, GREETING_BYTES_MAX, 0)]
    heard: list[list[bytes]] = []
    for cut in (1, 7, 4096, 10**6):
        ours = StreamSeal(keyring, "default", boot_a, NONCE_A, initiator=True)
        theirs = StreamSeal(keyring, "default", boot_b, NONCE_B, initiator=False)
        greeting = ours.greet(b"hello")
        ours.receive(theirs.greet(b"hello too"))
        data = greeting + b"".join(map(ours.send, bodies))
        heard.append([])
        for start in range(0, len(data), cut):
            heard[-1] += theirs.receive(data[start : start + cut])
    assert heard == [[b"hello", *bodies]] * 4


def test_a_bad_frame_ends_the_stream_at_the_same_place_however_the_bytes_are_cut(
    pair: Pair,
) -> None:
    ours, theirs = pair
    shake_hands(ours, theirs)
    good, bad = ours.send(b"good"), bytearray(ours.send(b"bad"))
    bad[-1] ^= 1
    assert theirs.receive(good + bad + b"more") == [b"good"]
    assert isinstance(theirs.fault, Rejected)
    for _ in range(2):
        assert fault(theirs, ours.send(b"good again")) == "forged"


def test_frames_are_taken_once_and_in_order(keyring: Keyring, boot_a: bytes, boot_b: bytes) -> None:
    def ends() -> Pair:
        ours = StreamSeal(keyring, "default", boot_a, NONCE_A, initiator=True)
        theirs = StreamSeal(keyring, "default", boot_b, NONCE_B, initiator=False)
        shake_hands(ours, theirs)
        return ours, theirs

    ours, theirs = ends()
    first, second = ours.send(b"first"), ours.send(b"second")
    assert fault(theirs, second) == "forged"
    ours, theirs = ends()
    first = ours.send(b"first")
    theirs.receive(first)
    assert fault(theirs, first) == "forged"


def test_what_one_end_sent_does_not_open_there(pair: Pair) -> None:
    ours, theirs = pair
    shake_hands(ours, theirs)
    assert fault(ours, ours.send(b"to them")) == "forged"


def test_a_recorded_conversation_is_worth_its_greeting_and_no_more(
    pair: Pair, keyring: Keyring, boot_b: bytes
) -> None:
    ours, theirs = pair
    greeting = ours.greet(b"hello")
    theirs.receive(greeting)
    ours.receive(theirs.greet(b"hello too"))
    frame = ours.send(b"secret")
    fresh: StreamSeal = StreamSeal(keyring, "default", boot_b, b"a nonce of later", False)
    if isinstance(ours, ClearStream):
        fresh = ClearStream("default", boot_b, b"a nonce of later", False)
    assert fresh.receive(greeting) == [b"hello"]
    assert not fresh.proven
    assert fault(fresh, frame) == "forged"
    assert not fresh.proven


def test_a_changed_or_cut_greeting_is_turned_away_wherever_it_was_changed(
    keyring: Keyring, boot_a: bytes, boot_b: bytes
) -> None:
    greeting = StreamSeal(keyring, "default", boot_a, NONCE_A, True).greet(b"hello")
    for position in range(4, len(greeting)):
        bent = bytearray(greeting)
        bent[position] ^= 1
        fault(StreamSeal(keyring, "default", boot_b, NONCE_B, False), bytes(bent))
    for length in range(len(greeting) - 4):
        cut = length.to_bytes(4) + greeting[4 : 4 + length]
        fault(StreamSeal(keyring, "default", boot_b, NONCE_B, False), cut)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "short"),
        (b"x" * 55, "short"),
        (b"x" * 56, "magic"),
        (b"\xc5\x4e\x02\x02" + bytes(52), "version"),
        (b"\xc5\x4e\x01\x00" + bytes(52), "version"),
        (b"\xc5\x4e\x01\x02" + b"\xff" * 52, "foreign key"),
        (b"\xc5\x4e\x01\x03" + bytes(52), "version"),
    ],
)
def test_garbage_instead_of_a_greeting_is_named(pair: Pair, content: bytes, why: str) -> None:
    _, theirs = pair
    assert fault(theirs, len(content).to_bytes(4) + content) == why
    assert theirs.sender is None


def test_a_foreign_key_is_named_for_the_log(keyring: Keyring, boot_a: bytes, boot_b: bytes) -> None:
    stranger = StreamSeal(keyring, "other", boot_a, NONCE_A, True)
    us = StreamSeal(keyring, "default", boot_b, NONCE_B, False)
    with pytest.raises(Rejected) as caught:
        us.receive(stranger.greet(b"hello"))
    assert caught.value.reason == "foreign key"
    assert caught.value.key_id == keyring.key_id(keyring.keys[0], "other").hex()


def test_each_side_seals_with_its_own_first_key(
    keyring: Keyring, boot_a: bytes, boot_b: bytes
) -> None:
    turned = Keyring(keyring.salt, keyring.keys[::-1])
    ours = StreamSeal(keyring, "default", boot_a, NONCE_A, True)
    theirs = StreamSeal(turned, "default", boot_b, NONCE_B, False)
    shake_hands(ours, theirs)
    assert theirs.receive(ours.send(b"there")) == [b"there"]
    assert ours.receive(theirs.send(b"back")) == [b"back"]


def test_a_stream_to_ourselves_is_noticed_once_its_seal_is_open(
    keyring: Keyring, boot_a: bytes
) -> None:
    ours = StreamSeal(keyring, "default", boot_a, NONCE_A, True)
    also_ours = StreamSeal(keyring, "default", boot_a, NONCE_B, False)
    greeting = ours.greet(b"hello")
    assert fault(also_ours, greeting) == "self"
    assert (
        fault(StreamSeal(keyring, "default", boot_a, NONCE_B, False), _bent(greeting)) == "forged"
    )


def _bent(data: bytes) -> bytes:
    return data[:-1] + bytes([data[-1] ^ 1])


def test_a_stranger_cannot_make_us_wait_for_more_than_four_kib(pair: Pair) -> None:
    ours, theirs = pair
    assert ours.receive(GREETING_BYTES_MAX.to_bytes(4)) == []
    assert fault(theirs, (GREETING_BYTES_MAX + 1).to_bytes(4)) == "too large"


def test_frames_grow_once_the_peer_is_proven(pair: Pair) -> None:
    ours, theirs = pair
    shake_hands(ours, theirs)
    first, second = ours.send(b"x" * 50), ours.send(b"y" * (FRAME_BYTES_MAX - 17))
    assert len(second) == 4 + FRAME_BYTES_MAX
    assert [len(body) for body in theirs.receive(first + second)] == [50, FRAME_BYTES_MAX - 17]
    assert fault(theirs, (FRAME_BYTES_MAX + 1).to_bytes(4)) == "too large"


def test_a_long_body_goes_over_several_frames_even_as_the_first_one(pair: Pair) -> None:
    ours, theirs = pair
    shake_hands(ours, theirs)
    body = Random(5).randbytes(2 * FRAME_BYTES_MAX)
    frames = ours.send(body)
    assert int.from_bytes(frames[:4]) == GREETING_BYTES_MAX
    heard: list[bytes] = []
    for start in range(0, len(frames), 65_536):
        heard += theirs.receive(frames[start : start + 65_536])
    assert heard == [body]
    assert theirs.receive(ours.send(b"next")) == [b"next"]


def test_a_message_over_the_limit_is_refused_at_both_ends(
    keyring: Keyring, boot_a: bytes, boot_b: bytes
) -> None:
    ours = StreamSeal(keyring, "default", boot_a, NONCE_A, True)
    theirs = StreamSeal(keyring, "default", boot_b, NONCE_B, False, max_message_bytes=5000)
    shake_hands(ours, theirs)
    assert theirs.receive(ours.send(b"x" * 5000)) == [b"x" * 5000]
    with pytest.raises(ValueError, match="5000 bytes"):
        theirs.send(b"x" * 5001)
    assert fault(theirs, ours.send(b"x" * 5001)) == "too large"


def test_without_a_keyring_messages_are_shorter(
    keyring: Keyring, boot_a: bytes, boot_b: bytes
) -> None:
    for ring, most in (
        (keyring, SECRET_MESSAGE_BYTES_MAX),
        (Keyring.open_key("default"), OPEN_MESSAGE_BYTES_MAX),
    ):
        ours = StreamSeal(ring, "default", boot_a, NONCE_A, True)
        shake_hands(ours, StreamSeal(ring, "default", boot_b, NONCE_B, False))
        with pytest.raises(ValueError, match=f"{most} bytes"):
            ours.send(bytes(most + 1))


@pytest.mark.parametrize("part", [b"", b"\x02body"])
def test_a_frame_that_neither_ends_nor_goes_on_is_malformed(pair: Pair, part: bytes) -> None:
    ours, theirs = pair
    shake_hands(ours, theirs)
    assert ours._outbound is not None
    sealed = ours._outbound.encrypt(bytes(12), part, b"")
    assert "neither" in fault(theirs, len(sealed).to_bytes(4) + sealed)


def test_our_own_mistakes_raise_and_change_nothing(pair: Pair) -> None:
    ours, theirs = pair
    with pytest.raises(RuntimeError, match="before both sides greeted"):
        ours.send(b"too early")
    with pytest.raises(ValueError, match="at most 4096"):
        ours.greet(bytes(GREETING_BYTES_MAX))
    assert len(ours.greet(bytes(GREETING_BYTES_MAX - 56))) == 4 + GREETING_BYTES_MAX
    with pytest.raises(RuntimeError, match="one greeting"):
        ours.greet(b"again")
    assert theirs.fault is None


def test_a_refusal_in_clear_is_read_where_we_opened_the_stream(pair: Pair) -> None:
    ours, _ = pair
    ours.greet(b"hello")
    data = refusal("foreign key", ["0011aaff"], "default")
    assert fault(ours, data) == "refused"
    assert ours.refused == Refused("foreign key", ("0011aaff",), "default")
    assert ours.sender is None
    assert not ours.proven


def test_a_refusal_of_a_newer_version_is_read_too(pair: Pair) -> None:
    ours, _ = pair
    data = refusal("version", [], "default")
    assert fault(ours, data[:6] + b"\x09" + data[7:]) == "refused"


def test_a_refusal_is_not_believed_where_the_other_side_opened_the_stream(pair: Pair) -> None:
    _, theirs = pair
    fault(theirs, refusal("foreign key", [], "default" * 9))
    assert theirs.refused is None


def test_a_refusal_is_not_believed_once_the_greeting_is_open(pair: Pair) -> None:
    ours, theirs = pair
    shake_hands(ours, theirs)
    assert fault(ours, refusal("go away", [], "default")) == "forged"
    assert ours.refused is None


@pytest.mark.parametrize("body", [b"", b"\xff", codec.encode(Challenge(NONCE_A))])
def test_something_else_in_clear_is_malformed(pair: Pair, body: bytes) -> None:
    ours, _ = pair
    content = refusal("", [], "")[4:12] + body
    with pytest.raises(MalformedMessage):
        ours.receive(len(content).to_bytes(4) + content)


def test_the_bytes_of_a_stream_never_change(
    keyring: Keyring,
    boot_a: bytes,
    boot_b: bytes,
    golden: Callable[[str], dict[str, bytes]],
) -> None:
    kept = golden("packets.txt")
    ours = StreamSeal(keyring, "default", boot_a, NONCE_A, True)
    theirs = StreamSeal(keyring, "default", boot_b, NONCE_B, False)
    assert ours.greet(b"hello") == kept["stream-greeting"]
    assert theirs.receive(kept["stream-greeting"]) == [b"hello"]
    ours.receive(theirs.greet(b"hello too"))
    assert ours.send(b"first") == kept["stream-first"]
    assert ours.send(b"second") == kept["stream-second"]
    assert theirs.send(b"back") == kept["stream-back"]
    assert theirs.receive(kept["stream-first"] + kept["stream-second"]) == [b"first", b"second"]
    assert refusal("foreign key", ["0011aaff"], "default") == kept["stream-refusal"]
