"""The race runs, small, and says what it is asked; what it measures is another matter."""

import json
from pathlib import Path
import subprocess
import sys

import pytest

from tests.system import namespaces

pytestmark = pytest.mark.process

WHY_NOT = namespaces.missing()
SCRIPT = Path(__file__).parents[2] / "scripts" / "bench_cluster.py"


def race(*args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(SCRIPT), *args],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.netns
@pytest.mark.skipif(WHY_NOT is not None, reason=str(WHY_NOT))
def test_three_real_members_give_a_figure_for_each_row_that_is_asked_for() -> None:
    done = race("--nodes", "3", "--quick", "--rows", "status,partition,departures")
    assert done.returncode == 0, done.stderr
    lines, _, table = done.stdout.partition("\n\n")
    *figures, last = [json.loads(line) for line in lines.splitlines()]
    ours = {figure["figure"]: figure["ours"] for figure in figures}
    for name in ("cluster forms", "status of everybody", "heal to all updates everywhere"):
        assert 0 < ours[name] < 5
    assert 0 < ours["killed process known by all, longest"] < 30
    assert ours["written during a partition, arrived"] == 1
    assert last["left out"] == []
    assert all(f"| {figure['figure']} | " in table for figure in figures)


def test_a_row_that_does_not_exist_is_refused_with_those_that_do() -> None:
    done = race("--rows", "nonsense")
    assert done.returncode == 2
    assert "there is no nonsense; there are idle, " in done.stderr
