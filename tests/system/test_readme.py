"""The README's commands and examples, as they stand there."""

import os
from pathlib import Path
import re
import subprocess
import sys

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
READY = "for node in ann bob cid; do until crdtnode --api $node status; do sleep 0.05; done; done"


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def block(language: str, holding: str) -> str:
    (found,) = [text for text in blocks(language) if holding in text]
    return found


def test_the_first_screen_has_the_two_commands() -> None:
    first = "\n".join(README.splitlines()[:60])
    for command in ("scripts/demo", "scripts/test"):
        assert command in first
        assert os.access(ROOT / command, os.X_OK)


@pytest.mark.process
def test_sixty_seconds_by_hand(tmp_path: Path) -> None:
    script = "\n".join(
        [
            "set -e",
            "trap 'kill $(jobs -p); wait' EXIT",
            block("sh", "crdtnode run --name ann"),
            f"{READY} >/dev/null 2>&1",
            block("sh", "incr visits 3"),
            "crdtnode --api bob get tags",
        ]
    )
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", script],
        env={**os.environ, "PATH": path, "XDG_RUNTIME_DIR": str(tmp_path), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.split()
    assert "7" in lines
    assert lines[-1] == "blue"


@pytest.mark.process
def test_the_embedding_example(capsys: pytest.CaptureFixture[str]) -> None:
    run(block("python", "crdtnode.open_node"), capsys)
    assert capsys.readouterr().out.split() == ["visits", "7"]


def test_the_simulation_example(capsys: pytest.CaptureFixture[str]) -> None:
    run(block("python", "sim.run(plan)"), capsys)
    assert capsys.readouterr().out.startswith("holds ")


def test_the_plan_that_is_told_in_python(capsys: pytest.CaptureFixture[str]) -> None:
    run(block("python", "sim.Script"), capsys)  # asserts itself that it holds


def test_a_type_of_your_own(capsys: pytest.CaptureFixture[str]) -> None:
    run(block("python", "class Friendship") + block("python", "check_laws"), capsys)


@pytest.mark.process
def test_the_simulate_command() -> None:
    command = block("sh", "crdtnode simulate --nodes").split()
    done = subprocess.run(
        [sys.executable, "-m", *command], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "holds" in done.stdout


@pytest.mark.process
def test_the_test_of_a_service_is_one(tmp_path: Path) -> None:
    (tmp_path / "test_tills.py").write_text(block("python", "simulated_cluster"))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", "."],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout


@pytest.mark.process
def test_a_planted_bug_from_the_sweep_to_five_events_and_their_replay(tmp_path: Path) -> None:
    commands = block("sh", "crdtnode simulate sweep").splitlines()
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    sweep, shrink, replay = (
        subprocess.run(
            command,
            shell=True,
            cwd=tmp_path,
            env={**os.environ, "PATH": path},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        for command in commands
    )
    assert [done.returncode for done in (sweep, shrink, replay)] == [1, 1, 1], shrink.stderr
    assert "saved failures/seed-0.json" in sweep.stdout
    sizes = re.match(r"from (\d+) events on \d nodes to (\d) on \d", shrink.stdout)
    assert sizes, shrink.stdout
    assert int(sizes[1]) > 5 >= int(sizes[2])
    assert "forgetfulset@1" in replay.stdout
    assert "the very run that was saved" in replay.stdout


def run(example: str, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    exec(compile(example, "README.md", "exec"), {"__name__": "readme"})
