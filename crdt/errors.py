"""What can go wrong in the toolbox: every error says who erred and whether our state changed.

Wrong arguments of a caller raise Python's own TypeError, ValueError, KeyError or OverflowError;
the classes here are for what has no such word. Whatever is raised, no state has changed.
"""

from __future__ import annotations


class CRDTError(Exception):
    """The root of the toolbox's own errors. No state has changed."""


class PayloadError(CRDTError, ValueError):
    """A payload is not what the type writes: whoever made or carried it erred; nothing was built.

    Attributes:
        place: Where in the payload, as an index expression such as ``payload['a'][2]``.
        reason: What is wrong there.
    """

    def __init__(self, reason: str, place: str = "payload") -> None:
        super().__init__(f"{place}: {reason}")
        self.reason = reason
        self.place = place

    def __reduce__(self) -> tuple[type[PayloadError], tuple[str, str]]:
        return type(self), (self.reason, self.place)


class UnknownTypeError(CRDTError, LookupError):
    """The caller named a type tag or a class that the catalogue does not hold. Nothing changed."""
