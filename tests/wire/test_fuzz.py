"""The fuzzer of `scripts/fuzz`, for a moment: longer runs are for people and for `scripts/soak`."""

from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
import sys
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "fuzz"


@pytest.fixture
def fuzzer(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Load the script, which has no suffix, and leave nothing of it beside it."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    loader = SourceFileLoader("fuzz", str(SCRIPT))
    spec = spec_from_loader("fuzz", loader)
    assert spec is not None
    module = module_from_spec(spec)
    loader.exec_module(module)
    return module


@pytest.mark.sweep
def test_damaged_bytes_give_a_message_or_are_turned_away(fuzzer: ModuleType) -> None:
    fuzz = fuzzer.run(seed=7, cases=20_000)
    assert fuzz.runs == 20_000
    heard = {what for what in fuzz.outcomes if ":" not in what}
    assert {"Ping", "Push", "Sync", "MemberList", "UnknownKind"} <= heard


def test_the_same_seed_does_the_same_damage(fuzzer: ModuleType) -> None:
    assert fuzzer.run(seed=1, cases=200).outcomes == fuzzer.run(seed=1, cases=200).outcomes
