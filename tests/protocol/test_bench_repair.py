"""The benchmark of repair runs, and its rows keep their bytes and round trips."""

import json
from pathlib import Path
import subprocess
import sys
from typing import Any

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "bench_repair.py"


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, SCRIPT, "--small"], check=True, capture_output=True, text=True
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_each_row_ends_with_equal_states(rows: list[dict[str, Any]]) -> None:
    assert len(rows) == 9
    assert all(row["equal"] for row in rows)


def test_each_row_keeps_its_bytes_and_round_trips(rows: list[dict[str, Any]]) -> None:
    missed = {row["figure"]: set(row["missed"]) - {"cpu_ms"} for row in rows}
    assert {figure: names for figure, names in missed.items() if names} == {}


def test_a_fill_costs_little_more_than_the_state(rows: list[dict[str, Any]]) -> None:
    assert rows[-1]["bytes_per_packed_state"] <= rows[-1]["goal_ratio"]
