"""Datagrams: whom they open for, and what is turned away without a trace."""

from collections.abc import Callable
from random import Random
from time import thread_time

import pytest

from crdtnode.errors import Rejected
from crdtnode.wire.keyring import Keyring
from crdtnode.wire.messages import NOBODY
from crdtnode.wire.seal import (
    BUDGET,
    DATAGRAM_BYTES_MAX,
    OVERHEAD_BYTES,
    STRANGERS_MAX,
    WINDOW,
    ClearDatagrams,
    Datagrams,
    Opened,
)

Make = Callable[[bytes], Datagrams]

HEAD = 32
US = b"us, of this test"


@pytest.fixture(params=["sealed", "clear"])
def make(request: pytest.FixtureRequest, keyring: Keyring) -> Make:
    """Make the datagrams of a process, of either kind: both behave alike."""
    if request.param == "sealed":
        return lambda boot: Datagrams(keyring, "default", boot)
    return lambda boot: ClearDatagrams("default", boot)


@pytest.fixture
def ours(make: Make, boot_a: bytes) -> Datagrams:
    return make(boot_a)


@pytest.fixture
def theirs(make: Make, boot_b: bytes) -> Datagrams:
    return make(boot_b)


def reason(datagrams: Datagrams, datagram: bytes, now: float = 0.0) -> str:
    """Say why this datagram does not open, or that it does."""
    try:
        datagrams.open(datagram, now)
    except Rejected as error:
        return error.reason
    return "opened"


def test_the_receiver_learns_who_sealed_what_in_which_order(
    ours: Datagrams, theirs: Datagrams, boot_a: bytes, boot_b: bytes
) -> None:
    counter, datagram = ours.seal(boot_b, b"body")
    assert len(datagram) == len(b"body") + OVERHEAD_BYTES
    assert theirs.open(datagram, 0.0) == Opened(boot_a, counter, greeting=False, body=b"body")
    again, datagram = ours.seal(boot_b, b"")
    assert again == counter + 1
    assert theirs.open(datagram, 0.0).body == b""


def test_a_seal_adds_no_more_than_48_bytes() -> None:
    assert OVERHEAD_BYTES == 48


def test_a_greeting_opens_for_whoever_has_the_key(make: Make, ours: Datagrams) -> None:
    _, first = ours.seal(None, b"hello")
    _, second = ours.seal(NOBODY, b"hello")
    for number in range(3):
        other = make(bytes([number] * 16))
        assert other.open(first, 0.0).greeting
        assert other.open(second, 0.0).body == b"hello"
    assert first[HEAD:] != second[HEAD:], "the second greeting must not repeat the nonce"


def test_a_datagram_opens_for_the_process_that_is_meant_only(
    make: Make, ours: Datagrams, boot_b: bytes
) -> None:
    _, datagram = ours.seal(boot_b, b"body")
    assert reason(make(b"restarted since!"), datagram) == "forged"


def test_a_datagram_opens_once(ours: Datagrams, theirs: Datagrams, boot_b: bytes) -> None:
    for receiver in (boot_b, None):
        _, datagram = ours.seal(receiver, b"body")
        assert reason(theirs, datagram) == "opened"
        assert reason(theirs, datagram) == "replayed"


def test_datagrams_that_overtake_each_other_within_the_window_all_open_once(
    ours: Datagrams, theirs: Datagrams, boot_b: bytes
) -> None:
    sent = [ours.seal(boot_b, b"body")[1] for _ in range(3 * WINDOW)]
    chance = Random(7)
    for start in range(0, len(sent), WINDOW):
        part = sent[start : start + WINDOW]
        chance.shuffle(part)
        assert {reason(theirs, datagram) for datagram in part} == {"opened"}
    assert {reason(theirs, datagram) for datagram in sent} == {"replayed"}


