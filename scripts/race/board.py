"""The board: what each figure came to, its goal, and the table that people read at the end."""

from collections.abc import Mapping
from dataclasses import dataclass, field
import json

Values = Mapping[str, float | None]

GOALS: dict[str, tuple[str, str, float]] = {
    "cluster forms": ("s", "<=", 0.24),
    "visible on all p50": ("s", "<=", 0.005),
    "visible through HTTP and SSE p50": ("s", "<=", 0.03),
    "clean sustained rate": ("1/s", ">=", 2000),
    "there within 3 s of 2000/s, from one": ("share", ">=", 1.0),
    "there within 3 s of 2000/s, from all": ("share", ">=", 1.0),
    "written during a partition, arrived": ("share", ">=", 1.0),
    "heal to all updates everywhere": ("s", "<=", 1.5),
    "missed at 60 % loss after 3 s": ("share", "<=", 0.0),
    "killed process known by all, longest": ("s", "<=", 3.0),
    "vanished host known by all, longest": ("s", "<=", 4.0),
    "idle packets": ("1/s", "<=", 2.3),
    "idle bytes": ("B/s", "<=", 250),
    "idle processor": ("share", "<=", 0.002),
    "bytes per update in a stream": ("B", "<=", 200),
    "bytes per update alone": ("B", "<=", 400),
    "memory": ("MiB", "<=", 36),
    "memory of a daemon with API": ("MiB", "<=", 46),
    "leave": ("s", "<=", 0.3),
    "status of everybody": ("s", "<=", 0.1),
}
"""Unit, direction and goal of figures that have one; of ten members, where the number counts."""

LARGER: dict[str, dict[int, float]] = {
    "visible on all p50": {30: 0.015, 50: 0.025},
    "visible through HTTP and SSE p50": {30: 0.08, 50: 0.12},
    "cluster forms": {50: 0.88},
}
"""Goals of larger clusters."""

UNITS = {
    "idle wakes": "1/s",
    "p99 at that rate": "s",
    "missed at 60 % loss after 6 s": "share",
}
"""Units of figures without a goal that are not seconds."""


@dataclass
class Board:
    """Prints each figure as a JSON line as soon as it is there.

    Attributes:
        nodes: How many members each side has.
        met: Whether all goals were met so far.
    """

    nodes: int
    met: bool = True
    _rows: list[tuple[str, str, str, Values]] = field(default_factory=list)

    def show(self, figure: str, values: Values) -> None:
        """Print one figure of each side."""
        line: dict[str, object] = {"figure": figure, "nodes": self.nodes}
        line |= {side: None if v is None else round(v, 4) for side, v in values.items()}
        unit, said = UNITS.get(figure, "s"), ""
        if figure in GOALS:
            unit, direction, goal = GOALS[figure]
            goal = LARGER.get(figure, {}).get(self.nodes, goal)
            ours = values["ours"]
            met = ours is not None and (ours <= goal if direction == "<=" else ours >= goal)
            self.met = self.met and met
            said = f"{'≤' if direction == '<=' else '≥'} {_shown(goal, unit)}"
            line |= {"unit": unit, "goal": f"{direction} {goal:g}", "met": met}
        self._rows.append((figure, unit, said, values))
        print(json.dumps(line), flush=True)

    def table(self) -> str:
        """All figures as a Markdown table."""
        sides = list(max((values for *_, values in self._rows), key=len, default=()))
        lines = [f"| figure | {' | '.join(sides)} | goal |", f"|---|{'---|' * (len(sides) + 1)}"]
        for figure, unit, said, values in self._rows:
            cells = [_shown(values[s], unit) if s in values else "" for s in sides]
            lines.append(f"| {figure} | {' | '.join(cells)} | {said} |")
        return "\n".join(lines)


def _shown(value: float | None, unit: str) -> str:
    if value is None:
        return "-"
    if unit == "share":
        return f"{100 * value:.3g} %"
    if unit == "s" and value < 1:
        return f"{1000 * value:.3g} ms"
    unit = unit.removeprefix("1")
    return f"{value:,.0f} {unit}" if value >= 1000 else f"{value:.3g} {unit}"
