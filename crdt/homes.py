"""Where each type of the toolbox lives. It is imported when it is first asked for.

Rule of this file: `TYPES` is the only list of the types, and reading it imports nothing. A program
pays for the types that it uses; all of them together take 2.5 MiB and a good part of the time in
which a node starts.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
import sys
from typing import Any, Final

TYPES: Final = {
    "gcounter@1": "crdt.counters.tallies:GCounter",
    "pncounter@1": "crdt.counters.tallies:PNCounter",
    "boundedcounter@1": "crdt.counters.bounded:BoundedCounter",
    "gset@1": "crdt.sets.gset:GSet",
    "twopset@1": "crdt.sets.twopset:TwoPSet",
    "uset@1": "crdt.sets.uset:USet",
    "pnset@1": "crdt.sets.pnset:PNSet",
    "lwwset@1": "crdt.sets.lwwset:LWWSet",
    "orset@1": "crdt.sets.orset:ORSet",
    "rwset@1": "crdt.sets.rwset:RWSet",
    "lwwregister@1": "crdt.registers.lww:LWWRegister",
    "mvregister@1": "crdt.registers.multivalue:MVRegister",
    "maxregister@1": "crdt.registers.extremes:MaxRegister",
    "minregister@1": "crdt.registers.extremes:MinRegister",
    "enablewinsflag@1": "crdt.flags:EnableWinsFlag",
    "disablewinsflag@1": "crdt.flags:DisableWinsFlag",
    "sequence@1": "crdt.sequences.sequence:Sequence",
    "text@1": "crdt.sequences.text:Text",
    "rga@1": "crdt.sequences.rga:RGA",
    "logoot@1": "crdt.sequences.logoot:Logoot",
    "twoptwopgraph@1": "crdt.graphs.twophase:TwoPTwoPGraph",
    "monotonicdag@1": "crdt.graphs.dag:MonotonicDAG",
    "addremovepartialorder@1": "crdt.graphs.partialorder:AddRemovePartialOrder",
    "tree@1": "crdt.trees.tree:Tree",
    "gmap@1": "crdt.maps.gmap:GMap",
    "lwwmap@1": "crdt.maps.lwwmap:LWWMap",
    "ormap@1": "crdt.maps.ormap:ORMap",
    "orcart@1": "crdt.carts:ORCart",
}
"""The home of each type, ``module:class``, by its tag."""


def find(home: str) -> Any:
    """Import what lives at ``module:name``, or the module of that name."""
    module, _, name = home.partition(":")
    found = import_module(module)
    return getattr(found, name) if name else found


def imported(home: str) -> Any:
    """Return the class at ``module:name``; no class where nobody imported it, so that none is of it.

    For ``isinstance`` and ``issubclass``, where a type would be imported only to ask that.
    """
    module, _, name = home.partition(":")
    return getattr(sys.modules.get(module), name, ())


def late(
    package: str, *others: str
) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """Give a package its types, each imported when it is first asked for (PEP 562).

    Args:
        package: Its name; it offers the types that live in it.
        others: Homes of what else it offers so; a module among them is no name for ``import *``.

    Returns:
        Its ``__getattr__``, its ``__dir__``, and what these add to its ``__all__``.
    """
    inside = [home for home in TYPES.values() if home.startswith(f"{package}.")]
    homes = {home.replace(":", ".").rpartition(".")[2]: home for home in (*inside, *others)}
    module = sys.modules[package]

    def look_up(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        found = find(homes[name])
        setattr(module, name, found)  # from now on Python finds it without asking
        return found

    def names() -> list[str]:
        return sorted({*vars(module), *homes})

    return look_up, names, [name for name, home in homes.items() if ":" in home]
