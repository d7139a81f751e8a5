"""How time and memory are taken.

Entrants take turns, in an order that shifts from round to round, so that a busy moment of the
machine meets all of them. Garbage is collected before every run, and not during any. A ratio is
that of two runs of one round; of the rounds the median counts, with the least and the greatest.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
import gc
import os
from pathlib import Path
from statistics import median
import subprocess
import sys
from time import perf_counter
from typing import Any

from crdt_race.works import MEMORY, PAYLOAD, TAIL_BYTES, TAIL_US, Prepared, Size, Work, names

TEN = 10
"""New elements, of five letters each, before each delta of the tail."""

IN_A_ROW = 40


@dataclass(frozen=True)
class Figure:
    """What one entrant reached in one work.

    Attributes:
        work: The line of the table.
        entrant: Who.
        value: Microseconds for one operation, or whatever the work's unit is.
        unit: Of the value.
        ratio: To the floor, where the work is timed against it.
        spread: The least and the greatest ratio (or value) of all rounds.
    """

    work: Work | Size
    entrant: str
    value: float
    unit: str
    ratio: float | None = None
    spread: tuple[float, float] | None = None


def timed(run: Prepared) -> float:
    """Return the seconds that ``run`` takes."""
    gc.collect()
    gc.disable()
    try:
        began = perf_counter()
        run()
        return perf_counter() - began
    finally:
        gc.enable()


def race(work: Work, entrants: Sequence[Any], rounds: int) -> Iterator[Figure]:
    """Run a work by all entrants that can do it; the first entrant is the floor."""
    runners = [entrant for entrant in entrants if hasattr(entrant, work.method)]
    took: dict[str, list[float]] = {entrant.name: [] for entrant in runners}
    prepared: dict[str, Prepared] = {}
    for turn in range(rounds):
        for entrant in _shifted(runners, turn):
            run = prepared.get(entrant.name) or getattr(entrant, work.method)(*work.material)
            if work.reads:
                prepared[entrant.name] = run
            took[entrant.name].append(timed(run) / getattr(entrant, "share", 1.0))
    floor = took[entrants[0].name]
    for name, seconds in took.items():
        ratios = [mine / lowest for mine, lowest in zip(seconds, floor, strict=True)]
        us = median(seconds) / work.per * 1e6
        yield Figure(work, name, us, "us", median(ratios), (min(ratios), max(ratios)))


def tails(entrants: Sequence[Any], count: int, rounds: int) -> Iterator[Figure]:
    """Tell of ten new elements in a set of ``count``, several times in a row: all is warm."""
    runners = {e.name: e.tail(names(count)) for e in entrants if hasattr(e, "tail")}
    took: dict[str, list[float]] = {name: [] for name in runners}
    sizes: dict[str, list[int]] = {name: [] for name in runners}
    for turn in range(rounds):
        for name in _shifted(list(runners), turn):
            add, sync = runners[name]
            gc.collect()
            gc.disable()
            for again in range(IN_A_ROW):
                first = (turn * IN_A_ROW + again) * TEN
                add([f"{first + i:05d}" for i in range(TEN)])
                began = perf_counter()
                sent = sync()
                took[name].append((perf_counter() - began) * 1e6)
                sizes[name].append(len(sent))
            gc.enable()
    for name, us in took.items():
        yield Figure(TAIL_US, name, median(us), "us", spread=(min(us), max(us)))
        yield Figure(TAIL_BYTES, name, median(sizes[name]), "B")


def payloads(entrants: Sequence[Any], count: int) -> Iterator[Figure]:
    """Tell how many bytes the state of a set takes, for each element."""
    for entrant in entrants:
        if hasattr(entrant, "payload_bytes"):
            yield Figure(PAYLOAD, entrant.name, entrant.payload_bytes(names(count)) / count, "B")


def memories(entrants: Sequence[Any], count: int, script: Path) -> Iterator[Figure]:
    """Tell how many bytes of memory a set takes, each in a process of its own."""
    for entrant in entrants:
        if hasattr(entrant, "held"):
            command = [
                sys.executable,
                str(script),
                "--resident",
                entrant.name,
                "--count",
                str(count),
            ]
            told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            yield Figure(MEMORY, entrant.name, int(told) / count, "B")


def resident(entrant: Any, count: int) -> int:
    """Return by how many bytes this process grows when ``entrant`` fills a set; Linux only."""
    entrant.held(f"w{i:08d}" for i in range(100))  # whatever is loaded at the first use
    gc.collect()
    before = _resident_bytes()
    held = entrant.held(f"e{i:08d}" for i in range(count))
    gc.collect()
    grown = _resident_bytes() - before
    del held
    return grown


def _resident_bytes() -> int:
    pages = Path("/proc/self/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGESIZE")


def _shifted(runners: list[Any], turn: int) -> list[Any]:
    shift = turn % len(runners)
    return runners[shift:] + runners[:shift]
