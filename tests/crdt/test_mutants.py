"""Types broken on purpose: the laws must catch each of them."""

from __future__ import annotations

from typing import Any

import pytest

from crdt import (
    GCounter,
    GMap,
    GSet,
    LWWMap,
    LWWRegister,
    LWWSet,
    ORCart,
    ORMap,
    ORSet,
    PNCounter,
    TwoPSet,
)
from crdt.atoms import identify
from crdt.causal.runs import last
from crdt.tagged import canonical_json
from crdt.testing import (
    LawBrokenError,
    Subject,
    check_history,
    check_laws,
    run_history,
    subject_of,
)
from crdt.testing.subjects import lwwset


class SumForMax(GCounter):
    """Adds tallies up, so that a state that arrives twice counts twice."""

    def _join(self, other: Any) -> bool:
        for replica, tally in other._tallies.items():
            self._tallies[replica] = self._tallies.get(replica, 0) + tally
        return bool(other._tallies)


class LastTally(GCounter):
    """Takes the tally that came last."""

    def _join(self, other: Any) -> bool:
        before = dict(self._tallies)
        self._tallies.update(other._tallies)
        return before != self._tallies


class DropsTheFourth(GCounter):
    """Forgets the fourth replica and those behind it."""

    def _join(self, other: Any) -> bool:
        grew = super()._join(other)
        for replica in sorted(self._tallies)[3:]:
            del self._tallies[replica]
        return grew


class IncrementInDelta(GCounter):
    """Puts the increment into the delta: lawful as a lattice, wrong as a counter."""

    def increment(self, amount: int = 1) -> Any:
        super().increment(amount)
        return type(self).from_payload({self.replica: amount} if amount else {})


class DeltaSharesState(GCounter):
    """Hands out its own dict as the delta."""

    def increment(self, amount: int = 1) -> Any:
        delta = super().increment(amount)
        delta._tallies = self._tallies
        return delta


class ComparesOneSide(PNCounter):
    """Looks at what was added only."""

    def compare(self, other: Any) -> bool:
        return all(n <= other._raised.get(r, 0) for r, n in self._raised.items())


class AlwaysGrows(GSet[Any]):
    """Says that it grew, whatever happened."""

    def _join(self, other: Any) -> bool:
        super()._join(other)
        return True


class NeverGrows(GSet[Any]):
    """Says that it did not grow, whatever happened."""

    def _join(self, other: Any) -> bool:
        super()._join(other)
        return False


class OrderOfArrival(GSet[Any]):
    """Writes its elements in the order in which they came."""

    def _encode(self) -> Any:
        encoded = super()._encode()
        names = [element for element in self if type(element) is str]
        return names + [one for one in encoded if type(one) is not str]

    @classmethod
    def from_payload(cls, payload: Any, replica: str | None = None) -> Any:
        made = cls(replica)
        made._elements = dict.fromkeys(
            GSet.from_payload(sorted(payload, key=canonical_json))._elements
        )
        return made


class StringKeys(GSet[Any]):
    """Writes every element as text."""

    def _encode(self) -> Any:
        return sorted({str(element) for element in self})


class AliasedPayload(LWWRegister):
    """Hands out the list that it keeps."""

    def _encode(self) -> Any:
        if getattr(self, "_kept_for", ()) != self._write:
            self._kept, self._kept_for = super()._encode(), self._write
        return self._kept


class MergeChangesItsArgument(GSet[Any]):
    """Joins into its first argument."""

    @classmethod
    def merge(cls, X: Any, Y: Any) -> Any:
        X.absorb(Y)
        return X.clone()


class MergeReturnsItsArgument(GSet[Any]):
    """Returns its first argument where the second adds nothing."""

    @classmethod
    def merge(cls, X: Any, Y: Any) -> Any:
        return X if Y.compare(X) else super().merge(X, Y)


class CopyKeepsReplica(PNCounter):
    """Lets its copies act as itself."""

    def clone(self, replica: str | None = None) -> Any:
        return super().clone(replica or self.replica)


class AddBringsBack(TwoPSet[Any]):
    """Lets an add win over a removal."""

    def _join(self, other: Any) -> bool:
        grew = super()._join(other)
        for key in other._added:
            if key in self._removed:
                del self._removed[key]
                self._added[key] = None
                grew = True
        return grew


