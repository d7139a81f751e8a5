"""When an engine is due is remembered between calls; what it forgets to look up again, nobody does."""

from collections import Counter

import pytest

from crdtnode import sim
from crdtnode.protocol import Engine

SEEDS = (0, 1, 2, 25)
"""In the last one, what only an equal root confirms falls due while nothing but pushes is heard."""


def test_what_is_remembered_of_the_deadline_is_never_later_than_what_would_be_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looks: Counter[str] = Counter()
    look = Engine.deadline.fget  # type: ignore[attr-defined] # a property's getter

    def deadline(engine: Engine) -> float:
        remembered = engine._seldom_at
        engine._seldom_at = None
        found: float = look(engine)
        engine._seldom_at = remembered
        given: float = look(engine)
        assert given <= found
        looks["remembered" if remembered is not None else "found"] += 1
        return given

    monkeypatch.setattr(Engine, "deadline", property(deadline))
    for seed in SEEDS:
        sim.run(sim.Plan.random(seed=seed, nodes=5, duration=20.0))
    assert min(looks.values()) > 1000
