from functools import cache
import json
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result
import pytest

from crdtnode import sim
from crdtnode.cli.simulate import simulate
from crdtnode.sim.failures import Failure
from crdtnode.sim.planted import bug
from crdtnode.sim.shrinking import NothingToShrink, shrink

KINDS = ("LastArrivalRegister", "StingyRegistry", "RaisingEngine")
"""A planted bug of each kind."""


@cache
def failure(name: str) -> Failure:
    mutant = bug(name)
    recipe = mutant.within(sim.Recipe(nodes=3, duration=10.0, bound=4.0))
    plans = (sim.Plan.drawn(seed, recipe) for seed in range(50))
    results = (sim.run(plan, **mutant.settings) for plan in plans)
    return next(Failure.of(result, name) for result in results if result.violated)


def called(*arguments: object) -> Result:
    return CliRunner().invoke(simulate, list(map(str, arguments)))


def test_a_failure_file_is_the_very_same_run(tmp_path: Path) -> None:
    kept = failure("StingyRegistry")
    kept.write(tmp_path / "new" / "failure.json")
    read = Failure.read(tmp_path / "new" / "failure.json")
    assert read == kept
    assert read.run().trace_hash == kept.trace_hash


@pytest.mark.sweep
@pytest.mark.parametrize("name", KINDS)
def test_a_planted_bug_shrinks_to_at_most_five_events(name: str) -> None:
    whole = failure(name)
    shrunk = shrink(whole)
    assert len(whole.plan.events) > 15
    assert len(shrunk.failure.plan.events) <= 5
    assert whole.violated[0] in shrunk.failure.violated
    assert shrunk.failure.run().trace_hash == shrunk.failure.trace_hash


@pytest.mark.sweep
def test_no_event_of_a_shrunk_plan_can_be_spared() -> None:
    whole = failure("LastArrivalRegister")
    small = shrink(whole).failure
    for event in small.plan.events:
        left = tuple(write for write in small.plan.writes if write is not event)
        plan = sim.Plan(
            seed=small.plan.seed,
            nodes=small.plan.nodes,
            network=small.plan.network,
            writes=left,
            faults=tuple(fault for fault in small.plan.faults if fault is not event),
            duration=small.plan.duration,
            bound=small.plan.bound,
        )
        again = Failure(plan=plan, planted="LastArrivalRegister").run()
        assert whole.violated[0] not in again.violated


