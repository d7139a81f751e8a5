"""All words that a plan file may hold, as text for people.

Rule of this file: nothing is listed by hand; the words are those of the classes that read them.
"""

from collections.abc import Iterator
from dataclasses import MISSING, fields
import inspect
import re
from typing import Any, Final, Literal, get_args, get_origin, get_type_hints

from crdtnode.sim.document import kind_of
from crdtnode.sim.expectations import Expectations
from crdtnode.sim.faults import ClockRate, Fault, Group
from crdtnode.sim.link import Link
from crdtnode.sim.quantities import BYTES_PER_SECOND, SECONDS, SHARES, UNITS

_TAKES: Final = ((SECONDS, "TIME"), (SHARES, "SHARE"), (BYTES_PER_SECOND, "RATE"))

_NODES: Final = {Group: "[NODE, ...]", tuple[Group, ...]: "[[NODE, ...], ...]"}


def vocabulary() -> Iterator[str]:
    """Lines: what networks, faults and expectations may say; values behind ``=`` are defaults.

    Example:
        >>> [line.strip() for line in vocabulary() if line.startswith("  pause")]
        ['pause: node']
    """
    for units, word in _TAKES:
        yield f"{word}: a number, or a text with {', '.join(units)}"
    yield ""
    yield "[network], and link of rules and relink:"
    yield from (f"  {word}" for word in _words(Link))
    yield "[[network.links]]: source, target, link"
    yield ""
    yield "[[faults]] have a kind, at = TIME, and:"
    for cls in get_args(Fault):
        words = [word for word in _words(cls) if not word.startswith("at")]
        yield f"  {kind_of(cls)}{': ' * bool(words)}{', '.join(words)}"
        yield f"      {_sentence(cls)}"
    yield ""
    yield "[expect], and [[expect.finals]] with type, name and value:"
    yield from (f"  {word}" for word in _words(Expectations) if word != "finals")


def _words(cls: Any) -> list[str]:
    """The fields of a class, each with what it takes, and what it is where it is left out."""
    hints = get_type_hints(cls)
    found = []
    for field in fields(cls):
        hint = hints[field.name]
        units = None if cls is ClockRate else UNITS.get(field.name)
        takes = next((f" {word}" for known, word in _TAKES if known is units), "")
        if field.name == "violated":
            takes = " [CHECK, ...]"
        elif hint in _NODES:
            takes = f" {_NODES[hint]}"
        if get_origin(hint) is Literal:
            takes = f" {' | '.join(get_args(hint))}"
        default = "" if field.default in (MISSING, None, ()) else f" = {_toml(field.default)}"
        found.append(f"{field.name}{takes}{default}")
    return found


def _toml(value: object) -> str:
    match value:
        case str():
            return f'"{value}"'
        case bool():
            return str(value).lower()
        case _:
            return f"{value:g}"


def _sentence(cls: type) -> str:
    """What is said of a class, in one line, with the words of plans for other classes."""
    text = " ".join((inspect.getdoc(cls) or "").partition("\n\n")[0].split())
    return re.sub(r"`(\w+)`", lambda name: re.sub(r"\B(?=[A-Z])", "-", name[1]).lower(), text)
