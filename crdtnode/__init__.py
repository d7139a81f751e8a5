"""Keep conflict-free replicated data types equal on every host: a peer-to-peer gossip node.

::

    async with crdtnode.open_node(bind="0.0.0.0:27380", join=["10.0.0.5"], keyring=path) as node:
        visits = node.open("visits", crdt.PNCounter)
        visits.increment(3)                        # a method call; sent within milliseconds
        async with node.watch("visits") as changes:
            async for change in changes:
                print(change.source, visits.value)

Promises, each of which is a test:

- Nodes that received the same updates, in any order, any number of times, hold equal bytes.
- Nothing depends on a message having arrived: whatever differs between two nodes that can talk is
  found and repaired, at the price of the difference.
- `Node.converged` and ``crdtnode status`` tell, cheaply, whether all members hold the same state.
- Bytes from strangers are counted and dropped; they neither raise, nor pile up, nor change state.
- In memory mode a write is safe from the death of this process once `Node.flush` has returned a
  number above 0.

The rooms, each of which imports only those before it: `errors`, `config`, `metrics`,
`fingerprints` (who differs), `registry` (the objects), `wire` (bytes and messages), `protocol`
(messages and time to effects; pure), `transport` (the only sockets), `node`, `control` (HTTP),
`sim` (many engines, one clock), `cli`. The types live in the package `crdt`.

Importing this costs next to nothing; the node is imported when it is first asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from crdtnode.config import Settings as Settings
    from crdtnode.errors import CrdtNodeError as CrdtNodeError
    from crdtnode.node import Change as Change
    from crdtnode.node import MemberChange as MemberChange
    from crdtnode.node import Node as Node
    from crdtnode.node import NodeEvent as NodeEvent
    from crdtnode.node import open_node as open_node
    from crdtnode.wire.keyring import Keyring as Keyring

__version__ = "0.1.0"

_HOMES = {
    "Change": "crdtnode.node",
    "CrdtNodeError": "crdtnode.errors",
    "Keyring": "crdtnode.wire.keyring",
    "MemberChange": "crdtnode.node",
    "Node": "crdtnode.node",
    "NodeEvent": "crdtnode.node",
    "Settings": "crdtnode.config",
    "open_node": "crdtnode.node",
}

__all__ = [*_HOMES, "__version__"]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: the command line must start in no time."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(home), name)


def __dir__() -> list[str]:
    return sorted(__all__)
