"""Who does not answer, and how that is found out."""

from dataclasses import dataclass, field
import random

import pytest

from crdtnode.config import Settings
from crdtnode.protocol.effects import CloseStream, OpenStream
from crdtnode.protocol.health import GRACE, LATE, SIGN_PERIOD, WORST, Health
from crdtnode.protocol.mail import Outcome, Send, to
from crdtnode.protocol.members import Member, Members
from crdtnode.protocol.probing import (
    NACK_AFTER,
    RELAYED,
    RELAYS_MOST,
    VERDICT_MOST,
    Probing,
    Verdict,
)
from crdtnode.protocol.ring import ROUNDS, Ring
from crdtnode.wire.messages import NOBODY, Hello, Nack, Ping, PingAck, PingReq, Seen, State
from tests.protocol.people import boot, members

SETTINGS = Settings()
NEVER = float("inf")
HELLO = Hello(bytes(16), NOBODY, "a", "default", 7)


def ping(member: Member, round_: int, now: float) -> Ping:
    return Ping(round_, None, (), (), (), 0)


@dataclass
class Prober:
    """Our probes among a few members; of all places ours comes first."""

    names: str = "b"
    members: Members = field(init=False)
    probing: Probing = field(init=False)
    health: Health = field(default_factory=Health)

    def __post_init__(self) -> None:
        self.members = members(*self.names)
        ring = Ring(lambda: [member.name for member in self.members], lambda name: ord(name[0]))
        chance = random.Random(1)
        self.probing = Probing(
            self.members, ring, ping, lambda: HELLO, SETTINGS, chance, self.health
        )
        self.probing.start(10.0)
        self.at = 10.0
        """When the last step was taken."""

    def of(self, name: str) -> Member:
        one = self.members.named(name)
        assert one is not None
        return one

    def begin(self) -> tuple[Member, float]:
        """Begin a round; gives who is probed, and when that was."""
        now = self.probing.deadline
        (sent,), verdicts = self.probing.wake(now)
        assert isinstance(sent, Send)
        assert isinstance(sent.message, Ping)
        assert verdicts == []
        probed = self.members.booted(sent.boot)
        assert probed is not None
        return probed, now

    def go_on(self) -> tuple[list[Outcome], list[Verdict]]:
        """Take the next step besides the further pings of a probe."""
        out: list[Outcome] = []
        verdicts: list[Verdict] = []
        pinged = True
        while pinged and not out and not verdicts:
            self.at = self.probing.deadline
            steps, verdicts = self.probing.wake(self.at)
            out = [step for step in steps if not self.pings(step)]
            pinged = len(out) < len(steps)
        return out, verdicts

    def pings(self, step: Outcome) -> bool:
        """Whether this is a ping of ours to where a member lives."""
        if not (isinstance(step, Send) and isinstance(step.message, Ping)):
            return False
        member = self.members.booted(step.boot)
        return member is not None and step.address == member.address

    def ask_others(self) -> tuple[Member, list[Send], int]:
        """Let a probe go unanswered; gives the probed, the questions to others, the connect."""
        probed, _ = self.begin()
        out, verdicts = self.go_on()
        assert verdicts == []
        *asked, greeting, connect = out
        assert greeting == Send(NOBODY, probed.address, HELLO)
        assert isinstance(connect, OpenStream)
        assert connect.address == probed.address
        return probed, [send for send in asked if isinstance(send, Send)], connect.id

    def nack(self, asked: list[Send], probed: Member) -> None:
        """Let the first helper say that it saw nothing: our own network is sound."""
        helper = self.members.booted(asked[0].boot)
        assert helper is not None
        nack = Nack(self.probing.round, probed.name, Seen.SILENT)
        assert self.probing.on_nack(helper, nack) == []


def others(sends: list[Send], probed: Member) -> list[bytes]:
    return [send.boot for send in sends if send.boot != probed.boot]


# Rounds


def test_the_first_round_begins_within_a_period() -> None:
    assert 10.0 < Prober().probing.deadline <= 10.0 + SETTINGS.probe_period


def test_one_member_is_probed_in_each_period() -> None:
    us = Prober()
    b, first = us.begin()
    us.probing.alive(b)
    b, second = us.begin()
    assert second == first + SETTINGS.probe_period
    assert us.probing.round == 2