def test_the_window_ends_exactly_behind_its_length(
    ours: Datagrams, theirs: Datagrams, boot_b: bytes
) -> None:
    sent = [ours.seal(boot_b, b"body")[1] for _ in range(WINDOW + 1)]
    assert reason(theirs, sent[-1]) == "opened"
    assert reason(theirs, sent[1]) == "opened"
    assert reason(theirs, sent[0]) == "replayed"


def test_what_was_seen_stays_seen_when_the_window_moves_by_its_length_less_one(
    ours: Datagrams, theirs: Datagrams, boot_b: bytes
) -> None:
    sent = [ours.seal(boot_b, b"body")[1] for _ in range(WINDOW + 5)]
    assert reason(theirs, sent[4]) == "opened"
    assert reason(theirs, sent[4 + WINDOW - 1]) == "opened"
    assert reason(theirs, sent[4]) == "replayed"
    assert reason(theirs, sent[5]) == "opened"


def test_a_changed_datagram_is_turned_away_wherever_it_was_changed(
    ours: Datagrams, theirs: Datagrams, boot_b: bytes
) -> None:
    _, datagram = ours.seal(boot_b, b"body")
    for position in range(len(datagram)):
        bent = bytearray(datagram)
        bent[position] ^= 1
        assert reason(theirs, bytes(bent)) != "opened"
    assert reason(theirs, datagram) == "opened"


def test_a_truncated_datagram_is_turned_away(
    ours: Datagrams, theirs: Datagrams, boot_b: bytes
) -> None:
    _, datagram = ours.seal(boot_b, b"body")
    for length in range(len(datagram)):
        assert reason(theirs, datagram[:length]) == ("short" if length < 48 else "forged")


def test_a_datagram_over_eight_kib_is_turned_away_unread(
    ours: Datagrams, theirs: Datagrams, boot_b: bytes
) -> None:
    _, most = ours.seal(boot_b, bytes(DATAGRAM_BYTES_MAX - OVERHEAD_BYTES))
    assert reason(theirs, most) == "opened"
    assert reason(theirs, most + b"x") == "too large"


def test_other_programs_and_other_versions_are_told_apart(
    ours: Datagrams, theirs: Datagrams, boot_b: bytes
) -> None:
    _, datagram = ours.seal(boot_b, b"body")
    assert reason(theirs, b"GET / HTTP/1.1\r\n" * 10) == "magic"
    assert reason(theirs, datagram[:2] + b"\x02" + datagram[3:]) == "version"
    assert reason(theirs, datagram[:3] + b"\x02" + datagram[4:]) == "version"


def test_our_own_datagrams_sent_back_are_turned_away(ours: Datagrams, boot_b: bytes) -> None:
    for receiver in (boot_b, None):
        assert reason(ours, ours.seal(receiver, b"body")[1]) == "self"


def test_another_key_salt_or_cluster_is_foreign_and_its_id_is_known_for_the_log(
    keyring: Keyring, boot_a: bytes, boot_b: bytes
) -> None:
    us = Datagrams(keyring, "default", boot_a)
    strangers = [
        Datagrams(Keyring(keyring.salt, [b"k" * 32]), "default", boot_b),
        Datagrams(Keyring(b"s" * 16, keyring.keys), "default", boot_b),
        Datagrams(keyring, "other", boot_b),
        ClearDatagrams("default", boot_b),
    ]
    for stranger in strangers:
        _, datagram = stranger.seal(None, b"hello")
        with pytest.raises(Rejected) as caught:
            us.open(datagram, 0.0)
        assert caught.value.reason == "foreign key"
        assert caught.value.key_id == datagram[4:8].hex()


def test_clusters_without_keyrings_are_strangers_to_each_other(
    boot_a: bytes, boot_b: bytes
) -> None:
    us = Datagrams(Keyring.open_key("default"), "default", boot_a)
    them = Datagrams(Keyring.open_key("other"), "other", boot_b)
    assert reason(us, them.seal(None, b"hello")[1]) == "foreign key"


