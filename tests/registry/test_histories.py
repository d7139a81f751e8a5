"""What led each object to its version: the deltas since any version that is remembered."""

import random
from typing import Any

from msgpack import packb
import pytest

from crdt import GSet, LWWRegister, ORSet, PayloadError, PNCounter, StateCRDT
from crdt.catalogue import register, type_of
from crdtnode.metrics import Metrics
from crdtnode.registry import Registry, histories
from crdtnode.registry.histories import LOW, STEPS_MOST, Histories, History, unpacked

Keep = dict[int, tuple[str, object]]


class Marks(ORSet):
    """A user's subclass of a type with contexts."""


register(Marks, "histories-marks@1")


def union(hn: int, payloads: Any) -> object:
    """One sorted list of all elements."""
    return sorted({element for payload in payloads for element in payload})


@pytest.fixture
def kept() -> Histories:
    return Histories(union)


def history_of(kept: Histories, hn: int) -> History:
    return kept._histories[hn]


def grow(kept: Histories, hn: int, count: int, size: int = 1, start: int = 1) -> None:
    """Versions start, start + 1, ..., each led on from by one new element."""
    for version in range(start, start + count):
        kept.record(hn, version, [[f"{version:0{size}}"]])


def test_what_led_on_from_a_version_is_told_in_one_payload(kept: Histories) -> None:
    grow(kept, 7, 3)
    assert kept.versions(7) == (3, 2, 1)
    assert kept.since(7, (2,)) == (2, (["2", "3"],))
    assert kept.since(7, (3,)) == (3, (["3"],))


def test_the_latest_version_that_both_had_counts(kept: Histories) -> None:
    grow(kept, 7, 3)
    assert kept.since(7, (1, 3)) == (3, (["3"],))


def test_only_the_low_half_of_a_version_is_compared(kept: Histories) -> None:
    kept.record(7, 5 << 32 | 9, [["x"]])
    assert kept.since(7, (9,)) == (5 << 32 | 9, (["x"],))
    assert kept.since(7, (5,)) is None


def test_of_an_unknown_object_or_version_nothing_is_told(kept: Histories) -> None:
    assert kept.versions(7) == ()
    assert kept.since(7, (1,)) is None
    grow(kept, 7, 1)
    assert kept.since(7, (9,)) is None


def test_a_trail_stays_what_it_is_when_the_version_changes(kept: Histories) -> None:
    grow(kept, 7, 3)
    trail = kept.trail(7)
    grow(kept, 7, 100, start=4)
    assert kept.since(7, (2,), trail) == (2, (["2", "3"],))
    assert kept.since(7, (9,), trail) is None
    kept.forget(7)
    assert kept.since(7, (1,), trail) == (1, (["1", "2", "3"],))
    assert kept.trail(7) == ()


def test_a_full_history_is_thinned_out_and_loses_nothing(kept: Histories) -> None:
    grow(kept, 7, 500)
    versions = kept.versions(7)
    assert len(versions) <= STEPS_MOST
    assert (versions[0], versions[-1]) == (500, 1)
    for version in versions:
        found = kept.since(7, (version,))
        assert found == (version, (union(7, [[str(v)] for v in range(version, 501)]),))
    assert sum(version > 400 for version in versions) > 5  # denser where it is recent


def parted(chance: random.Random, apart: int) -> int:
    """How long before they parted two nodes had the latest version that both still know."""
    pair = Histories(union), Histories(union)
    common = [chance.getrandbits(64) for _ in range(400)]
    for number, version in enumerate(common):
        for kept in pair:
            kept.record(7, version, [[str(number)]])
            if chance.random() < 0.2:  # what arrived late was a state that the other never had
                kept.record(7, chance.getrandbits(64), [["late"]])
    for kept in pair:
        for _ in range(apart):
            kept.record(7, chance.getrandbits(64), [["apart"]])
    first, second = (set(kept.versions(7)) for kept in pair)
    return 400 - max(common.index(version) for version in first & second if version in common)


def test_two_nodes_that_parted_keep_the_same_versions() -> None:
    chance = random.Random(1)
    for apart, most in [(1, 2), (10, 20), (50, 100)]:
        distances = sorted(parted(chance, apart) for _ in range(31))
        assert distances[15] <= most


def test_what_can_be_joined_is_joined_before_anything_is_let_go(kept: Histories) -> None:
    for version in range(1, 4000):
        kept.record(7, version, [["the same forty bytes, again and again...."]])
    assert kept.versions(7)[-1] == 1
    assert kept.size_bytes <= histories.OBJECT_BYTES_MOST


