"""Maps broken on purpose where children of many types live in them: each must be caught."""

from __future__ import annotations

from typing import Any

import pytest

from crdt import (
    RGA,
    GMap,
    GSet,
    Logoot,
    LWWMap,
    ORMap,
    PNCounter,
    PNSet,
    RWSet,
    Sequence,
    StateCRDT,
    Text,
    Tree,
)
from crdt.atoms import NOTHING
from crdt.maps.forms.causal import LogootForm
from crdt.maps.forms.counted import CountingSetForm
from crdt.maps.forms.woven import WovenForm
from crdt.testing import LawBrokenError, Subject, check_history, run_history, wide_script
from crdt.testing.children import Way, child_subject
from tests.crdt import test_children, test_handwritten_children


class AnchorsGo(ORMap[Any]):
    """Removes items with their places, so that what is anchored at them is lost."""

    @classmethod
    def _kept(cls, entry: Any, leaf: Any) -> Any:
        return NOTHING


class DeletionsAreContent(ORMap[Any]):
    """Takes a deletion for another content of the dot, not for a later one."""

    @classmethod
    def _settled(cls, entry: Any, leaf: Any) -> bool:
        return False


class LettersComeBack(ORMap[Any]):
    """Lets an item win over its deletion."""

    def _difference(self, other: Any) -> Any:
        new, gone = super()._difference(other)
        for replica, theirs in other._seen.items():
            for piece, leaf in self._otherwise_in(other, replica, theirs):
                if leaf is not NOTHING and self._settled(*piece[3:]):
                    gone.append(piece)
                    new.append((*piece[:4], leaf))
        return new, gone


class GrowingMapsStay(ORMap[Any]):
    """Removes no key that holds a growing map."""

    def _removing(self, entries: Any) -> Any:
        return super()._removing([one for one in entries if one[1] != "gmap@1"])


class OwnDotsOnly(ORMap[Any]):
    """Removes only what it has written itself."""

    def _removing(self, entries: Any) -> Any:
        dots, kept = super()._removing(entries)
        return {holder: spans for holder, spans in dots.items() if holder == self.replica}, [
            piece for piece in kept if piece[0] == self.replica
        ]


class NewestDeltaOnly(ORMap[Any]):
    """Lets the newest delta take the place of all that were seen."""

    def _dotted(self, change: Any, replica: Any, adds: Any, covered: Any) -> None:
        for holder, start, end, _, _ in self._pieces_of(adds[0][0]):
            covered.setdefault(holder, []).append((start, end))
        super()._dotted(change, replica, adds, covered)


class LastMoveOnly(ORMap[Any]):
    """Keeps of each node the last move: a void one then hides the one in effect."""

    def _dotted(self, change: Any, replica: Any, adds: Any, covered: Any) -> None:
        ((entry, text),) = adds
        for holder, start, end, _, leaf in self._pieces_of(entry):
            if leaf.split(",")[3] == text.split(",")[3]:
                covered.setdefault(holder, []).append((start, end))
        super()._dotted(change, replica, adds, covered)


class ChildrenCountAlone(ORMap[Any]):
    """Lets children count in contexts of their own."""

    def _count_in(self, seen: Any) -> None:
        """Leave the context as it is."""


MUTANTS: list[tuple[type[Any], type[Any], Way]] = [
    (AnchorsGo, Text, ()),
    (AnchorsGo, RGA, (ORMap,)),
    (DeletionsAreContent, Sequence, ()),
    (LettersComeBack, Text, ()),
    (GrowingMapsStay, PNCounter, (GMap,)),
    (OwnDotsOnly, RWSet, ()),
    (OwnDotsOnly, Sequence, (GMap,)),
    (NewestDeltaOnly, LWWMap, ()),
    (NewestDeltaOnly, GSet, (GMap,)),
    (LastMoveOnly, Tree, ()),
]


def hold_to_the_laws(subject: Subject[Any]) -> None:
    for seed in range(30):
        check_history(run_history(subject, wide_script(seed)))


@pytest.mark.parametrize(("mutant", "kind", "inner"), MUTANTS)
def test_the_laws_of_children_catch_a_broken_map(
    mutant: type[Any], kind: type[StateCRDT], inner: Way
) -> None:
    with pytest.raises((LawBrokenError, RuntimeError, KeyError)):
        hold_to_the_laws(child_subject(kind, (mutant, *inner)))


def test_a_map_in_a_map_that_counts_alone_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ORMap, "_count_in", ChildrenCountAlone._count_in)
    with pytest.raises((LawBrokenError, RuntimeError, KeyError)):
        hold_to_the_laws(child_subject(ORMap))


def test_a_counting_set_that_keeps_totals_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    def totals(form: Any, target: Any) -> Any:
        tallies = target.delta._tallies.items()
        return [(key, sum(a - r for a, r in one.values())) for key, one in tallies], {}

    monkeypatch.setattr(CountingSetForm, "written", totals)
    with pytest.raises((LawBrokenError, KeyError)):
        hold_to_the_laws(child_subject(PNSet))


def test_copied_items_that_keep_their_places_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    def as_they_were(form: Any, state: Any) -> Any:
        return [form._leaf(entry) for entry in state._sorted()]

    monkeypatch.setattr(LogootForm, "fresh", as_they_were)
    with pytest.raises(AssertionError):
        test_children.test_places_in_a_logoot_are_its_own_after_copying()


def test_a_text_that_shows_for_its_anchors_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(WovenForm, "shows", lambda form, leaf: True)
    with pytest.raises(AssertionError):
        test_children.test_a_text_without_letters_is_not_shown_and_its_key_comes_back_with_the_next()


def test_hand_written_types_that_are_heard_in_part_are_caught(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("crdt.watched._tie", lambda child: None)
    with pytest.raises(AssertionError):
        test_handwritten_children.test_built_in_attributes_of_a_hand_written_child_are_heard_too(
            GMap
        )


def test_a_growing_map_in_a_map_whose_new_children_count_alone_is_caught(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("crdt.maps.forms.nests.Host.take_in", lambda host, entry, child: None)
    with pytest.raises((LawBrokenError, RuntimeError, KeyError)):
        hold_to_the_laws(child_subject(Logoot, (ORMap, GMap)))
