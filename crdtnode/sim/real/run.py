"""Runs a plan with real processes, in real time, and checks what they hold in the end.

Rule of this file: the clock of this machine decides when something happens; what it may do to nodes
and packets is the plan's, and the checks are those of the other engines.

*Theory of operation.* Writes and faults happen at their times. Then everything is healed, what
crashed starts again, and all nodes are asked for their roots until these are equal and stay so.
The shadow of a node holds what its own process has written: that much must be in the end state. A
write whose process has crashed may be there or not, as in the other engines.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
import itertools
from math import inf
import os
from pathlib import Path
import tempfile
import time
from typing import Any, Final, cast

from crdt import StateCRDT
from crdt.catalogue import type_of
from crdtnode.errors import CrdtNodeError
from crdtnode.sim.agenda import SECOND
from crdtnode.sim.checks import (
    Converged,
    CountersAddUp,
    ExpectationsComeTrue,
    NothingInvented,
    NothingLost,
    NothingRaised,
)
from crdtnode.sim.cuts import AtOnce, Cuts, Lasting
from crdtnode.sim.document import kind_of, value_written
from crdtnode.sim.events import Write
from crdtnode.sim.faults import (
    Crash,
    Fault,
    Flapping,
    Heal,
    Join,
    Leave,
    Pause,
    Restart,
    Resume,
    Swizzle,
)
from crdtnode.sim.link import PlanError
from crdtnode.sim.network import Links
from crdtnode.sim.plan import Plan
from crdtnode.sim.real.lookout import Lookout
from crdtnode.sim.real.machine import Machine
from crdtnode.sim.real.scene import Holding, MembersAgree, Scene, Seen
from crdtnode.sim.real.switch import Switch
from crdtnode.sim.real.wires import Wire, why_not
from crdtnode.sim.result import Result
from crdtnode.sim.shadow import Key, Ledger, Update
from crdtnode.sim.trace import Trace

READY = 30.0
"""Seconds that a process may take to start, on a busy machine."""

LISTED = ("alive", "suspect")
"""States in which a member is taken for present."""

CALM = 0.3
"""Seconds for which all roots must stay equal."""

_BETWEEN_LOOKS = 0.05

_runs = itertools.count()


class CannotRun(CrdtNodeError):
    """This machine does not allow real hosts; nothing was run. The message says what is missing."""


def run_for_real(
    plan: Plan,
    folder: Path | None = None,
    *,
    record: bool = False,
    lookout: Lookout | None = None,
) -> Result:
    """Run a plan with a process for each node; takes as long as the plan says.

    Args:
        plan: What happens; faults of clocks and disks, slow nodes and clones are refused.
        folder: Where the logs of the nodes go; by default they are removed.
        record: Keep the history in the result's trace.
        lookout: Who looks at the nodes meanwhile.

    Raises:
        CannotRun: The machine does not allow it.
        PlanError: The plan has a fault that no real host can be made to have.
    """
    reason = why_not()
    if reason is not None:
        raise CannotRun(reason)
    for number, fault in enumerate(plan.faults):
        _refuse(f"faults[{number}]", fault)
    with ExitStack() as stack:
        if folder is None:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        stage = stack.enter_context(_staged(plan, folder, record=record))
        stage.lookout = lookout
        return stage.run()


_CAN: Final = (
    "be cut off from each other in every way, have bad links, crash and restart without their disk, "
    "pause, join and leave"
)


def _refuse(where: str, fault: Fault) -> None:
    known = Crash | Restart | Join | Leave | Pause | Resume | AtOnce | Lasting
    if not isinstance(fault, known) or (isinstance(fault, Restart) and fault.disk != "none"):
        raise PlanError(f"{where}: real hosts cannot do this: {fault}; they can {_CAN}")


@contextmanager
def _staged(plan: Plan, folder: Path, *, record: bool) -> "Iterator[Stage]":
    """Hosts, wires and a switch, and no trace of them afterwards."""
    tag = f"crdt{os.getpid() % 100_000}x{next(_runs)}"
    wires = {
        name: Wire(f"{tag}-{index}", f"10.78.{index >> 8}.{(index & 255) + 1}")
        for index, name in enumerate(plan.nodes)
    }
    with ExitStack() as stack:
        for wire in wires.values():
            stack.callback(wire.remove)
            wire.make()
        switch = Switch(wires, Links(plan.seed, plan.network))
        machines = {
            n: Machine(n, wire, folder / f"{wire.namespace}.log") for n, wire in wires.items()
        }
        for machine in machines.values():
            stack.callback(machine.crash)
        stack.callback(switch.stop)
        switch.start()
        yield Stage(plan, machines, switch, Trace(record=record))


class Stage:
    """One run of one plan on real hosts."""

    def __init__(
        self, plan: Plan, machines: dict[str, Machine], switch: Switch, trace: Trace
    ) -> None:
        self.trace = trace
        self.lookout: Lookout | None = None
        self._plan = plan
        self._machines = machines
        self._switch = switch
        self._began = time.monotonic()
        self._ledger = Ledger()
        self._written: dict[tuple[str, int], list[Update]] = {}
        self._raised: list[str] = []
        self._cuts = Cuts(switch.links)
        self._lasting: dict[int, int] = {}
        """Lasting faults that have begun, with the number of heals before."""

    @property
    def _now(self) -> float:
        return time.monotonic() - self._began

    def _note(self, kind: str, node: str, data: bytes = b"") -> None:
        self.trace.add(int(self._now * SECOND), kind, "", node, data)

    # The run

    def run(self) -> Result:
        """Do all of it."""
        late = self._plan.latecomers
        for machine in self._machines.values():
            machine.gone = machine.name in late
            if not machine.gone:
                self._start(machine)
        for machine in self._machines.values():
            if not machine.gone and not machine.wait_ready(READY):
                self._raised.append(f"{machine.name} did not start within {READY:g} s")
        self._began = time.monotonic()
        for at, act in self._agenda():
            self._wait(at)
            act()
        self._wait(self._plan.duration)
        self._heal_everything()
        result = self._result(self._converge())
        if self.lookout is not None:
            self.lookout.finish(self._ledger, result)
        return result

    def _wait(self, until: float) -> None:
        """Let time pass, with looks at the nodes where somebody wants them."""
        while (left := until - self._now) > 0:
            due = self._look_out()
            time.sleep(min(left, max(0.0, due - self._now)))

    def _look_out(self) -> float:
        """Look at all nodes if it is time to; when the next look is due."""
        lookout = self.lookout
        if lookout is None:
            return inf
        if lookout.due <= self._now:
            lookout.look(self._now, self._machines.values(), self._switch)
        return lookout.due

    def _agenda(self) -> list[tuple[float, Callable[[], None]]]:
        """Everything that happens, by its time."""
        events: list[tuple[float, Callable[[], None]]] = [
            (write.at, partial(self._write, write)) for write in self._plan.writes
        ]
        for fault in self._plan.faults:
            events.append((fault.at, partial(self._do, fault)))
            if isinstance(fault, Lasting):
                for after, part in self._cuts.parts(fault):
                    events.append((fault.at + after, partial(self._do_part, fault, part)))
        return sorted(events, key=lambda event: event[0])

    def _start(self, machine: Machine) -> None:
        self._note("start", machine.name)
        seeds = [m.address for m in list(self._machines.values())[:2] if m is not machine]
        machine.start(seeds)

    # Writes

    def _write(self, write: Write) -> None:
        machine = self._machines[write.node]
        if not machine.up:
            return
        self._note("write", write.node, str(write).encode())
        order: dict[str, object] = {
            "do": "write",
            "type": write.type,
            "name": write.name,
            "method": write.method,
            "args": [value_written(one) for one in write.args],
        }
        machine.tell(order, partial(self._wrote, write, machine.lives))

    def _wrote(self, write: Write, life: int, said: dict[str, Any]) -> None:
        """A node has done a write, or refused it."""
        if said.get("delta") is None:
            return
        kind = type_of(write.type)
        with self._switch.lock:
            delta = kind.from_payload(said["delta"])
            update = self._ledger.wrote(write, delta, int(self._now * SECOND))
            self._written.setdefault((write.node, life), []).append(update)

    # Faults

    def _do(self, fault: Fault) -> None:
        self._note(kind_of(type(fault)), "", str(fault).encode())
        if self.lookout is not None:
            self.lookout.did(self._now, fault)
        match fault:
            case Crash(node=node):
                self._machines[node].crash()
            case Restart(node=node) | Join(node=node):
                if not self._machines[node].up:
                    self._start(self._machines[node])
            case Leave(node=node):
                self._machines[node].leave()
            case Pause(node=node):
                self._machines[node].pause()
            case Resume(node=node):
                self._machines[node].resume()
            case Flapping() | Swizzle():
                self._lasting[id(fault)] = self._cuts.heals
            case _ if isinstance(fault, AtOnce):
                with self._switch.lock:
                    self._cuts.do(fault)
            case _:
                raise AssertionError(f"{fault} was not refused")

    def _do_part(self, fault: Lasting, part: Callable[[], None]) -> None:
        """Do a part of a fault, unless a heal came since its beginning."""
        with self._switch.lock:
            if self._lasting.get(id(fault)) == self._cuts.heals:
                part()

    # The end

    def _heal_everything(self) -> None:
        with self._switch.lock:
            self._cuts.do(Heal(self._plan.duration))
            self._switch.links.restore()
        for machine in self._machines.values():
            machine.resume()
            if not machine.up and not machine.gone:
                self._start(machine)
                machine.wait_ready(READY)

    @property
    def _up(self) -> list[Machine]:
        return [machine for machine in self._machines.values() if machine.up]

    def _roots(self) -> list[object]:
        """What every node says of its root; None where it has more to do, or says nothing."""
        looks = [machine.ask("look") for machine in self._up]
        return [None if look is None or look["dirty"] else look["root"] for look in looks]

    def _met(self) -> bool:
        """Whether every node lists exactly those who are there."""
        there = sorted(machine.wire.address for machine in self._up)
        looks = [machine.ask("look") for machine in self._up]
        return all(look is not None and look["there"] == there for look in looks)

    def _converge(self) -> float | None:
        """Seconds until all roots were equal, to stay so; None where the bound was over before.

        It waits for the members to know each other as well, which may take a probe longer.
        """
        healed = self._now
        since: float | None = None
        held: list[object] = []
        while self._now - healed < self._plan.bound or since is not None:
            self._look_out()
            roots = self._roots()
            if len(set(roots)) != 1 or None in roots or roots != held:
                since = self._now if len(set(roots)) == 1 and None not in roots else None
                held = roots
            elif (
                since is not None
                and self._now - since > CALM
                and (self._met() or self._now - healed >= self._plan.bound)
            ):
                return since - healed
            time.sleep(_BETWEEN_LOOKS)
        return None

    def _result(self, converged: float | None) -> Result:
        checks = [
            NothingRaised(),
            Converged(),
            NothingLost(),
            CountersAddUp(),
            NothingInvented(),
            MembersAgree(),
            ExpectationsComeTrue(),
        ]
        up = [seen for machine in self._up if (seen := self._seen(machine)) is not None]
        scene = Scene(self._plan, self._ledger, up, checks)
        for check in checks:
            if self._raised and isinstance(check, NothingRaised):
                check.violate("\n".join(self._raised))
            check.ended(cast(Any, scene), converged)
        return Result(
            plan=self._plan,
            findings=tuple(check.finding() for check in checks),
            trace_hash=self.trace.digest(),
            converged_after_s=converged,
            counts={
                "updates": len(self._ledger.updates),
                "messages": self._switch.carried,
                "bytes": self._switch.carried_bytes,
                "lost": self._switch.lost,
            },
            simulated_s=self._now,
        )

    def _seen(self, machine: Machine) -> Seen | None:
        """All that a node holds."""
        said, root = machine.ask("state"), (machine.ask("look") or {}).get("root", "0")
        if said is None:
            self._raised.append(f"{machine.name} does not answer any more")
            return None
        for room, count in said["contained"].items():
            self._raised.append(f"{machine.name} contained {count} exceptions in {room}")
        states: dict[Key, StateCRDT] = {
            (tag, name): type_of(tag).from_payload(payload)
            for tag, name, payload in said["objects"]
        }
        shadows: dict[Key, int] = {}
        for update in self._written.get((machine.name, machine.lives), []):
            shadows[update.key] = shadows.get(update.key, 0) | update.bit
        listed = [address for _, address, state in said["members"] if state in LISTED]
        holding = Holding(states, shadows)
        return Seen(machine.name, holding, int(root, 16), machine.wire.address, sorted(listed))
