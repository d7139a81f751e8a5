"""What the tests of the toolbox share."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.crdt.kinds import BUILT_IN, Change


@pytest.fixture
def ids() -> Callable[[], str]:
    """Makes n1, n2, n3..."""
    numbers: Iterator[int] = iter(range(1, 1000))
    return lambda: f"n{next(numbers)}"


@pytest.fixture
def change() -> Change:
    """Changes any built-in object once and returns the delta."""
    return lambda state: BUILT_IN[type(state)](state)
