"""The benchmark of the toolbox runs, says what it must, and makes no figure up."""

import importlib.util
from itertools import takewhile
import json
from pathlib import Path
import subprocess
import sys

import pytest

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.process


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "bench_crdt.py"), *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def rows_of(text: str) -> list[list[str]]:
    """Return the cells of the table in a text whose first column is called work."""
    lines = text.splitlines()
    first = next(at for at, line in enumerate(lines) if line.startswith("| work |"))
    table = [
        line
        for line in takewhile(lambda line: line.startswith("|"), lines[first:])
        if line[1] == " "
    ]
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in table]


@pytest.fixture(scope="module")
def small() -> str:
    done = bench("--own", "--small")
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_benchmark_runs_small_without_any_peer(small: str) -> None:
    figures = [json.loads(line) for line in small.splitlines() if line.startswith("{")]
    head, *rows = rows_of(small)
    assert head == ["work", "floor", "crdt", "plain dict", "goal"]
    assert [row[0] for row in rows] == list(dict.fromkeys(figure["figure"] for figure in figures))
    goals = {figure["figure"]: figure["goal"] for figure in figures if figure["who"] == "crdt"}
    assert goals["set: add"] == "\u2264 3.5, < loro"
    assert {row[0]: row[-1] for row in rows} == goals
    assert all(row[2].startswith("**") for row in rows)  # ours is the only library


def test_the_readme_has_each_line_of_the_table_with_all_peers(small: str) -> None:
    shown = rows_of((ROOT / "README.md").read_text())
    assert shown[0] == [
        "work", "floor", "crdt", "loro", "pycrdt", "crdt-merge", "crdts", "plain dict", "goal",
    ]  # fmt: skip
    assert [(row[0], row[-1]) for row in shown] == [(row[0], row[-1]) for row in rows_of(small)]


def test_a_folder_that_is_no_virtual_environment_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    done = bench("--small", "--venv", str(tmp_path))
    assert done.returncode != 0
    assert "left as it is" in done.stderr
    assert [file.name for file in tmp_path.iterdir()] == ["letter.txt"]


def test_without_its_peers_the_benchmark_fails() -> None:
    assert importlib.util.find_spec("loro") is None
    done = bench("--inside", "--small")
    assert done.returncode != 0
    assert "loro" in done.stderr
    assert done.stdout == ""
