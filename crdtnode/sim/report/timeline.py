"""The picture of a run over time: faults, divergence and traffic on one axis.

Rule of this file: one function for each panel; all share the axis of `_Axis`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import log1p
from typing import Final

from crdtnode.sim.report.figures import Figures
from crdtnode.sim.report.picture import (
    GRID,
    INK,
    MUTED,
    Path,
    Picture,
    Rect,
    Shape,
    Text,
    seconds,
    short,
    ticks,
)
from crdtnode.sim.report.spans import NETWORK, Span

WIDTH: Final = 1000
LEFT: Final = 118
RIGHT: Final = 24
ROW: Final = 16
GAP: Final = 34
PANEL: Final = 96
KEY: Final = 24
ROWS_MOST: Final = 14
BANDS_MOST: Final = 40
BANDS_HEIGHT: Final = 160

COLOURS: Final = {
    "cut": "#c8414f",
    "one-way cut": "#e07b83",
    "held": "#b8860b",
    "bad link": "#e0a458",
    "down": "#59626c",
    "left": "#9aa3ad",
    "paused": "#d98c2b",
    "slow": "#e6b95c",
    "disk": "#8a5a9e",
    "clock": "#2a8a99",
    "event": "#1f2933",
}
ROOTS: Final = "#2f6fb3"
TRAFFIC: Final = "#2b8a63"
HEALED: Final = "#2b8a63"
_HEAT: Final = ("#fdecc8", "#f8c77e", "#ef9a4d", "#dd6531", "#b3351f", "#7c1512")
_UNHEATED: Final = "#eef3f0"
_AWAY: Final = "#c3c9cf"


@dataclass(frozen=True, slots=True)
class _Axis:
    end: float

    def x(self, at: float) -> float:
        """Where a time stands."""
        return LEFT + (WIDTH - LEFT - RIGHT) * min(1.0, max(0.0, at / self.end))


def timeline(figures: Figures, *, key: bool = False) -> Picture:
    """Draw all panels of a run.

    Args:
        figures: Of the run.
        key: Whether the picture itself says what its colours mean; a page says it beside.
    """
    axis = _Axis(max(figures.samples[-1].at, 0.001))
    rows = _rows(figures)
    bands = _bands(figures)
    tall = max(5.0, min(ROW, BANDS_HEIGHT / len(bands)))
    heights = (len(rows) * ROW, PANEL, len(bands) * tall, PANEL)
    height = int(sum(heights) + GAP * len(heights) + 38 + KEY * key)
    picture = Picture(WIDTH, height, label="Faults, divergence and traffic over time")
    tops, y = [], GAP + 2.0
    for panel in heights:
        tops.append(y)
        y += panel + GAP
    bottom = tops[-1] + heights[-1]
    picture.add(*_grid(axis, tops[0], bottom), *_heals(figures, axis, tops[0], bottom))
    picture.add(*_faults(rows, axis, tops[0]))
    roots = [(sample.at, float(sample.roots)) for sample in figures.samples]
    least = min(1.0, *(count for _, count in roots))  # 0 while all are down
    picture.add(*_steps("Different states", roots, axis, tops[1], ROOTS, least))
    picture.add(*_heat(figures, bands, axis, tops[2], tall))
    picture.add(*_steps("Bytes/s, all nodes", _rates(figures), axis, tops[3], TRAFFIC))
    if key:
        picture.add(*_key(figures, bottom + 30))
    return picture


def _grid(axis: _Axis, top: float, bottom: float) -> Iterator[Shape]:
    for at in ticks(0.0, axis.end, 10):
        yield Path([(axis.x(at), top), (axis.x(at), bottom)], GRID)
        yield Text(axis.x(at), bottom + 18, seconds(at), 11, "middle", MUTED)


def _heals(figures: Figures, axis: _Axis, top: float, bottom: float) -> Iterator[Shape]:
    behind = [0.0, 0.0]
    """Where the last label ends, on each of two lines."""
    for healing in figures.healings:
        x = axis.x(healing.at)
        yield Path([(x, top), (x, bottom)], HEALED, 1.2, dashed=True)
        text = "heal" if healing.after_s is None else f"heal +{seconds(healing.after_s)}"
        width = 6.2 * len(text)
        start = min(x + 3, WIDTH - width)
        line = next((n for n in (0, 1) if start > behind[n]), None)
        if line is not None:  # where heals crowd, not all have a label
            behind[line] = start + width + 4
            yield Text(start, top - 4 - 12 * line, text, 10, "start", HEALED)


def _key(figures: Figures, top: float) -> Iterator[Shape]:
    x = float(LEFT)
    for kind in dict.fromkeys(span.kind for span in figures.spans):
        yield Rect(x, top, 11, 11, COLOURS[kind])
        yield Text(x + 15, top + 10, kind, 10, "start", MUTED)
        x += 34 + 6 * len(kind)


def _heading(text: str, top: float) -> Text:
    return Text(8, top - 8, text, 12, bold=True)


# Faults


def _rows(figures: Figures) -> list[tuple[str, list[Span]]]:
    """Rows with something in them: the network, then nodes in their order, then all others."""
    by_row: dict[str, list[Span]] = {NETWORK: []}
    for node in figures.result.plan.nodes:
        by_row[node] = []
    for span in figures.spans:
        by_row[span.row].append(span)
    rows = [(row, spans) for row, spans in by_row.items() if spans]
    if len(rows) > ROWS_MOST:
        rest = [span for _, spans in rows[ROWS_MOST - 1 :] for span in spans]
        rows = [*rows[: ROWS_MOST - 1], (f"{len(rows) - ROWS_MOST + 1} more", rest)]
    return rows or [(NETWORK, [])]


def _faults(rows: Sequence[tuple[str, list[Span]]], axis: _Axis, top: float) -> Iterator[Shape]:
    yield _heading("Faults", top)
    for number, (row, spans) in enumerate(rows):
        y = top + number * ROW
        yield Text(LEFT - 8, y + 12, row, 11, "end", INK if row == NETWORK else MUTED)
        for span in spans:
            x, end = axis.x(span.start), axis.x(span.end)
            width = max(end - x, 2.5)
            yield Rect(x, y + 2, width, ROW - 4, COLOURS[span.kind], span.text)
            if width > 8 * len(span.kind):
                yield Text(x + 5, y + 12, span.kind, 10, "start", "#ffffff")


# Lines


def _rates(figures: Figures) -> list[tuple[float, float]]:
    """Bytes per second between samples, over at least a hundredth of the run."""
    kept = [figures.samples[0]]
    least = figures.samples[-1].at / 100
    for sample in figures.samples[1:]:
        if sample.at - kept[-1].at >= least:
            kept.append(sample)
    return [(a.at, (b.bytes - a.bytes) / (b.at - a.at)) for a, b in pairwise(kept) if b.at > a.at]


def _steps(
    heading: str,
    values: Sequence[tuple[float, float]],
    axis: _Axis,
    top: float,
    colour: str,
    least: float = 0.0,
) -> Iterator[Shape]:
    yield _heading(heading, top)
    most = max([value for _, value in values] + [least + 1])
    marks = [mark for mark in ticks(least, most, 4) if mark == int(mark)]

    def y(value: float) -> float:
        return top + PANEL * (1 - (value - least) / (most - least))

    for mark in marks:
        yield Path([(LEFT, y(mark)), (WIDTH - RIGHT, y(mark))], GRID)
        yield Text(LEFT - 8, y(mark) + 4, short(mark), 11, "end", MUTED)
    points: list[tuple[float, float]] = []
    for at, value in values:
        if points:
            points.append((axis.x(at), points[-1][1]))
        points.append((axis.x(at), y(value)))
    if points:
        points.append((axis.x(axis.end), points[-1][1]))
        yield Path(points, colour, 1.8)


# Who lacks what


def _bands(figures: Figures) -> list[tuple[str, list[int | None]]]:
    """A row of missing updates for each node; with many nodes, the worst of several in a row."""
    nodes = figures.result.plan.nodes
    size = -(-len(nodes) // BANDS_MOST)
    bands = []
    for first in range(0, len(nodes), size):
        group = range(first, min(first + size, len(nodes)))
        worst = [
            max((m for p in group if (m := sample.missing[p]) is not None), default=None)
            for sample in figures.samples
        ]
        last = nodes[group[-1]]
        bands.append((nodes[first] if size == 1 else f"{nodes[first]}-{last}", worst))
    return bands


def _heat(
    figures: Figures,
    bands: Sequence[tuple[str, list[int | None]]],
    axis: _Axis,
    top: float,
    tall: float,
) -> Iterator[Shape]:
    most = max((count or 0 for _, band in bands for count in band), default=0)
    yield _heading("Missing updates", top)
    yield from _legend(most, top)
    times = [sample.at for sample in figures.samples]
    labelled = max(1, round(14 / tall))
    for number, (name, band) in enumerate(bands):
        y = top + number * tall
        if number % labelled == 0:
            yield Text(LEFT - 8, y + min(tall, 12), name, 10, "end", MUTED)
        for start, end, count in _runs(band):
            x = axis.x(times[start] if start else 0.0)
            width = axis.x(times[end] if end < len(times) else axis.end) - x
            if width > 0:
                says = "down" if count is None else f"lacks {count} updates"
                title = f"{name} {says} at {times[start]:.2f} s"
                yield Rect(x, y, width, tall - (1 if tall > 6 else 0), _heat_of(count, most), title)


def _legend(most: int, top: float) -> Iterator[Shape]:
    entries = [("none", _UNHEATED), ("down", _AWAY)]
    if most:
        entries += [("1", _heat_of(1, most))] * (most > 1) + [(short(most), _heat_of(most, most))]
    x = LEFT + 40.0
    for text, colour in entries:
        yield Rect(x, top - 17, 11, 11, colour)
        yield Text(x + 15, top - 8, text, 10, "start", MUTED)
        x += 30 + 6 * len(text)


def _heat_of(count: int | None, most: int) -> str:
    if count is None:
        return _AWAY
    if not count:
        return _UNHEATED
    place = log1p(count) / log1p(most) * (len(_HEAT) - 1)
    return _HEAT[min(len(_HEAT) - 1, round(place))]


def _runs(band: Sequence[int | None]) -> Iterator[tuple[int, int, int | None]]:
    """Stretches of equal values: (first, behind the last, value)."""
    start = 0
    for place in range(1, len(band) + 1):
        if place == len(band) or band[place] != band[start]:
            yield start, place, band[start]
            start = place
