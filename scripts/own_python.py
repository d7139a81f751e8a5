"""Lets a script run with the Python of .venv, whichever Python was asked to run it."""

import os
from pathlib import Path
import subprocess
import sys

ROOT = Path(__file__).resolve().parent.parent
PYTHON = ROOT / ".venv" / "bin" / "python"


def use() -> None:
    """Start this script again with the Python of .venv, which is made if need be.

    What it starts may keep its bytecode, as an installed program does: compiling all of a node at
    every start costs a node 1.1 MiB, and nobody's node does that.
    """
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    if Path(sys.prefix) == ROOT / ".venv":
        return
    if not PYTHON.exists():  # one that is there may be in use: it is never rebuilt from here
        subprocess.run([ROOT / "scripts" / "setup"], check=True, stdout=sys.stderr)
    os.execv(PYTHON, [str(PYTHON), *sys.argv])
