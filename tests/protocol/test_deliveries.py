"""Messages that want an acknowledgement."""

from dataclasses import replace

import pytest

from crdtnode.config import Settings
from crdtnode.protocol.deliveries import (
    AGAIN_MOST,
    BY_STREAM,
    FEW,
    FEW_LONGEST,
    FEW_TIMES,
    FIRST_RETRY,
    GROWTH,
    LATER_MOST,
    LONGEST,
    NEWS_LONGEST,
    SILENT_MOST,
    SLOWER_MOST,
    UNMET_MOST,
    WAITING_MOST,
    Deliveries,
    Orphan,
)
from crdtnode.protocol.mail import Send, to
from crdtnode.protocol.members import Member
from crdtnode.wire.messages import Leave, Push, State, Tell
from tests.protocol.people import member, record

SETTINGS = Settings(retry_times=3)


class Outgoing(Deliveries):
    """Deliveries with an easy way to fill them."""

    def push(self, receiver: Member, now: float = 0.0, place: int | None = None) -> Push:
        push = Push(self.new_id(), 10, 20, ())
        assert self.send(receiver, push, now, place) == [to(receiver, push)]
        return push


@pytest.fixture
def deliveries() -> Outgoing:
    return Outgoing(SETTINGS)


def retries(deliveries: Deliveries, until: float = 60.0) -> list[float]:
    """When something is sent again, until nothing is due any more."""
    times: list[float] = []
    while deliveries.deadline < until:
        now = deliveries.deadline
        times += [now] * len(deliveries.wake(now))
    return times


def test_a_message_is_sent_again_until_it_is_acknowledged(deliveries: Outgoing) -> None:
    b = member("b")
    push = deliveries.push(b, 1.0)
    assert deliveries.wake(deliveries.deadline) == [to(b, push)]
    assert deliveries.acknowledged(b, push.id, 1.5)
    assert deliveries.deadline == float("inf")


def test_it_waits_longer_each_time_and_is_given_up_in_the_end(deliveries: Outgoing) -> None:
    b = member("b")
    first, *others = [deliveries.push(b) for _ in range(2 * FEW)]
    tries = []
    while deliveries.waits(first.id):
        now = deliveries.deadline
        tries += [now for send in deliveries.wake(now) if send.message is first]
    assert tries == pytest.approx([FIRST_RETRY * n for n in (1.0, 2.5, 4.75)])
    retries(deliveries)
    assert deliveries.over() == [first.id, *(push.id for push in others)]
    assert deliveries.over() == []


def test_while_few_wait_tries_come_often_and_there_are_more(deliveries: Outgoing) -> None:
    b = member("b")
    push = deliveries.push(b)
    tries = retries(deliveries)
    assert tries == pytest.approx([FIRST_RETRY + FEW_LONGEST * n for n in range(6)])
    assert len(tries) == FEW_TIMES * SETTINGS.retry_times
    assert deliveries.over() == [push.id]


def test_a_lone_message_gets_at_least_fifteen_tries_in_three_seconds_of_loss() -> None:
    deliveries = Outgoing(Settings())
    b = member("b")
    b.measured(0.0001)
    for now in range(-12, 0):  # first tries are lost, one after the other
        push = deliveries.push(b, float(now))
        deliveries.wake(deliveries.deadline)
        deliveries.acknowledged(b, push.id, now + 0.9)
    deliveries.push(b, 0.0)
    assert 1 + len([at for at in retries(deliveries) if at < 3.0]) >= 15


def test_tries_come_no_more_often_than_round_trips_allow_however_few_wait(
    deliveries: Outgoing,
) -> None:
    far = member("far")
    far.measured(0.2)
    deliveries.push(far)
    assert retries(deliveries) == pytest.approx([0.6 * n for n in range(1, 7)])


def test_after_several_tries_in_vain_one_goes_by_stream() -> None:
    deliveries = Outgoing(Settings())
    deliveries.push(member("b"))
    tries: list[bool] = [False]
    while deliveries.deadline < 60:
        tries += [send.stream for send in deliveries.wake(deliveries.deadline)]
    assert [number for number, stream in enumerate(tries, 1) if stream] == [BY_STREAM]
    assert len(tries) == 1 + FEW_TIMES * Settings().retry_times