class TieByArrival(LWWRegister):
    """Keeps what came first where stamps are equal."""

    def _join(self, other: Any) -> bool:
        if other._write is None or (self._write and other._write[:2] <= self._write[:2]):
            return False
        self._write = other._write
        return True


class ClockOnly(LWWRegister):
    """Stamps with the clock alone, so that a clock that steps back loses writes."""

    def assign(self, value: Any) -> Any:
        delta = LWWRegister(self.replica, clock=self._own_seat().now).assign(value)
        own = type(self).from_payload(delta.payload)
        self.join(own)
        return own


class SharedStamps(LWWSet[Any]):
    """Compares stamps before replicas and forgets the bias."""

    def _loses(self, key: Any, write: Any) -> bool:
        mine = self._write_to(key)
        return mine is None or (mine[:2], mine[3]) < (write[:2], write[3])


class DiscardsOnlyWhatItSees(LWWSet[Any]):
    """Records no removal of what is not there."""

    def discard(self, element: object) -> Any:
        return super().discard(element) if element in self else self._twin()


class WholeVectorRemove(ORSet[Any]):
    """Puts its whole context into a remove delta."""

    def _change(self, adds: Any, drops: Any) -> Any:
        delta = super()._change(adds, drops)
        if not delta._live and delta._seen:
            delta._seen = dict(self._seen)
        return delta


class ClaimsUnseenDots(ORSet[Any]):
    """Says in every delta that it has seen all earlier dots, too."""

    def add(self, element: Any) -> Any:
        delta = self._change([identify(element)], ())
        delta._seen = {replica: last(seen) for replica, seen in delta._seen.items()}
        return delta


class SharedDot(ORSet[Any]):
    """Gives a whole batch one dot."""

    def update(self, *others: Any) -> Any:
        keys = [identify(element) for other in others for element in other]
        delta = self._change(keys[:1], keys[1:])
        for live in (delta._live, self._live):
            own = live.get(self.replica, {})
            own.update(dict.fromkeys(keys, own.get(keys[0], 0)))
        return delta


class ForgetsContext(ORSet[Any]):
    """Does not join contexts, so that removals are forgotten."""

    def _join(self, other: Any) -> bool:
        before = dict(self._seen)
        grew = super()._join(other)
        if other is not self and len(self._seen) > 1:
            self._seen.update(before)
        return grew


class LongerContextWins(ORSet[Any]):
    """Takes the side that has seen more, replica by replica."""

    def _join_replica(self, replica: str, theirs_seen: Any, other: Any) -> bool:
        if last(theirs_seen) <= last(self._seen.get(replica, 0)):
            return False
        self._seen[replica] = theirs_seen
        self._live[replica] = dict(other._live.get(replica, {}))
        self._by_dot.pop(replica, None)
        return True


class RemovesOwnDotsOnly(ORSet[Any]):
    """Leaves the dots of other replicas alone."""

    def _dots_of(self, key: Any) -> Any:
        return [dot for dot in super()._dots_of(key) if dot[0] == self.replica]


class SharedCopies(ORSet[Any]):
    """Shares its dicts with its copies."""

    def _copied(self) -> Any:
        new = super()._copied()
        new._live = self._live
        return new


class LatestDotOnly(ORSet[Any]):
    """Keeps one dot per replica and element, the latest: not associative."""

    def _join_by_dot(self, replica: str, theirs_seen: Any, other: Any) -> bool:
        grew = super()._join_by_dot(replica, theirs_seen, other)
        live = self._live[replica]
        self._by_dot[replica] = {dot: key for key, dot in live.items()}
        return grew


class NoContextInPayload(ORSet[Any]):
    """Writes the live dots without what was seen."""

    def _encode(self) -> Any:
        return {r: [e, live, live] for r, (e, live, _) in super()._encode().items() if e}


class CountersKeepOneDot(ORMap[Any]):
    """Folds what a replica had counted into its next increment: removals then miss their aim."""

    def _dotted(self, change: Any, replica: Any, adds: Any, covered: Any) -> None:
        ((entry, leaf),) = adds
        if entry[1] == "pncounter@1" and leaf > 0:
            for holder, start, end, _, amount in self._pieces_of(entry):
                if holder == replica and amount > 0:
                    leaf += amount * (end - start)
                    covered.setdefault(replica, []).append((start, end))
        super()._dotted(change, replica, [(entry, leaf)], covered)


class RemovesUnseenUpdates(ORMap[Any]):
    """Removes with its whole context, which covers other keys as well."""

    def discard(self, key: Any) -> Any:
        delta = super().discard(key)
        if not delta.initial:
            delta._seen = dict(self._seen)
        return delta


