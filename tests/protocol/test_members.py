"""Which news of members wins."""

from dataclasses import replace
import itertools

import pytest

from crdtnode.protocol.contests import RIVALS_MOST
from crdtnode.protocol.member import ADDRESSES_MOST
from crdtnode.protocol.members import (
    ASK_PERIOD,
    FAR,
    INCARNATION_MOST,
    MEMBERS_MOST,
    STEP,
    Heard,
    Members,
)
from crdtnode.wire.messages import MemberRecord, State
from tests.protocol.people import boot, member, members, record

ALIVE, SUSPECT, DEAD, LEFT = State.ALIVE, State.SUSPECT, State.DEAD, State.LEFT


def hear(everybody: Members, news: MemberRecord, now: float = 10.0, sender: str = "z") -> Heard:
    return everybody.hear([news], now, boot(sender))


def known(everybody: Members, name: str) -> tuple[State, int]:
    one = everybody.named(name)
    assert one is not None
    return one.state, one.incarnation


# One process


def test_an_unknown_member_that_is_alive_is_welcome() -> None:
    everybody = members()
    heard = hear(everybody, record("b", 5))
    assert known(everybody, "b") == (ALIVE, 5)
    assert list(heard.changed.values()) == [everybody.named("b")]


@pytest.mark.parametrize("state", [DEAD, LEFT])
def test_an_unknown_member_that_is_gone_is_no_news(state: State) -> None:
    everybody = members()
    assert hear(everybody, record("b", 5, state)) == Heard()
    assert len(everybody) == 1


@pytest.mark.parametrize(
    ("before", "news", "after"),
    [
        ((ALIVE, 5), (ALIVE, 6), (ALIVE, 6)),
        ((ALIVE, 5), (ALIVE, 4), (ALIVE, 5)),
        ((ALIVE, 5), (SUSPECT, 5), (SUSPECT, 5)),
        ((ALIVE, 5), (SUSPECT, 4), (ALIVE, 5)),
        ((ALIVE, 5), (LEFT, 6), (LEFT, 6)),
        ((ALIVE, 5), (LEFT, 5), (LEFT, 5)),
        ((SUSPECT, 5), (ALIVE, 5), (SUSPECT, 5)),
        ((SUSPECT, 5), (ALIVE, 6), (ALIVE, 6)),
        ((SUSPECT, 5), (DEAD, 5), (DEAD, 5)),
        ((SUSPECT, 5), (DEAD, 4), (SUSPECT, 5)),
        ((DEAD, 5), (ALIVE, 5), (DEAD, 5)),
        ((DEAD, 5), (SUSPECT, 5), (DEAD, 5)),
        ((DEAD, 5), (ALIVE, 6), (ALIVE, 6)),
        ((DEAD, 5), (LEFT, 5), (LEFT, 5)),
        ((LEFT, 5), (DEAD, 5), (LEFT, 5)),
        ((LEFT, 5), (ALIVE, 6), (ALIVE, 6)),
    ],
)
def test_the_higher_incarnation_wins_and_at_equal_ones_the_worse_state(
    before: tuple[State, int], news: tuple[State, int], after: tuple[State, int]
) -> None:
    everybody = members("b")
    b = everybody.named("b")
    assert b is not None
    b.state, b.incarnation = before
    hear(everybody, record("b", news[1], news[0]))
    assert known(everybody, "b") == after


def test_who_was_alive_a_moment_ago_is_suspect_before_it_is_dead() -> None:
    everybody = members("b")
    heard = hear(everybody, record("b", 1, DEAD))
    assert known(everybody, "b") == (SUSPECT, 1)
    assert heard.doubted == [everybody.named("b")]


@pytest.mark.parametrize("state", [SUSPECT, DEAD])
def test_ill_news_above_what_the_member_announced_is_a_reason_to_ask_it(state: State) -> None:
    everybody = members("b")
    heard = hear(everybody, record("b", 9, state))
    assert known(everybody, "b") == (ALIVE, 1)
    assert [asked.name for asked in heard.ask] == ["b"]


def test_a_member_is_asked_now_and_then_however_often_it_is_slandered() -> None:
    everybody = members("b")
    slander = record("b", 9, DEAD)
    assert hear(everybody, slander, now=10.0).ask
    assert not hear(everybody, slander, now=10.0 + ASK_PERIOD / 2).ask
    assert hear(everybody, slander, now=10.1 + ASK_PERIOD).ask


