"""Planted bugs: types, registries and engines that are wrong in one way each.

They show that the checks see something: ``crdtnode simulate --plant NAME`` runs a plan with one of
them. Each is a mistake that somebody has made, or nearly.

Rule of this file: nobody imports it but who looks for planted bugs, since it registers its types.
"""

from collections.abc import Callable
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
from crdt.atoms import freeze
from crdt.catalogue import tag_of
from crdt.clock import MS_LIMIT
from crdt.tagged import decode
from crdtnode.sim import Plan, PlanError, Recipe
from crdtnode.sim.planted_nodes import (
    BlindRegistry,
    DeafRegistry,
    ForgivingRegistry,
    GullibleEngine,
    HastyEngine,
    HastyJudge,
    HoardingRegistry,
    LazyRelay,
    RaisingEngine,
    RepeatingEngine,
    ReusingRegistry,
    RevivingRegistry,
    SkippingRegistry,
    StaleTrieRegistry,
    StingyRegistry,
    StubbornEngine,
    UndoingRegistry,
    at_the_last_moment,
    in_another_century,
    one_silent_node,
    removed_while_apart,
    rolled_back,
    under_flipping_bits,
)

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
class ForgettingSet(ORSet[object]):
    """Does not count its own dots, so that it gives them out again."""

    _bare = False

    def add(self, element: Any) -> Self:  # type: ignore[override]  # a set's returns None
        counted = dict(self._seen)
        delta = super().add(element)
        self._quick = None
        self._seen.update(counted)
        return delta


@register
class SharingSet(ORSet[object]):
    """Clones share what is inside."""

    def _copied(self) -> Self:
        new = self._blank()
        for name in self._fields:
            setattr(new, name, getattr(self, name))
        return new


@register
class ClockOnlyRegister(LWWRegister):
    """Stamps a write with the clock alone, also where it has seen a later stamp."""

    def assign(self, value: Any) -> Self:
        seen, self._write = self._write, None
        delta = super().assign(value)
        if seen is not None and self._write is not None and seen > self._write:
            self._write = seen
        return delta


@register
class CeilinglessRegister(LWWRegister):
    """Stamps writes with a clock that is past the last stamp, and takes such stamps in."""

    def assign(self, value: Any) -> Self:
        latest = (-1, 0) if self._write is None else self._write[:2]
        now = self._own_seat().now()
        if max(now, latest[0]) < MS_LIMIT:
            return super().assign(value)
        delta = self._blank()
        delta._write = (max(now, latest[0] + 1), 0, self._candidate(), freeze(value))
        return self._publish(delta, delta._write[2])

    def _decode(self, payload: Any) -> None:
        if payload:
            stamp, replica, value = payload
            self._write = (*stamp, replica, decode(value, "payload[2]", values=True))


@register
class ClaimingSet(ORSet[object]):
    """Claims to have seen the next dot of everybody whom it hears of."""

    def absorb(self, other: Self) -> bool:
        before = self.canonical()
        super().absorb(other)
        for replica in other._seen:
            runs = self._seen.get(replica)
            if runs and replica != self.replica:
                more = runs + 1 if isinstance(runs, int) else (*runs[:-1], runs[-1] + 1)
                self._seen[replica] = more
        return before != self.canonical()


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
    directed: Callable[[int], Plan] | None = None
    """Makes plans that go for this one weakness, where drawn ones would seldom meet it."""
    seeds: int = 50
    """Within so many seeds it must be caught."""

    @property
    def does(self) -> str:
        """What is wrong, in a sentence."""
        wrong = [*self.settings.values(), *self.types][0]
        return " ".join((wrong.__doc__ or "").split())

    def plan(self, seed: int) -> Plan:
        """The plan by which it is looked for."""
        if self.directed is not None:
            return self.directed(seed)
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
    _typed(NoDecrementCounter, TOTALS, CONVERGED),
    _typed(TieByArrivalRegister, SAME),
    _typed(LastArrivalRegister, SAME),
    _typed(CappedSet, SAME),
    _typed(MixedUpSet, SAME),
    _typed(ResurrectingSet, SAME),
    _typed(ForgetfulSet, SAME),
    _typed(FirstComesSet, SAME),
    _typed(ContextFreeSet, SAME),
    _typed(ForgettingSet, "no-dot-twice"),
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
    Mutant(
        "RolledBackIds",
        ("no-dot-twice",),
        settings={"registry": ReusingRegistry},
        directed=rolled_back,
        seeds=5,
    ),
    Mutant(
        "ClockOnlyRegister",
        ("causality-decides",),
        types=(ClockOnlyRegister,),
        recipe={"trouble": 6},  # among them wrong clocks
    ),
    Mutant(
        "CeilinglessRegister",
        ("payloads-are-lawful",),
        types=(CeilinglessRegister,),
        directed=in_another_century,
    ),
    _typed(ClaimingSet, SAME, LOST, CONVERGED),
    Mutant("UndoingRegistry", (SAME, "reads-only-grow"), settings={"registry": UndoingRegistry}),
    Mutant("StaleTrieRegistry", ("fingerprints-add-up",), settings={"registry": StaleTrieRegistry}),
    Mutant("SkippingRegistry", ("histories-lead-here",), settings={"registry": SkippingRegistry}),
    Mutant(
        "HoardingRegistry",
        ("histories-lead-here",),
        types=(GSet,),
        settings={"registry": HoardingRegistry},
        recipe={"writes": 120},
    ),
    Mutant(
        "ForgivingRegistry",
        ("nothing-invented",),
        settings={"registry": ForgivingRegistry},
        directed=removed_while_apart,
    ),
    Mutant(
        "RevivingRegistry",
        (LOST,),
        settings={"registry": RevivingRegistry},
        directed=removed_while_apart,
    ),
    Mutant("StubbornEngine", ("members-are-known",), settings={"engine": StubbornEngine}),
    Mutant(
        "HastyJudge",
        ("members-are-known",),
        settings={"engine": HastyJudge},
        recipe={"duration": 20.0, "loss": 0.1, "partition": "none", "crashes": 0, "trouble": 0},
    ),
    Mutant(
        "RepeatingEngine",
        ("nothing-runs-away",),
        settings={"engine": RepeatingEngine},
        recipe={"duration": 3.0, "trouble": 0},
    ),
    Mutant(
        "LazyRelay",
        ("expectations-come-true",),
        settings={"engine": LazyRelay},
        directed=at_the_last_moment,
    ),
    Mutant(
        "GullibleEngine",
        ("damage-changes-nothing",),
        settings={"engine": GullibleEngine},
        directed=under_flipping_bits,
    ),
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
