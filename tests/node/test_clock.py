"""A clock that does not stop while the machine sleeps."""

import pytest
import trio

from crdtnode.node import clock
from crdtnode.node.clock import NodeClock, wall_clock


async def test_it_follows_the_clock_of_the_loop(autojump_clock) -> None:
    ours = NodeClock()
    began = ours.now()
    await trio.sleep(5)
    assert ours.now() - began == 5.0
    assert ours.in_trio(ours.now() + 1) == trio.current_time() + 1


async def test_time_asleep_counts_and_moves_no_deadline(autojump_clock, monkeypatch) -> None:
    asleep = [100.0]
    monkeypatch.setattr(clock, "_asleep", lambda: asleep[0])
    ours = NodeClock()
    began = ours.now()
    asleep[0] += 3600
    assert ours.now() - began == 3600.0
    assert ours.in_trio(began + 3601) == pytest.approx(trio.current_time() + 1)


async def test_two_clocks_read_a_moment_apart_are_no_sleep(autojump_clock, monkeypatch) -> None:
    asleep = [0.0]
    monkeypatch.setattr(clock, "_asleep", lambda: asleep[0])
    ours = NodeClock()
    began = ours.now()
    asleep[0] = 0.5
    assert ours.now() == began


def test_the_wall_clock_counts_milliseconds_since_1970() -> None:
    assert 2**40 < wall_clock() < 2**43
