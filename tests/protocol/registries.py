"""Registries, as the tests of the rooms need them."""

from collections.abc import Iterable
import itertools

from crdtnode.registry import Registry

_numbers = itertools.count()


def registry(types: Iterable[str] | None = None) -> Registry:
    """An empty registry whose objects act as a replica of their own."""
    return Registry(
        salt=b"salt",
        replica=lambda: f"replica-{next(_numbers)}",
        clock=lambda: 1_700_000_000_000,
        types=types,
    )
