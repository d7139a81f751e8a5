"""The gallery of plans in scripts/scenarios: each says what it expects, and gets it."""

from pathlib import Path
import tomllib

import pytest

from crdtnode import sim
from crdtnode.sim.planfile import parse_plan, read_plan

GALLERY = Path(__file__).parents[2] / "scripts" / "scenarios"
PLANS = sorted(GALLERY.glob("*.toml"))
LONG = {"split-brain-for-an-hour", "thousand-nodes"}
"""Those that take more than three seconds; scripts/soak runs them all."""


def test_the_gallery_is_a_gallery() -> None:
    assert len(PLANS) >= 12
    assert {path.stem for path in PLANS} >= LONG


@pytest.mark.parametrize("path", PLANS, ids=lambda path: path.stem)
def test_a_plan_tells_what_it_is_about_and_what_it_expects(path: Path) -> None:
    plan = read_plan(path)
    about = tomllib.loads(path.read_text())["about"].strip()
    assert about.endswith(".")
    assert len(about) > 40
    assert plan.writes
    assert plan.expect != sim.Expectations()


@pytest.mark.sweep
@pytest.mark.parametrize("path", PLANS, ids=lambda path: path.stem)
def test_it_comes_as_expected(path: Path) -> None:
    if path.stem in LONG:
        pytest.skip("takes longer than 3 s; scripts/soak runs it")
    result = sim.run(read_plan(path))
    assert result.holds, result.explain()


@pytest.mark.sweep
@pytest.mark.parametrize(
    ("stem", "right", "wrong"),
    [
        ("shopping-cart", "tea = 1", "tea = 2"),
        ("restored-backup", "value = 10", "value = 15"),
        ("ring-of-majorities", '"2s"', '"1ms"'),
    ],
)
def test_an_expectation_that_is_wrong_is_not_met(stem: str, right: str, wrong: str) -> None:
    head, _, expect = (GALLERY / f"{stem}.toml").read_text().partition("[expect]")
    assert expect.count(right) == 1
    result = sim.run(parse_plan(f"{head}[expect]{expect.replace(right, wrong)}"))
    assert result.violated == ("expectations-come-true",)
