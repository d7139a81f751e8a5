"""Conflict-free replicated data types: plain Python objects whose copies converge by joining.

Change them with ordinary method calls; each returns a *delta*, a small state of the same type that
carries that one change. ``join`` what others send, in any order, any number of times, and equal
updates give equal states. ``payload`` is JSON-friendly, so any storage will do.

| type | tag | what wins | keeps for ever | source |
|---|---|---|---|---|
| GCounter | gcounter@1 | the larger tally of each replica | a tally per replica | RR-7506, 6 |
| PNCounter | pncounter@1 | the larger tally, up and down apart | two tallies per replica | RR-7506, 7 |
| BoundedCounter | boundedcounter@1 | the larger tally | three tallies per replica | Balegas (2015) |
| GSet | gset@1 | adding | every element | RR-7506, 11 |
| TwoPSet | twopset@1 | removing, for ever | every element | RR-7506, 12 |
| USet | uset@1 | removing, for ever | every element | RR-7506, 13 |
| PNSet | pnset@1 | a count above zero | two tallies per element and replica | RR-7506, 3.3.4 |
| LWWSet | lwwset@1 | the last write to an element | removals, until `compact` | RR-7506, 3.3.3 |
| ORSet | orset@1 | adding | no tombstones, runs per replica | RR-7506, 15 |
| RWSet | rwset@1 | removing | removals, runs per replica | Bieniusa et al. (2012) |
| LWWRegister | lwwregister@1 | the last write | one stamp | RR-7506, 8 |
| TwoPTwoPGraph | twoptwopgraph@1 | removing, for ever | every vertex and edge | RR-7506, 16 |
| MonotonicDAG | monotonicdag@1 | adding, unless it closes a cycle | every edge | RR-7506, 17 |
| AddRemovePartialOrder | addremovepartialorder@1 | removing, for ever | every edge | RR-7506, 18 |
| Tree | tree@1 | the last move, unless it closes a cycle | every move, until `compact` | Kleppmann 2021 |
| Sequence | sequence@1 | deleting; runs stay together | deleted ids, as runs | Fugue (2023) |
| Text | text@1 | deleting; what is typed stays together | deleted ids, as runs | Fugue (2023) |
| RGA | rga@1 | deleting; of inserts at one place the newest | deleted ids, as runs | RR-7506, 19 |
| Logoot | logoot@1 | deleting | no tombstones, runs per replica | RR-7506, 20 |
| MVRegister | mvregister@1 | every write that no later one saw | runs per replica | RR-7506, 10 |
| MaxRegister | maxregister@1 | the greatest value | that value | RR-7506, 2 |
| MinRegister | minregister@1 | the least value | that value | RR-7506, 2 |
| EnableWinsFlag | enablewinsflag@1 | enabling | runs per replica | riak_dt (2014) |
| DisableWinsFlag | disablewinsflag@1 | disabling | runs per replica | riak_dt (2014) |
| GMap | gmap@1 | what wins in each child | every key | Almeida 2018, B |
| LWWMap | lwwmap@1 | the last write to a key | removals, until `compact` | RR-7506, 8 |
| ORMap | ormap@1 | updates that the remover had not seen | runs per replica | Almeida 2018, 7.4 |
| ORCart | orcart@1 | adding | no tombstones, runs per replica | RR-7506, 21 |

RR-7506 is Shapiro et al., "A comprehensive study of Convergent and Commutative Replicated Data
Types" (INRIA, 2011), with the number of its specification. Kleppmann 2021 is Kleppmann, Mulligan,
Gomes, Beresford, "A highly-available move operation for replicated trees" (IEEE TPDS, 2021); Fugue
is Weidner, Kleppmann, "The art of the Fugue" (2023).

Example:
    >>> from crdt import PNCounter
    >>> here, there = PNCounter(), PNCounter()
    >>> delta = here.increment(3)
    >>> _ = there.increment(4)
    >>> there.join(delta)
    True
    >>> there.value
    7

Around them: ``observe`` shows every delta before it applies, `acting` says who acts and what time
it is for a stretch of code, `register` gives a type of yours a tag, and `crdt.testing` holds it to
the laws. Your own types: name the fields of a `Compound`, or subclass `StateCRDT` with ``__init__``, ``payload``, ``value``, ``merge``.
Objects are not thread-safe: use each from one thread at a time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from crdt.ambient import acting as acting
from crdt.base import StateCRDT as StateCRDT
from crdt.catalogue import register as register
from crdt.catalogue import tag_of as tag_of
from crdt.catalogue import type_of as type_of
from crdt.errors import CRDTError as CRDTError
from crdt.errors import PayloadError as PayloadError
from crdt.errors import UnknownTypeError as UnknownTypeError
from crdt.homes import late

if TYPE_CHECKING:
    from crdt.carts import ORCart as ORCart
    from crdt.compound import Compound as Compound
    from crdt.compound import Constant as Constant
    from crdt.counters import BoundedCounter as BoundedCounter
    from crdt.counters import GCounter as GCounter
    from crdt.counters import PNCounter as PNCounter
    from crdt.flags import DisableWinsFlag as DisableWinsFlag
    from crdt.flags import EnableWinsFlag as EnableWinsFlag
    from crdt.graphs import AddRemovePartialOrder as AddRemovePartialOrder
    from crdt.graphs import MonotonicDAG as MonotonicDAG
    from crdt.graphs import TwoPTwoPGraph as TwoPTwoPGraph
    from crdt.maps import GMap as GMap
    from crdt.maps import LWWMap as LWWMap
    from crdt.maps import ORMap as ORMap
    from crdt.registers import LWWRegister as LWWRegister
    from crdt.registers import MaxRegister as MaxRegister
    from crdt.registers import MinRegister as MinRegister
    from crdt.registers import MVRegister as MVRegister
    from crdt.sequences import RGA as RGA
    from crdt.sequences import Logoot as Logoot
    from crdt.sequences import Sequence as Sequence
    from crdt.sequences import Text as Text
    from crdt.sets import GSet as GSet
    from crdt.sets import LWWSet as LWWSet
    from crdt.sets import ORSet as ORSet
    from crdt.sets import PNSet as PNSet
    from crdt.sets import RWSet as RWSet
    from crdt.sets import TwoPSet as TwoPSet
    from crdt.sets import USet as USet
    from crdt.trees import Tree as Tree
else:
    __getattr__, __dir__, _types = late(
        __name__,
        "crdt.compound:Compound",
        "crdt.compound:Constant",
        *[f"crdt.{family}" for family in ("carts", "counters", "flags", "graphs", "maps")],
        *[f"crdt.{family}" for family in ("registers", "sequences", "sets", "trees")],
    )
    __all__ = [
        "CRDTError",
        "PayloadError",
        "StateCRDT",
        "UnknownTypeError",
        "acting",
        "register",
        "tag_of",
        "type_of",
        *_types,
    ]