def test_every_key_of_the_ring_opens_and_the_first_one_seals(
    keyring: Keyring, boot_a: bytes, boot_b: bytes
) -> None:
    turned = Keyring(keyring.salt, keyring.keys[::-1])
    us, them = Datagrams(keyring, "c", boot_a), Datagrams(turned, "c", boot_b)
    _, there = us.seal(boot_b, b"there")
    _, back = them.seal(boot_a, b"back")
    assert there[4:8] != back[4:8]
    assert them.open(there, 0.0).body == b"there"
    assert us.open(back, 0.0).body == b"back"


def test_the_bytes_of_a_datagram_never_change(
    keyring: Keyring,
    boot_a: bytes,
    boot_b: bytes,
    golden: Callable[[str], dict[str, bytes]],
) -> None:
    us = Datagrams(keyring, "default", boot_a)
    kept = golden("packets.txt")
    assert us.seal(boot_b, b"body")[1] == kept["datagram"]
    assert us.seal(None, b"hello")[1] == kept["datagram-greeting"]
    open_us = Datagrams(Keyring.open_key("default"), "default", boot_a)
    assert open_us.seal(boot_b, b"body")[1] == kept["datagram-open"]


def test_forged_datagrams_leave_no_trace(
    ours: Datagrams, theirs: Datagrams, boot_a: bytes, boot_b: bytes
) -> None:
    _, first = ours.seal(boot_b, b"body")
    _, second = ours.seal(boot_b, b"body")
    far_ahead = second[:24] + b"\x7f" * 8 + second[32:]
    assert reason(theirs, far_ahead) == "forged"
    assert reason(theirs, first) == "opened"
    assert reason(theirs, far_ahead) == "forged"
    assert reason(theirs, second) == "opened"
    assert not theirs.known(boot_a)


def test_strangers_cost_a_bounded_number_of_derivations_in_any_second(
    ours: Datagrams, theirs: Datagrams, boot_b: bytes
) -> None:
    _, datagram = ours.seal(boot_b, b"body")
    chance = Random(1)
    tried = 0
    for step in range(3000):
        unknown = datagram[:8] + chance.randbytes(16) + datagram[24:]
        tried += reason(theirs, unknown, now=5.0 + step / 3000) == "forged"
    assert BUDGET < tried <= 2 * BUDGET <= 1000
    assert reason(theirs, datagram, now=6.0) == "budget"
    assert reason(theirs, datagram, now=7.0) == "opened"


def test_a_clock_that_steps_back_brings_no_budget(ours: Datagrams, theirs: Datagrams) -> None:
    _, datagram = ours.seal(None, b"hello")
    for number in range(BUDGET):
        unknown = datagram[:8] + number.to_bytes(16) + datagram[24:]
        assert reason(theirs, unknown, now=9.0) == "forged"
    assert reason(theirs, datagram, now=1.0) == "budget"


def test_a_flood_of_strangers_neither_starves_nor_evicts_a_member(make: Make) -> None:
    us = make(US)
    heard, unheard = make(b"a heard member.."), make(b"an unheard one..")
    us.admit(b"a heard member..")
    us.admit(b"an unheard one..")
    first = heard.seal(US, b"x")[1]
    assert reason(us, first) == "opened"
    for number in range(STRANGERS_MAX + 200):
        greeting = make(number.to_bytes(16)).seal(None, b"x")[1]
        assert reason(us, greeting, now=number / 10) == "opened"
    while reason(us, greeting[:8] + b"\xff" * 40, now=120.0) != "budget":
        pass
    assert reason(us, first, now=120.0) == "replayed"
    assert reason(us, heard.seal(US, b"x")[1], now=120.0) == "opened"
    assert reason(us, unheard.seal(US, b"x")[1], now=120.0) == "opened"