def test_it_is_sent_to_where_the_member_lives_now(deliveries: Outgoing) -> None:
    b = member("b")
    push = deliveries.push(b)
    b.addresses = (("elsewhere", 2),)
    assert deliveries.wake(deliveries.deadline) == [Send(b.boot, ("elsewhere", 2), push)]


def test_the_first_wait_follows_the_round_trip(deliveries: Outgoing) -> None:
    near, far = member("near"), member("far")
    near.measured(0.0001)
    far.measured(0.2)
    deliveries.push(near)
    assert deliveries.deadline == SETTINGS.retry_least
    deliveries.forget(near.boot)
    deliveries.push(far)
    assert deliveries.deadline == pytest.approx(0.6)


def test_a_member_that_was_never_measured_is_taken_to_be_like_the_others(
    deliveries: Outgoing,
) -> None:
    deliveries.measured(member("b"), 0.2)
    deliveries.push(member("c"))
    assert deliveries.deadline == pytest.approx(0.6)


def test_no_wait_is_longer_than_a_second(deliveries: Outgoing) -> None:
    slow = member("slow")
    slow.measured(7.0)
    deliveries.push(slow)
    assert retries(deliveries) == [LONGEST * n for n in range(1, 7)]


def test_an_acknowledgement_measures_the_round_trip(deliveries: Outgoing) -> None:
    b = member("b")
    push = deliveries.push(b, 1.0)
    deliveries.acknowledged(b, push.id, 1.25)
    assert b.rtt == 0.25


def test_the_round_trip_of_a_repeated_message_is_ambiguous(deliveries: Outgoing) -> None:
    b = member("b")
    push = deliveries.push(b, 1.0)
    deliveries.wake(2.0)
    deliveries.acknowledged(b, push.id, 2.25)
    assert b.rtt is None


def test_a_member_that_became_slower_is_given_more_time_until_it_answers_a_first_try(
    deliveries: Outgoing,
) -> None:
    b = member("b")
    b.measured(0.0001)
    waits = []
    for now in (0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0):
        pushes = [deliveries.push(b, now) for _ in range(FEW + 1)]  # lost together: they count once
        waits.append(deliveries._waiting[b.boot][pushes[-1].id].wait)
        deliveries.wake(now + 0.5)
        for push in pushes:
            deliveries.acknowledged(b, push.id, now + 0.9)  # a second try's answer shows nothing
    growth = [GROWTH**n for n in range(8)]
    assert waits == pytest.approx([min(0.02 * g, 0.02 * SLOWER_MOST) for g in growth])
    push = deliveries.push(b, 8.0)
    deliveries.acknowledged(b, push.id, 8.001)
    deliveries.push(b, 9.0)
    assert deliveries.deadline == pytest.approx(9.02)


def test_each_member_acknowledges_once_and_for_itself(deliveries: Outgoing) -> None:
    b, c = member("b"), member("c")
    push = deliveries.push(b)
    deliveries.send(c, push, 1.0)
    assert deliveries.acknowledged(b, push.id, 1.1)
    assert not deliveries.acknowledged(b, push.id, 1.2)
    assert deliveries.waits(push.id)
    assert deliveries.over() == []
    assert deliveries.acknowledged(c, push.id, 1.3)
    assert not deliveries.waits(push.id)
    assert deliveries.over() == [push.id]


def test_an_acknowledgement_of_nothing_is_none(deliveries: Outgoing) -> None:
    assert not deliveries.acknowledged(member("b"), 77, 1.0)


def test_a_member_gets_a_message_once(deliveries: Outgoing) -> None:
    b = member("b")
    push = deliveries.push(b)
    assert deliveries.send(b, push, 1.0) == []


def test_nothing_waits_for_a_process_that_is_gone(deliveries: Outgoing) -> None:
    b = member("b")
    push = deliveries.push(b)
    deliveries.forget(b.boot)
    assert retries(deliveries) == []
    assert deliveries.over() == [push.id]
    deliveries.forget(b.boot)


def test_to_a_member_that_never_acknowledges_only_so_much_is_sent(deliveries: Outgoing) -> None:
    b = member("b")
    for _ in range(WAITING_MOST):
        deliveries.push(b)
    one_more = Push(deliveries.new_id(), 0, 0, ())
    assert deliveries.send(b, one_more, 0.0) == []
    assert not deliveries.waits(one_more.id)


