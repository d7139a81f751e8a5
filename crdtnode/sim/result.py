"""What a simulation found: a verdict per check, and how to see it again.

Rule of this file: plain data, JSON-friendly; the texts are for people who were not there.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from crdtnode.sim.plan import Plan

REFUSED_SHOWN = 20
"""Refused writes that stand in a document."""


class Verdict(StrEnum):
    """What is known of a promise after a run."""

    HOLDS = "holds"
    VIOLATED = "violated"
    UNKNOWN = "unknown"
    """The run ended before it could be told."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found."""

    check: str
    sentence: str
    """What the check demands."""
    verdict: Verdict
    violation: str = ""
    """The first violation, as text; empty where there is none."""


@dataclass(frozen=True, slots=True)
class Result:
    """The outcome of one run."""

    plan: Plan
    findings: tuple[Finding, ...]
    trace_hash: str
    """16 hex digits over every event that was delivered; equal hashes are equal runs."""
    converged_after_s: float | None
    """Seconds from the end of writes and faults until all held the same; None where never."""
    counts: dict[str, int] = field(default_factory=dict)
    """Sums over all nodes: updates, messages, bytes, events, joins that nobody could account for."""
    simulated_s: float = 0.0
    """Seconds that were simulated."""
    broken_off: str = ""
    """Why the run could not go on to its end; empty where it did."""
    refused: tuple[str, ...] = ()
    """Writes that their type refused, such as an increment by less than nothing: what it said."""

    @property
    def verdict(self) -> Verdict:
        """The worst of all findings, without violations that the plan expects."""
        expected = self.plan.expect.violated
        found = {f.verdict for f in self.findings if f.check not in expected}
        if expected:  # after a violation some checks cannot tell
            found.discard(Verdict.UNKNOWN)
        for verdict in (Verdict.VIOLATED, Verdict.UNKNOWN):
            if verdict in found:
                return verdict
        return Verdict.HOLDS

    @property
    def holds(self) -> bool:
        """True where every check holds."""
        return self.verdict is Verdict.HOLDS

    @property
    def violated(self) -> tuple[str, ...]:
        """Names of the checks that were violated."""
        return tuple(f.check for f in self.findings if f.verdict is Verdict.VIOLATED)

    def explain(self) -> str:
        """The verdict in words, the first violation of each check, and how to run it again."""
        plan = self.plan
        lines = [f"{self.verdict}: {counted(plan)}, {self.simulated_s:.1f} s, seed {plan.seed}"]
        if self.broken_off and not self.violated:
            lines.append(f"broken off: {self.broken_off}")
        for finding in self.findings:
            if finding.verdict is Verdict.VIOLATED:
                lines += [f"{finding.check} {finding.verdict}: {finding.sentence}"]
                lines += [f"    {line}" for line in finding.violation.splitlines()]
        return "\n".join([*lines, f"again with: {plan.replay()}"])

    def to_json(self) -> dict[str, object]:
        """One JSON-friendly document; the keys that stand first here stay for ever."""
        return {
            "verdict": str(self.verdict),
            "seed": self.plan.seed,
            "trace_hash": self.trace_hash,
            "converged_after_s": self.converged_after_s,
            "checks": {finding.check: str(finding.verdict) for finding in self.findings},
            "violations": {f.check: f.violation for f in self.findings if f.violation},
            "nodes": len(self.plan.nodes),
            "simulated_s": self.simulated_s,
            **self.counts,
            "refused": list(self.refused[:REFUSED_SHOWN]),
            "replay": self.plan.replay(),
        }


def counted(plan: Plan) -> str:
    """How many nodes a plan has, in words."""
    return f"{len(plan.nodes)} node{'s' * (len(plan.nodes) != 1)}"