def test_a_node_that_wakes_late_does_not_make_up_for_lost_rounds() -> None:
    us = Prober()
    us.probing.wake(100.0)
    us.probing.alive(us.of("b"))
    assert us.probing.deadline == 100.0 + SETTINGS.probe_period / 2


def test_a_later_round_that_was_heard_is_used_at_the_next_ping() -> None:
    us = Prober()
    us.probing.hear_round(40)
    us.probing.hear_round(30)
    assert us.probing.round == 0
    us.begin()
    assert us.probing.round == 40


def test_an_earlier_round_is_no_news() -> None:
    us = Prober()
    us.probing.hear_round(ROUNDS - 5)
    us.begin()
    assert us.probing.round == 1


def test_a_round_that_came_too_late_is_passed_over() -> None:
    us = Prober()
    us.probing.hear_round(1)
    us.begin()
    us.probing.alive(us.of("b"))
    us.probing.hear_round(2)
    us.probing.hear_round(1)
    us.begin()
    assert us.probing.round == 2


def test_who_is_probed_in_a_new_round_goes_on_with_it_at_once() -> None:
    us = Prober()
    _, first = us.begin()
    us.probing.alive(us.of("b"))
    us.probing.probed(2, first + 0.4)
    assert us.probing.deadline == first + 0.4
    us.begin()
    assert us.probing.round == 2
    us.probing.alive(us.of("b"))
    assert us.probing.deadline == first + 0.4 + SETTINGS.probe_period


@pytest.mark.parametrize(
    ("round_", "after"), [(1, 0.4), (2, 0.01)], ids=["the round that we are in", "rounds in a row"]
)
def test_we_do_not_probe_again_for(round_: int, after: float) -> None:
    us = Prober()
    _, first = us.begin()
    us.probing.alive(us.of("b"))
    us.probing.probed(round_, first + after)
    assert us.probing.deadline == first + SETTINGS.probe_period


def test_a_probe_that_is_under_way_keeps_its_time_whatever_round_is_heard() -> None:
    us = Prober()
    us.begin()
    due = us.probing.deadline
    us.probing.probed(2, due - 0.01)
    assert us.probing.deadline == due


def test_alone_nobody_is_probed() -> None:
    us = Prober(names="")
    assert us.go_on() == ([], [])
    assert us.probing.deadline < NEVER


# A probe


def test_a_member_that_answers_is_left_in_peace() -> None:
    us = Prober("bcd")
    probed, now = us.begin()
    assert us.probing.alive(probed) == []
    assert us.probing.deadline == now + SETTINGS.probe_period


def test_an_answer_of_another_member_does_not_help() -> None:
    us = Prober("bcd")
    probed, now = us.begin()
    for other in us.members.talking():
        if other is not probed:
            us.probing.alive(other)
    assert us.probing.deadline < now + SETTINGS.probe_period


@pytest.mark.parametrize(
    ("rtt", "timeout"),
    [
        (None, SETTINGS.probe_timeout_most),
        (0.001, SETTINGS.probe_timeout_least),
        (0.05, 0.2),
        (9.0, SETTINGS.probe_timeout_most),
    ],
)
def test_the_time_to_answer_follows_the_round_trip(rtt: float | None, timeout: float) -> None:
    us = Prober()
    us.of("b").rtt = rtt
    _, now = us.begin()
    us.go_on()
    assert us.at == pytest.approx(now + timeout)


@pytest.mark.parametrize(("rtt", "pause"), [(None, 0.15), (0.001, 0.05), (0.06, 0.12), (0.1, 0.15)])
def test_a_silent_member_is_pinged_again_and_again_until_it_is_judged(
    rtt: float | None, pause: float
) -> None:
    us = Prober("b")
    us.of("b").rtt = rtt
    _, now = us.begin()
    pinged = [now]
    while not (step := us.probing.wake(us.at))[1]:
        pinged += [us.at for one in step[0] if us.pings(one)]
        us.at = us.probing.deadline
    assert us.at == now + SETTINGS.probe_verdict
    expected = [now + pause * n for n in range(20) if pause * n < SETTINGS.probe_verdict - 1e-9]
    assert pinged == pytest.approx(expected)