def test_to_a_member_that_is_silent_much_less_is_sent(deliveries: Outgoing) -> None:
    b = member("b")
    b.met = True
    first = deliveries.push(b)
    assert not deliveries.silent(b)
    deliveries.wake(5.0)
    assert deliveries.silent(b)
    for _ in range(SILENT_MOST - 1):
        deliveries.push(b, 5.0)
    assert deliveries.send(b, Push(999, 0, 0, ()), 5.0) == []
    assert deliveries.send(b, Tell(1000, 0, 0, (record("c"),)), 5.0)
    deliveries.acknowledged(b, first.id, 5.1)
    assert not deliveries.silent(b)
    deliveries.push(b, 5.1)


def test_to_one_who_never_said_a_word_next_to_nothing_is_sent(deliveries: Outgoing) -> None:
    b = member("b")
    first = deliveries.push(b)
    deliveries.wake(5.0)
    for _ in range(UNMET_MOST - 1):
        deliveries.push(b, 5.0)
    assert deliveries.send(b, Push(999, 0, 0, ()), 5.0) == []
    assert deliveries.send(b, Tell(1000, 0, 0, (record("c"),)), 5.0) == []
    deliveries.acknowledged(b, first.id, 5.1)
    deliveries.push(b, 5.1)


def test_what_is_due_at_once_is_sent_in_one_go(deliveries: Outgoing) -> None:
    for name in "bcd":
        deliveries.push(member(name))
    assert len(deliveries.wake(5.0)) == 3


def test_what_is_too_much_for_one_go_is_due_at_once(deliveries: Outgoing) -> None:
    b = member("b")
    for _ in range(AGAIN_MOST + 10):
        deliveries.push(b)
    assert len(deliveries.wake(5.0)) == AGAIN_MOST
    assert deliveries.deadline <= 5.0
    assert len(deliveries.wake(5.0)) == 10


# Who is silent relays nothing


def test_after_two_silent_tries_a_range_falls_back_and_the_member_is_on_its_own(
    deliveries: Outgoing,
) -> None:
    b = member("b")
    push = deliveries.push(b, place=15)
    assert deliveries.wake(deliveries.deadline) == [to(b, push)]
    assert list(deliveries.orphans()) == []
    alone = replace(push, lo=15, hi=16)
    assert deliveries.wake(deliveries.deadline) == [to(b, alone)]
    assert deliveries.deadline == 0.0
    assert list(deliveries.orphans()) == [Orphan(push, 15)]
    assert deliveries.deadline > 0.0
    assert deliveries.wake(deliveries.deadline) == [to(b, alone)]
    assert list(deliveries.orphans()) == []


def test_the_range_of_a_member_that_is_gone_falls_back_at_once(deliveries: Outgoing) -> None:
    b = member("b")
    push = deliveries.push(b, place=15)
    deliveries.forget(b.boot)
    assert deliveries.deadline == 0.0
    assert list(deliveries.orphans()) == [Orphan(push, 15)]


def test_until_its_range_is_handed_on_a_message_is_not_over(deliveries: Outgoing) -> None:
    b, c = member("b"), member("c")
    push = deliveries.push(b, place=15)
    deliveries.forget(b.boot)
    assert deliveries.over() == []
    for orphan in deliveries.orphans():
        deliveries.send(c, orphan.message, 1.0)
    assert deliveries.over() == []
    deliveries.acknowledged(c, push.id, 1.1)
    assert deliveries.over() == [push.id]


def test_a_range_of_one_place_is_nobody_elses(deliveries: Outgoing) -> None:
    b = member("b")
    deliveries.send(b, Push(7, 15, 16, ()), 0.0, 15)
    deliveries.forget(b.boot)
    assert list(deliveries.orphans()) == []


def test_a_goodbye_is_for_its_receiver_alone(deliveries: Outgoing) -> None:
    b = member("b")
    deliveries.send(b, Leave(7, record("a")), 0.0)
    deliveries.forget(b.boot)
    assert list(deliveries.orphans()) == []
    assert deliveries.over() == [7]


def test_a_suspect_is_told_no_news_but_what_concerns_itself(deliveries: Outgoing) -> None:
    suspect = member("b", state=State.SUSPECT)
    of_others = Tell(deliveries.new_id(), 0, 0, (record("c"),))
    of_itself = Tell(deliveries.new_id(), 0, 0, (record("c"), record("b")))
    assert deliveries.send(suspect, of_others, 0.0) == []
    assert deliveries.send(suspect, of_itself, 0.0) == [to(suspect, of_itself)]
    push = deliveries.push(suspect)
    assert deliveries.waits(push.id)


