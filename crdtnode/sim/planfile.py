"""Plans that people write: TOML files.

Rule of this file: short ways of saying things become what `Plan.from_json` reads; what is wrong is
named by its line and, where a word is unknown, by the nearest one.

A plan file has the fields of `Plan`, and some shorter ones::

    about = "Two halves of a shop sell the same apples."   # for people
    seed = 7
    nodes = 4                        # n1 to n4; or names: ["berlin", "rome"]
    duration = "1min"                # times are seconds, or texts with us, ms, s, min, h, d

    [network]
    latency = "5-20ms"
    loss = "10%"

    [workload]                       # writes drawn from the seed, beside or instead of [[writes]]
    rate = "2/s"                     # or count = 120
    types = ["orset", "pncounter"]   # drawn as well where this is left out
    until = "50s"

    [[writes]]
    at = "3s"
    node = "n1"
    type = "pncounter"               # the newest version, or "pncounter@1"
    name = "apples"
    method = "increment"
    args = [3]

    [[faults]]
    kind = "partition"
    at = "10s"
    groups = [["n1..n2"], ["n3..n4"]]  # a..b is a range of nodes, in their order

    [expect]
    converged_within = "2s"
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
import json
from pathlib import Path
import re
import shlex
import tomllib
from typing import Any, Final

from crdt.catalogue import tags
from crdtnode.sim.checks import all_checks
from crdtnode.sim.document import from_document, nearest
from crdtnode.sim.draw import NODES_MOST, Recipe, draw_writes, node_names
from crdtnode.sim.link import PlanError
from crdtnode.sim.plan import FORMAT, VERSION, Plan
from crdtnode.sim.toml_lines import line_of, lines_of

FAILURE_FORMAT: Final = "crdtnode failure"
"""What failure files say of themselves."""

_PLACE: Final = re.compile(r"[a-z_]+(?:\[\d+\])*(?:\.[A-Za-z_-]+(?:\[\d+\])*)*")
_WORDS: Final = {"tuple", "dict", "float"}
"""Keys of tables that stand for a value for which TOML has no word."""

_RANGE: Final = ".."


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """Writes that are drawn from the seed."""

    count: int | None = None
    rate: float | None = None
    """Per second, instead of a count."""
    types: tuple[str, ...] = ()
    until: float | None = None
    """Seconds after which nobody writes; by default the duration of the plan."""

    def __post_init__(self) -> None:
        if (self.count is None) == (self.rate is None):
            raise PlanError("a workload has a count or a rate, and not both")
        for name in ("count", "rate", "until"):
            value = getattr(self, name)
            if value is not None and not 0 <= value < 1e7:
                raise PlanError(f"{name} must be 0 or more, and below 10 million, not {value}")


def read_plan(path: Path, seed: int | None = None) -> Plan:
    """Read a plan file: TOML, or the JSON that `Plan.to_json` gives.

    Args:
        path: Of the file; one that ends with ``.json`` is JSON.
        seed: Instead of the one in the file.

    Raises:
        OSError: There is no such file, or it cannot be read.
        PlanError: It is no plan; the message names the file, the line and the nearest valid word.
    """
    text = text_of(path)
    if path.suffix != ".json":
        with _in_file(path):
            return parse_plan(text, seed)
    with _in_file(path):
        try:
            document = json.loads(text)
            if isinstance(document, dict) and document.get("format") == FAILURE_FORMAT:
                raise PlanError(
                    "this is a failure file; run it with: crdtnode simulate replay "
                    f"{shlex.quote(str(path))}"
                )
            plan = Plan.from_json(document)
        except (json.JSONDecodeError, RecursionError) as error:
            raise PlanError(f"this is no JSON: {error}") from error
        return plan if seed is None else replace(plan, seed=seed)


def text_of(path: Path) -> str:
    """The text of a file.

    Raises:
        OSError: There is no such file, or it cannot be read.
        PlanError: It holds no text.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise PlanError(f"{path} is no text in UTF-8: {error}") from error


