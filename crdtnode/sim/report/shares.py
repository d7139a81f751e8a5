"""Pictures of how long things took: the share that was done within each time.

Rule of this file: the axis of times is logarithmic, since delays span milliseconds to minutes.
"""

from collections.abc import Iterator, Sequence
from math import ceil, floor, log10
from typing import Final

from crdtnode.sim.report.picture import (
    GRID,
    MUTED,
    Anchor,
    Dot,
    Path,
    Picture,
    Shape,
    Text,
    seconds,
)

WIDTH: Final = 490
HEIGHT: Final = 230
LEFT: Final = 52
RIGHT: Final = 16
TOP: Final = 34
BOTTOM: Final = 34
LEAST: Final = 0.001
"""Seconds; what took less counts as much."""

DOTS_MOST: Final = 60


def shares(title: str, values: Sequence[float], colour: str) -> Picture:
    """Draw which share of some durations was over by when."""
    ranked = sorted(max(LEAST, value) for value in values)
    low = floor(log10(ranked[0])) if ranked else -3
    high = max(low + 1, ceil(log10(ranked[-1]))) if ranked else 0
    picture = Picture(WIDTH, HEIGHT, label=title)

    def x(value: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (log10(value) - low) / (high - low)

    picture.add(Text(8, 18, title, 12, bold=True))
    picture.add(*_grid(low, high))
    if not ranked:
        picture.add(Text(WIDTH / 2, HEIGHT / 2, "nothing to show", 12, "middle", MUTED))
        return picture
    points = [(x(ranked[0]), _y(0.0))]
    step = max(1, len(ranked) // 400)
    for place in [*range(0, len(ranked), step), len(ranked) - 1]:
        points.append((x(ranked[place]), points[-1][1]))
        points.append((x(ranked[place]), _y((place + 1) / len(ranked))))
    picture.add(Path(points, colour, 1.8))
    if len(ranked) <= DOTS_MOST:
        places = enumerate(ranked, 1)
        picture.add(*(Dot(x(v), _y(n / len(ranked)), 3, colour, seconds(v)) for n, v in places))
    return picture


def _y(share: float) -> float:
    return TOP + (HEIGHT - TOP - BOTTOM) * (1 - share)


def _grid(low: int, high: int) -> Iterator[Shape]:
    for percent in (0, 50, 90, 100):
        y = _y(percent / 100)
        yield Path([(LEFT, y), (WIDTH - RIGHT, y)], GRID)
        yield Text(LEFT - 6, y + 4, f"{percent}%", 10, "end", MUTED)
    for power in range(low, high + 1):
        x = LEFT + (WIDTH - LEFT - RIGHT) * (power - low) / (high - low)
        yield Path([(x, TOP), (x, HEIGHT - BOTTOM)], GRID)
        text = f"{10**power} s" if power > 0 else seconds(10.0**power)
        place: Anchor = "end" if power == high else "middle"
        yield Text(x + 4 * (power == high), HEIGHT - BOTTOM + 16, text, 10, place, MUTED)
