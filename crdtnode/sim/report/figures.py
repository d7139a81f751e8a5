"""The figures of a run, as one JSON-friendly document.

Rule of this file: numbers only; how they look is decided elsewhere. Percentiles are those of the
values that there are: the nearest rank, no interpolation.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from math import ceil
from typing import Any, Final

from crdtnode.sim.report.spans import Span, spans_of
from crdtnode.sim.result import Result
from crdtnode.sim.samples import Healing, Sample, Watched

FORMAT: Final = "crdtnode report"
VERSION: Final = 1

PERCENTILES: Final = (50, 90, 99, 100)


def percentiles(values: Sequence[float]) -> dict[str, float]:
    """The nearest-rank percentiles of some values; empty where there are none.

    Example:
        >>> percentiles([3.0, 1.0, 2.0])
        {'p50': 2.0, 'p90': 3.0, 'p99': 3.0, 'max': 3.0}
    """
    ranked = sorted(values)
    if not ranked:
        return {}
    found = {p: ranked[max(0, ceil(p / 100 * len(ranked)) - 1)] for p in PERCENTILES}
    return {"max" if p == 100 else f"p{p}": value for p, value in found.items()}


@dataclass(frozen=True, slots=True)
class Seeds:
    """How other seeds of the same plan, or recipe, came out."""

    seeds: int
    verdicts: dict[str, int]
    converged: tuple[float, ...]
    """Seconds from a heal until all were equal, of all heals of all seeds."""
    never: int = 0
    """Heals after which they never were, before the next fault or the end."""

    def to_json(self) -> dict[str, Any]:
        """As a document."""
        return {
            "seeds": self.seeds,
            "verdicts": self.verdicts,
            "heals": len(self.converged) + self.never,
            "never": self.never,
            "converged_after_s": percentiles(self.converged),
        }


@dataclass(frozen=True, slots=True)
class Figures:
    """A run in numbers."""

    result: Result
    samples: tuple[Sample, ...]
    spans: tuple[Span, ...]
    healings: tuple[Healing, ...]
    delays: tuple[float, ...]
    """Seconds from a write until another node had it; sorted."""
    seeds: Seeds | None = None
    limits: tuple[str, ...] = ()
    """What is not known, or not exactly, and why."""

    @classmethod
    def of(cls, result: Result, watched: Watched, seeds: Seeds | None = None) -> "Figures":
        """Count what was watched."""
        return cls(
            result=result,
            samples=tuple(watched.samples),
            spans=tuple(spans_of(result.plan)),
            healings=tuple(sorted(watched.healings, key=lambda healing: healing.at)),
            delays=tuple(sorted(watched.delays)),
            seeds=seeds,
            limits=tuple(watched.limits),
        )

    @property
    def cost(self) -> dict[str, float]:
        """What it took, by update and by node and second; nothing is there where nobody wrote."""
        counts, seconds = self.result.counts, self.result.simulated_s * len(self.result.plan.nodes)
        cost = {
            "bytes_per_node_second": counts["bytes"] / seconds,
            "messages_per_node_second": counts["messages"] / seconds,
        }
        if counts["updates"]:
            cost["bytes_per_update"] = counts["bytes"] / counts["updates"]
            cost["messages_per_update"] = counts["messages"] / counts["updates"]
            cost["bytes_per_update_and_node"] = cost["bytes_per_update"] / len(
                self.result.plan.nodes
            )
        return {name: round(value, 3) for name, value in cost.items()}

    def to_json(self) -> dict[str, Any]:
        """The document ``report.json``."""
        plan = self.result.plan
        return {
            "format": FORMAT,
            "version": VERSION,
            **self.result.to_json(),
            "explanation": self.result.explain(),
            "limits": list(self.limits),
            "cost": self.cost,
            "propagation_s": percentiles(self.delays),
            "heals": [asdict(healing) for healing in self.healings],
            "over_seeds": None if self.seeds is None else self.seeds.to_json(),
            "faults": [asdict(span) for span in self.spans],
            "samples": {
                "at": [sample.at for sample in self.samples],
                "roots": [sample.roots for sample in self.samples],
                "messages": [sample.messages for sample in self.samples],
                "bytes": [sample.bytes for sample in self.samples],
                "missing": {
                    node: [sample.missing[place] for sample in self.samples]
                    for place, node in enumerate(plan.nodes)
                },
            },
            "plan": plan.to_json(),
        }


def lacking(samples: Iterable[Sample]) -> list[tuple[int, int]]:
    """Of each sample, how many updates the worst node lacks, and all nodes together."""
    found = []
    for sample in samples:
        missing = [count for count in sample.missing if count is not None]
        found.append((max(missing, default=0), sum(missing)))
    return found
