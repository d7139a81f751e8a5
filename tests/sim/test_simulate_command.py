import json
from pathlib import Path
import shlex
import signal
import subprocess
import sys
from time import monotonic, sleep

from click.testing import CliRunner, Result
import pytest

from crdtnode.cli.simulate import simulate
from crdtnode.sim import Plan, run

SHORT = "--nodes 3 --for 4 --seed 7"


def called(arguments: str) -> Result:
    return CliRunner().invoke(simulate, shlex.split(arguments))


def test_json_is_one_document_with_the_keys_that_others_rely_on() -> None:
    result = called(f"{SHORT} --partition halves --loss 0.1 --json")
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert document["verdict"] == "holds"
    assert document["seed"] == 7
    assert len(document["trace_hash"]) == 16
    assert 0 <= document["converged_after_s"] < 15
    assert set(document["checks"].values()) == {"holds"}
    assert document["nodes"] == 3
    assert document["updates"] > 0


@pytest.mark.parametrize(
    "options",
    [
        "",
        "--partition halves --loss 0.1",
        "--latency exp:10ms --crash 2 --duplicate any --bound 9",
        "--type orset@1 --type gset@1 --writes 3/s --crash any",
    ],
)
def test_the_report_names_verdict_seed_time_and_one_command_that_runs_it_again(
    options: str,
) -> None:
    first = called(f"{SHORT} {options}")
    assert first.exit_code == 0, first.output
    assert first.stdout.startswith("holds: 3 nodes")
    assert "seed 7" in first.stdout
    assert "after the heal" in first.stdout
    replay = first.stdout.splitlines()[-1].removeprefix("again with: crdtnode simulate ")
    again = called(replay)
    trace = [line for line in first.stdout.splitlines() if line.startswith("trace ")]
    assert trace == [line for line in again.stdout.splitlines() if line.startswith("trace ")]


def test_the_command_and_python_make_the_same_run() -> None:
    document = json.loads(called(f"{SHORT} --json").stdout)
    result = run(Plan.random(seed=7, nodes=3, duration=4))
    assert document["trace_hash"] == result.trace_hash


def test_naming_one_fault_leaves_out_the_others() -> None:
    options = "--nodes 3 --for 4 --seed 7 --loss 0.2 --json"
    replay = json.loads(called(options).stdout)["replay"]
    assert replay == "crdtnode simulate --seed 7 --nodes 3 --for 4 --loss 0.2"
    plan = Plan.random(
        seed=7, nodes=3, duration=4, loss=0.2, duplicate=0, partition="none", crashes=0, trouble=0
    )
    assert plan.faults == ()


@pytest.mark.parametrize(
    ("options", "writes"), [("--writes 12", 12), ("--writes 5/s", 20), ("--writes 0", 0)]
)
def test_writes_are_a_count_or_a_rate(options: str, writes: int) -> None:
    replay = json.loads(called(f"{SHORT} {options} --json").stdout)["replay"]
    assert f"--writes {writes}" in replay


def test_units_and_types_are_written_as_in_plans() -> None:
    options = (
        "--nodes 3 --seed 7 --for 0.1min --bound 9000ms --loss 10% --type ORSet --writes 90/min"
    )
    replay = json.loads(called(f"{options} --json").stdout)["replay"]
    expected = "--for 6 --bound 9 --writes 9 --type orset@1 --loss 0.1"
    assert replay == f"crdtnode simulate --seed 7 --nodes 3 {expected}"


def test_the_command_that_runs_it_again_gives_every_digit() -> None:
    first = json.loads(called("--nodes 2 --seed 7 --for 2.12345678 --json").stdout)
    again = called(f"{first['replay'].removeprefix('crdtnode simulate ')} --json")
    assert json.loads(again.stdout)["trace_hash"] == first["trace_hash"]


def test_many_faults_in_a_plan_are_no_queue_that_grows() -> None:
    result = called("--nodes 1 --seed 7 --for 1 --writes 0 --trouble 4000")
    assert result.exit_code == 0, result.output


def test_a_run_without_a_seed_draws_one_and_tells_it() -> None:
    first = json.loads(called("--nodes 2 --for 1 --json").stdout)
    other = json.loads(called("--nodes 2 --for 1 --json").stdout)
    assert first["seed"] != other["seed"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--nodes 0", "nodes"),
        ("--for -3", "--for"),
        ("--loss 2", "'2' is no share"),
        ("--loss much", "'much' is no number with a unit, such as '5%'"),
        ("--latency 5", "write 5ms, 1-20ms, exp:10ms"),
        ("--partition thirds", "there are none, halves"),
        ("--partition half", "did you mean 'halves'?"),
        ("--nodes 99999999999", "'--nodes': 99999999999 is not in the range"),
        ("--for inf", "'inf' is no time; write seconds"),
        ("--for nan", "'nan' is no time"),
        ("--for 5parsecs", "'parsecs' is no unit of duration"),
        ("--bound 1e400", "'1e400' is no time"),
        ("--loss 10s", "'s' is no unit of loss; did you mean 10%?"),
        ("--latency 20-5ms", "the shorter time first, not 0.02 s and 0.005 s"),
        ("--trouble 100000", "write a whole number, 0 to 10000"),
        ("--crash " + "9" * 5000, "is no count"),
        ("--crash many", "'many' is no count"),
        ("--writes 5/week", "or a rate: 2.5/s, 90/min"),
        ("--writes 1e9", "no number of writes"),
        ("--writes many", "no number of writes"),
        ("--type gcuonter", "there is no type 'gcuonter'; did you mean 'gcounter'?"),
        ("--nodes 3 sweep --seeds 0:2", "--nodes belongs behind 'sweep'"),
        ("sweep --seeds 5:1", "no range of seeds"),
        ("sweep --seeds x", "no range of seeds"),
        ("sweep --seeds any", "no range of seeds"),
        ("sweep --seeds 0:2 --type gcuonter@1", "gcuonter@1"),
        ("sweep --seeds 0:2 --workers 2 --dask tcp://127.0.0.1:1", "exclude each other"),
        ("--plant ForgetfulSat", "did you mean 'ForgetfulSet'?"),
    ],
)
def test_a_wrong_value_is_one_clear_line_and_exit_code_2(options: str, message: str) -> None:
    result = called(options)
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stdout == ""


