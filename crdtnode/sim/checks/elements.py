"""What calls do to the elements of sets, read off their names and arguments.

Rule of this file: it knows how people call sets, and nothing of how sets work.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from crdtnode.sim.shadow import Update

Element = tuple[str, str]

REMOVING = ("discard", "remove")


def same(element: object) -> Element:
    """What makes two elements the same one: type and value, all the way down."""
    return type(element).__name__, repr(element)


def added(update: "Update") -> list[object]:
    """The elements that a call adds."""
    match update.write.method, update.write.args:
        case "add", (element,):
            return [element]
        case "update", (elements,) if isinstance(elements, Iterable):
            return list(elements)
    return []


def removed(update: "Update", adds: "list[Update]") -> set[Element]:
    """The elements that a call removes; of those that `adds` add, a clear removes what it saw."""
    if update.write.method in REMOVING:
        return {same(element) for element in update.write.args}
    if update.write.method == "clear":
        return {same(e) for add in adds if add.bit & update.past for e in added(add)}
    return set()
