"""Planted bugs: types, registries and engines that are wrong in one way each.

They show that the checks see something: ``crdtnode simulate --plant NAME`` runs a plan with one of
them. Each is a mistake that somebody has made, or nearly.

Rule of this file: nobody imports it but who looks for planted bugs, since it registers its types.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
import difflib
from typing import Any, Self

from crdt import (
    GCounter,
    GSet,
    LWWRegister,
    LWWSet,
    ORSet,
    PNCounter,
    StateCRDT,
    TwoPSet,
    register,
)
from crdt.catalogue import tag_of
from crdtnode.protocol import Engine
from crdtnode.protocol.effects import Effect, Flushed, OpenStream, SendDatagram, SendFrame
from crdtnode.registry import Absorbed
from crdtnode.sim import Plan, PlanError, Recipe, WatchedRegistry

# Types


@register
class SummingCounter(GCounter):
    """Joins by adding: what arrives twice counts twice."""

    def absorb(self, other: Self) -> bool:
        for replica, tally in other._tallies.items():
            self._tallies[replica] = self._tallies.get(replica, 0) + tally
        return bool(other._tallies)


@register
class LatestTallyCounter(GCounter):
    """Takes the tally that came last for the largest."""

    def absorb(self, other: Self) -> bool:
        before = dict(self._tallies)
        self._tallies.update(other._tallies)
        return before != self._tallies


@register
class FourEntryCounter(GCounter):
    """Drops what goes beyond the fourth entry when it joins."""

    def absorb(self, other: Self) -> bool:
        grew = super().absorb(other)
        for replica in sorted(self._tallies)[4:]:
            del self._tallies[replica]
        return grew


@register
class NoDecrementCounter(PNCounter):
    """Forgets the second half of its state where a state travels."""

    def _encode(self) -> Any:
        return {replica: [up, 0] for replica, (up, _) in super()._encode().items() if up}


@register
class TieByArrivalRegister(LWWRegister):
    """Where stamps are equal, whoever arrives last wins."""

    def absorb(self, other: Self) -> bool:
        mine, theirs = self._write, other._write
        if theirs is None or theirs == mine or (mine is not None and theirs[:2] < mine[:2]):
            return False
        self._write = theirs
        return True


@register
class LastArrivalRegister(LWWRegister):
    """Whoever arrives last wins, whatever the stamps say."""

    def absorb(self, other: Self) -> bool:
        if other._write is None or other._write == self._write:
            return False
        self._write = other._write
        return True


@register
class CappedSet(GSet[object]):
    """Takes in no more than six elements."""

    def absorb(self, other: Self) -> bool:
        before = len(self._elements)
        for key in other._elements:
            if len(self._elements) < 6:
                self._elements[key] = None
        return len(self._elements) > before


@register
class MixedUpSet(GSet[object]):
    """Holds 1 and "1" for the same element when it joins."""

    def absorb(self, other: Self) -> bool:
        before = len(self._elements)
        known = {str(key) for key in self._elements}
        self._elements.update((key, None) for key in other._elements if str(key) not in known)
        return len(self._elements) > before


@register
class ResurrectingSet(TwoPSet[object]):
    """An add that arrives after the removal brings the element back."""

    def absorb(self, other: Self) -> bool:
        before = self.canonical()
        super().absorb(other)
        for key in other._added:
            self._removed.pop(key, None)
            self._added[key] = None
        return before != self.canonical()


@register
class ForgetfulSet(TwoPSet[object]):
    """Drops the tombstones of elements that it does not hold."""

    def absorb(self, other: Self) -> bool:
        had = set(self._added)
        grew = super().absorb(other)
        self._removed = {key: None for key in self._removed if key in had}
        return grew


@register
class FirstComesSet(LWWSet[object]):
    """Forgets who wrote, so that equal stamps are decided by who was first."""

    def _loses(self, key: Any, write: Any) -> bool:
        mine = self._write_to(key)
        return mine is None or mine[:2] < write[:2]


@register
class ContextFreeSet(ORSet[object]):
    """Does not merge the context of what it has seen removed."""

    def absorb(self, other: Self) -> bool:
        before = self.canonical()
        seen = dict(self._seen)
        super().absorb(other)
        for replica in list(self._seen):
            if replica not in seen and not self._live.get(replica):
                del self._seen[replica]
        return before != self.canonical()


@register
class SharingSet(ORSet[object]):
    """Clones share what is inside."""

    def _copied(self) -> Self:
        new = self._blank()
        for name in self._fields:
            setattr(new, name, getattr(self, name))
        return new


# Registries


class BlindRegistry(WatchedRegistry):
    """Does not see that a join changed something, so that the roots stay behind."""

    def absorb(
        self, tag: str, name: str, life: int, payloads: Sequence[object], now: float
    ) -> Absorbed:
        absorbed = super().absorb(tag, name, life, payloads, now)
        for entry in self._ledger._stale.values():
            entry.stale = False
        self._ledger._stale.clear()
        return absorbed


class StingyRegistry(WatchedRegistry):
    """Never gives out a whole state: what a push did not bring is not repaired."""

    def state(self, hn: int) -> tuple[str, str, int, tuple[object, ...]] | None:
        return None


class DeafRegistry(WatchedRegistry):
    """Joins only every second thing that arrives; all is acknowledged, and repaired later."""

    _arrived = 0

    def absorb(
        self, tag: str, name: str, life: int, payloads: Sequence[object], now: float
    ) -> Absorbed:
        self._arrived += 1
        if self._arrived % 2:
            return Absorbed(changed=False, delta=None)
        return super().absorb(tag, name, life, payloads, now)


class ReusingRegistry(WatchedRegistry):
    """Acts under the node's name in every life, so that a restart counts from the start again."""

    def __init__(self, *, node: str, **settings: Any) -> None:
        super().__init__(node=node, **{**settings, "replica": lambda: node})