def test_forgeries_in_the_name_of_an_unheard_member_are_bounded_too(make: Make) -> None:
    us, member = make(US), make(b"an unheard one..")
    us.admit(b"an unheard one..")
    _, datagram = member.seal(US, b"x")
    forged = datagram[:-1] + bytes([datagram[-1] ^ 1])
    answers = [reason(us, forged) for _ in range(BUDGET + 1)]
    assert answers == ["forged"] * BUDGET + ["budget"]


def test_the_stranger_heard_longest_ago_gives_way(make: Make) -> None:
    us = make(US)
    first, second = make(b"the first one..."), make(b"the second one..")
    old = [each.seal(None, b"x")[1] for each in (first, second)]
    assert [reason(us, datagram) for datagram in old] == ["opened", "opened"]
    assert reason(us, first.seal(None, b"x")[1]) == "opened"
    for number in range(STRANGERS_MAX - 1):
        assert (
            reason(us, make(number.to_bytes(16)).seal(None, b"x")[1], now=float(number)) == "opened"
        )
    assert reason(us, old[0], now=2e3) == "replayed"
    assert reason(us, old[1], now=2e3) == "opened"


def test_who_is_admitted_keeps_its_window_and_who_is_forgotten_is_a_stranger(
    ours: Datagrams, theirs: Datagrams, boot_a: bytes, boot_b: bytes
) -> None:
    _, datagram = ours.seal(boot_b, b"body")
    assert reason(theirs, datagram) == "opened"
    assert not theirs.known(boot_a)
    theirs.admit(boot_a)
    theirs.admit(boot_a)
    assert theirs.known(boot_a)
    assert reason(theirs, datagram) == "replayed"
    theirs.forget(boot_a)
    theirs.forget(boot_a)
    assert not theirs.known(boot_a)


def test_no_counter_is_used_twice_for_one_receiver_even_when_its_place_was_given_up(
    ours: Datagrams, boot_b: bytes
) -> None:
    counters = [ours.seal(boot_b, b"")[0] for _ in range(3)]
    ours.forget(boot_b)
    counters.append(ours.seal(boot_b, b"")[0])
    for number in range(STRANGERS_MAX):
        ours.seal(number.to_bytes(16), b"") if number else ours.seal(b"zero" * 4, b"")
    counters.append(ours.seal(boot_b, b"")[0])
    assert counters == sorted(set(counters))


@pytest.mark.sweep  # without coverage, which would be most of the time
def test_a_forged_datagram_costs_little_more_than_an_honest_one(
    ours: Datagrams, theirs: Datagrams, boot_b: bytes
) -> None:
    honest = [ours.seal(boot_b, bytes(300))[1] for _ in range(3000)]
    forged = [datagram[:-1] + bytes([datagram[-1] ^ 1]) for datagram in honest]
    foreign = [datagram[:4] + b"????" + datagram[8:] for datagram in honest]
    theirs.open(ours.seal(boot_b, b"")[1], 0.0)

    def spent(datagrams: list[bytes]) -> float:
        start = thread_time()
        for datagram in datagrams:
            reason(theirs, datagram)
        return thread_time() - start

    bad = min(spent(forged), spent(foreign), spent(forged))
    assert bad < 3 * spent(honest)


def test_a_process_that_goes_on_under_another_boot_id_is_another_process(
    ours: Datagrams, theirs: Datagrams, boot_a: bytes, boot_b: bytes
) -> None:
    theirs.admit(boot_a)
    for_before = ours.seal(boot_b, b"before")[1]
    from_before = theirs.seal(boot_a, b"before")[1]
    reborn = bytes(reversed(boot_b))
    theirs.reborn(reborn)
    assert reason(theirs, for_before) == "forged"
    assert theirs.known(boot_a)
    counter, datagram = theirs.seal(boot_a, b"after")
    assert (counter, ours.open(datagram, 0.0).sender) == (1, reborn)
    assert datagram[HEAD:] != from_before[HEAD:]
    assert ours.open(theirs.seal(None, b"hello")[1], 0.0).sender == reborn
    assert theirs.open(ours.seal(reborn, b"answer")[1], 0.0).body == b"answer"
