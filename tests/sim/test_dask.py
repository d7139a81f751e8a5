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


@pytest.mark.process
def test_the_command_sweeps_on_the_workers_of_a_scheduler(cluster: Any) -> None:
    options = f"sweep --seeds 0:6 --nodes 3 --for 3 --json --dask {cluster.scheduler_address}"
    result = CliRunner().invoke(simulate, options.split())
    assert result.exit_code == 0, result.output
    *lines, summary = map(json.loads, result.stdout.splitlines())
    assert [line["trace_hash"] for line in lines] == [o.trace_hash for o in SERIAL[:6]]
    assert summary["holds"] == 6


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