# Engines


class SilentEngine(Engine):
    """Never sends anything."""

    def effects(self) -> list[Effect]:
        sends = SendDatagram | SendFrame | OpenStream
        return [effect for effect in super().effects() if not isinstance(effect, sends)]


class HastyEngine(Engine):
    """Says that its writes are safe as soon as it is asked."""

    _said: Flushed | None = None

    def flush(self, now: float) -> int:
        ticket = super().flush(now)
        self._said = Flushed(ticket, members=1)
        return ticket

    def effects(self) -> list[Effect]:
        said, self._said = self._said, None
        return [*super().effects(), *([said] if said else [])]


class RaisingEngine(Engine):
    """Raises when a datagram ends with a certain byte."""

    def receive(self, data: bytes, source: Any, now: float) -> None:
        if data.endswith(b"\x07"):
            raise IndexError("7 is not in the table")
        super().receive(data, source, now)


def one_silent_node(*, name: str, **parts: Any) -> Engine:
    """The second node never sends."""
    return (SilentEngine if name == "n2" else Engine)(name=name, **parts)


def _open(recipe: Recipe, name: str) -> bool:
    """True where a recipe leaves a field as it comes."""
    return bool(getattr(recipe, name) == getattr(Recipe(), name))


@dataclass(frozen=True)
class Mutant:
    """A planted bug, and the checks of which at least one must see it."""

    name: str
    seen_by: tuple[str, ...]
    types: tuple[type[StateCRDT], ...] = ()
    settings: dict[str, Any] = field(default_factory=dict)
    recipe: dict[str, Any] = field(default_factory=dict)

    @property
    def does(self) -> str:
        """What is wrong, in a sentence."""
        wrong = [*self.settings.values(), *self.types][0]
        return " ".join((wrong.__doc__ or "").split())

    def plan(self, seed: int) -> Plan:
        """The plan by which it is looked for."""
        return Plan.drawn(seed, self.within(Recipe(bound=4.0)))

    def within(self, recipe: Recipe) -> Recipe:
        """What to draw plans for, where this bug shall show: its types, and what helps it."""
        given = {name: v for name, v in self.recipe.items() if _open(recipe, name)}
        if self.types and recipe.types is None:
            given["types"] = tuple(map(tag_of, self.types))
        return replace(recipe, **given)


def _typed(kind: type[StateCRDT], *seen_by: str) -> Mutant:
    return Mutant(kind.__name__, seen_by, types=(kind,))


SAME, CONVERGED = "same-updates-same-state", "converged"
ACKNOWLEDGED, LOST, TOTALS = "acknowledged-is-held", "nothing-lost", "counters-add-up"

MUTANTS = (
    Mutant("SummingCounter", (SAME,), types=(SummingCounter,), recipe={"duration": 5.0}),
    _typed(LatestTallyCounter, SAME),
    _typed(FourEntryCounter, SAME),
    _typed(NoDecrementCounter, TOTALS),
    _typed(TieByArrivalRegister, SAME),
    _typed(LastArrivalRegister, SAME),
    _typed(CappedSet, SAME),
    _typed(MixedUpSet, SAME),
    _typed(ResurrectingSet, SAME),
    _typed(ForgetfulSet, SAME),
    _typed(FirstComesSet, SAME),
    _typed(ContextFreeSet, SAME),
    _typed(SharingSet, SAME),
    Mutant("BlindRegistry", (CONVERGED,), settings={"registry": BlindRegistry}),
    Mutant("StingyRegistry", (CONVERGED,), settings={"registry": StingyRegistry}),
    Mutant(
        "ReusingRegistry",
        (SAME, LOST, TOTALS),
        types=(GCounter, ORSet),
        settings={"registry": ReusingRegistry},
        recipe={"crashes": 4, "writes": 80},
    ),
    Mutant("DeafRegistry", (ACKNOWLEDGED,), settings={"registry": DeafRegistry}),
    Mutant("HastyEngine", (ACKNOWLEDGED,), settings={"engine": HastyEngine}),
    Mutant("SilentNode", (CONVERGED,), settings={"engine": one_silent_node}),
    Mutant("RaisingEngine", ("nothing-raised",), settings={"engine": RaisingEngine}),
)


def bug(name: str) -> Mutant:
    """The planted bug of this name, whatever its case.

    Raises:
        PlanError: There is none; the message names the nearest one.
    """
    known = {mutant.name: mutant for mutant in MUTANTS}
    for each, mutant in known.items():
        if each.lower() == name.lower():
            return mutant
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
    hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known)}"
    raise PlanError(f"no planted bug is called {name!r}; {hint}")
