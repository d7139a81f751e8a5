"""What maps and carts tell those who lack something, in time that follows the answer."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import pytest

from crdt import (
    GCounter,
    GMap,
    Logoot,
    LWWRegister,
    ORCart,
    ORMap,
    ORSet,
    PayloadError,
    PNCounter,
    Text,
    Tree,
)
from crdt.causal.told import Track
from crdt.testing import Subject, run_history, subject_of, wide_script
from crdt.testing.children import child_subject
from tests.crdt.boards import BOARD, Board
from tests.crdt.effort import steps_of

SUBJECTS = [
    subject_of(ORMap),
    subject_of(ORCart),
    subject_of(Logoot),
    child_subject(Text),
    child_subject(PNCounter, (ORMap, ORMap)),
    subject_of(GMap),
    child_subject(Tree, (GMap, GMap)),
    BOARD,
]
every_subject = pytest.mark.parametrize("subject", SUBJECTS, ids=lambda s: s.kind.__name__)


def sent(state: Any, reader: Any) -> Any:
    """Return what ``state`` sends to ``reader``, whose context travels as JSON."""
    delta = state.delta_since(json.loads(json.dumps(reader.context)))
    return type(state).from_payload(json.loads(json.dumps(delta.payload)))


def states_of(subject: Subject[Any], seed: int) -> list[Any]:
    history = run_history(subject, wide_script(seed))
    states = [replica.object for replica in history.replicas]
    states += [state for state, _ in history.snapshots[::6]]
    return states + [event.delta for event in history.events[::8]]


@pytest.mark.sweep
@every_subject
def test_what_is_sent_does_what_joining_the_whole_state_does(subject: Subject[Any]) -> None:
    for seed in range(2):
        compare_to_joins(states_of(subject, seed))


def compare_to_joins(states: list[Any]) -> None:
    for state in states:
        for reader in states:
            whole = type(state).merge(reader, state)
            after = reader.clone()
            after.join(sent(state, reader))
            assert after.canonical() == whole.canonical()
            assert not after.join(sent(state, after))


@every_subject
def test_a_track_stays_true_through_everything_that_happens(subject: Subject[Any]) -> None:
    chance = Random("tracks")
    us, them, late = (subject.kind(name) for name in ("us", "them", "late"))
    for _ in range(80):
        one, other = chance.sample([us, them], 2)
        try:
            chance.choice(subject.acts)(one, chance.randrange(256))
        except (KeyError, ValueError):
            continue
        if chance.random() < 0.3:
            other.join(one if chance.random() < 0.5 else sent(one, other))
        if chance.random() < 0.1 and hasattr(one, "compact"):
            one.compact(one.clone())
        fresh = subject.kind.from_payload(one.payload)
        assert one.context == fresh.context
        assert one.delta_since(late.context).canonical() == sent(fresh, late).canonical()
        if chance.random() < 0.2:
            late.join(sent(one, late))


def test_only_what_is_new_is_sent_where_both_sides_removed_the_same() -> None:
    us = ORMap[str]("us")
    for n in range(50):
        us.open(f"k{n}", GCounter).increment(n + 1)
    us.remove("k7")
    them = us.clone()
    us.open("new", ORSet).add("x")
    assert us.delta_since(them.context).payload == {
        "us": [[["new", "orset@1", ["x"]]], [50, 1], [50, 1]]
    }
    us.remove("k9")
    assert us.delta_since(them.context).payload["us"][2] == [7, 1, 1, 1, 40, 1]
    them.remove("k9")
    assert us.delta_since(them.context).payload["us"][2] == [50, 1]


def test_deletions_in_a_text_are_sent_as_runs_without_letters() -> None:
    us = ORMap[str]("us")
    us.open("t", Text).extend("letters " * 20)
    them = us.clone("them")
    us["t"].delete(10, 60)
    assert us.delta_since(them.context).payload == {
        "us": [[["t", "text@1", [[None, "", 50]]]], [10, 50], [10, 50]]
    }
    them.join(sent(us, them))
    assert them["t"] == us["t"]
    assert us.delta_since(them.context).initial
    assert len(them.context["us"]) == 3


def test_sums_are_sent_to_who_still_holds_the_amounts() -> None:
    us = ORCart("us")
    for n in range(1, 6):
        us.add("tea", n)
    them = us.clone()
    us.compact(us.clone())
    assert them.join(sent(us, them))
    assert them.payload == us.payload == {"us": [[["tea", [["+", 15], 1]]], [4, 1], [0, 5]]}
    assert us.delta_since(them.context).initial
    assert us.delta_since({}).payload == us.payload


def test_the_work_follows_the_answer_not_the_size_of_the_map() -> None:
    def work(size: int) -> int:
        us = ORMap[str]("us")
        tags: ORSet[str] = ORSet("p")
        tags.add("x")
        us.update({f"k{n}": tags for n in range(size)})
        context = us.context
        us.delta_since(context)
        us.update({f"new{n}": tags for n in range(10)})
        us.remove("k5")
        assert len(us.delta_since(context)) == 10
        return steps_of(lambda: us.delta_since(context))

    assert work(2000) <= work(40) * 1.2


def test_a_claimed_context_of_astronomic_size_costs_nothing() -> None:
    many = 2**50
    huge = ORMap.from_payload({"r": [[["n", "gcounter@1", [2, many]]], [5, many], [0, many + 9]]})
    small = ORMap.from_payload({"r": [[["n", "gcounter@1", [2, 3]]], [5, 3], [0, 9]]})
    for state, reader in ((huge, small), (small, huge), (huge, ORMap()), (ORMap(), huge)):
        compare_to_joins([state, reader])
    first, *others = huge.split(1)
    for part in others:
        first.join(part)
    assert first.canonical() == huge.canonical()


@pytest.mark.parametrize(
    "context",
    [
        None,
        {"a": []},
        {"a": [[0, 1]]},
        {"a": [[0, 1], 5]},
        {"a": [[0, 1], "0" * 16, 5]},
        {"a": [[0, 1], "0" * 16, "00"]},
        {"a": [[0, 1], "0" * 16, "0" * 16, 1]},
        {"a": 5},
        {"": [[0, 1], "0" * 16]},
        {1: [[0, 1], "0" * 16]},
    ],
)
def test_what_is_no_context_is_refused(context: Any) -> None:
    with pytest.raises(PayloadError, match="context"):
        ORMap("a").delta_since(context)


def test_a_growing_map_sends_the_news_of_its_children_only() -> None:
    us = GMap[str]("us")
    us.open("tags", ORSet).update(["a", "b"])
    us.open("title", LWWRegister).assign("x")
    them = us.clone()
    us.open("tags", ORSet).add("c")
    assert us.delta_since(them.context).payload == [
        ["tags", "orset@1", {"us": [["c"], [2, 1], [2, 1]]}]
    ]
    us.open("title", LWWRegister).assign("y")
    us.open("new", ORSet).add("z")
    assert [row[0] for row in us.delta_since(them.context).payload] == ["new", "tags", "title"]
    assert us.delta_since(us.context).initial
    for context in (5, [5], [["tags", "orset@1", 5]], [["title", "lwwregister@1", 5]],
                    [["tags", 5, {}]], [["title", "lwwregister@1", "00"]]):  # fmt: skip
        with pytest.raises(PayloadError, match="context"):
            us.delta_since(context)


def test_a_compound_sends_the_news_of_its_fields_only() -> None:
    us = Board("us", title="plan")
    us.tags.update(["a", "b"])
    them = us.clone()
    us.tags.add("c")
    us.notes.put("k", 1)
    delta = us.delta_since(json.loads(json.dumps(them.context)))
    assert delta.payload.keys() == {"notes", "tags"}
    assert delta.payload["tags"] == {"us": [["c"], [2, 1], [2, 1]]}
    assert us.delta_since({}).canonical() == us.canonical()
    for context in (5, {"tags": 5}, {"notes": "00"}):
        with pytest.raises(PayloadError, match="context"):
            us.delta_since(context)


def test_the_parts_of_a_compound_are_its_fields_in_parts() -> None:
    us = Board("us", title="plan")
    us.tags.update([f"tag {n}" for n in range(60)])
    us.flags.open("f", GCounter).increment()
    for limit in (1, 100, 10**6):
        parts = list(us.split(limit))
        whole = Board()
        for part in [*parts, *reversed(parts)]:
            assert limit == 1 or len(part.canonical()) <= limit
            whole.join(Board.from_payload(part.payload))
        assert whole.canonical() == us.canonical()
    assert len(parts) == 1


def test_big_children_of_a_growing_map_are_split_themselves() -> None:
    us = GMap[str]("us")
    us.open("tags", ORSet).update([f"tag {n}" for n in range(200)])
    us.open("text", Text).extend("letters " * 100)
    us.open("tree", Tree).move("a", None)
    sizes = [len(part.canonical()) for part in us.split(300)]
    assert max(sizes) <= 300
    assert len(sizes) < 25


def test_small_parts_of_one_child_travel_together() -> None:
    far = ["i", hex(2**60)]
    elements = [f"e{n}" for n in range(9)]
    runs = [far, 1, *[1, 1] * 8]
    us = GMap.from_payload([["tags", "orset@1", {"a": [elements, runs, runs]}]])
    parts = list(us.split(300))
    assert len(parts) < len(list(us["tags"].split(270)))
    whole = GMap[str]()
    for part in parts:
        assert len(part.canonical()) <= 300
        whole.join(part)
    assert whole.canonical() == us.canonical()


def test_a_track_remembers_a_few_hashes() -> None:
    track = Track(9, 9, 0)
    assert len({track.hash(n) for n in range(9)}) == 9
    assert track.hash(3) == track.hash(3)


class ForgetsWhatWasSettled(ORMap[Any]):
    """Tells no deletion of an item whose place the reader knows."""

    def delta_since(self, context: Any) -> Any:
        return super().delta_since(
            {replica: [*parts, self._tracked(replica)[0].hash(self._tracked(replica)[3])][:3]
             for replica, parts in context.items() if replica in self._seen}
        )  # fmt: skip


def test_settled_content_that_is_not_told_is_caught() -> None:
    with pytest.raises(AssertionError):
        compare_to_joins(states_of(child_subject(Text, (ForgetsWhatWasSettled,)), 1))