def test_ill_news_of_the_dead_at_a_higher_incarnation_is_just_newer() -> None:
    everybody = members("b")
    b = everybody.named("b")
    assert b is not None
    everybody.judge(b, DEAD, 1.0)
    hear(everybody, record("b", 2, SUSPECT))
    assert known(everybody, "b") == (SUSPECT, 2)


def test_newer_news_brings_addresses_types_and_tags() -> None:
    everybody = members("b")
    hear(everybody, record("b", 2, port=9, types=8, tags={"rack": "1"}))
    b = everybody.named("b")
    assert b is not None
    assert (b.address[1], b.types, b.tags) == (9, 8, {"rack": "1"})


def test_worse_news_of_the_same_incarnation_leaves_them() -> None:
    everybody = members("b")
    hear(everybody, record("b", 1, SUSPECT, port=9))
    b = everybody.named("b")
    assert b is not None
    assert b.address[1] == 1


def test_who_was_dead_and_announces_itself_has_returned() -> None:
    everybody = members("b")
    b = everybody.named("b")
    assert b is not None
    everybody.judge(b, DEAD, 1.0)
    assert hear(everybody, record("b", 2)).returned == [b]


def test_all_orders_of_the_same_news_end_alike() -> None:
    news = [record("b", 2, SUSPECT), record("b", 2), record("b", 3), record("b", 3, LEFT)]
    ends = set()
    for order in itertools.permutations(news):
        everybody = members("b")
        hear(everybody, record("b", 2))
        for piece in order:
            hear(everybody, piece)
        ends.add(known(everybody, "b"))
    assert ends == {(LEFT, 3)}


@pytest.mark.parametrize("news", [record("c", addresses=()), record("c", boot=bytes(16))])
def test_news_of_nobody_or_nowhere_cannot_be_true(news: MemberRecord) -> None:
    everybody = members("b")
    heard = hear(everybody, news)
    assert everybody.named("c") is None
    assert heard.dropped["unbelievable news"] == 1


# Ourselves


@pytest.mark.parametrize("state", [SUSPECT, DEAD, LEFT])
def test_we_refute_what_is_said_of_us(state: State) -> None:
    everybody = members("b")
    heard = hear(everybody, record("a", 1, state))
    assert heard.refute
    assert everybody.me.incarnation == 2


def test_old_slander_and_our_own_announcements_leave_us_alone() -> None:
    everybody = members("b")
    assert hear(everybody, record("a", 0, DEAD)) == Heard()
    assert hear(everybody, record("a", 1)) == Heard()


def test_whatever_is_said_above_our_incarnation_is_outdone() -> None:
    everybody = members("b")
    hear(everybody, record("a", 77))
    assert everybody.me.incarnation == 78


def test_an_echo_of_our_leave_or_of_our_first_name_is_no_slander() -> None:
    everybody = members("b")
    first = everybody.me.record()
    everybody.rename()
    assert hear(everybody, replace(first, state=DEAD)) == Heard()
    everybody.me.state = LEFT
    assert hear(everybody, record("a", 5, DEAD)) == Heard()


def test_who_gives_us_a_name_that_we_do_not_bear_is_refuted() -> None:
    everybody = members("b")
    assert hear(everybody, record("x", 5, process="a")).refute
    assert (everybody.me.name, everybody.me.incarnation) == ("a", 6)


# Incarnations that no clock shows


def test_an_absurd_incarnation_is_believed_from_the_process_itself_only() -> None:
    everybody = members("b")
    absurd = record("b", INCARNATION_MOST)
    assert hear(everybody, absurd).dropped["unbelievable news"] == 1
    assert known(everybody, "b") == (ALIVE, 1)
    hear(everybody, absurd, sender="b")
    assert known(everybody, "b") == (ALIVE, INCARNATION_MOST)


def test_an_absurd_incarnation_of_an_unknown_process_is_not_believed() -> None:
    everybody = members()
    hear(everybody, record("b", FAR + 1))
    assert everybody.named("b") is None


def test_an_absurd_lie_about_us_does_not_lift_us_where_nobody_follows() -> None:
    everybody = members()
    hear(everybody, record("a", INCARNATION_MOST, DEAD))
    assert everybody.me.incarnation == 1


def test_who_was_lied_about_as_far_as_that_goes_can_refute_it() -> None:
    liar_told, not_told = members("b"), members("b")
    lie = record("b", FAR)
    hear(liar_told, lie)
    b = Members(member("b"))
    hear(b, lie)
    assert b.me.incarnation == FAR + 1
    for everybody in (liar_told, not_told):
        hear(everybody, b.me.record(), sender="b")
        assert known(everybody, "b") == (ALIVE, FAR + 1)


