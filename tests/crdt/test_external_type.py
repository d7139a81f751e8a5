"""A type that somebody else wrote meets the same bar as ours, in three lines."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
import pytest

from crdt import StateCRDT
from crdt.testing import History, LawBrokenError, check_history, check_laws, histories

PLAYERS = ("ann", "bob", "cid", 7)


class Scores(StateCRDT):
    """The best score of each player."""

    def __init__(self) -> None:
        self._best: dict[Any, int] = {}

    def score(self, player: Any, points: int) -> None:
        if points < 0:
            raise ValueError("no points below zero")
        self._best[player] = max(points, self._best.get(player, 0))

    @property
    def payload(self) -> Any:
        return sorted([[player, best] for player, best in self._best.items()], key=repr)

    @payload.setter
    def payload(self, payload: Any) -> None:
        self._best = {player: int(best) for player, best in payload}

    @property
    def value(self) -> dict[Any, int]:
        return dict(self._best)

    @classmethod
    def merge(cls, X: Any, Y: Any) -> Any:
        new = cls()
        new._best = dict(X._best)
        for player, best in Y._best.items():
            new._best[player] = cls.better(best, new._best.get(player, 0))
        return new

    @staticmethod
    def better(one: int, other: int) -> int:
        return max(one, other)


class Sums(Scores):
    """Adds up what two replicas know."""

    @staticmethod
    def better(one: int, other: int) -> int:
        return one + other


class CountsMerges(Scores):
    """Counts one more for every merge: joining twice is not joining once."""

    @staticmethod
    def better(one: int, other: int) -> int:
        return max(one, other) + (one == other)


class SharesItsPayload(Scores):
    """Gives away the very dict that it keeps, and keeps the one that it is given."""

    @property
    def payload(self) -> Any:
        return self._best

    @payload.setter
    def payload(self, payload: Any) -> None:
        self._best = payload

    def score(self, player: Any, points: int) -> None:
        super().score(str(player), points)


class KeepsWhatItIsGiven(SharesItsPayload):
    """Copies what it gives away, but keeps the one that it is given."""

    @property
    def payload(self) -> Any:
        return dict(self._best)

    @payload.setter
    def payload(self, payload: Any) -> None:
        self._best = payload


class InOrderOfArrival(Scores):
    """Lists players as they came."""

    @property
    def payload(self) -> Any:
        return [[player, best] for player, best in self._best.items()]

    @payload.setter
    def payload(self, payload: Any) -> None:
        self._best = {player: int(best) for player, best in payload}


class IntKeys(Scores):
    """Uses players as keys, which JSON makes text of."""

    @property
    def payload(self) -> Any:
        return dict(self._best)

    @payload.setter
    def payload(self, payload: Any) -> None:
        self._best = dict(payload)


class StringKeys(IntKeys):
    """Makes text of players itself, and never finds back."""

    @property
    def payload(self) -> Any:
        return {str(player): best for player, best in self._best.items()}

    @payload.setter
    def payload(self, payload: Any) -> None:
        self._best = dict(payload)


class LosesTheFourth(Scores):
    """A fine semilattice that has room for three players."""

    @classmethod
    def merge(cls, X: Any, Y: Any) -> Any:
        new = super().merge(X, Y)
        new._best = dict(sorted(new._best.items(), key=repr)[:3])
        return new

    def score(self, player: Any, points: int) -> None:
        super().score(player, points)
        self._best = dict(sorted(self._best.items(), key=repr)[:3])


class Forgets(Scores):
    """Takes a player off, who comes back with the next merge."""

    def score(self, player: Any, points: int) -> None:
        super().score(player, points)
        if not points:
            del self._best[player]


class RemembersItsValue(Scores):
    """Tells for ever what it told first."""

    @property
    def value(self) -> dict[Any, int]:
        told: dict[Any, int] = self.__dict__.setdefault("_told", dict(self._best))
        return dict(told)


class Raises(Scores):
    """Cannot merge what nobody scored."""

    @classmethod
    def merge(cls, X: Any, Y: Any) -> Any:
        min(X._best), min(Y._best, key=repr)
        return super().merge(X, Y)


WITHOUT_A_MODEL = (SharesItsPayload, KeepsWhatItIsGiven, StringKeys, Forgets, RemembersItsValue)


def scored(scores: Any, number: int) -> None:
    scores.score(PLAYERS[number % 4], number // 4 - 2)


def expected(events: list[Any]) -> dict[Any, int]:
    best: dict[Any, int] = {}
    for event in events:
        player, points = PLAYERS[event.chance % 4], event.chance // 4 - 2
        best[player] = max(points, best.get(player, 0))
    return best


def test_a_good_type_passes() -> None:
    check_laws(Scores, acts=[scored], expected=expected, examples=100)


@pytest.mark.parametrize(
    ("broken", "law"),
    [
        (Sums, "idempotent|the model says"),
        (CountsMerges, "idempotent"),
        (SharesItsPayload, "shares the payload"),
        (KeepsWhatItIsGiven, "shares the payload that it was given"),
        (InOrderOfArrival, "merge does not commute|same updates"),
        (IntKeys, "payload"),
        (StringKeys, "a value is not that of the payload|another value"),
        (LosesTheFourth, "the model says"),
        (Forgets, "less than it was"),
        (RemembersItsValue, "a value is not that of the payload"),
        (Raises, "it raises ValueError"),
    ],
)
def test_a_broken_type_is_told_what_it_breaks(broken: type[Any], law: str) -> None:
    wanted = None if broken in WITHOUT_A_MODEL else expected
    with pytest.raises(LawBrokenError, match=law):
        check_laws(broken, acts=[scored], expected=wanted, examples=200)


@settings(max_examples=20, deadline=None, derandomize=True, database=None)
@given(histories(Scores, acts=[scored], expected=expected))
def test_histories_are_there_for_laws_of_ones_own(history: History[Scores]) -> None:
    check_history(history)
    for replica in history.replicas:
        known = [event for event in history.events if event.number in replica.known]
        assert replica.object.value == expected(known)
        assert all(points >= 0 for points in replica.object.value.values())


class Named(StateCRDT):
    """Has no payload until somebody names it."""

    def __init__(self) -> None:
        self.name: str | None = None

    @property
    def payload(self) -> Any:
        assert self.name is not None, "not named yet"
        return self.name

    @payload.setter
    def payload(self, payload: Any) -> None:
        self.name = str(payload)

    @property
    def value(self) -> str | None:
        return self.name

    @classmethod
    def merge(cls, X: Any, Y: Any) -> Any:
        return cls.from_payload(max(X.payload, Y.payload))


def named(one: Named, number: int) -> None:
    one.name = max(one.name or "", f"n{number:03}")


def test_an_initial_state_may_have_no_payload() -> None:
    check_laws(
        Named,
        acts=[named],
        expected=lambda events: max([f"n{event.chance:03}" for event in events], default=None),
        examples=50,
    )
