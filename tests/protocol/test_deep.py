"""One deep session at a time."""

import pytest

from crdtnode.protocol.deep import LEASE, Deep

A, B = b"a" * 16, b"b" * 16


@pytest.fixture
def deep() -> Deep:
    return Deep()


def test_while_a_session_is_under_way_nobody_else_may_begin_one(deep: Deep) -> None:
    assert deep.enter(A, 0.0, ours=True)
    assert not deep.enter(B, 0.1, ours=False)
    assert deep.with_(A, 0.1)
    assert not deep.with_(B, 0.1)


def test_the_same_peer_goes_on(deep: Deep) -> None:
    deep.enter(A, 0.0, ours=True)
    assert deep.began(A, 0.1)
    assert deep.enter(A, 0.1, ours=False)
    assert not deep.began(A, 0.1)


def test_silence_ends_it(deep: Deep) -> None:
    deep.enter(A, 0.0, ours=True)
    assert not deep.with_(A, LEASE)
    assert deep.enter(B, LEASE, ours=True)


def test_each_message_renews_it_but_not_those_of_others(deep: Deep) -> None:
    deep.enter(A, 0.0, ours=True)
    deep.renew(A, LEASE / 2)
    deep.renew(B, LEASE)
    assert deep.with_(A, LEASE * 1.4)
    assert not deep.with_(A, LEASE * 1.5)
    deep.renew(A, LEASE * 2)
    assert not deep.with_(A, LEASE * 2)


def test_it_ends_at_once_where_both_are_equal(deep: Deep) -> None:
    deep.enter(A, 0.0, ours=True)
    deep.leave(B)
    assert deep.with_(A, 0.1)
    deep.leave(A)
    assert not deep.with_(A, 0.1)
    assert deep.enter(B, 0.1, ours=True)