def test_a_smaller_plan_that_fails_in_another_way_does_not_count(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Two of the ten writes make the failure; any of them makes another one."""
    writes = tuple(sim.Write(float(n), "a", "gset@1", "s", "add", (n,)) for n in range(10))
    plan = sim.Plan(seed=1, nodes=("a", "b", "c"), writes=writes)

    def run(kept: Failure) -> sim.Result:
        there = {write.args[0] for write in kept.plan.writes}
        violated = [("ours", {3, 8} <= there), ("another", bool(there))]
        findings = (
            sim.Finding(name, "", sim.Verdict.VIOLATED if bad else sim.Verdict.HOLDS)
            for name, bad in violated
        )
        return sim.Result(kept.plan, tuple(findings), "", None)

    monkeypatch.setattr(Failure, "run", run)
    small = shrink(Failure(plan=plan, violated=("ours", "another"))).failure.plan
    assert [write.args for write in small.writes] == [(3,), (8,)]
    assert small.nodes == ("a",)
    assert small.duration == 8.0


def test_shrinking_ends_when_its_runs_are_used_up() -> None:
    whole = failure("LastArrivalRegister")
    shrunk = shrink(whole, runs=3)
    assert shrunk.runs == 3
    assert whole.violated[0] in shrunk.failure.violated


def test_a_plan_that_holds_cannot_be_shrunk() -> None:
    plan = sim.Plan.random(seed=1, nodes=2, duration=1)
    with pytest.raises(NothingToShrink, match="seed 1 does not violate any check"):
        shrink(Failure(plan=plan))


GOOD = failure("RaisingEngine").to_json()


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({**GOOD, "version": 2}, "has the version 2; this crdtnode reads version 1"),
        ({**GOOD, "format": "something"}, "the key 'format' must say 'crdtnode failure'"),
        ({**GOOD, "planed": None}, "planed is unknown; did you mean 'planted'?"),
        ({**GOOD, "planted": "RasingEngine"}, "did you mean 'RaisingEngine'?"),
        ({**GOOD, "violated": 7}, "violated is of a wrong kind"),
        ({k: v for k, v in GOOD.items() if k != "plan"}, "plan is missing"),
        ({**GOOD, "plan": {**dict(GOOD["plan"]), "version": 9}}, "this plan has the version 9"),  # type: ignore[call-overload]
        ([1], "it holds no object"),
    ],
)
def test_a_file_that_is_none_or_of_another_version_says_so(
    document: Any, message: str, tmp_path: Path
) -> None:
    file = tmp_path / "failure.json"
    file.write_text(json.dumps(document))
    for command in ("replay", "shrink"):
        result = called(command, file)
        assert result.exit_code == 2
        assert message in result.stderr
        assert str(file) in result.stderr
    assert [each.name for each in tmp_path.iterdir()] == ["failure.json"]


@pytest.mark.parametrize(("content", "message"), [(b"{", "no JSON"), (b"\xff", "no failure file")])
def test_bytes_that_are_no_json_say_so(content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "failure.json").write_bytes(content)
    result = called("replay", tmp_path / "failure.json")
    assert result.exit_code == 2
    assert message in result.stderr


def test_a_file_that_is_not_there_says_so(tmp_path: Path) -> None:
    result = called("replay", tmp_path / "failure.json")
    assert result.exit_code == 2
    assert "No such file" in result.stderr


def test_sweep_saves_shrink_cuts_down_and_replay_shows(tmp_path: Path) -> None:
    short = ("--seeds", "0:2", "--nodes", 3, "--for", 8, "--bound", 3, "--json")
    sweep = called("sweep", *short, "--plant", "LastArrivalRegister", "--save", tmp_path)
    assert sweep.exit_code == 1, sweep.output
    saved = json.loads(sweep.stdout.splitlines()[-1])["saved"]
    assert saved == [str(tmp_path / "seed-0.json"), str(tmp_path / "seed-1.json")]
    shrunk = called("shrink", saved[0], "--json")
    assert shrunk.exit_code == 1, shrunk.output
    document = json.loads(shrunk.stdout)
    assert document["events"] <= 5 < document["events_before"]
    replay = called("replay", document["file"], "--report", tmp_path / "report", "--plot", "term")
    assert replay.exit_code == 1
    assert "planted bug LastArrivalRegister" in replay.stdout
    assert "the very run that was saved" in replay.stdout
    assert "states" in replay.stdout
    assert "violated</span>" in (tmp_path / "report" / "report.html").read_text()
    assert json.loads(called("replay", saved[1], "--json").stdout)["same_trace"] is True


def test_a_single_run_saves_its_failure_only(tmp_path: Path) -> None:
    short = ("--nodes", 3, "--for", 3, "--seed", 0, "--save")
    assert called(*short, tmp_path / "good.json").exit_code == 0
    assert called(*short, tmp_path / "bad.json", "--plant", "SilentNode").exit_code == 1
    assert [each.name for each in tmp_path.iterdir()] == ["bad.json"]
    assert called("replay", tmp_path / "bad.json").exit_code == 1


def test_replay_of_a_run_of_other_code_says_that_it_is_not_the_one_that_was_saved(
    tmp_path: Path,
) -> None:
    file = tmp_path / "failure.json"
    file.write_text(json.dumps({**GOOD, "trace_hash": "0" * 16, "planted": None}))
    result = called("replay", file)
    assert result.exit_code == 0
    assert "not the run that was saved" in result.stdout


def test_a_plan_alone_can_be_replayed_and_shrunk(tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    file.write_text(json.dumps(sim.Plan.random(seed=1, nodes=2, duration=1).to_json()))
    assert called("replay", file).exit_code == 0
    assert "nothing to shrink" in called("shrink", file).stderr


def test_a_search_that_is_stopped_keeps_what_it_has_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = failure("LastArrivalRegister")
    whole.write(tmp_path / "failure.json")

    def stopped(kept: Failure, better: Any, **rest: Any) -> None:
        shrink(kept, runs=12, better=better)
        raise KeyboardInterrupt

    monkeypatch.setattr("crdtnode.cli.simulate_failures.shrink", stopped)
    result = called("shrink", tmp_path / "failure.json")
    small = Failure.read(tmp_path / "failure.shrunk.json")
    assert len(small.plan.events) < len(whole.plan.events)
    assert f"stopped at {len(small.plan.events)} events; saved" in result.stderr
    assert small.run().violated
