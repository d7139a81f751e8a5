"""Numbers with their unit, as people write them: ``"5ms"``, ``"10%"``, ``"2MB/s"``.

Rule of this file: the name of a field says which units it may have; a bare number needs none.
"""

import re
from typing import Final

from crdtnode.sim.link import PlanError

SECONDS: Final = {
    "us": 1e-6,
    "ms": 1e-3,
    "s": 1.0,
    "min": 60.0,
    "h": 3600.0,
    "d": 86400.0,
}
SHARES: Final = {"%": 0.01}
BYTES_PER_SECOND: Final = {"B/s": 1.0, "kB/s": 1e3, "MB/s": 1e6, "GB/s": 1e9}
RATES: Final = {"/s": 1.0, "/min": 1 / 60, "/h": 1 / 3600}

_TIMES: Final = ("at", "duration", "bound", "down", "up", "gap", "per_call", "by", "until")
UNITS: Final[dict[str, dict[str, float]]] = {
    **dict.fromkeys((*_TIMES, "converged_within"), SECONDS),
    **dict.fromkeys(("loss", "duplicate", "reorder", "corrupt"), SHARES),
    **dict.fromkeys(("bandwidth", "bytes_per_node_second"), BYTES_PER_SECOND),
    "rate": RATES,
}
"""Fields that take a unit, with the worth of each."""

_QUANTITY: Final = re.compile(r"(-?\d+(?:\.\d+)?)\s*(\S.*)?")


def quantity(field: str, text: str) -> float:
    """Read a number with its unit.

    Example:
        >>> quantity("at", "1.5min")
        90.0

    Raises:
        PlanError: The text is no number, or the field has no such unit.
    """
    units = UNITS.get(field)
    if units is None:
        raise PlanError(f"{field} is a number without a unit, not {text!r}")
    match = _QUANTITY.fullmatch(text.strip())
    if match is None:
        raise PlanError(f"{text!r} is no number with a unit, such as {_example(units)}")
    number, unit = match.groups()
    if unit is None:
        return float(number)
    if unit not in units:
        near = _nearest_unit(unit, units)
        raise PlanError(f"{unit!r} is no unit of {field}; did you mean {number}{near}?")
    value: float = float(number) * units[unit]
    return round(value, 9)


def _nearest_unit(word: str, units: dict[str, float]) -> str:
    """The unit that begins like a word, whatever its case; else the first of them."""
    lower = word.lower()
    longest = sorted(units, key=len, reverse=True)
    fits = (u for u in longest if lower.startswith(u.lower()) or u.lower().startswith(lower))
    return next(fits, next(iter(units)))


def _example(units: dict[str, float]) -> str:
    return " or ".join(repr(f"5{unit}") for unit in units)