class HandlesStayBehind(ORMap[Any]):
    """Joins without telling the children that somebody holds."""

    def _touched(self, new: Any, gone: Any) -> Any:
        return {}


class PutLeavesTheOldTypes(ORMap[Any]):
    """Replaces only what is of the same type."""

    def _entries_under(self, keys: Any) -> Any:
        return [entry for entry in super()._entries_under(keys) if entry[1] != "orset@1"]


class FoldsWhatItSaw(ORCart[Any]):
    """Adds onto the quantity seen so far, as Specification 21 does: it is then counted twice."""

    def add(self, item: Any, quantity: int = 1) -> Any:
        key = identify(item)
        adds = [(key, self._at(key) + quantity)] if quantity else []
        return self._write(adds, *(self._removing([key]) if quantity else ({},)))


class EqualQuantitiesAreOne(ORCart[Any]):
    """Counts quantities that are equal once."""

    def _at(self, key: Any) -> int:
        return sum({quantity for _, _, _, _, quantity in self._pieces_of(key)})


class RemovalWinsTies(LWWMap[Any, Any]):
    """Lets a removal beat a put of the same stamp and replica, and values go by arrival."""

    def _loses(self, key: Any, write: Any) -> bool:
        mine = self._put.get(key) or self._removed.get(key)
        return mine is None or mine[:2] < write[:2]


class ForgetsRemovals(LWWMap[Any, Any]):
    """Keeps no tombstones, so that an older put comes back."""

    def _take(self, key: Any, write: Any) -> None:
        super()._take(key, write)
        self._removed.clear()


class TakesTheirChild(GMap[Any]):
    """Takes over the other's child instead of joining it."""

    def _join(self, other: Any) -> bool:
        before = self.canonical()
        for entry, theirs in other._held():
            self._handle(entry)._take_over(theirs._copied())
            self._show(entry)
        return self.canonical() != before


class SharesChildren(GMap[Any]):
    """Lets its copies hold the same children."""

    def _copied(self) -> Any:
        new = self._blank()
        for entry, child in self._held():
            new._add(entry, child)
        return new


MUTANTS = [
    SumForMax,
    LastTally,
    DropsTheFourth,
    IncrementInDelta,
    DeltaSharesState,
    ComparesOneSide,
    AlwaysGrows,
    NeverGrows,
    OrderOfArrival,
    StringKeys,
    AliasedPayload,
    MergeChangesItsArgument,
    MergeReturnsItsArgument,
    CopyKeepsReplica,
    AddBringsBack,
    TieByArrival,
    ClockOnly,
    SharedStamps,
    DiscardsOnlyWhatItSees,
    WholeVectorRemove,
    ClaimsUnseenDots,
    SharedDot,
    ForgetsContext,
    LongerContextWins,
    RemovesOwnDotsOnly,
    SharedCopies,
    LatestDotOnly,
    NoContextInPayload,
    CountersKeepOneDot,
    RemovesUnseenUpdates,
    HandlesStayBehind,
    PutLeavesTheOldTypes,
    FoldsWhatItSaw,
    EqualQuantitiesAreOne,
    RemovalWinsTies,
    ForgetsRemovals,
    TakesTheirChild,
    SharesChildren,
]


@pytest.mark.parametrize("mutant", MUTANTS)
def test_the_laws_catch_a_broken_type(mutant: type[Any]) -> None:
    with pytest.raises(LawBrokenError, match=mutant.__name__):
        check_laws(mutant, examples=200)


def test_the_laws_catch_a_set_that_forgets_its_bias() -> None:
    subject = lwwset("remove")
    broken = Subject(
        SharedStamps,
        subject.acts,
        lambda: SharedStamps(bias="remove"),
        subject.model_of,
        subject.read,
    )
    with pytest.raises(LawBrokenError, match="SharedStamps"):
        check_laws(broken, examples=200)


def test_a_counterexample_can_be_run_again_from_its_script() -> None:
    with pytest.raises(LawBrokenError) as caught:
        check_laws(SumForMax, examples=50)
    script = bytes.fromhex(str(caught.value).rpartition("script '")[2].rstrip("')"))
    assert len(script) <= 5  # two steps at most are needed to show it
    with pytest.raises(LawBrokenError):
        check_history(run_history(subject_of(SumForMax), script))
