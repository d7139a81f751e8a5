"""How long packets are on their way: a distribution, and how people write it.

Rule of this file: a number between 0 and 1 comes in, seconds go out; chance is drawn elsewhere.
"""

from dataclasses import dataclass
from math import isfinite, log
import re
from typing import Literal, Self

Shape = Literal["constant", "uniform", "exponential"]

_UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0}
_NUMBER = r"(\d+(?:\.\d+)?)\s*(us|ms|s)?"
_RANGE = re.compile(rf"{_NUMBER}(?:\s*-\s*{_NUMBER})?")
_EXPONENTIAL = re.compile(rf"exp[: ]\s*{_NUMBER}")

LEAST = 0.0001
"""Seconds that any packet takes; an exponential latency starts from it."""


@dataclass(frozen=True, slots=True)
class Latency:
    """A distribution of one-way times, in seconds.

    Example:
        >>> Latency.parse("2-8ms").sample(0.5)
        0.005
        >>> print(Latency.exponential(0.01))
        exp:10ms
    """

    shape: Shape
    least: float
    """The constant, or the shortest time."""
    most: float
    """The longest time; of an exponential one the mean."""

    def __post_init__(self) -> None:
        if not (isfinite(self.most) and 0 <= self.least <= self.most):
            raise ValueError(f"latency must be seconds, the shorter first, not {self!r}")

    @classmethod
    def constant(cls, seconds: float) -> Self:
        """Every packet takes this long; none overtakes another."""
        return cls("constant", seconds, seconds)

    @classmethod
    def uniform(cls, least: float, most: float) -> Self:
        """Every time between the two is as likely as any other."""
        return cls("uniform", least, most)

    @classmethod
    def exponential(cls, mean: float) -> Self:
        """Mostly short, now and then many times the mean: a network with queues."""
        return cls("exponential", min(LEAST, mean), mean)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``5ms``, ``1-20ms`` or ``exp:10ms``; the unit is us, ms or s.

        Raises:
            ValueError: It is none of these; the message shows them.
        """
        text = text.strip()
        if match := _EXPONENTIAL.fullmatch(text):
            number, unit = match.groups()
            if unit:
                return cls.exponential(float(number) * _UNITS[unit])
        elif match := _RANGE.fullmatch(text):
            first, first_unit, second, second_unit = match.groups()
            if second is None and first_unit:
                return cls.constant(float(first) * _UNITS[first_unit])
            if second_unit:
                scale = _UNITS[first_unit or second_unit]
                return cls.uniform(float(first) * scale, float(second) * _UNITS[second_unit])
        raise ValueError(f"{text!r} is no latency; write 5ms, 1-20ms or exp:10ms")

    def sample(self, chance: float) -> float:
        """Seconds on the way, for a number drawn uniformly from 0 <= ``chance`` < 1."""
        if self.shape == "exponential":
            return self.least - (self.most - self.least) * log(1.0 - chance)
        return self.least + (self.most - self.least) * chance

    def __str__(self) -> str:
        least, most = _short(self.least), _short(self.most)
        match self.shape:
            case "constant":
                return least
            case "uniform":
                return f"{least}-{most}"
            case "exponential":
                return f"exp:{most}"


def _short(seconds: float) -> str:
    unit = "s" if seconds >= 1 else "ms" if seconds >= 1e-3 else "us"
    return f"{seconds / _UNITS[unit]:.15g}{unit}"
