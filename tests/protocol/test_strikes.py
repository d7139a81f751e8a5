"""Objects on which two nodes never agree are set aside, by these two only."""

import pytest

from crdtnode.protocol import strikes
from crdtnode.protocol.strikes import ASIDE_FIRST, ASIDE_MOST, STRIKES_MOST, Strikes

PEER, OTHER = b"p" * 16, b"o" * 16


@pytest.fixture
def given() -> Strikes:
    return Strikes()


def set_aside(given: Strikes, now: float) -> float:
    """Strikes until the object is set aside; gives the seconds."""
    for _ in range(STRIKES_MOST):
        seconds = given.strike(PEER, 7, now)
        if seconds:
            return seconds
    raise AssertionError("never set aside")


def test_three_strikes_set_an_object_aside_for_a_minute(given: Strikes) -> None:
    assert [given.strike(PEER, 7, 10.0) for _ in range(3)] == [0.0, 0.0, ASIDE_FIRST]
    assert given.aside(PEER, 10.0) == given.aside(PEER, 69.0) == [7]
    assert given.aside(PEER, 70.0) == []


def test_a_strike_concerns_one_object_and_one_peer(given: Strikes) -> None:
    set_aside(given, 0.0)
    assert given.aside(OTHER, 1.0) == []
    assert given.left_alone(OTHER, 1.0) == frozenset()
    assert given.left_alone(PEER, 1.0) == {7}
    assert given.doubtful(PEER, 7)
    assert not given.doubtful(OTHER, 7)
    assert not given.doubtful(PEER, 8)


def test_afterwards_one_more_strike_sets_it_aside_for_twice_as_long_up_to_an_hour(
    given: Strikes,
) -> None:
    now, seconds = 0.0, set_aside(given, 0.0)
    times = [seconds]
    for _ in range(8):
        now += seconds
        assert given.aside(PEER, now) == []
        seconds = given.strike(PEER, 7, now)
        times.append(seconds)
    assert times == [60, 120, 240, 480, 960, 1920, 3600, 3600, ASIDE_MOST]


def test_who_agrees_after_all_begins_anew(given: Strikes) -> None:
    given.strike(PEER, 7, 0.0)
    given.strike(PEER, 7, 0.0)
    given.agree(PEER, 7)
    given.agree(PEER, 8)
    assert not given.doubtful(PEER, 7)
    assert given.strike(PEER, 7, 0.0) == 0.0


def test_what_a_peer_has_set_aside_is_left_alone_until_it_says_otherwise(given: Strikes) -> None:
    given.hear(PEER, [5, 6])
    assert given.left_alone(PEER, 0.0) == {5, 6}
    set_aside(given, 0.0)
    assert given.left_alone(PEER, 0.0) == {5, 6, 7}
    assert given.aside(PEER, 0.0) == [7]
    given.hear(PEER, [])
    given.hear(PEER, [])
    assert given.left_alone(PEER, 0.0) == {7}


def test_who_is_gone_is_forgotten(given: Strikes) -> None:
    set_aside(given, 0.0)
    given.strike(OTHER, 7, 0.0)
    given.hear(PEER, [5])
    given.forget(PEER)
    assert given.left_alone(PEER, 0.0) == frozenset()
    assert not given.doubtful(PEER, 7)
    assert given.doubtful(OTHER, 7)


def test_strikes_are_remembered_up_to_a_bound(
    given: Strikes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(strikes, "MARKS_MOST", 10)
    for place in range(50):
        given.strike(PEER, place, 0.0)
    assert [place for place in range(50) if given.doubtful(PEER, place)] == list(range(40, 50))