def test_above_the_clock_small_steps_are_believed_from_anybody() -> None:
    everybody = members("b")
    hear(everybody, record("b", FAR))
    hear(everybody, record("b", FAR + STEP))
    assert known(everybody, "b") == (ALIVE, FAR + STEP)


def test_our_incarnation_never_leaves_what_a_record_can_say() -> None:
    everybody = members()
    everybody.me.incarnation = INCARNATION_MOST
    everybody.raise_incarnation(0, Heard())
    assert everybody.me.incarnation == INCARNATION_MOST


# One name, two processes


def test_a_restart_at_the_same_address_takes_its_name_at_once() -> None:
    everybody = members("b")
    before = everybody.named("b")
    assert before is not None
    heard = hear(everybody, record("b", 2, process="b2", addresses=before.addresses))
    assert heard.removed == [before]
    assert everybody.booted(boot("b")) is None
    assert everybody.named("b") is everybody.booted(boot("b2"))


def test_a_late_rumour_of_the_process_before_is_a_reason_to_ask_the_present_one() -> None:
    everybody = members("b")
    now = record("b", 2, process="b2", addresses=(("host-b", 1),))
    hear(everybody, now)
    assert hear(everybody, record("b", 5, DEAD)) == Heard()
    assert hear(everybody, record("b", 1)).ask == [now]
    everybody.sign_of_life(boot("b2"))
    everybody.wake(99.0)
    assert everybody.named("b") is everybody.booted(boot("b2"))


def test_a_restart_with_a_clock_that_was_set_back_takes_its_name_a_little_later() -> None:
    everybody = members("b")
    hear(everybody, record("b", 0, process="b2", addresses=(("host-b", 1),)), now=10.0)
    everybody.wake(10.5)
    assert everybody.named("b") is everybody.booted(boot("b2"))


def test_a_new_process_elsewhere_takes_the_name_of_a_dead_one_at_once() -> None:
    everybody = members("b")
    b = everybody.named("b")
    assert b is not None
    everybody.judge(b, DEAD, 1.0)
    hear(everybody, record("b", 2, process="b2"))
    assert everybody.named("b") is everybody.booted(boot("b2"))


def test_a_holder_that_does_not_answer_loses_its_name() -> None:
    everybody = members("b")
    heard = hear(everybody, record("b", 2, process="b2"), now=10.0)
    assert [asked.boot for asked in heard.ask] == [boot("b")]
    assert everybody.deadline == 10.5
    assert everybody.wake(10.4) == Heard()
    heard = everybody.wake(10.5)
    assert heard.changed == {boot("b2"): everybody.named("b")}
    assert everybody.deadline == float("inf")


def test_a_holder_that_answers_keeps_its_name() -> None:
    everybody = members("b")
    hear(everybody, record("b", 2, process="b2"))
    assert everybody.sign_of_life(boot("b")) is everybody.named("b")
    assert everybody.deadline == float("inf")
    assert everybody.named("b") is everybody.booted(boot("b"))


def test_the_first_claim_to_a_name_counts() -> None:
    everybody = members("b")
    hear(everybody, record("b", 2, process="b2"), now=10.0)
    hear(everybody, record("b", 3, process="b3"), now=10.1)
    everybody.wake(10.5)
    assert everybody.named("b") is everybody.booted(boot("b2"))


def test_a_claim_that_became_void_is_dropped() -> None:
    everybody = members("b", "c")
    hear(everybody, record("b", 2, process="b2"), now=10.0)
    hear(everybody, record("c", 2, process="c2"), now=10.0)
    hear(everybody, record("b~1", 3, process="b2"), now=10.1)
    c = everybody.named("c")
    assert c is not None
    everybody.forget([c])
    assert everybody.wake(10.5) == Heard()
    assert everybody.named("b") is everybody.booted(boot("b"))


def test_a_node_that_slept_gives_holders_their_time_anew() -> None:
    everybody = members("b")
    hear(everybody, record("b", 2, process="b2"), now=10.0)
    everybody.forgive(60.0)
    assert everybody.deadline == 60.5


def test_a_process_that_bears_another_name_now_is_one_member() -> None:
    everybody = members("b")
    b = everybody.named("b")
    assert hear(everybody, record("b~1", 2, process="b")).changed == {boot("b"): b}
    assert everybody.named("b~1") is b
    assert everybody.named("b") is None


