"""How long packets are on their way: a distribution, and how people write it.

Rule of this file: a number between 0 and 1 comes in, seconds go out; chance is drawn elsewhere.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from math import exp, isfinite, log
import re
from statistics import NormalDist
from typing import Literal, Self

Shape = Literal["constant", "uniform", "exponential", "lognormal", "empirical"]

_UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0}
_NUMBER = r"(\d+(?:\.\d+)?)\s*(us|ms|s)?"
_RANGE = re.compile(rf"{_NUMBER}(?:\s*-\s*{_NUMBER})?")
_EXPONENTIAL = re.compile(rf"exp[: ]\s*{_NUMBER}")
_LOGNORMAL = re.compile(rf"lognormal[: ]\s*{_NUMBER}\s*-\s*{_NUMBER}")
_EMPIRICAL = re.compile(rf"measured[: ]\s*{_NUMBER}(?:\s*,\s*{_NUMBER})*")
_NORMAL = NormalDist()
_P99 = _NORMAL.inv_cdf(0.99)

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
    """The constant, or the shortest time; of a lognormal one the median."""
    most: float
    """The longest time; of an exponential one the mean, of a lognormal one the 99th percentile."""
    measured: tuple[float, ...] = ()
    """Of an empirical one: sorted times, evenly spread over all chances."""

    def __post_init__(self) -> None:
        if (self.shape == "empirical") is not bool(self.measured):
            raise ValueError(f"an empirical latency is a list of measured times, not {self!r}")
        if self.shape == "lognormal" and self.least <= 0:
            raise ValueError(f"the median of a lognormal latency is above 0, not {self.least!r}")
        if not (isfinite(self.most) and 0 <= self.least <= self.most):
            times = f"{self.least!r} s and {self.most!r} s"
            raise ValueError(f"latency must be 0 or more, the shorter time first, not {times}")

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
    def lognormal(cls, median: float, p99: float) -> Self:
        """Half of the packets take less than the median, one in a hundred more than ``p99``."""
        return cls("lognormal", median, p99)

    @classmethod
    def empirical(cls, measured: Iterable[float]) -> Self:
        """As somebody measured it: times in seconds, in any order; between two, the mean way."""
        times = tuple(sorted(measured))
        if not times:
            raise ValueError("an empirical latency is a list of measured times, not an empty one")
        return cls("empirical", times[0], times[-1], times)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a latency as people write it; the unit is us, ms or s.

        ``5ms`` is constant, ``1-20ms`` uniform, ``exp:10ms`` has that mean, ``lognormal:10ms-80ms``
        that median and 99th percentile, and ``measured:1ms,2ms,2ms,9ms`` is what was seen.

        Raises:
            ValueError: It is none of these; the message shows them.
        """
        text = text.strip()
        if match := _LOGNORMAL.fullmatch(text):
            median, median_unit, p99, p99_unit = match.groups()
            if unit := p99_unit:
                scale = _UNITS[median_unit or unit]
                return cls.lognormal(float(median) * scale, float(p99) * _UNITS[unit])
        elif _EMPIRICAL.fullmatch(text):
            times = re.findall(_NUMBER, text.partition("measured")[2])
            if all(unit for _, unit in times):
                return cls.empirical(float(number) * _UNITS[unit] for number, unit in times)
        elif match := _EXPONENTIAL.fullmatch(text):
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
        raise ValueError(
            f"{text!r} is no latency; write 5ms, 1-20ms, exp:10ms, lognormal:10ms-80ms or "
            "measured:1ms,2ms,9ms"
        )

    def sample(self, chance: float) -> float:
        """Seconds on the way, for a number drawn uniformly from 0 <= ``chance`` < 1."""
        match self.shape:
            case "uniform" | "constant":
                return self.least + (self.most - self.least) * chance
            case "exponential":
                return self.least - (self.most - self.least) * log(1.0 - chance)
            case "lognormal":
                spread = log(self.most / self.least) / _P99
                return self.least * exp(spread * _NORMAL.inv_cdf(max(chance, 1e-9)))
            case "empirical":
                place, rest = divmod(chance * (len(self.measured) - 1), 1.0)
                before = self.measured[int(place)]
                after = self.measured[min(int(place) + 1, len(self.measured) - 1)]
                return before + (after - before) * rest

    def __str__(self) -> str:
        least, most = _short(self.least), _short(self.most)
        match self.shape:
            case "constant":
                return least
            case "uniform":
                return f"{least}-{most}"
            case "exponential":
                return f"exp:{most}"
            case "lognormal":
                return f"lognormal:{least}-{most}"
            case "empirical":
                return f"measured:{','.join(map(_short, self.measured))}"


def _short(seconds: float) -> str:
    unit = "s" if seconds >= 1 else "ms" if seconds >= 1e-3 else "us"
    return f"{seconds / _UNITS[unit]:.15g}{unit}"
