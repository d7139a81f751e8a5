"""Which types a registry knows, and what it has to know of each.

A *plain* type is hand-written on the four abstract members: nobody hears of its changes but by
comparing states, so it is changed in ``change`` blocks and travels whole. A *foreign* type is one
whose code is not the toolbox's: it may raise or return anything, so its joins are tried on a copy.
Every plain type is foreign; a user's subclass of a built-in type is foreign, too, but publishes
its deltas like its parent.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from crdt import StateCRDT, catalogue
from crdt.errors import UnknownTypeError
from crdt.native import Native
from crdtnode.errors import UnknownType
from crdtnode.fingerprints import Fingerprints


@dataclass(frozen=True, slots=True, eq=False)
class Kind:
    """What the registry knows of one type."""

    tag: str
    cls: type[StateCRDT]
    plain: bool
    """It publishes no deltas: changes need a block, and its children refuse mutation outside."""
    foreign: bool
    """Its code may do anything."""
    contextual: bool
    """It can tell what it has seen, and what somebody lacks who has told that."""
    initial: bytes | None
    """The fingerprint of a fresh object; None where a fresh one has no payload."""


class Kinds:
    """The types that a registry knows, by tag and by class.

    Args:
        fingerprints: What hashes the initial states.
        only: The tags known; None for all that the catalogue holds, now and later.

    Attributes:
        tags: The tags known, sorted. What enters the catalogue elsewhere shows after `look`.
        tags_hash: 64 bits; equal where nodes with one salt know the same types.
    """

    def __init__(self, fingerprints: Fingerprints, only: Iterable[str] | None) -> None:
        self._fingerprints = fingerprints
        self._only = None if only is None else set(only)
        self._by_tag: dict[str, Kind] = {}
        self._by_class: dict[Any, Kind] = {}
        self._looked_at = (-1, -1)
        self.tags: tuple[str, ...] = ()
        self.tags_hash = fingerprints.text_hash("")
        self.look()

    def look(self) -> None:
        """See what has entered the catalogue."""
        if self._looked_at == (seen := (catalogue.count(), len(self._only or ()))):
            return  # nearly always: this is asked with each flush
        self._looked_at = seen
        known = catalogue.tags()
        self.tags = tuple(tag for tag in known if self._only is None or tag in self._only)
        self.tags_hash = self._fingerprints.text_hash("\n".join(self.tags))

    def register(self, cls: type[StateCRDT]) -> str:
        """Make a class known, and give its tag. One that is known already stays as it is.

        Raises:
            TypeError: It is no complete subclass of StateCRDT.
            ValueError: Its tag belongs to another class. Nothing changed.
        """
        try:
            tag = catalogue.tag_of(cls)
        except UnknownTypeError:
            tag = catalogue.tag_of(catalogue.register(cls))
        if self._only is not None:
            self._only.add(tag)
        self.look()
        return tag

    def of_tag(self, tag: str) -> Kind:
        """What is known of the type with this tag.

        Raises:
            UnknownType: Nothing.
        """
        return self._by_tag.get(tag) or self._look_up(tag)

    def of_class(self, cls: Any) -> Kind:
        """What is known of a class, or of an alias such as ``ORSet[str]``.

        Raises:
            UnknownType: The class is not in the catalogue.
            TypeError: It is no replicated type.
        """
        try:
            kind = self._by_class.get(cls)
        except TypeError:  # no class can be unhashable, but the objects of ours are
            raise TypeError(f"expected a class, not {cls!r:.80}") from None
        if kind is None:
            try:
                tag = catalogue.tag_of(cls)
            except UnknownTypeError as error:
                raise UnknownType(str(error)) from None
            kind = self._by_class[cls] = self.of_tag(tag)
        return kind

    def _look_up(self, tag: str) -> Kind:
        if self._only is not None and tag not in self._only:
            raise UnknownType(f"this node does not know the type {tag!r:.80}")
        try:
            cls = catalogue.type_of(tag)
        except UnknownTypeError as error:
            raise UnknownType(str(error)) from None
        self.look()
        kind = self._by_tag[tag] = Kind(
            tag,
            cls,
            plain=not issubclass(cls, Native),
            foreign=not cls.__module__.startswith("crdt."),
            contextual=hasattr(cls, "context") and hasattr(cls, "delta_since"),
            initial=self._initial(cls),
        )
        return kind

    def _initial(self, cls: type[StateCRDT]) -> bytes | None:
        try:
            return cls().fingerprint(self._fingerprints.digest)
        except Exception:  # noqa: BLE001  # a hand-written initial state may refuse in any way
            return None
