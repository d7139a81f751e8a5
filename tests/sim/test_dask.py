"""A sweep on a real dask cluster of this machine: a scheduler, and workers that are processes."""

from collections.abc import Iterator
import json
import os
import signal
from typing import Any

from click.testing import CliRunner
import pytest

from crdtnode import sim
from crdtnode.cli.simulate import simulate

distributed = pytest.importorskip("distributed", reason="needs the extra dask")

RECIPE = sim.Recipe(nodes=3, duration=3.0)
SERIAL = list(sim.sweep(range(24), RECIPE))


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
    ) as cluster:
        yield cluster


@pytest.mark.process
def test_a_sweep_on_dask_finds_what_the_serial_one_finds_though_a_worker_is_killed(
    cluster: Any,
) -> None:
    with distributed.Client(cluster) as client:
        outcomes = sim.sweep(range(24), RECIPE, executor=client.get_executor(), chunk=2)
        found = [next(outcomes)]
        victim = next(iter(client.run(os.getpid).values()))
        os.kill(victim, signal.SIGKILL)
        found += outcomes
    assert found == SERIAL


def called(cluster: Any, seeds: str) -> tuple[int, list[dict[str, Any]]]:
    options = f"sweep --seeds {seeds} --nodes 3 --for 3 --json --dask {cluster.scheduler_address}"
    result = CliRunner().invoke(simulate, options.split())
    return result.exit_code, [json.loads(line) for line in result.stdout.splitlines()]


@pytest.mark.process
def test_the_command_sweeps_on_the_workers_of_a_scheduler(cluster: Any) -> None:
    code, (*lines, summary) = called(cluster, "0:6")
    assert code == 0
    assert [line["trace_hash"] for line in lines] == [o.trace_hash for o in SERIAL[:6]]
    assert summary["holds"] == 6
    assert summary["workers_lost"] == 0


@pytest.mark.process
def test_the_command_says_that_a_worker_went_away(
    cluster: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with distributed.Client(cluster) as client:
        client.wait_for_workers(2, timeout=60)
        victims = list(client.run(os.getpid).values())
    real = sim.sweep

    def sweep(*args: Any, **options: Any) -> Iterator[sim.Outcome]:
        outcomes = real(*args, **options)
        yield next(outcomes)
        os.kill(victims[0], signal.SIGKILL)
        yield from outcomes

    monkeypatch.setattr("crdtnode.cli.simulate_sweep.sweep", sweep)
    monkeypatch.setattr("crdtnode.cli.simulate_sweep.chunk_for", lambda seeds, hands: 1)
    code, (*lines, summary) = called(cluster, "0:24")
    assert code == 0
    assert [line["trace_hash"] for line in lines] == [o.trace_hash for o in SERIAL]
    assert summary["workers_lost"] == 1


@pytest.mark.process
def test_a_scheduler_that_does_not_answer_is_one_clear_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("crdtnode.cli.simulate_sweep._DASK_TIMEOUT", 0.3)
    result = CliRunner().invoke(
        simulate, ["sweep", "--seeds", "0:2", "--dask", "tcp://127.0.0.1:9"]
    )
    assert result.exit_code == 2
    assert "no dask scheduler answers at tcp://127.0.0.1:9" in result.stderr
