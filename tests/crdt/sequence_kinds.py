"""What the tests of sequences share."""

from __future__ import annotations

from typing import Any

import pytest

from crdt import RGA, Logoot, Sequence, Text

LISTS: list[type[Any]] = [Sequence, RGA, Logoot]
ALL: list[type[Any]] = [*LISTS, Text]
every_list = pytest.mark.parametrize("kind", LISTS)
every_sequence = pytest.mark.parametrize("kind", ALL)
two_sided = pytest.mark.parametrize("kind", [Sequence, Text])
anchored = pytest.mark.parametrize("kind", [Sequence, Text, RGA])


def holding(kind: type[Any], items: Any, replica: str = "me") -> Any:
    state = kind(replica)
    state.extend(items)
    return state


def shown(state: Any) -> str:
    return "".join(state)
