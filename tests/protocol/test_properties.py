"""Whatever happened: fair pings make all equal, and nothing that survived is lost."""

from typing import Any

from hypothesis import Phase, given, settings
from hypothesis import strategies as st
import pytest

from crdt import GSet
from crdtnode.wire.messages import Kind
from tests.protocol.chaos import PORTS, Chaos, fingerprints_hold, held_by, kind_of, payloads
from tests.protocol.wrong import Shuffled, Summing

STEPS = st.integers(0, 2**16 - 1)
HISTORIES = st.lists(STEPS, max_size=40)
LONG_HISTORIES = st.lists(STEPS, min_size=20, max_size=40)
DATA = {Kind.WANT, Kind.SYNC, Kind.CTX, Kind.AGAIN, Kind.PUSH}

QUICK = [Phase.explicit, Phase.reuse, Phase.generate]
"""Shrinking takes longer than all examples: what fails is a history to run by itself."""


def check(history: list[int]) -> None:
    chaos = Chaos()
    chaos.do(history)
    whole = chaos.heal()
    chaos.lose_pushes()
    assert chaos.table.run(60, until=chaos.converged)
    expected = payloads(whole)
    for port in PORTS:
        seat = chaos.seats[port]
        assert payloads(held_by(seat.registry)) == expected
        assert fingerprints_hold(seat.registry)
        assert chaos.written[port] <= seat.registry.open("log", GSet).value
    stays_equal(chaos)
    replays_change_nothing(chaos)


def stays_equal(chaos: Chaos) -> None:
    """Equal states exchange no data, and nobody is doubted."""
    chaos.table.run(10)  # pushes that nobody acknowledges are repeated for a while
    for seat in chaos.seats.values():
        seat.did.clear()
    before = len(chaos.table.sent)
    chaos.table.run(3)
    assert not {kind_of(data) for _, _, data in chaos.table.sent[before:]} & DATA
    assert all(seat.did == [] for seat in chaos.seats.values())


def replays_change_nothing(chaos: Chaos) -> None:
    """Not in any state; a doubt that was lost and comes late may raise it for a moment."""
    before = [(seat.registry.root, seat.states) for seat in chaos.seats.values()]
    chaos.replay(60)
    assert [seat.registry.root for seat in chaos.seats.values()] == [root for root, _ in before]
    assert not any(
        state == "dead" for seat in chaos.seats.values() for state in seat.states.values()
    )
    chaos.table.run(4)
    assert chaos.converged()
    assert [(seat.registry.root, seat.states) for seat in chaos.seats.values()] == before


@settings(max_examples=5, deadline=None, derandomize=True)
@given(HISTORIES)
def test_any_history_ends_in_the_join_of_what_survived(history: list[int]) -> None:
    check(history)


@pytest.mark.sweep
@settings(max_examples=40, deadline=None, phases=QUICK)
@given(LONG_HISTORIES)
def test_any_of_many_histories_ends_in_the_join_of_what_survived(history: list[int]) -> None:
    check(history)


@pytest.mark.sweep
@settings(max_examples=10, deadline=None, phases=QUICK)
@given(HISTORIES, st.sampled_from([Summing, Shuffled]))
def test_a_type_that_never_agrees_disturbs_nothing_else(history: list[int], kind: Any) -> None:
    chaos = Chaos()
    for port in PORTS[:2]:
        chaos.seats[port].registry.open("odd", kind).increment()
    chaos.do(history)
    chaos.heal()
    chaos.lose_pushes()
    roots: list[set[int]] = []

    def others_are_equal() -> bool:
        roots[:] = [
            {s.registry.fingerprints.type_root(tag) for s in chaos.table.seats}
            for tag in ("gset@1", "pncounter@1", "lwwregister@1", "orset@1")
        ]
        return all(len(found) == 1 for found in roots) and chaos.table.agreed()

    assert chaos.table.run(60, until=others_are_equal)
    before = len(chaos.table.sent)
    chaos.table.run(5)
    kinds = [kind_of(data) for _, _, data in chaos.table.sent[before:]]
    assert kinds.count(Kind.PING) <= 5 * 5 * 22
    assert kinds.count(Kind.SYNC) <= 4 * kinds.count(Kind.PING)
