"""Values and elements as JSON, and back.

Rule of this file: what JSON can say is said plainly, whole numbers of thousands of digits included;
what it lacks (bytes, tuples) is written as in payloads, a tagged list such as ``["b", "aGk="]``, and
so are whole numbers that no reader would take.
A set is a list in canonical order, so that equal sets give equal documents. So are the vertices
and the edges of a graph; a tree is an object with the parent of each node.
"""

from collections.abc import Iterable, Mapping, Sequence, Set
import math
from typing import TYPE_CHECKING, Any, Final

from crdt import StateCRDT
from crdt.atoms import element_of, identify
from crdt.homes import TYPES, imported
from crdt.tagged import canonical_text, decode, encode

if TYPE_CHECKING:
    from crdt import Tree
    from crdt.graphs.graph import Graph

_TREE: Final = TYPES["tree@1"]
_GRAPH: Final = "crdt.graphs.graph:Graph"
_ORDER: Final = "crdt.graphs.order:Order"
_EXTREMES: Final = (TYPES["maxregister@1"], TYPES["minregister@1"])
"""Homes: a daemon imports the types of its objects, and none in order to ask whether it has any."""

PLAIN_BITS_MOST: Final = 14_000
"""Longest whole number that is written with digits, of which Python reads and writes 4,300."""


def value_of(obj: Any) -> Any:
    """Return an object's value, JSON-friendly."""
    if isinstance(obj, Set):
        return _listed(obj)  # not through `value`: Python's sets merge 1, True and 1.0
    if isinstance(obj, imported(_TREE)):
        return _parents(obj)
    if isinstance(obj, imported(_GRAPH)):
        return _graph(obj)
    value = obj.value
    if isinstance(obj, Mapping) and (len(value) < len(obj) or not _all_text(value)):
        # JSON's objects have only text for keys, and dicts of Python's merge 1, True and 1.0.
        return [[shown(key), _held(held)] for key, held in obj.items()]
    return shown(value)


def _held(held: Any) -> Any:
    return value_of(held) if isinstance(held, StateCRDT) else shown(held)


def _all_text(keys: Iterable[Any]) -> bool:
    return all(isinstance(key, str) for key in keys)


def is_collection(obj: StateCRDT) -> bool:
    """Tell whether showing the value may cost much more than the change just made."""
    return isinstance(obj, (Set, Mapping, Sequence, imported(_TREE), imported(_GRAPH)))


def shown(value: Any) -> Any:
    """Return anything that a value may be made of, JSON-friendly."""
    match value:
        case None | bool() | str():
            return value
        case int():
            return value if value.bit_length() <= PLAIN_BITS_MOST else _tagged(value)
        case float():
            return value if math.isfinite(value) else str(value)
        case list():
            return [shown(item) for item in value]
        case dict():
            return {str(key): shown(item) for key, item in value.items()}
        case set() | frozenset():
            return _listed(value)
        case bytes() | tuple():
            return _tagged(value)
        case _:
            return str(value)


def _tagged(value: Any) -> Any:
    try:
        return encode(identify(value))
    except (TypeError, ValueError):
        # A hand-written type may compute tuples of anything.
        return [shown(item) for item in value] if isinstance(value, tuple) else str(value)


def _listed(elements: Set[Any]) -> list[Any]:
    try:
        pairs = [(canonical_text(identify(element)), element) for element in elements]
    except (TypeError, ValueError):
        return sorted((shown(element) for element in elements), key=repr)
    return [shown(element) for _, element in sorted(pairs, key=lambda pair: pair[0])]


def _parents(tree: "Tree[Any]") -> Any:
    """Return ``{node: parent}``, with nodes that are no text spelled as in payloads.

    If that makes two nodes look the same, as 1 and "1", it is a list of pairs instead.
    """
    pairs = [(identify(node), tree.parent_of(node)) for node in tree]
    pairs.sort(key=lambda pair: canonical_text(pair[0]))
    named = {
        key if type(key) is str else canonical_text(key): shown(parent) for key, parent in pairs
    }
    if len(named) == len(pairs):
        return named
    return [[shown(element_of(key)), shown(parent)] for key, parent in pairs]


def _graph(graph: "Graph[Any]") -> dict[str, Any]:
    vertices = sorted(graph, key=lambda vertex: canonical_text(identify(vertex)))
    return {
        "vertices": [shown(vertex) for vertex in vertices],
        "edges": [
            [shown(vertex), shown(follower)]
            for vertex in vertices
            for follower in graph.successors(vertex)
        ],
    }


def takes_elements(kind: type[StateCRDT]) -> bool:
    """Tell whether the mutators of a type take elements, which may come in payload form."""
    homes = (_TREE, _GRAPH, *_EXTREMES)
    return issubclass(kind, (Set, *(imported(home) for home in homes)))


def argument_from(kind: type[StateCRDT], argument: Any, place: str) -> Any:
    """Return the element, or the sentinel of an order, that a JSON argument stands for.

    Raises:
        PayloadError: A list that is neither in payload form; names the place.
    """
    if isinstance(argument, list) and issubclass(kind, imported(_ORDER)):
        from crdt.graphs.order import vertex_of  # it is there: somebody has an order

        return element_of(vertex_of(argument, place))
    return element_from(argument, place)


def element_from(argument: Any, place: str) -> Any:
    """Return the element that a JSON argument stands for; a list must be a tagged one.

    Raises:
        PayloadError: A list that is no element in payload form; names the place.
    """
    return element_of(decode(argument, place)) if isinstance(argument, list) else argument
