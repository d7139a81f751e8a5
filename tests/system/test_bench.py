"""The benchmark of the toolbox runs, says what it must, and makes no figure up."""

import importlib.util
import json
from pathlib import Path
import subprocess
import sys

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "bench_crdt.py"

pytestmark = pytest.mark.process


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(SCRIPT), *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_benchmark_runs_small_without_any_peer() -> None:
    done = bench("--own", "--small")
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stdout.splitlines() if line]
    figures = [json.loads(line) for line in lines if line.startswith("{")]
    rows = [line.split("|")[1:-1] for line in lines if line.startswith("| ")]
    assert {figure["who"] for figure in figures} == {"floor", "crdt", "plain dict"}
    titles = [row[0].strip() for row in rows[1:]]
    assert titles == list(dict.fromkeys(figure["figure"] for figure in figures))
    goals = {figure["figure"]: figure["goal"] for figure in figures if figure["who"] == "crdt"}
    assert goals["set: add"] == "\u2264 3.5, < loro"
    assert {row[0].strip(): row[-1].strip() for row in rows[1:]} == goals
    assert all(row[2].strip().startswith("**") for row in rows[1:])  # ours is the only library


def test_without_its_peers_the_benchmark_fails() -> None:
    assert importlib.util.find_spec("loro") is None
    done = bench("--inside", "--small")
    assert done.returncode != 0
    assert "loro" in done.stderr
    assert done.stdout == ""