def test_news_for_a_member_that_becomes_suspect_is_given_up_and_its_range_falls_back(
    deliveries: Outgoing,
) -> None:
    b = member("b")
    tell = Tell(deliveries.new_id(), 10, 20, (record("c"),))
    assert deliveries.send(b, tell, 0.0, 15) == [to(b, tell)]
    b.state = State.SUSPECT
    assert deliveries.wake(deliveries.deadline) == []
    assert list(deliveries.orphans()) == [Orphan(tell, 15)]
    assert not deliveries.waits(tell.id)


# News for who is silent


def told(deliveries: Deliveries, receiver: Member, *names: str, now: float) -> list[Send]:
    """Tell of these, directly."""
    news = Tell(deliveries.new_id(), 10, 20, tuple(map(record, names)))
    return deliveries.send(receiver, news, now)


def given_back(deliveries: Deliveries) -> list[list[str]]:
    """Whom the news tells of that falls back to us, and is to be sent anew."""
    return [
        [record.name for record in orphan.message.records]
        for orphan in deliveries.orphans()
        if isinstance(orphan.message, Tell) and (orphan.message.lo, orphan.message.hi) == (10, 20)
    ]


def silent(deliveries: Deliveries) -> tuple[Member, float]:
    """A member that has not answered what it was told of x; and the moment."""
    b = member("b")
    assert told(deliveries, b, "x", now=0.0)
    now = deliveries.deadline
    assert len(deliveries.wake(now)) == 1
    return b, now


def test_what_a_silent_member_is_to_hear_goes_together_with_the_next_try(
    deliveries: Outgoing,
) -> None:
    b, now = silent(deliveries)
    for name in ("y", "z", "y"):
        assert told(deliveries, b, name, now=now) == []
    assert deliveries.wake(deliveries.deadline) == []
    assert given_back(deliveries) == [["x", "y", "z"]]
    assert deliveries.deadline == float("inf")


def test_what_a_silent_member_is_to_hear_goes_when_it_answers(deliveries: Outgoing) -> None:
    b, now = silent(deliveries)
    told(deliveries, b, "y", now=now)
    assert deliveries.acknowledged(b, 1, now)
    assert given_back(deliveries) == [["y"]]
    assert told(deliveries, b, "z", now=now)


def test_a_silent_member_is_told_of_no_more_than_a_datagram_holds(deliveries: Outgoing) -> None:
    b, now = silent(deliveries)
    names = [f"m{number}" for number in range(2 * LATER_MOST)]
    for name in names:
        told(deliveries, b, name, now=now)
    deliveries.acknowledged(b, 1, now)
    assert given_back(deliveries) == [names[:LATER_MOST]]


def test_who_is_gone_is_told_nothing_later(deliveries: Outgoing) -> None:
    b, now = silent(deliveries)
    told(deliveries, b, "y", now=now)
    deliveries.forget(b.boot)
    deliveries.acknowledged(b, 1, now)
    assert given_back(deliveries) == []


def test_news_is_urgent_for_a_silent_member_only_where_it_is_concerned(
    deliveries: Outgoing,
) -> None:
    b = member("b")
    deliveries.push(b, 0.0)
    deliveries.wake(deliveries.deadline)
    deliveries.acknowledged(b, 77, 1.0)
    told(deliveries, b, "x", now=1.0)
    assert 1 < len([at for at in retries(deliveries) if at > 1.0]) <= 2 * SETTINGS.retry_times
    deliveries.push(b, 100.0)
    deliveries.wake(deliveries.deadline)
    told(deliveries, b, "b", now=101.0)
    assert deliveries.deadline <= 101.0 + NEWS_LONGEST


def test_who_takes_over_news_takes_over_the_silent_relay_too(deliveries: Outgoing) -> None:
    b = member("b")
    news = Tell(deliveries.new_id(), 10, 20, (record("x"),))
    deliveries.send(b, news, 0.0, place=15)
    assert len(deliveries.wake(deliveries.deadline)) == 1
    assert deliveries.wake(deliveries.deadline) == []
    assert [(orphan.message, orphan.place) for orphan in deliveries.orphans()] == [(news, 15)]
    assert deliveries.deadline == float("inf")