def parse_plan(text: str, seed: int | None = None) -> Plan:
    r"""Read a plan from TOML text.

    Raises:
        PlanError: It is no plan; the message begins with the line.

    Example:
        >>> parse_plan('nodes = 2\nduration = "1min"').duration
        60.0
        >>> parse_plan('nodes = 2\n\n[network]\nlos = 0.1')
        Traceback (most recent call last):
        crdtnode.sim.link.PlanError: line 4: network.los is unknown; did you mean 'loss'?
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PlanError(_no_toml(str(error), text)) from error
    except RecursionError as error:
        raise PlanError("this is no TOML: it is nested too deeply") from error
    try:
        return _plan_of(document, seed)
    except PlanError as error:
        line = _line(str(error), text)
        raise PlanError(f"line {line}: {error}" if line else str(error)) from error


def _no_toml(error: str, text: str) -> str:
    """An error of `tomllib`, with its line in front."""
    what, _, where = error.rpartition(" (at ")
    number = re.match(r"line (\d+)", where)
    line = number[1] if number else len(text.splitlines()) or 1
    return f"line {line}: this is no TOML: {what}"


def _line(message: str, text: str) -> int | None:
    """The line of what a message is about: of its place, or of the quoted word below that."""
    place = _PLACE.match(message)
    line = line_of(place[0], lines_of(text)) if place else None
    word = re.search(r"'([^']+)'", message)
    if line is None or word is None:
        return line
    lines = text.splitlines()
    for number in range(line, len(lines) + 1):
        if number > line and lines[number - 1].lstrip().startswith("["):
            break  # the next table
        if re.search(rf"[\"']{re.escape(word[1])}[\"']", lines[number - 1]):
            return number
    return line


@contextmanager
def _in_file(path: Path) -> Iterator[None]:
    try:
        yield
    except PlanError as error:
        raise PlanError(
            f"{path}, {error}" if str(error).startswith("line ") else f"{path}: {error}"
        ) from error


def _plan_of(document: dict[str, Any], seed: int | None) -> Plan:
    about = document.pop("about", "")
    if not isinstance(about, str):
        raise PlanError(f"about must be a text, not {about!r}")
    workload = document.pop("workload", None)
    _check_words(document)
    nodes = _names(document.get("nodes"))
    document["nodes"] = list(nodes)
    document["seed"] = document.get("seed", 0) if seed is None else seed
    for number, fault in _tables(document, "faults"):
        for key, value in fault.items():
            fault[key] = _ranges(value, nodes, f"faults[{number}].{key}")
        if isinstance(fault.get("type"), str):
            fault["type"] = tag_called(fault["type"], f"faults[{number}].type")
    for number, write in _tables(document, "writes"):
        if isinstance(write.get("type"), str):
            write["type"] = tag_called(write["type"], f"writes[{number}].type")
        if isinstance(write.get("args"), list):
            write["args"] = [_value(arg) for arg in write["args"]]
    expect = document.get("expect")
    for number, final in _tables(expect, "finals") if isinstance(expect, dict) else ():
        if isinstance(final.get("type"), str):
            final["type"] = tag_called(final["type"], f"expect.finals[{number}].type")
        if "value" in final:
            final["value"] = _value(final["value"])
    plan: Plan = from_document(Plan, document)
    _check_names_of_checks(plan)
    return plan if workload is None else with_workload(plan, _workload(workload))


def _check_names_of_checks(plan: Plan) -> None:
    known = [check.name for check in all_checks()]
    for number, name in enumerate(plan.expect.violated):
        if name not in known:
            place = f"expect.violated[{number}]"
            raise PlanError(f"{place}: no check is called {name!r}{nearest(name, known)}")


def _check_words(document: Mapping[str, object]) -> None:
    """Refuse unknown words here, since some that are known here are none of a `Plan`."""
    known = ("about", "workload", *(f for f in Plan.__dataclass_fields__ if f != "recipe"))
    for key in document:
        if key in ("format", "version"):
            raise PlanError(f"{key} belongs into a plan as JSON: {FORMAT}, version {VERSION}")
        if key not in known:
            raise PlanError(f"{key} is unknown{nearest(key, known)}")


def _names(nodes: object) -> tuple[str, ...]:
    if nodes is None:
        raise PlanError("nodes is missing: how many, or a list of names")
    if type(nodes) is int and 1 <= nodes <= NODES_MOST:
        return node_names(nodes)
    if isinstance(nodes, list) and nodes and all(isinstance(name, str) for name in nodes):
        for number, name in enumerate(nodes):
            if _RANGE in name:
                raise PlanError(f"nodes[{number}]: {name!r} would be a range of nodes")
        return tuple(nodes)
    raise PlanError(f"nodes must be a number from 1 or a list of names, not {nodes!r:.60}")


def _tables(document: Mapping[str, Any], key: str) -> Iterable[tuple[int, dict[str, Any]]]:
    found = document.get(key)
    items = enumerate(found) if isinstance(found, list) else ()
    return [(number, item) for number, item in items if isinstance(item, dict)]


def _ranges(value: object, nodes: tuple[str, ...], place: str) -> object:
    """Write out ranges of nodes, such as ``n1..n3``, in lists of names."""
    if not isinstance(value, list):
        return value
    names: list[object] = []
    for item in value:
        if isinstance(item, str) and _RANGE in item:
            first, _, last = item.partition(_RANGE)
            ends = [_index(end, nodes, place) for end in (first, last)]
            if ends[0] > ends[1]:
                raise PlanError(f"{place}: {item!r} is no range: {last!r} stands before {first!r}")
            names += nodes[ends[0] : ends[1] + 1]
        else:
            names.append(_ranges(item, nodes, place))
    return names


def _index(name: str, nodes: tuple[str, ...], place: str) -> int:
    if name not in nodes:
        raise PlanError(f"{place}: no node is called {name!r}{nearest(name, nodes[:1000])}")
    return nodes.index(name)


def tag_called(word: str, place: str) -> str:
    """A type's tag; a name without a version stands for the newest one.

    Raises:
        PlanError: There is no such type; the message names the place and the nearest word.
    """
    known = list(tags())
    fits = [tag for tag in known if tag == word or tag.partition("@")[0] == word.lower()]
    if not fits:
        names = tuple(dict.fromkeys(tag.partition("@")[0] for tag in known))
        raise PlanError(f"{place}: there is no type {word!r}{nearest(word, names)}")
    return max(fits, key=lambda tag: int(tag.partition("@")[2]))


def _value(value: object) -> object:
    """A value of a user in the form of documents, which have a word for dicts."""
    if isinstance(value, list):
        return [_value(item) for item in value]
    if isinstance(value, dict) and not (len(value) == 1 and set(value) <= _WORDS):
        return {"dict": [[key, _value(item)] for key, item in value.items()]}
    return value


def _workload(table: object) -> Workload:
    if isinstance(table, dict) and isinstance(table.get("types"), list):
        types = enumerate(table["types"])
        table["types"] = [
            tag_called(t, f"workload.types[{n}]") if isinstance(t, str) else t for n, t in types
        ]
    asked: Workload = from_document(Workload, table, "workload")
    return asked


def with_workload(plan: Plan, asked: Workload) -> Plan:
    """The plan with the writes that its seed draws for a workload."""
    until = plan.duration if asked.until is None else min(asked.until, plan.duration)
    count = asked.count if asked.rate is None else round(asked.rate * until)
    recipe = Recipe(duration=until, writes=count, types=asked.types or None)
    drawn = draw_writes(plan.seed, recipe, plan.nodes) if count else ()
    writes = sorted([*plan.writes, *drawn], key=lambda write: write.at)
    return replace(plan, writes=tuple(writes))
