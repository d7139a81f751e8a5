"""The objects of a registry: by place, and by type and name.

Rule of this file: an object that is here stays, also when it is removed: its tombstone has a place.
"""

from collections.abc import Iterator

from crdtnode.registry.entry import Entry


class Directory:
    """All objects that were opened or heard of.

    Attributes:
        at: The objects by place.
    """

    def __init__(self) -> None:
        self.at: dict[int, Entry] = {}
        self._named: dict[str, dict[str, Entry]] = {}
        self._shared: set[str] = set()

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.at.values())

    def named(self, tag: str, name: str) -> Entry | None:
        """The object of this type and name."""
        named = self._named.get(tag)
        return None if named is None else named.get(name)

    def alive(self, name: str) -> list[Entry]:
        """The objects of this name that are not removed, by type tag."""
        found = [named[name] for named in self._named.values() if name in named]
        return sorted((entry for entry in found if entry.alive), key=lambda entry: entry.tag)

    def shared(self) -> list[str]:
        """Names that objects of several types have, or had; sorted."""
        return sorted(self._shared)

    def keep(self, entry: Entry) -> None:
        """Take an object in, unless it is here."""
        if entry.hn in self.at:
            return
        for named in self._named.values():
            if entry.name in named:
                self._shared.add(entry.name)
        self.at[entry.hn] = entry
        self._named.setdefault(entry.tag, {})[entry.name] = entry
