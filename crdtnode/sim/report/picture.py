"""Pictures as lists of shapes, so that a page and an image file show the same.

Rule of this file: sizes in pixels, the origin at the top left, colours as ``#rrggbb``; nothing here
knows what is drawn, or how it gets onto a screen.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import ceil, floor, log10
from typing import Final, Literal

INK: Final = "#1f2933"
MUTED: Final = "#66727f"
GRID: Final = "#e3e7eb"
PAPER: Final = "#ffffff"

Anchor = Literal["start", "middle", "end"]


@dataclass(frozen=True, slots=True)
class Rect:
    """A filled rectangle."""

    x: float
    y: float
    width: float
    height: float
    fill: str
    title: str = ""
    """Shown where a pointer rests."""


@dataclass(frozen=True, slots=True)
class Path:
    """A line through points."""

    points: Sequence[tuple[float, float]]
    stroke: str
    width: float = 1.0
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class Dot:
    """A filled circle."""

    x: float
    y: float
    radius: float
    fill: str
    title: str = ""


@dataclass(frozen=True, slots=True)
class Text:
    """One line of text; ``y`` is its base line."""

    x: float
    y: float
    text: str
    size: int = 12
    anchor: Anchor = "start"
    fill: str = INK
    bold: bool = False


Shape = Rect | Path | Dot | Text


@dataclass(slots=True)
class Picture:
    """Shapes in the order in which they are drawn."""

    width: int
    height: int
    shapes: list[Shape] = field(default_factory=list)
    label: str = ""
    """What it shows, for those who cannot see it."""

    def add(self, *shapes: Shape) -> None:
        """Draw on top."""
        self.shapes += shapes


def ticks(least: float, most: float, about: int = 6) -> list[float]:
    """Round numbers within a range, about so many.

    Example:
        >>> ticks(0, 61, 7)
        [0.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0]
    """
    span = most - least
    if span <= 0:
        return [least]
    rough = span / about
    power = 10.0 ** floor(log10(rough))
    step = next((m * power for m in (1, 2, 5) if m * power >= rough), 10 * power)
    first = ceil(least / step - 1e-9)
    found = []
    while first * step <= most + step * 1e-9:
        found.append(round(first * step, 12))
        first += 1
    return found


def short(value: float) -> str:
    """A number in few characters.

    Example:
        >>> [short(v) for v in (0.25, 7, 1500, 2_000_000)]
        ['0.25', '7', '1.5k', '2M']
    """
    for unit, size in (("M", 1e6), ("k", 1e3)):
        if abs(value) >= size:
            return f"{value / size:.3g}{unit}"
    return f"{value:.3g}"


def seconds(value: float) -> str:
    """A duration in few characters.

    Example:
        >>> [seconds(v) for v in (0, 2e-9, 0.00025, 0.02, 1.5, 90, 7200)]
        ['0 s', '<0.1 ms', '0.25 ms', '20 ms', '1.5 s', '1.5 min', '2 h']
    """
    if value >= 3600:
        return f"{value / 3600:.3g} h"
    if value >= 60:
        return f"{value / 60:.3g} min"
    if value == 0 or value >= 1:
        return f"{value:.3g} s"
    return f"{value * 1000:.3g} ms" if value >= 0.0001 else "<0.1 ms"
