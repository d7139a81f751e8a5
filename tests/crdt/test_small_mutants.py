"""Flags, registers, counting sets and the bounded counter, broken on purpose: laws catch each."""

from __future__ import annotations

from typing import Any

import pytest

from crdt import (
    BoundedCounter,
    DisableWinsFlag,
    EnableWinsFlag,
    MaxRegister,
    MinRegister,
    MVRegister,
    PNSet,
    RWSet,
    USet,
)
from crdt.amounts import whole
from crdt.atoms import freeze, identify
from crdt.flags import _ON
from crdt.registers.extremes import order_of
from crdt.testing import LawBrokenError, check_laws


class KeepsQuietWhenEnabled(EnableWinsFlag):
    """Does not write where the flag is on, so that a concurrent disabling wins."""

    def enable(self) -> Any:
        return self._blank() if self.value else super().enable()


class DisablesItsOwn(EnableWinsFlag):
    """Leaves the enablings of other replicas alone."""

    def _dots_of(self, key: Any) -> Any:
        return [dot for dot in super()._dots_of(key) if dot[0] == self.replica]


class AnyEnablingWins(DisableWinsFlag):
    """Shows an enabling beside a disabling."""

    @property
    def value(self) -> bool:
        return self._holds(_ON)


class DisablesWithoutDot(DisableWinsFlag):
    """Only takes enablings away, and so loses to those that it has not seen."""

    def disable(self) -> Any:
        return self._change((), [_ON])


class EnablesBeside(DisableWinsFlag):
    """Enables without replacing the disablings that it sees."""

    def enable(self) -> Any:
        return self._change([_ON], ())


class ReplacesOwnOnly(MVRegister):
    """Leaves the siblings of other replicas standing."""

    def assign(self, value: Any) -> Any:
        own = self._live.get(self.replica or "", {})
        return self._change([freeze(value)], list(own))


class ReplacesUnseen(MVRegister):
    """Claims in its deltas to have seen all that its object has."""

    def assign(self, value: Any) -> Any:
        delta = super().assign(value)
        delta._seen = dict(self._seen)
        return delta


class OneSibling(MVRegister):
    """Shows one sibling only."""

    @property
    def value(self) -> Any:
        return super().value[:1]


class EqualSiblingsAreOne(MVRegister):
    """Drops a sibling whose value another replica wrote, too: not associative."""

    def _join(self, other: Any) -> bool:
        grew = super()._join(other)
        shown: set[Any] = set()
        for replica in sorted(self._live):
            for key in list(self._live[replica]):
                if key in shown:
                    del self._live[replica][key]
                    self._by_dot.pop(replica, None)
                shown.add(key)
        return grew


class LongerWins(MaxRegister):
    """Compares values by how long they look."""

    def _wins(self, one: Any, other: Any) -> bool:
        return len(repr(one)) > len(repr(other))


class TiesByArrival(MinRegister):
    """Keeps of 1 and 1.0 what came first."""

    def _wins(self, one: Any, other: Any) -> bool:
        return order_of(one)[:2] < order_of(other)[:2]


class ForgetsThatNoneIsAValue(MaxRegister):
    """Takes None for nothing."""

    def assign(self, value: Any) -> Any:
        return self._blank() if value is None else super().assign(value)


class TakesBack(USet[Any]):
    """Lets an element in again that was removed."""

    def _change(self, adds: Any, drops: Any) -> Any:
        adds = list(adds)
        for key in adds:
            self._removed.pop(key, None)
        return super()._change(adds, drops)


class AddsAgain(USet[Any]):
    """Passes over an element that was added before."""

    def _change(self, adds: Any, drops: Any) -> Any:
        return super()._change([key for key in adds if key not in self._added], drops)


class StepInDelta(PNSet[Any]):
    """Puts the step into the delta instead of the tally."""

    def add(self, element: Any) -> Any:
        super().add(element)
        return type(self).from_payload(PNSet(self.replica).add(element).payload)