@pytest.mark.parametrize(
    "news",
    [record("b~1", 1, process="b"), record("b~1", 2, DEAD, process="b")],
    ids=["not newer", "told by others to be dead"],
)
def test_a_process_does_not_change_its_name_by_hearsay(news: MemberRecord) -> None:
    everybody = members("b", "c")
    assert hear(everybody, news) == Heard()
    assert everybody.named("b") is everybody.booted(boot("b"))
    assert everybody.named("c") is everybody.booted(boot("c"))


def test_a_known_process_may_take_the_name_of_one_that_is_gone() -> None:
    everybody = members("b", "c")
    b, c = everybody.named("b"), everybody.named("c")
    assert c is not None
    everybody.judge(c, DEAD, 1.0)
    assert hear(everybody, record("c", 2, process="b")).removed == [c]
    assert everybody.named("c") is b
    assert everybody.named("b") is None


def test_a_known_process_gets_the_name_of_one_that_does_not_answer() -> None:
    everybody = members("b", "c")
    b = everybody.named("b")
    heard = hear(everybody, record("c", 2, process="b"), now=10.0)
    assert [asked.boot for asked in heard.ask] == [boot("c")]
    assert everybody.named("b") is b
    everybody.wake(10.5)
    assert everybody.named("c") is b
    assert len(everybody) == 2


# Our own name


def test_our_own_process_of_before_is_outdone_and_not_asked() -> None:
    everybody = members()
    before = record("a", 8, process="a0", addresses=everybody.me.addresses)
    heard = hear(everybody, before)
    assert heard.refute
    assert not heard.ask
    assert everybody.me.incarnation == 9
    assert hear(everybody, before).refute
    assert everybody.me.incarnation == 9
    assert hear(everybody, replace(before, state=DEAD)) == Heard()


def test_who_claims_to_be_our_process_of_before_does_not_lift_us_where_nobody_follows() -> None:
    everybody = members()
    absurd = record("a", INCARNATION_MOST, process="x", addresses=everybody.me.addresses)
    assert hear(everybody, absurd, sender="x").refute
    assert everybody.me.incarnation == 1


def test_a_namesake_is_asked_and_told_of_once() -> None:
    everybody = members()
    twin = record("a", 0, process="twin")
    heard = hear(everybody, twin, now=10.0)
    assert (heard.rivals, heard.ask) == ([twin], [twin])
    assert hear(everybody, twin, now=10.0 + ASK_PERIOD / 2) == Heard()
    assert hear(everybody, twin, now=10.1 + ASK_PERIOD) == Heard(ask=[twin])
    assert everybody.home(boot("twin")) == twin.addresses[0]


def test_of_two_namesakes_the_one_that_was_there_first_keeps_the_name() -> None:
    everybody = members()
    hear(everybody, record("a", 0, process="older"))
    hear(everybody, record("a", 2, process="newer"))
    assert everybody.rival(boot("older"))
    assert not everybody.rival(boot("newer"))
    assert not everybody.rival(boot("b"))


def test_a_namesake_that_took_another_name_is_no_rival_any_more() -> None:
    everybody = members()
    hear(everybody, record("a", 0, process="older"))
    hear(everybody, record("a~1", 1, process="older"))
    assert not everybody.rival(boot("older"))


def test_the_newer_of_two_namesakes_goes_on_under_a_name_of_its_own() -> None:
    everybody = members()
    assert everybody.rename() == f"a~{boot('a').hex()[:4]}"
    assert everybody.me.incarnation == 2
    assert everybody.named(everybody.me.name) is everybody.me
    assert everybody.named("a") is None


def test_where_even_that_name_is_taken_it_becomes_longer() -> None:
    everybody = members()
    everybody.rename()
    assert everybody.rename() == f"a~{boot('a').hex()[:12]}"


def test_a_new_name_is_never_longer_than_names_may_be() -> None:
    me = member("ä" * 127)
    everybody = Members(me)
    assert len(everybody.rename().encode()) <= 255


def test_of_many_namesakes_the_last_are_remembered() -> None:
    everybody = members()
    for number in range(RIVALS_MOST + 5):
        hear(everybody, record("a", 0, process=f"p{number}"))
    assert not everybody.rival(boot("p0"))
    assert everybody.rival(boot(f"p{RIVALS_MOST + 4}"))


def test_where_nobody_lives_there_is_no_home() -> None:
    everybody = members("b")
    assert everybody.home(boot("b")) == ("host-b", 1)
    assert everybody.home(boot("nobody")) is None


