"""Every edit of a sequence is one delta."""

from __future__ import annotations

from typing import Any

import pytest

from tests.crdt.sequence_kinds import every_sequence, holding, shown

CHANGES: list[Any] = [
    lambda state: state.insert(1, "x"),
    lambda state: state.append("x"),
    lambda state: state.extend("xyz"),
    lambda state: state.delete(0),
    lambda state: state.delete(0, 2),
    lambda state: state.replace(1, "x"),
    lambda state: state.splice(0, 2, "xyz"),
    lambda state: state.remove("b"),
    lambda state: state.clear(),
    lambda state: state.reverse(),
    lambda state: state.pop(),
    lambda state: state.__iadd__("xy"),
    lambda state: state.__setitem__(slice(None, None, 2), "xy"),
    lambda state: state.__delitem__(slice(None, None, 2)),
]


@every_sequence
@pytest.mark.parametrize("change", CHANGES)
def test_every_edit_shows_one_delta_before_it_applies(kind: type[Any], change: Any) -> None:
    state = holding(kind, "abc")
    before = state.clone()
    seen: list[tuple[Any, bytes]] = []
    end = state.observe(lambda delta: seen.append((delta, state.canonical())))
    change(state)
    ((delta, then),) = seen
    assert then == before.canonical() != state.canonical()
    assert delta.replica is None
    told = delta.canonical()
    assert not delta.compare(before)
    assert delta.compare(state)
    assert before.join(delta)
    assert before.canonical() == state.canonical()
    end()
    state.extend("more")
    assert delta.canonical() == told == kind.from_payload(delta.payload).canonical()


@every_sequence
@pytest.mark.parametrize("change", CHANGES)
def test_a_refused_edit_changes_nothing(kind: type[Any], change: Any) -> None:
    state = holding(kind, "abc")
    before = state.canonical()

    def refuse(delta: Any) -> None:
        raise PermissionError("not now")

    state.observe(refuse)
    with pytest.raises(PermissionError):
        change(state)
    assert (state.canonical(), shown(state)) == (before, "abc")


@every_sequence
def test_a_watched_sequence_shows_what_is_joined_once(kind: type[Any]) -> None:
    state, other = holding(kind, "ab", "me"), holding(kind, "xy", "other")
    other.delete(0)
    seen: list[Any] = []
    state.observe(seen.append)
    assert state.join(other)
    assert not state.join(other)
    assert len(seen) == 1
    assert sorted(state) == ["a", "b", "y"]


@every_sequence
def test_an_assigned_payload_replaces_what_is_shown(kind: type[Any]) -> None:
    state, other = holding(kind, "abc"), holding(kind, "xy", "other")
    assert len(state) == 3
    state.payload = other.payload
    assert shown(state) == "xy"
    assert not state.join(other)


@every_sequence
def test_a_large_join_shows_all_of_it(kind: type[Any]) -> None:
    here, there = holding(kind, "ab", "here"), kind("there")
    for i in range(200):
        there.insert(i // 2, "x")
    assert (len(here), here.join(there), len(here)) == (2, True, 202)
    assert here.join(there.clear())
    assert shown(here) == "ab"
