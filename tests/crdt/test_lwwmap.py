"""The last-writer-wins map."""

from __future__ import annotations

from typing import Any

import pytest

from crdt import LWWMap, ORMap, PayloadError


def at_five() -> int:
    return 5


def written(key: Any, ms: int, replica: str, *value: Any) -> LWWMap[Any, Any]:
    name = "put" if value else "removed"
    return LWWMap.from_payload({name: [[key, [ms, 0], replica, *value]]})


def joined(one: LWWMap[Any, Any], other: LWWMap[Any, Any]) -> LWWMap[Any, Any]:
    both = LWWMap.merge(one, other)
    assert both.canonical() == LWWMap.merge(other, one).canonical()
    return both


def test_the_later_write_to_a_key_wins() -> None:
    assert joined(written("k", 1, "b", "old"), written("k", 2, "a", "new")) == {"k": "new"}
    assert joined(written("k", 1, "b", "old"), written("k", 2, "a")) == {}
    assert joined(written("k", 2, "b", "new"), written("k", 1, "a")) == {"k": "new"}


def test_equal_stamps_are_decided_by_replica_then_kind_then_value() -> None:
    assert joined(written("k", 1, "b", "x"), written("k", 1, "a", "y")) == {"k": "x"}
    assert joined(written("k", 1, "b"), written("k", 1, "a", "y")) == {}
    assert joined(written("k", 1, "a"), written("k", 1, "a", None)) == {"k": None}
    assert joined(written("k", 1, "a", 1), written("k", 1, "a", "1"))["k"] == 1  # "1" < 1 as text


def test_a_local_write_beats_all_that_was_seen_whatever_the_clock_says() -> None:
    here: LWWMap[str, int] = LWWMap("here", clock=at_five)
    here.join(written("k", 2**43 - 1, "there", 1))
    here["other"] = 2
    here["k"] = 3
    assert here == {"k": 3, "other": 2}
    assert here.put("k", 4).payload == {"put": [["k", [2**43 - 1, 3], "here", 4]]}


def test_discard_records_what_is_not_there() -> None:
    here, there = (LWWMap[str, int](name, clock=at_five) for name in ("here", "there"))
    put = here.put("k", 1)
    there.join(here.put("else", 1))
    there.discard("k")
    there.join(put)
    assert "k" not in there
    assert there.discard([]).initial


def test_it_behaves_as_a_dict() -> None:
    m: LWWMap[Any, Any] = LWWMap("me", clock=at_five)
    m.update({"a": [1], 1: "int"}, b={"k": (1,)})
    m[True] = "bool"
    m[1.0] = None
    assert len(m) == 5
    assert m[1] == "int"
    assert m[True] == "bool"
    assert m.value == {"a": [1], 1: "int", "b": {"k": (1,)}}
    assert m == m.clone()
    assert m != {"a": [1]}
    assert m.pop("b") == {"k": (1,)}
    assert m.pop("b", 7) == 7
    assert m.setdefault("c", 8) == m.setdefault("c", 9) == 8
    del m[True]
    for missing in (lambda: m["b"], lambda: m.remove("b"), lambda: m.pop([]), lambda: m[[]]):
        with pytest.raises(KeyError):
            missing()
    m["a"].append(2)  # a copy
    assert m["a"] == [1]
    m.clear()
    assert m == {}
    assert m.clear().initial
    with pytest.raises(KeyError):
        m.popitem()


def test_a_bar_joins_maps_as_those_of_dicts() -> None:
    m: LWWMap[str, int] = LWWMap("me", clock=at_five)
    deltas: list[Any] = []
    m.observe(deltas.append)
    m |= {"a": 1, "b": 2}
    m |= [("b", 3)]
    assert [delta.value for delta in deltas] == [{"a": 1, "b": 2}, {"b": 3}]
    assert m | {"b": 4, "c": 5} == {"a": 1, "b": 4, "c": 5}
    assert {"b": 4, "c": 5} | m == {"b": 3, "c": 5, "a": 1}
    assert type(m | {}) is type({} | m) is type(m | m) is dict
    number: Any = 1
    for wrong in (lambda: m | number, lambda: number | m):
        with pytest.raises(TypeError):
            wrong()
    with pytest.raises(TypeError):
        m |= number
    assert m == {"a": 1, "b": 3}


def test_an_update_is_one_delta_or_nothing() -> None:
    m: LWWMap[str, Any] = LWWMap("me", clock=at_five)
    shown: list[Any] = []
    m.observe(shown.append)
    delta = m.update([("a", 1), ("b", 2)])
    assert shown == [delta]
    with pytest.raises(TypeError):
        m.update({"a": 2, "b": object()})
    with pytest.raises(ValueError):
        m.put("x", float("nan"))
    with pytest.raises(TypeError):
        m.put([], 1)  # type: ignore[arg-type]  # wrong on purpose
    assert m == {"a": 1, "b": 2}


def test_the_short_path_does_what_the_general_one_does() -> None:
    m: LWWMap[str, int] = LWWMap("me", clock=at_five)
    other: LWWMap[str, int] = LWWMap("other")
    shown: list[Any] = []
    m.put("k", 0)
    m.put("j", 0)
    m.remove("k")
    assert m.put("k", 1).payload == {"put": [["k", [5, 3], "me", 1]]}
    m.observe(shown.append)
    m.put("k", 2)
    before = m.clone()
    delta = m.put("k", 3)
    assert shown[1] is delta
    assert before.join(delta)
    assert not before.join(delta)
    assert before.canonical() == m.canonical()
    assert other.join(delta.clone())

    def refuse(delta: object) -> None:
        raise PermissionError

    m.observe(refuse)
    with pytest.raises(PermissionError):
        m.put("k", 4)
    assert m["k"] == 3


def test_one_key_written_for_ever_keeps_the_size() -> None:
    m: LWWMap[str, int] = LWWMap("me")
    for number in range(300):
        m.put("k", number)
        m.remove("k")
    assert len(m.canonical()) < 60


def test_a_map_in_a_map_keeps_what_the_remover_had_not_seen() -> None:
    here, there = ORMap[str]("here"), ORMap[str]("there")
    here.open("config", LWWMap).put("a", 1)
    there.join(here)
    there.open("config", LWWMap).put("b", 2)
    here.remove("config")
    here.join(there)
    assert here.value == {"config": {"b": 2}}


@pytest.mark.parametrize(
    "payload",
    [
        [],
        {"put": []},
        {"other": []},
        {"put": [["k", [1, 0], "a"]]},
        {"removed": [["k", [1, 0], "a", 1]]},
        {"put": [["k", [1, 0], "", 1]]},
        {"put": [["k", [1], "a", 1]]},
        {"put": [["k", [1, 0], "a", ["x", 1]]]},
        {"put": [[["l", []], [1, 0], "a", 1]]},
        {"put": [["k", [1, 0], "a", 1], ["j", [1, 0], "a", 1]]},
        {"put": [["k", [1, 0], "a", 1], ["k", [2, 0], "a", 1]]},
        {"put": [["k", [1, 0], "a", 1]], "removed": [["k", [1, 0], "a"]]},
    ],
)
def test_a_payload_that_no_map_writes_is_refused(payload: Any) -> None:
    with pytest.raises(PayloadError):
        LWWMap.from_payload(payload)
