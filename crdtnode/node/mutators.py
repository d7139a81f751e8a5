"""Which methods of a type are operations that a user does.

Rule of this file: an allow-list. Mutators are what a type itself declares; what the base gives
(``join``, ``observe``, ``bind``, ...) is none, nor is anything private.
"""

from collections.abc import Callable
from functools import lru_cache
import inspect
from typing import Any, Final, Self

from crdt import StateCRDT
from crdt.native import Native

_NO_MUTATORS: Final = {"delta_since", "compact"}
"""Methods that give back a state without being an operation that a user does."""

_RETURNS_DELTA: Final = {Self, "Self"}


@lru_cache(maxsize=256)
def mutators(kind: type[StateCRDT]) -> dict[str, inspect.Signature]:
    """Return the mutators of a type, with what they take after ``self``."""
    found: dict[str, inspect.Signature] = {}
    for base in kind.__mro__:
        if not issubclass(base, StateCRDT) or base in (StateCRDT, Native):
            continue
        ours = base.__module__.startswith("crdt.")
        for name, member in vars(base).items():
            if name.startswith("_") or not inspect.isfunction(member) or name in found:
                continue
            if _is_native_mutator(name, member) if ours else not hasattr(StateCRDT, name):
                found[name] = _without_self(member)
    return dict(sorted(found.items()))


def _is_native_mutator(name: str, member: Callable[..., Any]) -> bool:
    """Tell a mutator of the toolbox: it returns its delta, which is of its own type."""
    if name in _NO_MUTATORS or hasattr(StateCRDT, name):
        return False
    return member.__annotations__.get("return") in _RETURNS_DELTA


def _without_self(member: Callable[..., Any]) -> inspect.Signature:
    signature = inspect.signature(member)
    return signature.replace(parameters=list(signature.parameters.values())[1:])


def signature_text(signature: inspect.Signature) -> str:
    """Return a signature as people write it, without types."""
    return "(" + ", ".join(signature.parameters) + ")"