def test_a_history_that_is_too_long_lets_the_oldest_go(kept: Histories) -> None:
    grow(kept, 7, 100, size=5000)
    assert kept.size_bytes <= histories.OBJECT_BYTES_MOST
    oldest = kept.versions(7)[-1]
    assert 80 < oldest < 100
    assert kept.since(7, (1,)) is None
    assert kept.since(7, (oldest,)) is not None


def test_one_delta_that_is_too_long_ends_the_history(kept: Histories) -> None:
    grow(kept, 7, 3)
    kept.record(7, 9, [["x" * histories.OBJECT_BYTES_MOST]])
    assert (len(kept), kept.size_bytes) == (0, 0)


def test_deltas_that_are_nearly_too_long_end_the_history_together(kept: Histories) -> None:
    for version in (1, 2):
        kept.record(7, version, [["x" * (histories.OBJECT_BYTES_MOST - 1000)]])
    assert (len(kept), kept.size_bytes) == (0, 0)


def test_all_histories_together_are_bounded_and_the_quiet_ones_go(
    kept: Histories, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(histories, "ALL_BYTES_MOST", 10_000)
    for hn in range(100):
        grow(kept, hn, 2, size=100)
        grow(kept, 0, 1, start=hn + 3)
    assert kept.size_bytes <= 10_000
    assert kept.versions(0)
    assert not kept.versions(1)
    assert kept.versions(99)


def test_the_bytes_are_those_of_the_steps(kept: Histories) -> None:
    chance = random.Random(1)
    for number in range(3000):
        kept.record(chance.randrange(5), number + 1, [[str(number) * chance.randrange(200)]])
        if chance.random() < 0.02:
            kept.forget(chance.randrange(5))
    sizes = [
        sum(len(step.packed) + histories.STEP_BYTES for step in history.steps)
        for history in kept._histories.values()
    ]
    assert sizes == [history.size for history in kept._histories.values()]
    assert kept.size_bytes == sum(sizes)


def test_a_forgotten_object_begins_anew(kept: Histories) -> None:
    grow(kept, 7, 2)
    kept.forget(7)
    kept.forget(8)
    assert (kept.versions(7), len(kept), kept.size_bytes) == ((), 0, 0)


def test_what_cannot_be_packed_ends_the_history(kept: Histories) -> None:
    grow(kept, 7, 2)
    kept.record(7, 3, [2**70])
    assert kept.versions(7) == ()


def test_what_does_not_join_ends_the_history() -> None:
    def refuse(hn: int, payloads: Any) -> object:
        raise PayloadError("no")

    kept = Histories(refuse)
    grow(kept, 7, 2)
    assert kept.since(7, (1,)) is None
    assert kept.versions(7) == ()
    grow(kept, 7, 100, size=3000)
    assert kept.versions(7)[-1] > 1


def test_what_joins_to_something_that_cannot_be_packed_ends_the_history() -> None:
    kept = Histories(lambda hn, payloads: 2**70)
    grow(kept, 7, 100, size=3000)
    assert kept.versions(7)[-1] > 1


def test_payloads_are_packed_one_behind_the_other() -> None:
    assert unpacked(packb([1]) + packb({"a": 2}) + packb("x")) == [[1], {"a": 2}, "x"]


# In a registry


def place(registry: Registry, tag: str, name: str) -> int:
    return registry.fingerprints.place(tag, name)


def holds(registry: Registry, kept: Keep) -> bool:
    """Each base in each history, joined with what is told since, is the present state."""
    for tag, name in registry.names():
        hn = place(registry, tag, name)
        present = registry.state(hn)
        assert present is not None
        for version in registry.histories.versions(hn):
            found = registry.histories.since(hn, (version & LOW,))
            assert found is not None
            base, payloads = found
            state: StateCRDT = type_of(tag).from_payload(kept[base][1])
            for payload in payloads:
                state.absorb(type_of(tag).from_payload(payload))
            if (state.payload,) != present[3]:
                return False
    return True


def note(registry: Registry, kept: Keep) -> None:
    """Remember the state of every version that is the present one."""
    for tag, name in registry.names():
        found = registry.state(place(registry, tag, name))
        assert found is not None
        kept[registry.version(tag, name)] = (tag, *found[3])


def scramble(registry: Registry, other: Registry, chance: random.Random, number: int) -> None:
    """One act of any kind."""
    tags, words = registry.open("tags", ORSet), registry.open("words", GSet)
    match chance.randrange(30):
        case 0 | 1 | 2:
            tags.add(number % 7)
        case 3 | 4 | 5:
            tags.discard(chance.randrange(7))
        case 6 | 7 | 8:
            words.add(number)
        case 9 | 10:
            registry.open("visits", PNCounter).increment()
        case 11 | 12:
            registry.open("name", LWWRegister).assign(number)
        case 13 | 14:
            with registry.change("tags", ORSet) as block:
                block.add("in a block")
                block.add(number)
        case 15:
            registry.delete(*chance.choice([("orset@1", "tags"), ("gset@1", "words")]))
        case 16 | 17 | 18 | 19:
            tag, name = chance.choice([("orset@1", "tags"), ("gset@1", "words")])
            theirs = other.state(place(other, tag, name))
            if theirs is not None:
                registry.absorb(tag, name, theirs[2], theirs[3], float(number))
        case 20 | 21 | 22:
            registry.refresh(place(registry, "orset@1", "tags"), float(number))
        case _:
            registry.flush(float(number))


@pytest.mark.parametrize("seed", range(12))
def test_a_base_joined_with_what_is_told_since_is_the_present_state(
    make_registry: Any, seed: int
) -> None:
    chance = random.Random(seed)
    pair: list[Registry] = [make_registry(), make_registry()]
    kept: list[Keep] = [{}, {}]
    for number in range(150):
        side = chance.randrange(2)
        scramble(pair[side], pair[1 - side], chance, number)
        for registry, states in zip(pair, kept, strict=True):
            if not registry.dirty:
                note(registry, states)
                assert holds(registry, states)
            else:
                for tag, name in registry.names():  # as repair does, one at a time
                    registry.refresh(place(registry, tag, name), float(number))
                note(registry, states)


def test_another_life_has_no_history(registry: Registry) -> None:
    words = registry.open("words", GSet)
    for number in range(3):
        words.add(number)
        registry.flush(float(number))
    hn = place(registry, "gset@1", "words")
    assert registry.histories.versions(hn)
    registry.delete("gset@1", "words")
    assert registry.histories.versions(hn) == ()
    registry.flush(3.0)
    words.add("anew")
    registry.flush(4.0)
    assert registry.histories.versions(hn) == ()
    words.add("more")
    registry.flush(5.0)
    assert len(registry.histories.versions(hn)) == 1


def test_an_object_that_was_written_once_has_no_history(registry: Registry) -> None:
    for number in range(100):
        registry.open(f"set-{number}", GSet).add(number)
    registry.flush(0.0)
    assert len(registry.histories) == 0


def test_what_arrives_between_two_flushes_is_one_step(registry: Registry) -> None:
    words = registry.open("words", GSet)
    words.add("a")
    registry.flush(0.0)
    before = registry.version("gset@1", "words")
    words.add("b")
    registry.absorb("gset@1", "words", 1, [["c"]], 1.0)
    registry.absorb("gset@1", "words", 1, [["a"]], 1.0)
    registry.flush(1.0)
    hn = place(registry, "gset@1", "words")
    assert registry.histories.versions(hn) == (before,)
    assert registry.histories.since(hn, (before & LOW,)) == (before, (["b", "c"],))


def test_a_plain_type_has_no_history(registry: Registry, diary: type[Any]) -> None:
    for number in range(3):
        with registry.change("mine", diary) as mine:
            mine.owner = "ann"
            mine.days.add(number)
        registry.flush(float(number))
    assert len(registry.histories) == 0


def test_a_type_whose_fingerprint_fails_loses_its_history(
    registry: Registry, labels: type[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = registry.open("mine", labels)
    for number in range(3):
        mine.add(number)
        registry.flush(float(number))
    hn = place(registry, "registry-labels@1", "mine")
    assert registry.histories.versions(hn)

    def fail(*args: object) -> bytes:
        raise RuntimeError("out of order")

    with monkeypatch.context() as patch:
        patch.setattr(labels, "fingerprint", fail)
        mine.add(3)
        registry.flush(3.0)
    assert registry.histories.versions(hn) == ()
    mine.add(4)
    registry.flush(4.0)
    assert len(registry.histories.versions(hn)) == 1


def test_a_type_that_cannot_say_what_was_written_loses_its_history(
    registry: Registry, labels: type[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = registry.open("mine", labels)
    for number in range(3):
        mine.add(number)
        registry.flush(float(number))
    hn = place(registry, "registry-labels@1", "mine")

    def fail(self: Any) -> object:
        raise RuntimeError("out of order")

    mine.add(3)
    with monkeypatch.context() as patch:
        patch.setattr(labels, "payload", property(fail))
        assert registry.flush(3.0) == []
    assert registry.histories.versions(hn) == ()
    with monkeypatch.context() as patch:
        patch.setattr(labels, "payload", property(fail))
        with pytest.raises(PayloadError, match="has no payload"):
            registry.joined_payloads(hn, [["a"], ["b"]])


def test_our_own_types_fail_aloud(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: Any) -> object:
        raise RuntimeError("our fault")

    registry.open("words", GSet).add("a")
    monkeypatch.setattr(GSet, "payload", property(fail))
    with pytest.raises(RuntimeError, match="our fault"):
        registry.flush(0.0)


# Contexts


def test_what_a_context_lacks_is_told(make_registry: Any) -> None:
    ours, theirs = make_registry(), make_registry()
    ours.open("tags", ORSet).update(range(100))
    ours.flush(0.0)
    hn = place(ours, "orset@1", "tags")
    state = ours.state(hn)
    assert state is not None
    theirs.absorb("orset@1", "tags", 1, state[3], 0.0)
    ours.open("tags", ORSet).add("new")
    parts = ours.parts_since(hn, theirs.context(hn), 1000)
    assert parts is not None
    (payload,) = parts
    assert len(str(payload)) < 100
    theirs.absorb("orset@1", "tags", 1, [payload], 0.0)
    assert theirs.open("tags", ORSet).value == ours.open("tags", ORSet).value


def test_who_has_no_context_tells_none(registry: Registry) -> None:
    registry.open("words", GSet).add("a")
    hn = place(registry, "gset@1", "words")
    assert registry.context(hn) is registry.context(77) is None
    assert registry.parts_since(hn, {}, 1000) is registry.parts_since(77, {}, 1000) is None


def test_a_hand_written_type_tells_what_is_lacking_in_one_part_or_fails_alone(
    registry: Registry, metrics: Metrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    tags = registry.open("tags", Marks)
    tags.update(range(1000))
    hn = place(registry, "histories-marks@1", "tags")
    parts = registry.parts_since(hn, {}, 100)
    assert parts is not None
    assert [Marks.from_payload(part) for part in parts] == [tags]

    def fail(self: Any, context: Any) -> Any:
        raise RuntimeError("not mine")

    monkeypatch.setattr(Marks, "delta_since", fail)
    assert registry.parts_since(hn, {}, 100) is None
    assert metrics.contained["registry"] == 1


def test_what_is_no_context_is_not_answered(registry: Registry) -> None:
    registry.open("tags", ORSet).add("a")
    assert registry.parts_since(place(registry, "orset@1", "tags"), "nonsense", 1000) is None


def test_crowds_are_seen_without_looking_closer(registry: Registry, labels: type[Any]) -> None:
    registry.open("few", GSet).add(1)
    registry.open("many", GSet).update(range(1000))
    registry.open("foreign", labels).update(range(1000))
    registry.open("visits", PNCounter).increment()
    assert registry.crowded(place(registry, "gset@1", "many"))
    for tag, name in [("gset@1", "few"), ("registry-labels@1", "foreign"), ("gset@1", "none")]:
        assert not registry.crowded(place(registry, tag, name))
    assert not registry.crowded(place(registry, "pncounter@1", "visits"))


# Parts


def test_a_few_parts_are_deltas_like_others_and_many_end_the_history(registry: Registry) -> None:
    def join(number: int, *, more: bool) -> None:
        registry.absorb("gset@1", "words", 1, [[f"word {number}"]], 0.0)
        registry.parted(hn, more=more)
        registry.flush(0.0)

    hn = place(registry, "gset@1", "words")
    registry.parted(hn, more=True)  # nothing is there
    registry.open("words", GSet).add("first")
    registry.flush(0.0)
    first = registry.fingerprints.get(hn)
    for number in range(3):
        join(number, more=number < 2)
    assert first in registry.histories.versions(hn)
    for number in range(3, 8):
        join(number, more=number < 7)
    assert registry.histories.versions(hn) == ()
    before = registry.fingerprints.get(hn)
    for more in (True, True, True, False):
        registry.parted(hn, more=more)  # all of it is known already
    registry.open("words", GSet).add("last")
    registry.flush(0.0)
    assert registry.histories.versions(hn) == (before,)


def test_of_a_large_change_the_history_tells_nothing_and_goes_on_from_there(
    registry: Registry,
) -> None:
    hn = place(registry, "orset@1", "tags")
    registry.open("tags", ORSet).add("old")
    registry.flush(0.0)
    registry.open("tags", ORSet).update(range(5000))
    version = registry.refresh(hn, 0.0)  # somebody asks before the flush
    registry.flush(0.0)
    assert registry.histories.versions(hn) == ()
    registry.open("tags", ORSet).add("new")
    registry.flush(0.0)
    assert registry.histories.versions(hn) == (version,)
