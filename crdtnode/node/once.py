"""Asynchronous ``with`` blocks that say so when they are entered twice.

Rule of this file: what `contextlib` makes of a generator function works once, and a second try
fails inside of contextlib, where nobody can read what went wrong.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
import functools
from types import TracebackType
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class _Once(AbstractAsyncContextManager[T]):
    def __init__(self, block: AbstractAsyncContextManager[T], made_by: str) -> None:
        self._block = block
        self._made_by = made_by
        self._entered = False

    async def __aenter__(self) -> T:
        if self._entered:
            raise RuntimeError(f"this block was entered already; call {self._made_by}() once more")
        self._entered = True
        return await self._block.__aenter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool | None:
        return await self._block.__aexit__(kind, error, traceback)


def entered_once(
    function: Callable[P, AsyncIterator[T]],
) -> Callable[P, AbstractAsyncContextManager[T]]:
    """Make an ``async with`` block of a generator function, as `asynccontextmanager` does.

    Entering one block twice raises RuntimeError.
    """
    make = asynccontextmanager(function)

    @functools.wraps(function)
    def made(*args: P.args, **kwargs: P.kwargs) -> AbstractAsyncContextManager[T]:
        return _Once(make(*args, **kwargs), function.__name__)

    return made