class BothSidesInDelta(PNSet[Any]):
    """Carries in a delta what other operations did."""

    def _step(self, steps: Any) -> Any:
        delta = super()._step(steps)
        for key, tallies in delta._tallies.items():
            tallies.update({r: t for r, t in self._tallies[key].items() if r in tallies})
        return delta


class LaterPairWins(PNSet[Any]):
    """Takes both tallies from the side where one of them is larger."""

    def _join(self, other: Any) -> bool:
        before = self.canonical()
        for key, theirs in other._tallies.items():
            mine = self._tallies.setdefault(key, {})
            for replica, tally in theirs.items():
                mine[replica] = max(tally, mine.get(replica, (0, 0)))
        return self.canonical() != before


class ClearTakesOne(PNSet[Any]):
    """Takes one off each element when it is cleared."""

    def clear(self) -> Any:
        return self._step(dict.fromkeys(list(self._keys()), -1))


class PresentAtZero(PNSet[Any]):
    """Shows what was removed as often as added."""

    def _shows(self, key: Any) -> bool:
        return self._count(key) >= 0


class RemovesWithoutDot(RWSet[Any]):
    """Only takes adds away, as an add-wins set does."""

    def discard(self, element: Any) -> Any:
        return super(RWSet, self)._change((), [(True, identify(element))])


class AddWinsHere(RWSet[Any]):
    """Shows an element that somebody added, whatever others removed."""

    def _shows(self, key: Any) -> bool:
        return any((True, key) in live for live in self._live.values())


class AddsBeside(RWSet[Any]):
    """Adds without replacing the removals that it sees."""

    def add(self, element: Any) -> Any:
        return super(RWSet, self)._change([(True, identify(element))], ())


class ForgetsWhatItTouched(RWSet[Any]):
    """Does not look again at what a join has changed."""

    def _touched(self, keys: Any) -> None:
        pass


class SpendsAnything(BoundedCounter):
    """Never looks at rights."""

    def _spending(self, amount: int) -> str:
        return self._candidate()


class SpendsTheValue(BoundedCounter):
    """Lets everybody take away what is there, whoever earned it."""

    def _spending(self, amount: int) -> str:
        if amount > self.value:
            raise ValueError("too much")
        return self._candidate()


class PassesOnCopies(BoundedCounter):
    """Keeps the rights that it passes on."""

    def _balance(self, replica: str) -> int:
        given = sum(n for (giver, _), n in self._passed.items() if giver == replica)
        return super()._balance(replica) + given


class PassesOnByAmount(BoundedCounter):
    """Puts the amount passed on into the state, so that passing on twice counts once."""

    def transfer(self, amount: int, to: str) -> Any:
        if to == self.replica:
            raise ValueError(to)
        delta, giver = self._blank(), self._spending(whole(amount, at_least=0))
        if amount:
            delta._passed[giver, to] = amount
            self._publish(delta, giver)
        return delta


class GoesBelowZero(BoundedCounter):
    """Shows a sum below zero while deltas are missing."""

    @property
    def value(self) -> int:
        return sum(self._raised.values()) - sum(self._lowered.values())


MUTANTS = [
    KeepsQuietWhenEnabled,
    DisablesItsOwn,
    AnyEnablingWins,
    DisablesWithoutDot,
    EnablesBeside,
    ReplacesOwnOnly,
    ReplacesUnseen,
    OneSibling,
    EqualSiblingsAreOne,
    LongerWins,
    TiesByArrival,
    ForgetsThatNoneIsAValue,
    TakesBack,
    AddsAgain,
    StepInDelta,
    BothSidesInDelta,
    LaterPairWins,
    ClearTakesOne,
    PresentAtZero,
    RemovesWithoutDot,
    AddWinsHere,
    AddsBeside,
    ForgetsWhatItTouched,
    SpendsAnything,
    SpendsTheValue,
    PassesOnCopies,
    PassesOnByAmount,
    GoesBelowZero,
]


@pytest.mark.parametrize("mutant", MUTANTS)
def test_the_laws_catch_a_broken_small_type(mutant: type[Any]) -> None:
    with pytest.raises(LawBrokenError, match=mutant.__name__):
        check_laws(mutant, examples=200)
