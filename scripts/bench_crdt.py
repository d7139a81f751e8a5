#!/usr/bin/env python3
"""How fast and how small the toolbox is, beside the libraries that Python users meet.

``scripts/bench_crdt.py`` makes a virtual environment for the others (`--venv`, by default
``.bench-venv`` in the checkout), runs everything interleaved, prints one JSON line for each figure
and at the end a table. Ratios are to the floor: the least that a Python class over a plain dict can
do, in the same round. Where another library cannot be had, it fails: no figure is made up.

``--own`` runs this package and the floor alone, with the Python that runs it (that of ``.venv`` has
all that is needed), and loads nothing.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
import importlib
import os
from pathlib import Path
import resource
import subprocess
import sys
import venv

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "scripts")]

PEERS = ("pycrdt==0.14.13", "loro==1.17.1", "crdts==0.0.4", "crdt-merge==0.11.0", "msgpack==1.2.4")

ENTRANTS = {
    "floor": ("crdt_race.floor", "Floor"),
    "crdt": ("crdt_race.ours", "Ours"),
    "loro": ("crdt_race.with_loro", "Loro"),
    "pycrdt": ("crdt_race.with_pycrdt", "PyCrdt"),
    "crdt-merge": ("crdt_race.with_crdt_merge", "CrdtMerge"),
    "crdts": ("crdt_race.with_crdts", "Crdts"),
    "plain dict": ("crdt_race.floor", "Plain"),
}
OWN = ("floor", "crdt", "plain dict")

LEAST = 100
"""Elements below which a tenth of them, or a fiftieth, is too little to run."""

MEMORY_BYTES = 8 * 2**30
"""What the race may take: one library needs memory by the square of a list's length."""


def entrant(name: str) -> object:
    """Return an entrant; ImportError if its library is not there."""
    module, kind = ENTRANTS[name]
    return getattr(importlib.import_module(module), kind)()


def main(arguments: Sequence[str]) -> None:
    options = parsed(arguments)
    if options.resident:
        from crdt_race.measure import resident

        print(resident(entrant(options.resident), options.count))
    elif options.own or options.inside:
        run(OWN if options.own else tuple(ENTRANTS), options)
    else:
        python = made(options.venv)
        command = [str(python), __file__, *arguments, "--inside"]
        os.execv(python, command)


def parsed(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--own", action="store_true", help="this package and the floor alone")
    parser.add_argument("--small", action="store_true", help="little of everything: does it run?")
    parser.add_argument("--only", default="", help="lines of the table that contain this")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--count", type=int, default=100_000, help="elements of a set")
    parser.add_argument("--venv", type=Path, default=ROOT / ".bench-venv")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--resident", choices=tuple(ENTRANTS), help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.small:
        options.rounds, options.count = 1, 200
    if options.rounds < 1 or options.count < LEAST:
        parser.error(f"at least one round and {LEAST} elements are needed")
    return options


def made(folder: Path) -> Path:
    """Return the Python of a virtual environment that has the peers; install them if need be."""
    python = folder / "bin" / "python"
    stamp = folder / "installed"
    wanted = f"{sys.version} {' '.join(PEERS)}"
    if not stamp.exists() or stamp.read_text() != wanted:
        if folder.exists() and any(folder.iterdir()) and not (folder / "pyvenv.cfg").exists():
            sys.exit(f"{folder} holds something else than a virtual environment: left as it is")
        print(f"Installing {', '.join(PEERS)} into {folder} ...", file=sys.stderr)
        venv.create(folder, clear=True, with_pip=True)
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        if subprocess.run([*pip, *PEERS], check=False).returncode:
            sys.exit("a peer cannot be installed, so there is nothing to compare with")
        stamp.write_text(wanted)
    return python


def run(names: Sequence[str], options: argparse.Namespace) -> None:
    """Run everything by the entrants of these names, and print what they reached."""
    from crdt_race.table import line, table

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    figures = []
    for figure in _figures([entrant(name) for name in names], options):
        print(line(figure), flush=True)
        figures.append(figure)
    if not figures:
        sys.exit(f"no line of the table contains {options.only!r}")
    print()
    print("\n".join(table(figures, names)))


def _figures(entrants: Sequence[object], options: argparse.Namespace) -> Iterator[object]:
    from crdt_race import measure
    from crdt_race.works import MEMORY, PAYLOAD, TAIL_US, works

    count, rounds = options.count, options.rounds
    for work in works(count):
        if options.only in work.title:
            yield from measure.race(work, entrants, rounds)
    if options.only in TAIL_US.title:
        yield from measure.tails(entrants, count, rounds)
    if options.only in PAYLOAD.title:
        yield from measure.payloads(entrants, count)
    if options.only in MEMORY.title:
        yield from measure.memories(entrants, count, Path(__file__))


if __name__ == "__main__":
    main(sys.argv[1:])
