"""Messages that want an acknowledgement."""

import pytest

from crdtnode.config import Settings
from crdtnode.protocol.deliveries import FIRST_RETRY, LONGEST, WAITING_MOST, Deliveries
from crdtnode.protocol.mail import Send, to
from crdtnode.wire.messages import Types
from tests.protocol.people import member

MESSAGE = Types(1, ("x",))
SETTINGS = Settings(retry_times=3)


@pytest.fixture
def deliveries() -> Deliveries:
    return Deliveries(SETTINGS)


def retries(deliveries: Deliveries, until: float = 60.0) -> list[float]:
    """When something is sent again, until nothing is due any more."""
    times: list[float] = []
    while deliveries.deadline < until:
        now = deliveries.deadline
        times += [now] * len(deliveries.wake(now))
    return times


def test_a_message_is_sent_at_once(deliveries: Deliveries) -> None:
    b = member("b")
    assert deliveries.send(b, deliveries.new_id(), MESSAGE, 1.0) == [to(b, MESSAGE)]


def test_it_is_sent_again_until_it_is_acknowledged(deliveries: Deliveries) -> None:
    b, id_ = member("b"), deliveries.new_id()
    deliveries.send(b, id_, MESSAGE, 1.0)
    assert deliveries.wake(deliveries.deadline) == [to(b, MESSAGE)]
    assert deliveries.acknowledged(b, id_, 1.5)
    assert deliveries.deadline == float("inf")


def test_it_waits_longer_each_time_and_is_given_up_in_the_end(deliveries: Deliveries) -> None:
    id_ = deliveries.new_id()
    deliveries.send(member("b"), id_, MESSAGE, 0.0)
    assert retries(deliveries) == pytest.approx(
        [FIRST_RETRY, FIRST_RETRY * 2.5, FIRST_RETRY * 4.75]
    )
    assert not deliveries.waits(id_)
    assert deliveries.given_up() == [id_]
    assert deliveries.given_up() == []


def test_it_is_sent_to_where_the_member_lives_now(deliveries: Deliveries) -> None:
    b = member("b")
    deliveries.send(b, deliveries.new_id(), MESSAGE, 0.0)
    b.addresses = (("elsewhere", 2),)
    assert deliveries.wake(deliveries.deadline) == [Send(b.boot, ("elsewhere", 2), MESSAGE)]


def test_the_first_wait_follows_the_round_trip(deliveries: Deliveries) -> None:
    near, far = member("near"), member("far")
    near.measured(0.0001)
    far.measured(0.2)
    deliveries.send(near, deliveries.new_id(), MESSAGE, 0.0)
    assert deliveries.deadline == SETTINGS.retry_least
    deliveries.forget(near.boot)
    deliveries.send(far, deliveries.new_id(), MESSAGE, 0.0)
    assert deliveries.deadline == pytest.approx(0.6)


def test_no_wait_is_longer_than_a_second(deliveries: Deliveries) -> None:
    slow = member("slow")
    slow.measured(7.0)
    deliveries.send(slow, deliveries.new_id(), MESSAGE, 0.0)
    assert retries(deliveries) == [LONGEST, 2 * LONGEST, 3 * LONGEST]


def test_an_acknowledgement_measures_the_round_trip(deliveries: Deliveries) -> None:
    b, id_ = member("b"), deliveries.new_id()
    deliveries.send(b, id_, MESSAGE, 1.0)
    deliveries.acknowledged(b, id_, 1.25)
    assert b.rtt == 0.25


def test_the_round_trip_of_a_repeated_message_is_ambiguous(deliveries: Deliveries) -> None:
    b, id_ = member("b"), deliveries.new_id()
    deliveries.send(b, id_, MESSAGE, 1.0)
    deliveries.wake(2.0)
    deliveries.acknowledged(b, id_, 2.25)
    assert b.rtt is None


def test_each_member_acknowledges_once_and_for_itself(deliveries: Deliveries) -> None:
    b, c, id_ = member("b"), member("c"), deliveries.new_id()
    deliveries.send(b, id_, MESSAGE, 1.0)
    deliveries.send(c, id_, MESSAGE, 1.0)
    assert deliveries.acknowledged(b, id_, 1.1)
    assert not deliveries.acknowledged(b, id_, 1.2)
    assert deliveries.waits(id_)
    assert deliveries.acknowledged(c, id_, 1.3)
    assert not deliveries.waits(id_)
    assert deliveries.given_up() == []


def test_an_acknowledgement_of_nothing_is_none(deliveries: Deliveries) -> None:
    assert not deliveries.acknowledged(member("b"), 77, 1.0)


def test_nothing_waits_for_a_process_that_is_gone(deliveries: Deliveries) -> None:
    b, id_ = member("b"), deliveries.new_id()
    deliveries.send(b, id_, MESSAGE, 0.0)
    deliveries.forget(b.boot)
    assert retries(deliveries) == []
    assert deliveries.given_up() == [id_]
    deliveries.forget(b.boot)


def test_a_large_message_is_left_to_its_stream(deliveries: Deliveries) -> None:
    b, id_ = member("b"), deliveries.new_id()
    assert deliveries.send(b, id_, MESSAGE, 0.0, large=True) == [to(b, MESSAGE, stream=True)]
    assert retries(deliveries) == []
    assert deliveries.given_up() == [id_]


def test_a_large_message_has_no_round_trip(deliveries: Deliveries) -> None:
    b, id_ = member("b"), deliveries.new_id()
    deliveries.send(b, id_, MESSAGE, 0.0, large=True)
    assert deliveries.acknowledged(b, id_, 3.0)
    assert b.rtt is None


def test_to_a_member_that_never_acknowledges_only_so_much_is_sent(deliveries: Deliveries) -> None:
    b = member("b")
    sent = [deliveries.send(b, deliveries.new_id(), MESSAGE, 0.0) for _ in range(WAITING_MOST + 5)]
    assert sum(map(len, sent)) == WAITING_MOST
    assert not deliveries.waits(WAITING_MOST + 1)


def test_what_is_due_at_once_is_sent_in_one_go(deliveries: Deliveries) -> None:
    for name in "bcd":
        deliveries.send(member(name), deliveries.new_id(), MESSAGE, 0.0)
    assert len(deliveries.wake(5.0)) == 3
