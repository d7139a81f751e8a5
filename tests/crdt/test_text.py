"""Text reads like a str."""

from __future__ import annotations

from typing import Any

import pytest

from crdt import Sequence, Text


def text(content: str = "") -> Text:
    made = Text("me")
    made.append(content)
    return made


def test_strings_of_any_length_go_in_and_come_out() -> None:
    note = text("Hello!")
    note.insert(5, ", world")
    note.replace(0, "J")
    note.replace(slice(1, 5), "ump")
    note[-1] = "?!"
    note += " Yes."
    note.extend(["No", "."])
    assert str(note) == note.value == "Jump, world?! Yes.No."
    assert (note[0], note[-1], note[:4], note[::-5]) == ("J", ".", "Jump", ".ed J")


def test_one_edit_of_many_characters_is_one_run() -> None:
    note = Text("me")
    assert note.append("long text").payload == {"me": [[[0, 9, [">"], "long text"]], []]}
    assert note.delete(2, 6).payload == {"me": [[], [2, 4]]}
    assert note.payload == {"me": [[[0, 9, [">"], "loext"]], [2, 4]]}


def test_it_is_searched_as_a_str_is() -> None:
    note = text("banana")
    assert "nan" in note
    assert "nab" not in note
    assert 5 not in note
    assert (note.find("an"), note.find("an", 2), note.find("an", 0, 2)) == (1, 3, -1)
    assert (note.index("na"), note.index("na", 3), note.count("an"), note.count("a", 2, 4)) == (
        2,
        4,
        2,
        1,
    )
    assert note.startswith("ban")
    assert note.startswith(("x", "b"))
    assert note.endswith("ana")
    with pytest.raises(ValueError, match="not found"):
        note.index("x")
    note.remove("nan")
    assert note == "baa"


def test_it_is_equal_to_its_str() -> None:
    note = text("ab")
    assert note == "ab" == note
    assert note == text("ab")
    assert note != "ba"
    assert note != ["a", "b"]
    assert note != Sequence()
    assert note + "c" == "abc"
    assert "c" + note == "cab"
    assert note + note == "abab"
    assert f"{note}" == "ab"
    assert repr(note) == "Text('ab')"
    with pytest.raises(TypeError):
        note + 5
    with pytest.raises(TypeError):
        5 + note


def test_code_points_are_kept_as_they_are() -> None:
    note = text("e\u0301\U0001f600é")
    assert len(note) == 4
    assert note[2] == "\U0001f600"
    assert list(note) == ["e", "\u0301", "\U0001f600", "é"]
    assert Text.from_payload(note.payload) == note


@pytest.mark.parametrize("bad", [5, None, b"x", ["ab", 5], 1.5])
def test_only_text_goes_in(bad: Any) -> None:
    note = text("ab")
    for act in (
        note.extend,
        note.append,
        lambda x: note.insert(0, x),
        lambda x: note.replace(0, x),
    ):
        with pytest.raises(TypeError):
            act(bad)
    assert note == "ab"


def test_a_subclass_of_str_is_refused_with_advice() -> None:
    class Fancy(str):
        __slots__ = ()

    with pytest.raises(TypeError, match=r"use str\(x\)"):
        text().append(Fancy("x"))


def test_an_empty_edit_changes_nothing() -> None:
    note = text("ab")
    for delta in (note.append(""), note.insert(1, ""), note.remove("")):
        assert delta.initial
    note.replace(0, "")
    assert note == "b"


def test_a_lone_surrogate_is_refused() -> None:
    note = text("ab")
    with pytest.raises(ValueError, match="surrogate"):
        note.append("\ud800")
    assert note == "ab"


def test_ten_thousand_characters_typed_are_few_spans() -> None:
    note, reader = Text("me"), Text()
    for letter in "0123456789" * 1000:
        reader.join(note.append(letter))
    assert len(note) == 10_000
    assert note._spans() == reader._spans() == 10
    assert len(note.canonical()) < 10_100
