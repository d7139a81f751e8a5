"""What comes from elsewhere: joined whole, or refused with nothing changed."""

from typing import Any

import pytest

from crdt import GSet, PayloadError, PNCounter
from crdtnode.errors import ObjectTooLarge
from crdtnode.metrics import Metrics
from crdtnode.registry import Absorbed, Registry

TAG = "registry-numbers@1"


def contents(registry: Registry) -> list[Any]:
    """Everything that the registry would tell others."""
    registry.flush(now=0.0)
    places = [registry.fingerprints.place(tag, name) for tag, name in registry.names()]
    return [registry.root, [registry.state(place) for place in places]]


def test_what_arrives_makes_an_object_and_grows_it(registry: Registry) -> None:
    absorbed = registry.absorb("pncounter@1", "visits", 1, [{"a": [3, 0]}], now=0.0)
    assert absorbed.changed
    assert absorbed.delta is not None
    assert absorbed.delta.value == 3
    registry.absorb("pncounter@1", "visits", 1, [{"b": [4, 0]}], now=0.0)
    assert registry.open("visits", PNCounter).value == 7
    assert registry.dirty
    assert registry.flush(now=0.0) == []
    assert registry.version("pncounter@1", "visits") != 0


def test_what_is_known_already_changes_nothing(registry: Registry) -> None:
    registry.absorb("pncounter@1", "visits", 1, [{"a": [3, 0]}], now=0.0)
    registry.flush(now=0.0)
    assert not registry.absorb("pncounter@1", "visits", 1, [{"a": [2, 0]}], now=0.0).changed
    assert not registry.dirty


def test_an_initial_state_from_elsewhere_makes_no_object(registry: Registry) -> None:
    assert registry.absorb("pncounter@1", "visits", 1, [{}], now=0.0).changed is False
    assert registry.absorb("pncounter@1", "visits", 1, [], now=0.0) == Absorbed(False, None)
    assert (registry.find("visits"), registry.dirty) == ([], False)


def test_several_payloads_are_joined_as_one(registry: Registry) -> None:
    payloads = [{"a": [1, 0]}, {"b": [2, 0]}, {"a": [5, 0]}]
    absorbed = registry.absorb("pncounter@1", "visits", 1, payloads, now=0.0)
    assert absorbed.delta is not None
    assert absorbed.delta.payload == {"a": [5, 0], "b": [2, 0]}


def test_one_bad_payload_spoils_all_of_them(registry: Registry) -> None:
    registry.absorb("pncounter@1", "visits", 1, [{"a": [1, 0]}], now=0.0)
    before = contents(registry)
    with pytest.raises(PayloadError):
        registry.absorb("pncounter@1", "visits", 1, [{"b": [2, 0]}, {"c": "junk"}], now=0.0)
    assert contents(registry) == before


def test_what_arrives_is_not_shared_with_the_object(registry: Registry) -> None:
    payload = {"a": [1, 0]}
    absorbed = registry.absorb("pncounter@1", "visits", 1, [payload], now=0.0)
    payload["a"][0] = 99
    assert isinstance(absorbed.delta, PNCounter)
    absorbed.delta.increment(50)
    assert registry.open("visits", PNCounter).value == 1


def test_what_arrives_calls_nobody(registry: Registry) -> None:
    calls: list[str] = []
    registry.notify = lambda: calls.append("now")
    visits = registry.open("visits", PNCounter)
    visits.observe(lambda delta: calls.append("observed"))
    registry.absorb("pncounter@1", "visits", 1, [{"a": [1, 0]}], now=0.0)
    assert (calls, visits.value) == ([], 1)


def test_a_local_write_after_an_arrival_still_calls_notify(registry: Registry) -> None:
    calls: list[str] = []
    registry.notify = lambda: calls.append("now")
    registry.absorb("pncounter@1", "visits", 1, [{"a": [1, 0]}], now=0.0)
    registry.open("visits", PNCounter).increment()
    assert calls == ["now"]


# A payload put in by a user here


