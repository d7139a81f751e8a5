"""Payloads of sequences, and those that are none."""

from __future__ import annotations

from typing import Any

import pytest

from crdt import RGA, GCounter, Logoot, PayloadError, Sequence, Text
from tests.crdt.sequence_kinds import anchored, every_sequence, shown, two_sided


@pytest.mark.parametrize("kind", [Sequence, Text])
@pytest.mark.parametrize(
    ("row", "where"),
    [
        (5, "payload['r']"),
        ([[], []], "payload['r']"),
        ([[[0, 1, [">"]]], []], "[0][0]"),
        ([[[0, 1, [">"], 7]], []], "[0][0][3]"),
        ([[[0, 1, ["<"], "x"]], []], "[0][0][2]"),
        ([[[0, 1, ["?", "r", 1], "x"]], []], "[0][0][2][0]"),
        ([[[0, 1, [["<"], "r", 1], "x"]], []], "[0][0][2][0]"),
        ([[[0, 1, [">", "", 1], "x"]], []], "[0][0][2][1]"),
        ([[[0, 1, [">", "q", 0], "x"]], []], "[0][0][2][2]"),
        ([[[0, 1, [">", "r", 1], "x"]], []], "[0][0][2]"),
        ([[[-1, 1, [">"], "x"]], []], "[0][0][0]"),
        ([[[0, 0, [">"], "x"]], []], "[0][0][1]"),
        ([[[0, 2, [">"], "x"]], []], "[0][0][3]"),
        ([[[0, 1, [">"], "xy"]], []], "[0][0][3]"),
        ([[[0, 1, [">"], "x"]], [0, 1]], "[0][0][3]"),
        ([[[0, 1, [">"], "x"], [0, 1, [">", "r", 1], "y"]], []], "[0][1]"),
    ],
)
def test_a_malformed_payload_is_refused_by_place(kind: type[Any], row: Any, where: str) -> None:
    if kind is Sequence and isinstance(row, list):
        row = [
            [[*run[:3], list(run[3])] if isinstance(run[-1], str) else run for run in row[0]],
            row[1],
        ]
    with pytest.raises(PayloadError) as caught:
        kind.from_payload({"r": row})
    assert where in str(caught.value)


@pytest.mark.parametrize(
    ("place", "where"),
    [([5], "[2]"), (["r", 1], "[2]"), (["q", 1], "[2]"), (["", 1], "[2][0]"), (["q", 0], "[2][1]")],
)
def test_an_rga_stands_behind_what_is_older(place: Any, where: str) -> None:
    with pytest.raises(PayloadError) as caught:
        RGA.from_payload({"r": [[[0, 1, place, ["x"]]], []]})
    assert where in str(caught.value)


@pytest.mark.parametrize(
    ("path", "where"),
    [
        ([], "[0]"),
        ([0], "[0]"),
        ([2**32], "[0]"),
        ([1, "a"], "[0]"),
        ([1, "a", 1, 0], "[0]"),
        ([1, "", 1, 1], "[0][1]"),
        ([1, "a", 0, 1], "[0][2]"),
        ([-1], "[0][0]"),
        ("x", "[0]"),
    ],
)
def test_a_malformed_path_is_refused_by_place(path: Any, where: str) -> None:
    with pytest.raises(PayloadError) as caught:
        Logoot.from_payload({"r": [[[path, "x"]], [0, 1], [0, 1]]})
    assert f"[0][0]{where}" in str(caught.value)


@anchored
def test_ids_that_a_stranger_claims_cost_nothing(kind: type[Any]) -> None:
    place: Any = [] if kind is RGA else [">"]
    items: Any = "xy" if kind is Text else ["x", "y"]
    state = kind.from_payload(
        {"r": [[[0, ["i", hex(2**70)], place, items]], [1, ["i", hex(2**70 - 2)]]]}
    )
    assert shown(state) == "xy"
    assert state.stats()["tombstones"] == 2**70 - 2
    own = kind("me")
    own.join(state)
    own.insert(1, "m")
    assert shown(own) == "xmy"


@two_sided
def test_anchors_that_go_round_in_a_circle_wait_for_ever(kind: type[Any]) -> None:
    item: Any = "x" if kind is Text else ["x"]
    payload = {
        "a": [[[0, 1, ["<", "b", 1], item]], []],
        "b": [[[0, 1, [">", "a", 1], item]], []],
    }
    state = kind.from_payload(payload, replica="me")
    assert shown(state) == ""
    state.append("y")
    state.join(kind.from_payload(payload))
    assert shown(state) == "y"
    assert state.payload == {**payload, **kind.from_payload(state.payload).payload}


@every_sequence
def test_other_types_are_not_joined(kind: type[Any]) -> None:
    with pytest.raises(TypeError, match="joins only with its own type"):
        kind().join(GCounter())
