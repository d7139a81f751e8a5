"""A run drawn with characters, for terminals and logs.

Rule of this file: plain ASCII; one column is a stretch of time, and shows the worst of it.
"""

from typing import Final

from crdtnode.sim.report.figures import Figures, lacking, percentiles
from crdtnode.sim.report.heals import heals_in_words
from crdtnode.sim.report.picture import seconds, short
from crdtnode.sim.report.spans import NETWORK

WIDTH: Final = 72
HEIGHT: Final = 6
LABEL: Final = 14
ROWS_MOST: Final = 10

_SIGNS: Final = {
    "cut": "=",
    "one-way cut": "-",
    "held": "h",
    "bad link": "~",
    "down": "x",
    "left": ".",
    "paused": "p",
    "slow": "s",
    "disk": "d",
    "clock": "c",
    "event": "!",
}


def drawn(figures: Figures) -> str:
    """Draw faults, divergence and what is missing, one above the other."""
    end = max(figures.samples[-1].at, 0.001)
    roots = [(sample.at, sample.roots) for sample in figures.samples]
    worst = lacking(figures.samples)
    missing = [(s.at, most) for s, (most, _) in zip(figures.samples, worst, strict=True)]
    lines = [*_faults(figures, end), *_chart("states", roots, end, 1)]
    lines += [*_chart("missing", missing, end, 0), _axis(end), *_summary(figures)]
    return "\n".join(line.rstrip() for line in lines)


def _column(at: float, end: float) -> int:
    return min(WIDTH - 1, int(at / end * WIDTH))


def _faults(figures: Figures, end: float) -> list[str]:
    rows: dict[str, list[str]] = {}
    used = {}
    for span in figures.spans:
        row = span.row if span.row in rows or len(rows) < ROWS_MOST else "other nodes"
        cells = rows.setdefault(row, [" "] * WIDTH)
        sign = used[span.kind] = _SIGNS[span.kind]
        for column in range(_column(span.start, end), _column(span.end, end) + 1):
            cells[column] = sign
    for healing in figures.healings:
        rows.setdefault(NETWORK, [" "] * WIDTH)[_column(healing.at, end)] = "|"
    lines = [f"{row[: LABEL - 2]:>{LABEL - 2}} [{''.join(cells)}]" for row, cells in rows.items()]
    words = [f"{sign} {kind}" for kind, sign in used.items()]
    return [*lines, " " * LABEL + "   ".join([*words, "| heal"])]


def _chart(name: str, values: list[tuple[float, int]], end: float, least: int) -> list[str]:
    worst = [least] * WIDTH
    for at, value in values:
        column = _column(at, end)
        worst[column] = max(worst[column], value)
    most = max(worst)
    if most == least:
        return [f"{name:>{LABEL - 2}} [{str(least) + ' throughout':<{WIDTH}}]"]
    tall = min(HEIGHT, most - least)
    lines = []
    for level in range(tall, 0, -1):
        bound = least + (most - least) * (level - 0.5) / tall
        label = name if level == (tall + 1) // 2 else ""
        mark = short(most) if level == tall else ""
        cells = "".join("#" if value >= bound else " " for value in worst)
        lines.append(f"{label:>8} {mark:>{LABEL - 11}} [{cells}]")
    return lines


def _axis(end: float) -> str:
    middle = seconds(end / 2)
    half = WIDTH // 2
    return " " * LABEL + f"0{middle:>{half}}{seconds(end):>{half - 1}}"


def _summary(figures: Figures) -> list[str]:
    lines = list(figures.limits)
    if found := percentiles(figures.delays):
        delays = ", ".join(f"{name} {seconds(value)}" for name, value in found.items())
        lines.append(f"an update reaches a node within: {delays}")
    lines += [f"healed at {at}, all equal after: {wait}" for at, wait in heals_in_words(figures)]
    if "bytes_per_update" in (cost := figures.cost):
        lines.append(
            f"an update costs {short(cost['bytes_per_update'])}B in "
            f"{short(cost['messages_per_update'])} messages on all links together"
        )
    return lines
