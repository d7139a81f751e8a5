"""The registry: one live object for each (type, name), local acts and joins in, deltas out.

Rules of this room: no I/O, no clock and no chance but what comes in as an argument; nobody outside
shares mutable state with an object but through its handle; nothing that arrives, and nothing that
a hand-written type does, hurts another object.
"""

from crdtnode.registry.entry import Entry as Entry
from crdtnode.registry.ledger import Change as Change
from crdtnode.registry.lives import Absorbed as Absorbed
from crdtnode.registry.registry import Registry as Registry
