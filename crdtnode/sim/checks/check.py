"""The shape of a check.

Rule of this file: a check never changes what it looks at.
"""

from typing import TYPE_CHECKING, ClassVar

from crdt import StateCRDT
from crdtnode.protocol.effects import Effect
from crdtnode.sim.faults import Fault
from crdtnode.sim.result import Finding, Verdict
from crdtnode.sim.shadow import Key, Update, numbers

if TYPE_CHECKING:
    from crdtnode.sim.host import Host
    from crdtnode.sim.world import World


class Check:
    """One promise, watched over one run. Subclasses override what they listen to."""

    name: ClassVar[str]
    """Short, with dashes; the key in JSON."""
    sentence: ClassVar[str]
    """What must hold, as a sentence."""
    watches_states: ClassVar[bool] = False
    """True where `reached` is wanted: it is called often."""

    def __init__(self) -> None:
        self._violation = ""
        self._verdict = Verdict.UNKNOWN

    def finding(self) -> Finding:
        """What was found so far."""
        return Finding(self.name, self.sentence, self._verdict, self._violation)

    def violate(self, violation: str) -> None:
        """Note a violation; only the first one counts."""
        if self._verdict is not Verdict.VIOLATED:
            self._verdict, self._violation = Verdict.VIOLATED, violation

    def add(self, text: str) -> None:
        """Say more of the violation, now that more is known."""
        self._violation += f"\n{text}"

    def holds(self) -> None:
        """Say that all was looked at; without a violation the promise holds."""
        if self._verdict is Verdict.UNKNOWN:
            self._verdict = Verdict.HOLDS

    # What happens in a run

    def reached(self, node: str, key: Key, shadow: int, state: StateCRDT) -> None:
        """An object on a node has joined the updates in ``shadow`` and is in this state."""

    def wrote(self, world: "World", host: "Host", update: "Update") -> None:
        """A write was accepted by a process."""

    def damaged(self, world: "World", host: "Host", data: bytes, used: str) -> None:
        """A damaged datagram arrived; ``used`` says what came of it, if anything."""

    def asked(self, world: "World", host: "Host", ticket: int) -> None:
        """A node was asked to tell, under this ticket, when others hold what was written on it."""

    def told(self, world: "World", host: "Host", effect: Effect) -> None:
        """A node told its owner something."""

    def fault(self, world: "World", fault: Fault) -> None:
        """A fault was just done; the heal and the restarts at the end are told as well."""

    def ended(self, world: "World", converged: float | None) -> None:
        """The run is over; ``converged`` is None where not all nodes came to hold the same."""
        self.holds()


def shown(state: StateCRDT | None) -> str:
    """A state as text, cut to what fits into a few lines."""
    if state is None:
        return "absent"
    text = repr(state.payload)
    return text if len(text) <= 400 else f"{text[:400]}... ({len(text)} characters)"


LISTED_MOST = 8
"""Updates that are told one by one."""


def told(update: Update) -> str:
    """An update, and what its writer had seen of the object before: its causal past."""
    past = numbers(update.past)
    return f"{update}, {f'having seen {past}' if past else 'having seen nothing'}"


def listed(world: "World", key: Key, shadow: int) -> str:
    """The updates in a shadow, each with its past, a line each; of many the last ones."""
    updates = [u for u in world.ledger.tale(key).updates if u.bit & shadow]
    lines = [f"  {told(update)}" for update in updates[-LISTED_MOST:]]
    more = len(updates) - len(lines)
    return "\n".join([f"  {more} earlier ones"] * (more > 0) + lines)


def on_each(states: dict[str, StateCRDT]) -> str:
    """States as text, each with the nodes that hold it."""
    nodes: dict[str, list[str]] = {}
    for node, state in states.items():
        nodes.setdefault(shown(state), []).append(node)
    return "\n".join(f"on {', '.join(names)}: {text}" for text, names in nodes.items())
