"""Looks at real nodes while their run goes on.

Rule of this file: it asks and does not wait; who is slow to answer, stopped or down has said nothing
of that moment. What was held is worked out when the run is over.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
import time
from typing import Any

from crdt import StateCRDT
from crdt.catalogue import type_of
from crdtnode.sim.faults import Fault, Heal
from crdtnode.sim.plan import Plan
from crdtnode.sim.real.machine import Machine
from crdtnode.sim.real.switch import Switch
from crdtnode.sim.result import Result
from crdtnode.sim.samples import Healing, Sample
from crdtnode.sim.shadow import Key, Ledger

LOOKS = 200
"""Looks in one run, about."""

GAP_LEAST = 0.1
"""Seconds between two looks, at least: each costs every node an answer."""

LATE = 0.5
"""Seconds after which an answer says nothing of the moment at which it was asked for."""


@dataclass(slots=True)
class _Look:
    at: float
    asked: float
    up: frozenset[str]
    messages: int
    bytes: int
    roots: dict[str, str] = field(default_factory=dict)


class Lookout:
    """Asks all nodes for what they hold, now and then.

    Attributes:
        due: Seconds since the start at which the next look is due.
        samples: As of `crdtnode.sim.samples.Watched`, like the rest; there once the run is over.
    """

    def __init__(self, plan: Plan) -> None:
        self.samples: list[Sample] = []
        self.delays: list[float] = []
        self.healings: list[Healing] = []
        self.history: list[dict[str, Any]] = []
        self.due = 0.0
        self._plan = plan
        self._gap = max(GAP_LEAST, plan.duration / LOOKS)
        self._looks: list[_Look] = []
        self._states: dict[str, dict[Key, StateCRDT]] = {}
        """What a root stands for."""
        self._faults: list[Fault] = []
        self.limits: Sequence[str] = (
            "Delays of single updates are not known: nobody looks into a real process at the "
            "moment of an arrival.",
            f"States are those of looks, {self._gap:g} s apart; so are the times after heals, but "
            "for the last one. A node that did not answer in time is shown as down.",
            "Messages and bytes are those of packets on the wire, headers and TCP included.",
        )

    def look(self, now: float, machines: Iterable[Machine], switch: Switch) -> None:
        """Ask everybody; answers come while the run goes on."""
        up = [machine for machine in machines if machine.up]
        names = frozenset(machine.name for machine in up)
        look = _Look(now, time.monotonic(), names, switch.carried, switch.carried_bytes)
        self._looks.append(look)
        for machine in up:
            order: dict[str, object] = {"do": "watch", "known": list(self._states)[-8:]}
            machine.tell(order, partial(self._answered, look, machine.name))
        self.due = now + self._gap

    def _answered(self, look: _Look, name: str, said: dict[str, Any]) -> None:
        if said["root"] is None:
            return
        if said["objects"] is not None:
            self._states[said["root"]] = {
                (tag, object_name): type_of(tag).from_payload(payload)
                for tag, object_name, payload in said["objects"]
            }
        if time.monotonic() - look.asked < LATE:
            look.roots[name] = said["root"]

    def did(self, now: float, fault: Fault) -> None:
        """A fault was done."""
        self._faults.append(fault)
        self.history.append({"at": now, "event": "fault", "fault": str(fault)})

    # When all is over

    def finish(self, ledger: Ledger, result: Result) -> None:
        """Work out what was seen."""
        for update in ledger.updates:
            tag, name = update.key
            said = {"type": tag, "name": name, "update": update.number}
            call = {"method": update.write.method, "args": list(update.write.args)}
            happening = {"at": update.moment / 1e9, "event": "write", "node": update.write.node}
            self.history.append({**happening, **said, **call})
        held = {root: _held(states, ledger) for root, states in self._states.items()}
        for look in self._looks:
            has = {name: held[root] for name, root in look.roots.items()}
            known = frozenset[int]().union(*has.values())
            missing = tuple(
                len(known - has[name]) if name in has else None for name in self._plan.nodes
            )
            roots = len(set(look.roots.values()))
            self.samples.append(Sample(look.at, roots, missing, look.messages, look.bytes))
        for place, fault in enumerate(self._faults):
            if isinstance(fault, Heal):
                later = (f.at for f in self._faults[place + 1 :] if not isinstance(f, Heal))
                self.healings.append(
                    Healing(fault.at, self._equal_after(fault.at, next(later, None)))
                )
        self.healings.append(Healing(self._plan.duration, result.converged_after_s))

    def _equal_after(self, heal: float, until: float | None) -> float | None:
        """Seconds until a look at which everybody answered alike, before the next fault."""
        for look in self._looks:
            if until is not None and look.at >= until:
                return None
            if (
                look.at > heal
                and len(look.roots) == len(look.up)
                and len(set(look.roots.values())) == 1
            ):
                return look.at - heal
        return None


def _held(states: dict[Key, StateCRDT], ledger: Ledger) -> frozenset[int]:
    """Which updates are in some states, by their places in the ledger."""
    return frozenset(
        place
        for place, update in enumerate(ledger.updates)
        if (state := states.get(update.key)) is not None and update.delta.compare(state)
    )
