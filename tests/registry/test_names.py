"""Which names an object may have."""

import pytest

from crdtnode.errors import InvalidName
from crdtnode.registry.names import check_name


@pytest.mark.parametrize(
    "name", ["a", "a" * 255, "ü" * 127, "a b/c:d", "名前", "\u200d", "e\u0301"]
)
def test_any_text_up_to_255_bytes_is_a_name(name: str) -> None:
    assert check_name(name) == name


@pytest.mark.parametrize(
    "name", ["", "a" * 256, "ü" * 128, "a\nb", "\x00", "a\x7f", "ü\x85", "a\ud800"]
)
def test_empty_long_and_control_characters_are_refused(name: str) -> None:
    with pytest.raises(InvalidName):
        check_name(name)


@pytest.mark.parametrize("name", [None, 1, b"a", type("Text", (str,), {})("a")])
def test_a_name_is_exactly_a_str(name: object) -> None:
    with pytest.raises(TypeError, match="a name is a str"):
        check_name(name)