# The list


def test_the_list_has_an_end() -> None:
    everybody = members()
    heard = everybody.hear([record(f"m{n}") for n in range(16_000)], 1.0)
    assert len(everybody) == MEMBERS_MOST
    assert heard.dropped["too many members"] == 16_001 - MEMBERS_MOST


def test_where_the_list_is_full_who_is_gone_gives_way() -> None:
    everybody = members(*(f"m{n}" for n in range(MEMBERS_MOST - 1)))
    gone = everybody.named("m7")
    assert gone is not None
    everybody.judge(gone, DEAD, 1.0)
    assert hear(everybody, record("b")).removed == [gone]
    assert everybody.named("b") is not None


def test_where_the_list_is_full_hearsay_gives_way_to_who_speaks_for_itself() -> None:
    everybody = members(*(f"m{n}" for n in range(MEMBERS_MOST - 1)))
    everybody.sign_of_life(boot("m0"))
    hear(everybody, record("b"), sender="b")
    assert everybody.named("b") is not None
    assert everybody.named("m0") is not None
    assert everybody.named("m1") is None


def test_every_member_stands_under_its_name_and_its_process() -> None:
    everybody = members("b", "c")
    for news in (
        record("b", 2, process="b2", addresses=(("host-b", 1),)),
        record("c~1", 2, process="c"),
        record("c", 2, process="b2"),
        record("a", 2, process="b2"),
    ):
        hear(everybody, news)
        hear(everybody, news, sender=news.boot.decode().rstrip("."))
    for one in everybody:
        assert everybody.named(one.name) is one
        assert everybody.booted(one.boot) is one


def test_the_roster_says_who_is_here() -> None:
    one, other = members("b", "c"), members("c", "b")
    assert one.roster == other.roster
    b = one.named("b")
    assert b is not None
    one.judge(b, SUSPECT, 1.0)
    assert one.roster == other.roster
    one.judge(b, DEAD, 1.0)
    assert one.roster != other.roster
    assert one.roster == members("c").roster


def test_the_answer_to_a_list_leaves_out_what_that_has_the_same() -> None:
    ours = members("b", "c")
    known = [one.record() for one in ours]
    assert [r.name for r in ours.beyond(known)] == ["a"]
    named = ours.named("b")
    assert named is not None
    ours.judge(named, State.SUSPECT, 2.0)
    assert sorted(r.name for r in ours.beyond(known)) == ["a", "b"]
    assert sorted(r.name for r in ours.beyond(known[:2])) == ["a", "b", "c"]


def test_the_answer_to_who_does_not_know_even_us_is_the_whole_list() -> None:
    ours = members("b", "c")
    others = [one.record() for one in ours if one is not ours.me]
    assert len(ours.beyond(others)) == 3


def test_others_are_listed_by_state() -> None:
    everybody = members("b", "c")
    b, c = everybody.named("b"), everybody.named("c")
    assert b is not None
    everybody.judge(b, SUSPECT, 1.0)
    assert everybody.others(ALIVE) == [c]
    assert everybody.talking() == [b, c]
    assert [one.name for one in everybody.records()] == ["a", "b", "c"]


def test_a_state_has_lasted_since_it_began() -> None:
    everybody = members("b")
    b = everybody.named("b")
    assert b is not None
    everybody.judge(b, SUSPECT, 5.0)
    everybody.judge(b, SUSPECT, 6.0)
    assert b.since == 5.0


def test_round_trips_are_smoothed() -> None:
    b = member("b")
    b.measured(0.1)
    assert (b.rtt, b.rtt_varies) == (0.1, 0.05)
    b.measured(0.2)
    assert b.rtt == pytest.approx(0.1125)
    assert b.rtt_varies == pytest.approx(0.0625)


def test_a_member_that_answers_elsewhere_is_sent_to_there() -> None:
    b = member("b")
    assert not b.lives_at(("host-b", 1))
    assert b.lives_at(("elsewhere", 2))
    assert b.addresses == (("elsewhere", 2), ("host-b", 1))
    assert b.lives_at(("host-b", 1))
    assert b.addresses == (("host-b", 1), ("elsewhere", 2))


def test_only_so_many_addresses_of_a_member_are_kept() -> None:
    b = member("b")
    for port in range(20):
        b.lives_at(("elsewhere", port))
    assert len(b.addresses) == ADDRESSES_MOST
    assert b.address == ("elsewhere", 19)
