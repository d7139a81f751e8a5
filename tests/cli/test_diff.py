"""How differences of two payloads are shown."""

import pytest

from crdtnode.cli.comparing import _places


@pytest.mark.parametrize(
    ("here", "there", "shown"),
    [
        (None, None, []),
        ({"a": [1, 2]}, {"a": [1, 2]}, []),
        ({"a": [1, 2]}, {"a": [1, 3]}, [(".a[1]", "2", "3")]),
        ({"a": 1}, {"b": 1}, [(".a", "1", "-"), (".b", "-", "1")]),
        ([1], [1, 2], [(".", "[1]", "[1, 2]")]),
        (None, {"a": 1}, [(".", "-", '{"a": 1}')]),
        ("x" * 100, "y", [(".", '"' + "x" * 76 + "...", '"y"')]),
    ],
)
def test_places_that_differ_are_as_deep_as_can_be(
    here: object, there: object, shown: list[tuple[str, str, str]]
) -> None:
    assert list(_places(here, there, "")) == shown