def test_a_violation_is_shown_with_exit_code_1() -> None:
    result = called("--seed 0 --nodes 5 --for 60 --bound 0.001 --partition halves --loss 0.1")
    assert result.exit_code == 1
    assert result.stdout.startswith("violated: ")
    assert "never there: update" in result.stdout


NOTHING_MORE = {"run_again": 0, "workers_lost": 0, "saved": []}


def test_a_sweep_shows_each_seed_and_a_summary() -> None:
    result = called("sweep --seeds 0:6 --workers 2 --nodes 3 --for 3 --json")
    assert result.exit_code == 0, result.output
    *lines, summary = map(json.loads, result.stdout.splitlines())
    assert [line["seed"] for line in lines] == list(range(6))
    assert summary == {"verdict": "holds", "holds": 6, "violated": 0, "unknown": 0, **NOTHING_MORE}
    single = json.loads(called("--seed 4 --nodes 3 --for 3 --json").stdout)
    assert lines[4]["trace_hash"] == single["trace_hash"]


def test_a_sweep_explains_what_does_not_hold() -> None:
    result = called("sweep --seeds 3 --workers 1 --bound 0.001 --partition halves --loss 0.3")
    assert result.exit_code == 1
    assert "violated: 0 of 1 seeds hold" in result.stdout
    assert "again with: crdtnode simulate --seed 3 " in result.stdout


def test_the_help_shows_units_and_examples() -> None:
    text = called("--help").stdout
    assert "crdtnode simulate --nodes 20 --seed 7 --partition halves --loss 0.1 --for 60" in text
    assert "seconds, or 500ms, 5min, 1h" in " ".join(text.split())
    assert "Exit codes" in text


def test_whole_nodes_make_the_same_run_and_the_command_says_that_they_did() -> None:
    heap, trio = (json.loads(called(f"{SHORT} --json --on {on}").stdout) for on in ("heap", "trio"))
    assert trio["trace_hash"] == heap["trace_hash"]
    assert trio["replay"] == f"{heap['replay']} --on trio"


@pytest.mark.process
def test_what_simulated_nodes_log_does_not_stand_between_the_lines() -> None:
    command = [sys.executable, "-m", "crdtnode", "simulate", "--on", "trio"]
    options = [
        "--seed",
        "3",
        "--nodes",
        "5",
        "--for",
        "20",
    ]  # objects are removed, and that is logged
    ran = subprocess.run([*command, *options], capture_output=True, text=True, check=True)
    assert ran.stdout.startswith("holds: ")
    assert ran.stderr == ""


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--on real --plant SummingCounter", "--plant goes with the simulated engines"),
        ("--on real", "no namespaces here"),
        ("--on metal", "'metal' is not one of 'heap', 'trio', 'real'"),
    ],
)
def test_an_engine_that_cannot_do_it_is_refused(
    options: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crdtnode.sim.real.run.why_not", lambda: "no namespaces here")
    result = called(f"{SHORT} {options}")
    assert result.exit_code == 2
    assert message in result.output


@pytest.mark.parametrize("options", ["--report", "--save", "sweep --seeds 0:2 --report"])
def test_what_cannot_be_written_is_wrong_usage_and_known_before_anything_runs(
    options: str, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    result = called(f"{options} {tmp_path / 'file' / 'new' / 'more'}")
    assert result.exit_code == 2
    assert f"{tmp_path / 'file'}" in result.stderr
    assert result.stdout == ""


def test_files_of_another_kind_say_what_runs_them(tmp_path: Path) -> None:
    failure, plan = tmp_path / "failure.json", tmp_path / "plan.toml"
    assert called(f"--seed 0 --bound 0.001 --save {failure} --partition halves").exit_code == 1
    plan.write_text("nodes = 2")
    assert f"crdtnode simulate replay {failure}" in called(str(failure)).stderr
    assert f"crdtnode simulate {plan}" in called(f"replay {plan}").stderr


def ticks(pid: str) -> int:
    """Processor time that a process has used, in hundredths of a second."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11])


def working(pid: str, since: int) -> bool:
    """Whether a process, or its workers, are in the middle of something."""
    workers = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return max(map(ticks, workers), default=ticks(pid) - since) > 10


@pytest.mark.process
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks into /proc")
@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("sweep --seeds 0:9999 --workers 2", "stopped after "),
        ("selftest --seeds 9999", ""),
        ("--nodes 50 --for 9999 --on trio", ""),
    ],
)
def test_ctrl_c_ends_it_at_once_without_a_traceback(options: str, said: str) -> None:
    ready = "import crdtnode.cli.simulate, sys; print('ready', flush=True)"
    code = f"{ready}; from crdtnode.cli.main import main; main(sys.argv[1:])"
    running = subprocess.Popen(
        [sys.executable, "-c", code, "simulate", *options.split()],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert running.stdout is not None
    assert running.stdout.readline() == "ready\n"
    pid, deadline = str(running.pid), monotonic() + 20
    since = ticks(pid)
    while not working(pid, since):
        assert monotonic() < deadline
        sleep(0.02)
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=10)
    assert running.returncode == 130
    assert (out, "Traceback" in err) == ("", False)
    assert said in err
