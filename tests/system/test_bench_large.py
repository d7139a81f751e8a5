"""The benchmark of large objects runs, small."""

import json
from pathlib import Path
import subprocess
import sys

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "bench_large.py"

pytestmark = pytest.mark.process


def test_a_large_object_reaches_three_processes() -> None:
    command = [sys.executable, str(SCRIPT), "--nodes", "3", "--mib", "0.3", "--timeout", "60"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    figures = {line["figure"]: line for line in map(json.loads, done.stdout.splitlines())}
    assert figures["0.3 MiB: members that hold it"]["value"] == 3
    assert figures["0.3 MiB: everywhere"]["value"] > 0
    assert set(figures) >= {
        "0.3 MiB: suspicions", "0.3 MiB: event loop stood still, worst",
    }  # fmt: skip
