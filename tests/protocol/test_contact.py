"""First contact over UDP."""

from dataclasses import dataclass, field
import random

import pytest

from crdtnode.protocol.contact import (
    CHALLENGES_MOST,
    HELD_BYTES,
    PROVEN_MOST,
    TELLING_PERIOD,
    Contact,
)
from crdtnode.protocol.mail import Send
from crdtnode.wire import codec
from crdtnode.wire.messages import NOBODY, Ack, Challenge, Hello, Message, Ping
from crdtnode.wire.seal import ClearDatagrams, Opened
from tests.protocol.people import boot

HERE = ("10.0.0.9", 1)
B = boot("b")
PING = Ping(1, None, (), (), (), 0)


@dataclass
class Door:
    chance: random.Random = field(default_factory=lambda: random.Random(1))
    datagrams: ClearDatagrams = field(default_factory=lambda: ClearDatagrams("x", boot("a")))

    def __post_init__(self) -> None:
        self.contact = Contact(self.datagrams, hello, self.chance.randbytes)

    def challenge(self, message: Message = PING, sender: bytes = B) -> Challenge | None:
        body = codec.encode(message)
        sends = self.contact.challenge(HERE, message, Opened(sender, 5, False, body))
        if not sends:
            return None
        (send,) = sends
        assert (send.boot, send.address) == (sender, HERE)
        assert isinstance(send.message, Challenge)
        assert len(codec.encode(send.message)) <= len(body)
        return send.message


def hello(nonce: bytes, echo: bytes) -> Hello:
    return Hello(nonce, NOBODY, "b", "x", 7, echo)


@pytest.fixture
def door() -> Door:
    return Door()


def test_what_an_unknown_process_says_waits_for_its_proof(door: Door) -> None:
    challenge = door.challenge()
    assert challenge is not None
    assert door.contact.proof(B, hello(bytes(16), challenge.nonce))
    assert door.contact.held(B) == Opened(B, 5, False, codec.encode(PING))
    assert not door.contact.proof(B, hello(bytes(16), challenge.nonce))


def test_a_wrong_proof_is_none(door: Door) -> None:
    challenge = door.challenge()
    assert challenge is not None
    assert not door.contact.proof(B, hello(challenge.nonce, bytes(16)))
    assert not door.contact.proof(boot("c"), hello(bytes(16), challenge.nonce))
    assert not door.contact.proof(B, PING)


def test_a_process_is_asked_for_the_same_nonce_until_it_answers(door: Door) -> None:
    assert door.challenge() == door.challenge()


def test_a_greeting_is_answered_with_its_nonce_and_not_held(door: Door) -> None:
    challenge = door.challenge(hello(b"n" * 16, b""))
    assert challenge is not None
    assert challenge.echo == b"n" * 16
    assert door.contact.held(B) is None


def test_to_a_shorter_message_there_is_no_answer(door: Door) -> None:
    assert door.challenge(Ack((1,), stored=False)) is None


def test_of_a_long_message_nothing_is_held(door: Door) -> None:
    long = Ping(1, None, (), ((2**63, 2**63),) * 90, (), 0)
    assert len(codec.encode(long)) > HELD_BYTES
    challenge = door.challenge(long)
    assert challenge is not None
    assert door.contact.held(B) is None


def test_of_many_unknown_processes_the_oldest_is_forgotten(door: Door) -> None:
    first = door.challenge(sender=bytes(16))
    last = None
    for number in range(1, CHALLENGES_MOST + 1):
        last = door.challenge(sender=number.to_bytes(16))
    assert first is not None
    assert last is not None
    assert not door.contact.proof(bytes(16), hello(bytes(16), first.nonce))
    assert door.contact.proof(CHALLENGES_MOST.to_bytes(16), hello(bytes(16), last.nonce))


# The other side of it


def test_who_repeats_the_nonce_of_our_greeting_is_proven(door: Door) -> None:
    ours = door.contact.greet()
    challenge = Challenge(b"c" * 16, ours.nonce)
    (send,), proven = door.contact.answer(B, HERE, challenge, None)
    assert proven
    assert isinstance(send.message, Hello)
    assert (send.address, send.message.echo) == (HERE, challenge.nonce)
    assert door.contact.answer(B, HERE, challenge, None) == ([], False)


def test_a_challenge_is_answered_where_its_sender_is_known_to_live(door: Door) -> None:
    home = ("10.0.0.7", 7)
    (send,), proven = door.contact.answer(B, HERE, Challenge(b"c" * 16), home)
    assert not proven
    assert send.address == home


def test_a_challenge_of_a_proven_stranger_is_answered_where_it_was_proven(door: Door) -> None:
    door.contact.admit(B, ("10.0.0.8", 8))
    (send,), proven = door.contact.answer(B, HERE, Challenge(b"c" * 16), None)
    assert not proven
    assert send.address == ("10.0.0.8", 8)


def test_a_challenge_of_nobody_is_not_answered(door: Door) -> None:
    assert door.contact.answer(B, HERE, Challenge(b"c" * 16), None) == ([], False)


def test_only_so_many_greetings_are_remembered(door: Door) -> None:
    first = door.contact.greet()
    for _ in range(CHALLENGES_MOST):
        last = door.contact.greet()
    assert door.contact.answer(B, HERE, Challenge(b"c" * 16, first.nonce), None) == ([], False)
    assert door.contact.answer(B, HERE, Challenge(b"c" * 16, last.nonce), None)[1]


# Strangers


def test_of_many_proven_strangers_the_oldest_must_prove_itself_again(door: Door) -> None:
    strangers = [number.to_bytes(16) for number in range(1, PROVEN_MOST + 2)]
    for stranger in strangers:
        door.contact.admit(stranger, HERE)
    assert [door.datagrams.known(stranger) for stranger in strangers] == [False] + (
        [True] * PROVEN_MOST
    )


def test_a_stranger_that_became_a_member_stays_known(door: Door) -> None:
    door.contact.admit(B, HERE)
    door.contact.joined(B)
    for number in range(1, PROVEN_MOST + 2):
        door.contact.admit(number.to_bytes(16), HERE)
    assert door.datagrams.known(B)


def test_a_member_that_was_never_a_stranger_is_known_when_it_speaks(door: Door) -> None:
    door.contact.joined(B)
    door.contact.joined(B)
    assert door.datagrams.known(B)


def test_a_stranger_is_told_of_others_now_and_then(door: Door) -> None:
    assert not door.contact.may_tell(B, 1.0)
    door.contact.admit(B, HERE)
    assert door.contact.may_tell(B, 1.0)
    assert not door.contact.may_tell(B, 1.0 + TELLING_PERIOD / 2)
    assert door.contact.may_tell(B, 1.0 + TELLING_PERIOD)


def test_an_answer_names_its_receiver(door: Door) -> None:
    (send,), _ = door.contact.answer(B, HERE, Challenge(b"c" * 16), HERE)
    assert isinstance(send, Send)
    assert send.boot == B
