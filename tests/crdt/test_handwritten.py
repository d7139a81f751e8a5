"""Hand-written types of every shape work everywhere."""

from __future__ import annotations

from typing import Any

import pytest

from crdt import GCounter, ORSet, PayloadError, PNCounter, StateCRDT


class Highest(StateCRDT):
    """The greatest number ever seen; keeps it in a slot."""

    __slots__ = ("__unset", "_number")

    def __init__(self) -> None:
        self._number = 0

    @property
    def payload(self) -> Any:
        return self._number

    @payload.setter
    def payload(self, payload: Any) -> None:
        self._number = int(payload)

    @property
    def value(self) -> int:
        return self._number

    @classmethod
    def merge(cls, X: Highest, Y: Highest) -> Highest:
        new = cls()
        new._number = max(X._number, Y._number)
        return new


class Board(StateCRDT):
    """Counters by name, made as they are needed, and a note that the newest version brings."""

    def __init__(self) -> None:
        self.scores: dict[str, PNCounter] = {}
        self.seen: list[ORSet[str]] = [ORSet()]
        self.best = Highest()

    @property
    def payload(self) -> Any:
        return {
            "scores": {name: score.payload for name, score in self.scores.items()},
            "seen": self.seen[0].payload,
            "best": self.best.payload,
        }

    @payload.setter
    def payload(self, payload: Any) -> None:
        self.scores = {n: PNCounter.from_payload(p) for n, p in payload["scores"].items()}
        self.seen = [ORSet.from_payload(payload["seen"])]
        self.best = Highest.from_payload(payload["best"])

    @property
    def value(self) -> Any:
        return {name: score.value for name, score in self.scores.items()}

    @classmethod
    def merge(cls, X: Board, Y: Board) -> Board:
        new = cls()
        for name in X.scores.keys() | Y.scores.keys():
            new.scores[name] = PNCounter.merge(
                X.scores.get(name, PNCounter()), Y.scores.get(name, PNCounter())
            )
        new.seen = [ORSet.merge(X.seen[0], Y.seen[0])]
        new.best = Highest.merge(X.best, Y.best)
        return new

    def score(self, name: str) -> None:
        self.scores.setdefault(name, PNCounter()).increment()


class Nested(Highest):
    """A hand-written type in a hand-written type."""

    def __init__(self) -> None:
        super().__init__()
        self.board = Board()


def test_children_in_lists_dicts_and_attributes_are_found() -> None:
    board = Board()
    board.score("ann")
    kinds = sorted(type(child).__name__ for child in board.children())
    assert kinds == ["Highest", "ORSet", "PNCounter"]
    board.replica = "me"
    assert {child.replica for child in board.children()} == {"me"}


def test_statistics_reach_through_all_layers() -> None:
    board = Board()
    board.score("ann")
    board.seen[0].add("bob")
    names = {child.replica for child in board.children() if child.replica}
    assert board.stats()["replicas"] == len(names) == 2
    outer = Nested()
    outer.board = board
    assert outer.stats()["replicas"] == 2
    assert outer.stats()["elements"] == 2


def test_children_made_by_a_join_are_bound_like_their_parent() -> None:
    board, other = Board(), Board()
    board.bind("node")
    other.score("ann")
    assert board.absorb(other)
    board.score("ann")
    assert board.scores["ann"].payload["node"] == [1, 0]


def test_a_join_takes_over_slots_and_attributes() -> None:
    one, other = Highest(), Highest()
    other.payload = 7
    assert one.join(other)
    assert (one.value, one.clone().value, one == other) == (7, 7, True)
    assert not one.initial
    assert Highest().initial


def test_a_join_drops_attributes_that_the_merged_object_lacks() -> None:
    one, other = Highest(), Highest()
    other.payload = 7
    one.scratch = "for now"  # type: ignore[attr-defined]  # what users do
    assert not one.join(one.clone())
    assert one.join(other)
    assert not hasattr(one, "scratch")


class Sloppy(Highest):
    """Gives back the very children of its arguments."""

    def __init__(self) -> None:
        super().__init__()
        self.tally = GCounter()

    @property
    def payload(self) -> Any:
        return self.tally.payload

    @payload.setter
    def payload(self, payload: Any) -> None:
        self.tally.payload = payload

    @classmethod
    def merge(cls, X: Sloppy, Y: Sloppy) -> Sloppy:  # type: ignore[override]  # narrower on purpose
        new = cls()
        new.tally = X.tally if Y.tally.compare(X.tally) else Y.tally
        return new


def test_a_merge_that_hands_out_its_arguments_children_aliases_nothing_by_joining() -> None:
    one, other = Sloppy(), Sloppy()
    other.tally.increment()
    assert one.join(other)
    one.tally.increment()
    assert other.tally.value == 1
    before = one.tally
    assert not one.join(Sloppy())
    assert one.tally is before


class Strange(Highest):
    """Holds something that JSON does not."""

    @property
    def payload(self) -> Any:
        return {self._number: (1, 2)}

    @payload.setter
    def payload(self, payload: Any) -> None:
        raise RuntimeError("no")


def test_a_payload_that_is_not_json_friendly_has_no_canonical_bytes() -> None:
    with pytest.raises(PayloadError, match="keys are str"):
        Strange().canonical()


def test_an_error_of_a_hand_written_setter_is_told_with_its_cause() -> None:
    with pytest.raises(PayloadError, match="Strange refuses it") as caught:
        Strange.from_payload(1)
    assert isinstance(caught.value.__cause__, RuntimeError)


def test_a_type_lacking_one_of_the_four_members_cannot_be_made() -> None:
    class Half(StateCRDT):
        def __init__(self) -> None:
            pass

    with pytest.raises(TypeError, match="merge"):
        Half()  # type: ignore[abstract]  # the point of the test


def test_a_payload_error_survives_being_pickled() -> None:
    import pickle

    error = pickle.loads(pickle.dumps(PayloadError("wrong", "payload[0]")))
    assert (str(error), error.place, error.reason) == ("payload[0]: wrong", "payload[0]", "wrong")
