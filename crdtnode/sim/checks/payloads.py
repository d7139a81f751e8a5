"""What is held could be told to anybody: it keeps to the rules that its type sets for payloads.

Rule of this file: it is read as a stranger would, who has only the built-in type that a class goes
back to. So a class that lets through what its base refuses is seen, although all nodes have it.
"""

from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING

import msgpack

from crdt import CRDTError, StateCRDT, UnknownTypeError, tag_of
from crdt.homes import TYPES
from crdtnode.sim.checks.check import shown
from crdtnode.sim.checks.hosts import OfEveryHost

if TYPE_CHECKING:
    from crdtnode.sim.host import Host
    from crdtnode.sim.shadow import Key


class PayloadsAreLawful(OfEveryHost):
    """Reads every state, and the first time that it sees it."""

    name = "payloads-are-lawful"
    sentence = "What a node holds, everybody who knows the type would take in."

    def __init__(self) -> None:
        super().__init__()
        self._read: set[tuple[Key, bytes]] = set()

    def look(self, host: "Host") -> None:
        """Read all that a host holds."""
        for key in host.registry.names():
            state = host.registry.look(key)
            if state is None:
                continue
            payload = state.payload
            packed = (key, msgpack.packb(payload))
            if packed in self._read:
                continue
            self._read.add(packed)
            try:
                read = _plainest(type(state)).from_payload(payload)
            except CRDTError as error:
                self.violate(
                    f"{host.name} holds of {'/'.join(key)} what nobody else would take in:\n"
                    f"{error}: {shown(state)}"
                )
                continue
            if msgpack.packb(read.payload) != packed[1]:
                self.violate(
                    f"{'/'.join(key)} of {host.name} is another one once it was read:\n"
                    f"{shown(state)}\nread: {shown(read)}"
                )


@cache
def _plainest(kind: type[StateCRDT]) -> type[StateCRDT]:
    """The built-in type that a class goes back to; the class itself where it is of its own."""
    for base in kind.__mro__:
        with suppress(TypeError, UnknownTypeError):
            if tag_of(base) in TYPES:
                return base
    return kind
