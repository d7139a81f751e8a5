"""The figures as JSON lines and as a table in Markdown."""

from __future__ import annotations

from collections.abc import Sequence
import json

from crdt_race.measure import Figure
from crdt_race.works import Size, Work

OURS = "crdt"
NOT_IN_THE_RACE = ("floor", "plain dict")


def line(figure: Figure) -> str:
    """Return a figure as one line of JSON."""
    told: dict[str, object] = {
        "figure": figure.work.title,
        "who": figure.entrant,
        "value": round(figure.value, 3),
        "unit": figure.unit,
    }
    if figure.ratio is not None:
        told["ratio"] = round(figure.ratio, 2)
    if figure.spread is not None:
        told["least"], told["greatest"] = (round(end, 2) for end in figure.spread)
    if figure.entrant == OURS:
        told["goal"] = goal(figure.work)
    return json.dumps(told)


def goal(work: Work | Size) -> str:
    """Return what we hold ourselves to, as the table says it; empty if nothing."""
    parts = [] if work.at_most is None else [f"≤ {work.at_most:g}"]
    if work.below_loro:
        parts.append("< loro")
    return ", ".join(parts)


def table(figures: Sequence[Figure], entrants: Sequence[str]) -> list[str]:
    """Return the lines of a table; in each, the best library stands in bold."""
    lines = [
        "| work | floor | " + " | ".join(entrants[1:]) + " | goal |",
        "|---" * (len(entrants) + 2) + "|",
    ]
    for work in {figure.work.title: figure.work for figure in figures}.values():
        row = {figure.entrant: figure for figure in figures if figure.work is work}
        best = min((_rank(row[name]) for name in entrants if _runs(name, row)), default=0.0)
        cells = [_cell(row.get(name), best, bold=_runs(name, row)) for name in entrants[1:]]
        floor = row.get(entrants[0])
        first = "" if floor is None else _amount(floor.value, floor.unit)
        lines.append(f"| {work.title} | {first} | " + " | ".join(cells) + f" | {goal(work)} |")
    return lines


def _runs(name: str, row: dict[str, Figure]) -> bool:
    return name in row and name not in NOT_IN_THE_RACE


def _rank(figure: Figure) -> float:
    return figure.value if _is_absolute(figure) else figure.ratio or 0.0


def _is_absolute(figure: Figure) -> bool:
    """Tell whether the table shows the value: a ratio to the floor says much where a goal is one."""
    return figure.ratio is None or figure.work.at_most is None


def _amount(value: float, unit: str) -> str:
    if unit == "us" and value >= 1000:
        value, unit = value / 1000, "ms"
    return f"{value:.0f} {unit}" if value >= 100 else f"{value:.3g} {unit}"


def _cell(figure: Figure | None, best: float, *, bold: bool) -> str:
    if figure is None:
        return ""
    if _is_absolute(figure):
        shown = _amount(figure.value, figure.unit)
    else:
        shown = f"{figure.ratio:.2f}" if figure.ratio < 100 else f"{figure.ratio:.0f}"
    return f"**{shown}**" if bold and _rank(figure) == best else shown
