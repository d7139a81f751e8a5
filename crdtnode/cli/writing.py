"""Commands that change one object: incr, decr, add, discard, set, put, enable, disable, call.

A bare name means the type that is natural for the command: a PNCounter for incr and decr, an ORSet
for add and discard, an LWWRegister for set, an ORMap of these for put, an EnableWinsFlag for enable
and disable.
"""

import json
from typing import Any

import click

from crdtnode.cli.daemon import Daemon, Refused, object_path
from crdtnode.cli.naming import existing, explained, split
from crdtnode.cli.options import TakesNumbers, api_option, examples, json_option
from crdtnode.cli.outcome import Code, Failure
from crdtnode.cli.output import line_of, print_document

_COUNTER, _SET, _REGISTER = "pncounter", "orset", "lwwregister"
_MAP, _FLAG = "ormap", "enablewinsflag"
_MAPS_OF_VALUES = ("lwwmap", "lwwmap@1")


def _call(
    written: str, natural: str, method: str, args: list[Any], *, value: bool | None = None
) -> dict[str, Any]:
    kind, name = split(written)
    asked = None if value is None else str(value).lower()
    path = object_path(kind or natural, name, method)
    try:
        document: dict[str, Any] = Daemon.chosen().post(path, {"args": args}, value=asked)
    except Refused as refusal:
        raise explained(refusal, written) from None
    return document


def _parsed(text: str, as_json: bool) -> Any:
    if not as_json:
        return text
    try:
        return json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise Failure(f"{text[:200]!r} is no JSON for us: {error}", Code.USAGE) from None


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not in JSON")


def _as_json_option(function: Any) -> Any:
    return click.option(
        "--as-json", "as_json", is_flag=True, help="Take what is given as JSON, not as text."
    )(function)


class Whole(click.IntRange):
    """A whole number that is not negative."""

    name = "whole number"

    def __init__(self) -> None:
        super().__init__(min=0)


def _counting(method: str) -> Any:
    def count(name: str, amount: int, as_document: bool) -> None:
        document = _call(name, _COUNTER, method, [amount])
        if as_document:
            print_document(document)
        else:
            click.echo(line_of(document["value"]))

    return count


def _counter_command(name: str, method: str, text: str, *shown: str) -> click.Command:
    made = _counting(method)
    made.__doc__ = text
    made = json_option(api_option(made))
    made = click.argument("amount", metavar="[N]", type=Whole(), default=1)(made)
    made = click.argument("name", metavar="[TYPE/]NAME")(made)
    command: click.Command = click.command(name, cls=TakesNumbers, epilog=examples(*shown))(made)
    return command


incr = _counter_command(
    "incr",
    "increment",
    """Raise a counter by N, or by 1, and print its value here.

    A bare name means a PNCounter.
    """,
    "crdtnode incr visits",
    "crdtnode incr gcounter/downloads 20",
)
decr = _counter_command(
    "decr",
    "decrement",
    """Lower a counter by N, or by 1, and print its value here.

    A bare name means a PNCounter.
    """,
    "crdtnode decr stock 2",
)


@click.command(
    cls=TakesNumbers,
    epilog=examples("crdtnode add tags red blue", "crdtnode add gset/ports --as-json 80 443"),
)
@click.argument("name", metavar="[TYPE/]NAME")
@click.argument("elements", metavar="ELEMENT...", nargs=-1, required=True)
@_as_json_option
@api_option
@json_option
def add(name: str, elements: tuple[str, ...], as_json: bool, as_document: bool) -> None:
    """Add elements to a set, all in one change.

    A bare name means an ORSet, in which adding wins over removing at the same time. An element is
    text; with --as-json it may be a number, true, false, null, or a list as payloads write it.
    """
    wanted = [_parsed(element, as_json) for element in elements]
    method, args = ("add", wanted) if len(wanted) == 1 else ("update", [wanted])
    document = _call(name, _SET, method, args, value=as_document)
    if as_document:
        print_document(document)