def test_a_payload_put_in_here_is_told_to_others(registry: Registry) -> None:
    calls: list[str] = []
    registry.notify = lambda: calls.append("now")
    assert registry.absorb_payload("pncounter@1", "visits", {"a": [3, 0]})
    assert calls == ["now"]
    (change,) = registry.flush(now=0.0)
    assert change.delta.payload == {"a": [3, 0]}
    assert not registry.absorb_payload("pncounter@1", "visits", {"a": [2, 0]})
    assert registry.flush(now=0.0) == []
    visits = registry.open("visits", PNCounter)
    visits.increment()
    assert registry.absorb_payload("pncounter@1", "visits", {"b": [1, 0]})
    visits.increment()
    (change,) = registry.flush(now=0.0)
    assert change.delta.payload == {"b": [1, 0], registry.replica: [2, 0]}


def test_a_bad_or_empty_payload_put_in_here_makes_no_object(registry: Registry) -> None:
    with pytest.raises(PayloadError):
        registry.absorb_payload("pncounter@1", "visits", {"a": "junk"})
    assert not registry.absorb_payload("pncounter@1", "visits", {})
    assert (registry.find("visits"), registry.dirty) == ([], False)


def test_a_payload_over_the_limit_is_refused_at_once(make_registry: Any) -> None:
    registry: Registry = make_registry(max_object_bytes=50)
    with pytest.raises(ObjectTooLarge):
        registry.absorb_payload("gset@1", "tags", ["x" * 100])
    assert registry.find("tags") == []


# Foreign code


def test_a_plain_object_arrives_grows_and_is_handed_out(registry: Registry, diary: Any) -> None:
    source = diary()
    source.owner = "eric"
    source.days.add("monday")
    payload = source.payload
    assert registry.absorb("registry-diary@1", "d", 1, [payload], now=0.0).changed
    assert not registry.absorb("registry-diary@1", "d", 1, [payload], now=0.0).changed
    handle = registry.open("d", diary)
    days = handle.days
    source.days.add("tuesday")
    assert registry.absorb("registry-diary@1", "d", 1, [source.payload], now=0.0).changed
    assert handle.value == ("eric", {"monday", "tuesday"}, None)
    assert handle.days is days
    registry.flush(now=0.0)
    assert registry.root != 0


def test_an_object_opened_before_anything_arrived_takes_it_over(
    registry: Registry, diary: Any
) -> None:
    handle, source = registry.open("d", diary), diary()
    source.owner = "eric"
    assert registry.absorb("registry-diary@1", "d", 1, [source.payload], now=0.0).changed
    assert handle.owner == "eric"


def test_a_subclass_of_a_built_in_type_arrives_and_publishes(
    registry: Registry, labels: Any
) -> None:
    payload = labels().add("x").payload
    assert registry.absorb("registry-labels@1", "l", 1, [payload], now=0.0).changed
    registry.flush(now=0.0)
    registry.open("l", labels).add("y")
    (change,) = registry.flush(now=0.0)
    assert type(change.delta) is labels
    assert change.delta.value == {"y"}


@pytest.mark.parametrize("payload", [None, 5, ["x", 1], [[1]], {"a": float("nan")}, [1e400]])
def test_junk_for_a_hand_written_type_is_a_payload_error(
    registry: Registry, numbers: Any, payload: object
) -> None:
    registry.absorb(TAG, "n", 1, [[1, 2]], now=0.0)
    before = contents(registry)
    with pytest.raises(PayloadError):
        registry.absorb(TAG, "n", 1, [payload, [7]], now=0.0)
    assert contents(registry) == before


def raising(_: Any) -> Any:
    raise RuntimeError("a bug of its author")


def endless(value: Any) -> Any:
    for _ in range(60):
        value = [value]
    return value


@pytest.mark.parametrize(
    "junk",
    [raising, lambda new: None, lambda new: GSet(), lambda new: [new]],
    ids=["raises", "none", "another type", "a list"],
)
def test_a_merge_that_raises_or_gives_junk_is_a_payload_error(
    registry: Registry, numbers: Any, junk: Any
) -> None:
    registry.absorb(TAG, "n", 1, [[1, 2]], now=0.0)
    registry.open("visits", PNCounter).increment()
    before = contents(registry)
    numbers.on_merge = junk
    with pytest.raises(PayloadError):
        registry.absorb(TAG, "n", 1, [[7]], now=0.0)
    with pytest.raises(PayloadError):
        registry.absorb_payload(TAG, "n", [7])
    numbers.on_merge = None
    assert contents(registry) == before


