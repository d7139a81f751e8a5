"""Calls that begin at once and may be waited for.

Rule of this file: ``node.leave()`` leaves; ``await node.leave()`` also waits until that is done.
Whoever forgets the ``await`` gets what he said.
"""

from collections.abc import Callable, Coroutine, Generator
from typing import Any


class Underway:
    """Something that has begun; awaiting it waits for its end."""

    def __init__(self, end: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._end = end

    def __await__(self) -> Generator[Any, Any, None]:
        return self._end().__await__()