@click.command(cls=TakesNumbers, epilog=examples("crdtnode discard tags red"))
@click.argument("name", metavar="[TYPE/]NAME")
@click.argument("elements", metavar="ELEMENT...", nargs=-1, required=True)
@_as_json_option
@api_option
@json_option
def discard(name: str, elements: tuple[str, ...], as_json: bool, as_document: bool) -> None:
    """Remove elements from a set; those that are not in it do no harm.

    A bare name means an ORSet.
    """
    wanted = [_parsed(element, as_json) for element in elements]
    document: dict[str, Any] = {}
    for element in wanted:
        document = _call(name, _SET, "discard", [element], value=as_document)
    if as_document:
        print_document(document)


@click.command(
    "set",
    cls=TakesNumbers,
    epilog=examples(
        'crdtnode set title "Hello, world"',
        """crdtnode set limits --as-json '{"cpu": 4, "tags": ["a", "b"]}'""",
    ),
)
@click.argument("name", metavar="[TYPE/]NAME")
@click.argument("value", metavar="VALUE")
@_as_json_option
@api_option
@json_option
def assign(name: str, value: str, as_json: bool, as_document: bool) -> None:
    """Write a register: the last write wins, on all nodes.

    A bare name means an LWWRegister. The value is text; with --as-json it may be anything that
    JSON can say.
    """
    document = _call(name, _REGISTER, "assign", [_parsed(value, as_json)], value=True)
    if as_document:
        print_document(document)


@click.command(
    cls=TakesNumbers,
    epilog=examples("crdtnode put limits disk 20G", "crdtnode put limits cpu --as-json 4"),
)
@click.argument("name", metavar="[TYPE/]MAP")
@click.argument("key", metavar="KEY")
@click.argument("value", metavar="VALUE")
@_as_json_option
@api_option
@json_option
def put(name: str, key: str, value: str, as_json: bool, as_document: bool) -> None:
    """Write a value under a key of a map.

    A bare name means an ORMap, in which each key holds a register: writing and removing a key at
    the same time keeps it. With lwwmap/NAME the later of the two wins. Key and value are text; with
    --as-json the value may be anything that JSON can say.
    """
    held = _parsed(value, as_json)
    kind = (split(name)[0] or _MAP).lower()
    if kind in _MAPS_OF_VALUES:
        document = _call(name, _MAP, "put", [key, held], value=as_document)
    else:
        document = _call(name, _MAP, "open", [key, _REGISTER, "assign", held], value=as_document)
    if as_document:
        print_document(document)


def _flagging(name: str, text: str) -> click.Command:
    def flag(name: str, as_document: bool) -> None:
        document = _call(name, _FLAG, method, [], value=True)
        if as_document:
            print_document(document)

    method = name
    flag.__doc__ = text
    flag = json_option(api_option(flag))
    flag = click.argument("name", metavar="[TYPE/]NAME")(flag)
    command: click.Command = click.command(name, epilog=examples(f"crdtnode {name} maintenance"))(
        flag
    )
    return command


enable = _flagging(
    "enable",
    """Switch a flag on.

    A bare name means an EnableWinsFlag: of enabling and disabling at the same time, enabling wins.
    """,
)
disable = _flagging(
    "disable",
    """Switch a flag off.

    A bare name means an EnableWinsFlag: of enabling and disabling at the same time, enabling wins.
    """,
)


@click.command(
    cls=TakesNumbers,
    epilog=examples(
        "crdtnode call text/note append Hello",
        "crdtnode call tree/files move --as-json '\"etc\"' null",
        "crdtnode call ormap/users open eric gcounter increment --as-json 1",
    ),
)
@click.argument("name", metavar="TYPE/NAME")
@click.argument("method", metavar="METHOD")
@click.argument("arguments", metavar="[ARGUMENT...]", nargs=-1)
@_as_json_option
@api_option
@json_option
def call(
    name: str, method: str, arguments: tuple[str, ...], as_json: bool, as_document: bool
) -> None:
    """Call a method of an object of any type, and print its value where it is a short one.

    An argument is text; with --as-json those that are JSON are taken as such, and the others as
    text. A name without a type means the object that is called so already.
    """
    kind, bare = split(name)
    if kind is None:
        kind, bare = existing(Daemon.chosen(), name)
    args = [_json_or_text(argument) if as_json else argument for argument in arguments]
    document: dict[str, Any] = Daemon.chosen().post(object_path(kind, bare, method), {"args": args})
    if as_document:
        print_document(document)
    elif "value" in document:
        click.echo(line_of(document["value"]))


def _json_or_text(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return text
