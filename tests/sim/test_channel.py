"""How simulated processes hand messages over."""

import pytest

from crdtnode.sim import channel
from crdtnode.sim.channel import LOOKED_AT, Letters
from crdtnode.wire import codec
from crdtnode.wire.messages import Ack, Form, Item, Message, Push

ACK = Ack((1, 2), stored=True)


def test_who_receives_the_bytes_gets_the_message_itself() -> None:
    letters = Letters()
    assert letters.decode(letters.encode(ACK)) is ACK


def test_what_carries_a_state_is_decoded() -> None:
    letters, payload = Letters(), {"a": 1}
    item = Item("gcounter@1", "x", 1, 0, Form.DELTAS, (payload,), 7)
    arrived = letters.decode(letters.encode(Push(1, 0, 0, (item,))))
    assert isinstance(arrived, Push)
    assert arrived.items == (item,)
    assert arrived.items[0].payloads[0] is not payload


def test_what_was_forgotten_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel, "KEPT_BYTES", 40)
    letters = Letters()
    bodies = [letters.encode(Ack((number,), stored=True)) for number in range(100)]
    decoded = [letters.decode(body) for body in bodies]
    assert decoded == [Ack((number,), stored=True) for number in range(100)]
    assert len(letters._written) + len(letters._former) < 40


def test_a_message_that_reads_otherwise_than_it_was_is_noticed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def encode(message: Message) -> bytes:
        assert isinstance(message, Ack)
        return codec_encode(Ack(message.ids, stored=False))

    codec_encode = codec.encode
    monkeypatch.setattr(codec, "encode", encode)
    letters = Letters()
    bodies = [letters.encode(ACK) for _ in range(LOOKED_AT)]
    with pytest.raises(AssertionError, match="was encoded so that it reads"):
        all(map(letters.decode, bodies))
