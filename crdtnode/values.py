"""Values: small classes of data that nobody changes once they are made.

Rule of this file: what a frozen dataclass promises, at the price of a plain one. A node makes
several values for each packet, and a frozen dataclass takes more than three times as long to make.
So it is the type checker that refuses whoever assigns to a field, not the running program.
"""

from dataclasses import dataclass, field
from typing import TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def value(cls: type[T]) -> type[T]:
    """Make a value of a class with annotated fields, as ``@dataclass(frozen=True)`` does.

    It compares and hashes by its fields, and has slots.

    Example:
        >>> @value
        ... class Point:
        ...     x: int
        ...     y: int = 0
        >>> Point(1) == Point(1, 0), {Point(1)} == {Point(1)}
        (True, True)
    """
    return dataclass(slots=True, unsafe_hash=True)(cls)