def test_a_suspect_is_not_pinged_again_by_its_probe_since_it_is_told_of_the_suspicion() -> None:
    us = Prober("b")
    us.members.judge(us.of("b"), State.SUSPECT, 1.0)
    _, now = us.begin()
    assert us.probing.deadline == now + SETTINGS.probe_timeout_most


def test_an_answer_ends_the_pings() -> None:
    us = Prober("b")
    probed, now = us.begin()
    us.probing.wake(us.probing.deadline)
    us.probing.alive(probed)
    assert us.probing.deadline == now + SETTINGS.probe_period


def test_a_silent_member_is_probed_through_others_and_by_a_connect() -> None:
    us = Prober("bcdefg")
    probed, asked, _ = us.ask_others()
    assert len(asked) == SETTINGS.indirect_probes
    assert len(set(others(asked, probed))) == SETTINGS.indirect_probes
    request = asked[0].message
    assert request == PingReq(us.probing.round, probed.name, probed.boot, probed.address)


def test_suspects_are_not_asked_to_help() -> None:
    us = Prober("bcd")
    us.begin()
    for other in us.members.talking():
        us.members.judge(other, State.SUSPECT, 1.0)
    out, _ = us.go_on()
    assert [type(outcome) for outcome in out] == [Send, OpenStream]


def test_whom_nobody_reaches_is_suspected_at_the_verdict() -> None:
    us = Prober("bcd")
    probed, asked, _ = us.ask_others()
    us.nack(asked, probed)
    assert us.go_on() == ([], [Verdict(probed, SETTINGS.suspicion_silent)])


def test_the_verdict_comes_half_a_second_after_the_ping() -> None:
    us = Prober("bcd")
    _, now = us.begin()
    us.go_on()
    us.go_on()
    assert us.at == now + SETTINGS.probe_verdict


def test_an_answer_before_the_verdict_ends_the_probe() -> None:
    us = Prober("bcd")
    probed, _, _ = us.ask_others()
    us.probing.alive(probed)
    assert us.go_on()[1] == []


def test_a_node_that_is_late_itself_gives_each_step_a_moment_more() -> None:
    us = Prober("bcd")
    probed, now = us.begin()
    late = now + SETTINGS.probe_timeout_most + 2 * LATE
    (again,), _ = us.probing.wake(late)
    assert us.pings(again)
    assert us.probing.deadline == late + GRACE
    assert us.health.score == 1
    *asked, _, _ = us.go_on()[0]
    us.nack([send for send in asked if isinstance(send, Send)], probed)
    due = now + VERDICT_MOST * SETTINGS.probe_period  # as long as our health makes it
    assert us.probing.wake(due + 1.5 * LATE)[1] == []
    assert us.health.score == 2
    assert us.go_on()[1] == [Verdict(probed, 3 * SETTINGS.suspicion_silent)]


# How we are ourselves


def test_where_not_one_helper_answers_the_fault_may_be_ours() -> None:
    us = Prober("bcd")
    probed, _, _ = us.ask_others()
    assert us.go_on()[1] == [Verdict(probed, 2 * SETTINGS.suspicion_silent)]
    assert us.health.score == 1


def test_with_nobody_to_ask_silence_says_nothing_about_us() -> None:
    us = Prober("b")
    probed, _, _ = us.ask_others()
    assert us.go_on()[1] == [Verdict(probed, SETTINGS.suspicion_silent)]
    assert us.health.score == 0


def test_bad_health_lengthens_each_wait_within_the_period() -> None:
    us = Prober("bcd")
    for sign in range(2 * WORST):
        us.health.worse(sign * SIGN_PERIOD)
    assert us.health.factor == 1 + WORST
    _, now = us.begin()
    longest = VERDICT_MOST * SETTINGS.probe_period
    us.go_on()
    assert us.at == pytest.approx(now + longest - SETTINGS.probe_timeout_least)
    us.go_on()
    assert us.at == pytest.approx(now + longest)


def test_several_bad_signs_at_once_count_as_one() -> None:
    health = Health()
    health.worse(5.0)
    health.worse(5.0 + SIGN_PERIOD / 2)
    assert health.score == 1


