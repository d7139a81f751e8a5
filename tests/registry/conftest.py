"""Registries, and hand-written types to put into them."""

from collections.abc import Callable, Iterator
import itertools
from typing import Any

import pytest

from crdt import GSet, LWWRegister, StateCRDT
from crdt.catalogue import register
from crdtnode.metrics import Metrics
from crdtnode.registry import Registry

MakeRegistry = Callable[..., Registry]


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def make_registry(metrics: Metrics) -> MakeRegistry:
    """Make registries of one cluster; replica ids are r0, r1, ... in the order of being asked for."""
    ids = (f"r{number}" for number in itertools.count())
    clock = itertools.count(1_700_000_000_000)

    def make(**settings: Any) -> Registry:
        settings = {"salt": b"salt", "clock": lambda: next(clock), "metrics": metrics, **settings}
        return Registry(replica=lambda: next(ids), **settings)

    return make


@pytest.fixture(scope="module")
def make_registries() -> Callable[[], Registry]:
    """Make registries of one cluster, for tests that play many histories."""
    ids, clock = itertools.count(), itertools.count(1_700_000_000_000)
    return lambda: Registry(
        salt=b"salt", replica=lambda: f"r{next(ids)}", clock=lambda: next(clock)
    )


@pytest.fixture
def registry(make_registry: MakeRegistry) -> Registry:
    return make_registry()


class Diary(StateCRDT):
    """A plain type in the style of a first-time author: no ``super().__init__``, two children.

    Its initial state has no payload, since the owner has to be named first.
    """

    def __init__(self) -> None:
        self.owner: str | None = None
        self.days = GSet()
        self.motto = LWWRegister()

    @property
    def payload(self) -> Any:
        assert self.owner is not None, "name the owner first"
        return {"owner": self.owner, "days": self.days.payload, "motto": self.motto.payload}

    @payload.setter
    def payload(self, payload: Any) -> None:
        self.owner = payload["owner"]
        self.days = GSet.from_payload(payload["days"])
        self.motto = LWWRegister.from_payload(payload["motto"])

    @property
    def value(self) -> Any:
        return self.owner, self.days.value, self.motto.value

    @classmethod
    def merge(cls, X: "Diary", Y: "Diary") -> "Diary":
        assert X.owner == Y.owner, "two diaries"
        new = cls()
        new.owner = X.owner
        new.days = GSet.merge(X.days, Y.days)
        new.motto = LWWRegister.merge(X.motto, Y.motto)
        return new


class Numbers(StateCRDT):
    """A plain set of numbers whose code can be told to misbehave, by class attributes."""

    on_merge: Callable[[Any], Any] | None = None
    on_payload: Callable[[Any], Any] | None = None

    def __init__(self) -> None:
        self.items: list[Any] = []

    @property
    def payload(self) -> Any:
        items = list(self.items)
        return type(self).on_payload(items) if type(self).on_payload else items  # type: ignore[misc]  # narrowed

    @payload.setter
    def payload(self, payload: Any) -> None:
        self.items = sorted(payload)

    @property
    def value(self) -> Any:
        return set(self.items)

    @classmethod
    def merge(cls, X: "Numbers", Y: "Numbers") -> Any:
        new = cls()
        new.items = sorted({*X.items, *Y.items})
        return cls.on_merge(new) if cls.on_merge else new


class Labels(GSet):
    """A user's subclass of a built-in type: foreign code, but it publishes its deltas."""


register(Diary, "registry-diary@1")
register(Numbers, "registry-numbers@1")
register(Labels, "registry-labels@1")


@pytest.fixture
def diary() -> type[Any]:
    return Diary


@pytest.fixture(scope="module")
def diary_type() -> type[Any]:
    return Diary


@pytest.fixture
def numbers() -> Iterator[type[Any]]:
    yield Numbers
    Numbers.on_merge = Numbers.on_payload = None


@pytest.fixture
def labels() -> type[Any]:
    return Labels
