"""The benchmark of the push tree runs, and the tree holds what it promises, in the small."""

from pathlib import Path
import runpy

import pytest

BENCH = runpy.run_path(str(Path(__file__).parents[2] / "scripts" / "bench_push.py"))


@pytest.mark.parametrize(("nodes", "hops"), [(10, 1), (17, 1), (60, 2)])
def test_without_loss_everybody_gets_one_copy_in_as_many_hops_as_the_tree_is_deep(
    nodes: int, hops: int
) -> None:
    lossless, lossy, _, dead = list(BENCH["figures"](nodes, 2))
    assert lossless["missed"] == lossy["missed"] == dead["missed"] == 0
    assert lossless["copies"] == 1.0
    assert lossless["max"] <= hops * 1.3
    assert 1.0 < lossy["copies"] < 1.6


def test_goals_are_for_the_sizes_that_have_them() -> None:
    assert BENCH["goal"](1000, 0.0, 0.0) == {"last_p50": 3.8, "copies": 1.0}
    assert BENCH["goal"](10, 0.1, 0.0) == {"p95": 9.0, "copies": 1.3}
    assert BENCH["goal"](10, 0.1, 0.2) == BENCH["goal"](33, 0.0, 0.0) == {}


def test_an_update_costs_little_more_than_itself() -> None:
    figures = list(BENCH["byte_figures"](0.1))
    assert len(figures) == 6
    assert all(130 < figure["value"] <= figure["goal"] for figure in figures)
