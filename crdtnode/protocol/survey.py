"""Asks every live member for its root at once: what ``status`` and ``converged`` rest on.

A member that is silent for `roots_timeout` counts as no answer.
"""

from dataclasses import field

from crdtnode.config import Settings
from crdtnode.protocol.effects import Roots
from crdtnode.protocol.members import Member
from crdtnode.values import struct


@struct
class _Question:
    ticket: int
    until: float
    waiting: set[bytes]
    equal: dict[str, bool | None] = field(default_factory=dict)


class Survey:
    """Questions under way."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.questions: list[_Question] = []
        """Those that are open."""
        self._last = 0

    def ask(self, members: list[Member], now: float) -> int:
        """A question to these members; whoever calls pings them. Gives its ticket."""
        self._last += 1
        question = _Question(
            self._last, now + self._settings.roots_timeout, {m.boot for m in members}
        )
        question.equal = {m.name: None for m in members}
        self.questions.append(question)
        return self._last

    def answered(self, member: Member, equal: bool | None) -> None:
        """A member told its root."""
        for question in self.questions:
            if member.boot in question.waiting:
                question.waiting.discard(member.boot)
                question.equal[member.name] = equal

    @property
    def deadline(self) -> float:
        """When the next question is over."""
        return min((q.until for q in self.questions), default=float("inf"))

    def wake(self, now: float) -> list[Roots]:
        """Questions that are over."""
        if not self.questions:
            return []
        over = [q for q in self.questions if not q.waiting or q.until <= now]
        self.questions = [q for q in self.questions if q not in over]
        return [Roots(q.ticket, dict(sorted(q.equal.items()))) for q in over]
