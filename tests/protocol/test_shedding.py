"""Tokens for pushes."""

from crdtnode.protocol.shedding import Bucket


def test_so_many_are_there_at_first_and_no_more() -> None:
    bucket = Bucket(10)
    assert bucket.take(4, 1.0)
    assert bucket.take(6, 1.0)
    assert not bucket.take(1, 1.0)


def test_they_come_back_with_time_up_to_a_seconds_worth() -> None:
    bucket = Bucket(10)
    bucket.take(10, 1.0)
    assert bucket.take(5, 1.5)
    assert not bucket.take(1, 1.5)
    assert bucket.take(10, 9.0)
    assert not bucket.take(1, 9.0)


def test_what_is_refused_takes_none() -> None:
    bucket = Bucket(10)
    bucket.take(5, 1.0)
    assert not bucket.take(6, 1.0)
    assert bucket.take(5, 1.0)