def test_a_probe_that_is_answered_directly_makes_us_better() -> None:
    us = Prober("bcd")
    us.health.worse(0.0)
    us.health.worse(1.0)
    probed, _ = us.begin()
    us.probing.alive(probed)
    assert us.health.score == 1
    probed, _, _ = us.ask_others()
    us.probing.alive(probed)  # through others: that says nothing of us
    assert us.health.score == 1


@pytest.mark.parametrize(("errno_name", "score"), [("EPERM", 1), ("ENETUNREACH", 1), ("EINVAL", 0)])
def test_errors_of_our_own_sends_are_a_bad_sign(errno_name: str, score: int) -> None:
    health = Health()
    health.send_failed(errno_name, 5.0)
    assert health.score == score


def test_a_member_with_more_addresses_is_tried_at_them_too() -> None:
    us = Prober("bcd")
    probed, _ = us.begin()
    probed.addresses = (probed.address, ("elsewhere", 2))
    out, _ = us.go_on()
    assert Send(probed.boot, ("elsewhere", 2), ping(probed, us.probing.round, 0.0)) in out


# What a connect tells


def test_a_port_that_refuses_two_shows_that_the_process_is_gone() -> None:
    us = Prober("bcd")
    probed, asked, connect = us.ask_others()
    assert us.probing.not_connected(connect, "refused") == ([], [])
    helper = us.members.booted(asked[0].boot)
    assert helper is not None
    nack = Nack(us.probing.round, probed.name, Seen.REFUSED)
    assert us.probing.on_nack(helper, nack) == [Verdict(probed, SETTINGS.suspicion_refused)]
    assert us.probing.on_nack(helper, nack) == []
    assert us.go_on()[1] == []


def test_a_port_that_refuses_one_alone_shows_nothing() -> None:
    us = Prober("bcd")
    probed, asked, connect = us.ask_others()
    us.probing.not_connected(connect, "refused")
    helper = us.members.booted(asked[0].boot)
    assert helper is not None
    us.probing.on_nack(helper, Nack(us.probing.round, probed.name, Seen.SILENT))
    assert us.go_on() == ([], [Verdict(probed, SETTINGS.suspicion_silent)])


def test_one_that_refuses_a_helper_twice_has_refused_one() -> None:
    us = Prober("bcd")
    probed, asked, _ = us.ask_others()
    helper = us.members.booted(asked[0].boot)
    assert helper is not None
    nack = Nack(us.probing.round, probed.name, Seen.REFUSED)
    assert us.probing.on_nack(helper, nack) == []
    assert us.probing.on_nack(helper, nack) == []


@pytest.mark.parametrize("by_helper", [True, False])
def test_a_process_that_accepts_and_is_silent_has_long(by_helper: bool) -> None:
    us = Prober("bcd")
    probed, asked, connect = us.ask_others()
    if by_helper:
        helper = us.members.booted(asked[0].boot)
        assert helper is not None
        us.probing.on_nack(helper, Nack(us.probing.round, probed.name, Seen.ACCEPTED))
    else:
        us.nack(asked, probed)
        assert us.probing.connected(connect) == [CloseStream(connect, "probed")]
    assert us.go_on() == ([], [Verdict(probed, SETTINGS.suspicion_busy)])


def test_a_nack_of_another_round_or_member_is_too_late() -> None:
    us = Prober("bcd")
    b, c = us.of("b"), us.of("c")
    assert us.probing.on_nack(c, Nack(1, "b", Seen.REFUSED)) == []
    probed, _, connect = us.ask_others()
    us.probing.not_connected(connect, "refused")
    for nack in (
        Nack(us.probing.round - 1, probed.name, Seen.REFUSED),
        Nack(us.probing.round, "a", Seen.REFUSED),
    ):
        assert us.probing.on_nack(b if probed is c else c, nack) == []


def test_a_connect_that_ends_after_its_probe_tells_nothing() -> None:
    us = Prober("bcd")
    probed, _, connect = us.ask_others()
    us.probing.alive(probed)
    assert us.probing.not_connected(connect, "refused") == ([], [])
    assert us.probing.not_connected(connect, "refused") == ([], [])
    assert us.probing.connected(connect) == [CloseStream(connect, "probed")]


