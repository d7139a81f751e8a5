"""What arrived once already, and acknowledgements on their way."""

import pytest

from crdtnode.config import Settings
from crdtnode.protocol.mail import Send, to
from crdtnode.protocol.receipts import ACKS_MOST, SEEN_MOST, Receipts
from crdtnode.wire.messages import Ack
from tests.protocol.people import member

SETTINGS = Settings()
NEVER = float("inf")
B, C = member("b"), member("c")


@pytest.fixture
def receipts() -> Receipts:
    return Receipts(SETTINGS)


def test_who_acknowledged_nothing_for_a_while_does_so_at_once(receipts: Receipts) -> None:
    receipts.acknowledge(B, 5, 1.0)
    assert receipts.deadline == 1.0
    assert receipts.wake(1.0) == [to(B, Ack((5,), stored=True))]
    assert receipts.deadline == NEVER
    receipts.acknowledge(B, 6, 1.5)
    assert receipts.deadline == 1.5


def test_who_just_did_waits_a_moment_so_that_they_travel_together(receipts: Receipts) -> None:
    receipts.acknowledge(B, 5, 1.0)
    receipts.wake(1.0)
    receipts.acknowledge(B, 6, 1.0005)
    receipts.acknowledge(B, 7, 1.001)
    assert receipts.deadline == 1.0 + SETTINGS.ack_delay
    assert receipts.wake(1.001) == []
    assert receipts.wake(receipts.deadline) == [to(B, Ack((6, 7), stored=True))]
    assert receipts.deadline == NEVER


def test_what_is_not_kept_is_acknowledged_as_such(receipts: Receipts) -> None:
    receipts.acknowledge(B, 5, 1.0)
    receipts.acknowledge(B, 6, 1.0, kept=False)
    kept, refused = receipts.wake(2.0)
    assert (kept, refused) == (to(B, Ack((5,), stored=True)), to(B, Ack((6,), stored=False)))


def test_many_acknowledgements_travel_in_bundles(receipts: Receipts) -> None:
    for id_ in range(ACKS_MOST + 1):
        receipts.acknowledge(B, id_, 1.0)
    receipts.acknowledge(C, 1, 1.0)
    first, second, other = receipts.wake(2.0)
    assert isinstance(first, Send)
    assert isinstance(first.message, Ack)
    assert len(first.message.ids) == ACKS_MOST
    assert second.message == Ack((ACKS_MOST,), stored=True)
    assert other == to(C, Ack((1,), stored=True))


@pytest.mark.parametrize("kept", [True, False])
def test_a_repetition_is_acknowledged_again_in_the_same_way(receipts: Receipts, kept: bool) -> None:
    assert receipts.is_new(B, 5, 1.0)
    receipts.acknowledge(B, 5, 1.0, kept=kept)
    receipts.wake(2.0)
    assert not receipts.is_new(B, 5, 3.0)
    assert receipts.wake(4.0) == [to(B, Ack((5,), kept))]


def test_what_is_not_taken_yet_is_not_acknowledged_when_it_comes_again(
    receipts: Receipts,
) -> None:
    assert receipts.is_new(B, 5, 1.0)
    assert not receipts.is_new(B, 5, 1.1)
    assert receipts.deadline == NEVER


def test_ids_are_their_senders_own(receipts: Receipts) -> None:
    receipts.acknowledge(B, 5, 1.0)
    assert receipts.is_new(C, 5, 1.0)


def test_only_so_much_is_remembered(receipts: Receipts) -> None:
    for id_ in range(SEEN_MOST + 1):
        receipts.acknowledge(B, id_, 1.0)
    assert not receipts.is_new(B, 1, 1.0)
    assert receipts.is_new(B, 0, 1.0)
