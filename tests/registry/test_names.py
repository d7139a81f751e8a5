"""Which names an object may have."""

from collections.abc import Callable
from unicodedata import category

import pytest

from crdtnode.errors import InvalidName, MalformedMessage
from crdtnode.registry.names import check_name
from crdtnode.wire.fields import text


@pytest.mark.parametrize(
    "name", ["a", "a" * 255, "ü" * 127, "a b/c:d", "名前", "\u200d", "e\u0301"]
)
def test_any_text_up_to_255_bytes_is_a_name(name: str) -> None:
    assert check_name(name) == name


@pytest.mark.parametrize(
    "name",
    ["", "a" * 256, "ü" * 128, "a\nb", "\x00", "a\x7f", "ü\x85", "a\ud800", "a\u2028", "\u2029"],
)
def test_empty_long_and_control_characters_are_refused(name: str) -> None:
    with pytest.raises(InvalidName):
        check_name(name)


def test_what_is_a_name_here_is_one_on_the_wire_and_the_other_way_round() -> None:
    every = (chr(code) for code in range(0x110000))
    odd = [c for c in every if not c.isprintable() and category(c) not in ("Cn", "Co", "Cs")]
    assert len(odd) > 200
    assert [c for c in odd if _takes(check_name, c) != _takes(text, c)] == []


def _takes(check: Callable[[object], str], name: str) -> bool:
    try:
        check(name)
    except (InvalidName, MalformedMessage):
        return False
    return True


@pytest.mark.parametrize("name", [None, 1, b"a", type("Text", (str,), {})("a")])
def test_a_name_is_exactly_a_str(name: object) -> None:
    with pytest.raises(TypeError, match="a name is a str"):
        check_name(name)