@pytest.mark.parametrize(
    "junk",
    [raising, lambda items: {1, 2}, lambda items: {1: 2}, endless, lambda items: [*items, 99]],
    ids=["raises", "a set", "number keys", "too deep", "another state"],
)
def test_a_merged_state_without_a_lawful_payload_is_a_payload_error(
    registry: Registry, numbers: Any, junk: Any
) -> None:
    registry.absorb(TAG, "n", 1, [[1, 2]], now=0.0)
    before = contents(registry)

    def spoil(new: Any) -> Any:
        numbers.on_payload = junk
        return new

    numbers.on_merge = spoil
    with pytest.raises(PayloadError):
        registry.absorb(TAG, "n", 1, [[7]], now=0.0)
    numbers.on_merge = numbers.on_payload = None
    assert contents(registry) == before


@pytest.mark.parametrize("junk", [None, 42, GSet()])
def test_a_from_payload_that_gives_junk_is_a_payload_error(
    registry: Registry, numbers: Any, monkeypatch: pytest.MonkeyPatch, junk: object
) -> None:
    monkeypatch.setattr(numbers, "from_payload", lambda payload: junk)
    with pytest.raises(PayloadError, match="something else"):
        registry.absorb(TAG, "n", 1, [[1]], now=0.0)
    with pytest.raises(PayloadError, match="something else"):
        registry.absorb_payload(TAG, "n", [1])
    with pytest.raises(PayloadError):
        registry.absorb(TAG, "n", 1, [[1], [2]], now=0.0)
    assert registry.find("n") == []


def test_a_state_that_cannot_be_fingerprinted_hurts_no_other(
    registry: Registry, numbers: Any, metrics: Metrics
) -> None:
    registry.absorb(TAG, "n", 1, [[1]], now=0.0)
    registry.open("visits", PNCounter).increment()
    numbers.on_payload = raising
    (change,) = registry.flush(now=0.0)
    assert change.name == "visits"
    assert registry.version("pncounter@1", "visits") != 0
    assert registry.version(TAG, "n") == 0
    assert metrics.contained == {"registry": 1}


def test_a_state_that_cannot_be_read_is_not_sent(
    registry: Registry, numbers: Any, metrics: Metrics
) -> None:
    registry.absorb(TAG, "n", 1, [[1]], now=0.0)
    registry.flush(now=0.0)
    numbers.on_payload = raising
    assert registry.state(registry.fingerprints.place(TAG, "n")) is None
    assert metrics.contained == {"registry": 1}


def test_a_delta_that_cannot_be_compared_is_left_to_repair(
    registry: Registry, numbers: Any, metrics: Metrics
) -> None:
    with registry.change("n", numbers) as n:
        n.items = [1]
    registry.open("visits", PNCounter).increment()
    numbers.on_merge = raising
    assert [change.name for change in registry.flush(now=0.0)] == ["visits"]
    assert metrics.contained == {"registry": 1}
    numbers.on_merge = None
    assert contents(registry)[1][1][3] == ([1],)


def test_a_broken_built_in_type_is_our_bug_and_not_hidden(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> Any:
        raise ZeroDivisionError

    tags = registry.open("tags", GSet)
    tags.observe(lambda delta: None)  # it may refuse, so that a flush has to compare
    for part, act in (
        ("fingerprint", lambda: registry.flush(now=0.0)),
        ("compare", lambda: registry.flush(now=0.0)),
        ("payload", lambda: registry.state(registry.fingerprints.place("gset@1", "tags"))),
    ):
        tags.add(part)
        with monkeypatch.context() as patch:
            patch.setattr(GSet, part, property(broken) if part == "payload" else broken)
            with pytest.raises(ZeroDivisionError):
                act()