# Probes for others


def relayed(us: Prober, round_: int = 5) -> int:
    asker, silent = us.of("b"), us.of("c")
    request = PingReq(round_, "c", boot("c"), ("anywhere", 1))
    sent, connect = us.probing.relay(asker, request, 20.0)
    assert sent == to(silent, ping(silent, us.probing.round, 20.0))
    assert isinstance(connect, OpenStream)
    assert connect.address == silent.address  # not where the request says: it might say anything
    return connect.id


def test_an_answer_is_passed_on_to_whoever_asked() -> None:
    us = Prober("bc")
    relayed(us)
    assert us.probing.alive(us.of("c")) == [to(us.of("b"), PingAck(5, "c"))]
    assert us.probing.alive(us.of("c")) == []


@pytest.mark.parametrize(
    ("why", "seen"), [("refused", Seen.REFUSED), ("timeout", Seen.SILENT), ("eof", Seen.SILENT)]
)
def test_what_our_connect_found_is_passed_on(why: str, seen: Seen) -> None:
    us = Prober("bc")
    connect = relayed(us)
    assert us.probing.not_connected(connect, why) == ([to(us.of("b"), Nack(5, "c", seen))], [])


def test_that_it_accepted_is_passed_on() -> None:
    us = Prober("bc")
    connect = relayed(us)
    assert us.probing.connected(connect) == [
        CloseStream(connect, "probed"),
        to(us.of("b"), Nack(5, "c", Seen.ACCEPTED)),
    ]


def test_whoever_asked_hears_soon_that_there_is_no_answer_yet_and_once_only() -> None:
    us = Prober("bc")
    connect = relayed(us)
    silent = to(us.of("b"), Nack(5, "c", Seen.SILENT))
    assert silent not in us.probing.wake(20.0 + NACK_AFTER / 2)[0]
    assert silent in us.probing.wake(20.0 + NACK_AFTER)[0]
    assert silent not in us.probing.wake(20.0 + 2 * NACK_AFTER)[0]
    assert us.probing.not_connected(connect, "timeout") == ([], [])


def test_what_a_connect_found_is_passed_on_even_so() -> None:
    us = Prober("bc")
    connect = relayed(us)
    us.probing.wake(20.0 + NACK_AFTER)
    out, _ = us.probing.not_connected(connect, "refused")
    assert out == [to(us.of("b"), Nack(5, "c", Seen.REFUSED))]


def test_after_a_while_nobody_is_told_any_more() -> None:
    us = Prober("bc")
    connect = relayed(us)
    us.probing.wake(20.0 + RELAYED)
    assert us.probing.alive(us.of("c")) == []
    assert us.probing.not_connected(connect, "refused") == ([], [])


def test_the_end_of_a_relay_is_a_deadline() -> None:
    us = Prober("bc")
    us.probing.wake(20.0)
    us.probing.alive(us.of("b"))
    us.probing.alive(us.of("c"))
    us.probing.relay(us.of("b"), PingReq(5, "c", boot("c"), ("x", 1)), 19.2)
    us.probing.wake(19.2 + NACK_AFTER)
    assert us.probing.deadline == 19.2 + RELAYED


@pytest.mark.parametrize("whom", ["a", "nobody"])
def test_nobody_is_probed_who_is_not_known_or_who_is_us(whom: str) -> None:
    us = Prober("bc")
    request = PingReq(5, whom, boot(whom), ("anywhere", 1))
    assert us.probing.relay(us.of("b"), request, 20.0) == []


def test_only_so_many_probes_run_for_others() -> None:
    us = Prober("bc")
    for round_ in range(RELAYS_MOST):
        relayed(us, round_)
    request = PingReq(RELAYS_MOST, "c", boot("c"), ("anywhere", 1))
    assert us.probing.relay(us.of("b"), request, 20.0) == []


# Sleep


def test_a_node_that_slept_judges_nobody_by_what_it_missed() -> None:
    us = Prober("bcd")
    relayed(us)
    us.begin()
    us.probing.forgive(90.0)
    assert us.probing.deadline == 90.0 + SETTINGS.probe_period / 2
    assert us.probing.alive(us.of("c")) == []
