"""Commands that look: status, members, ls, get, payload."""

from typing import Any

import click

from crdtnode.cli.daemon import Daemon, object_path
from crdtnode.cli.naming import existing
from crdtnode.cli.options import api_option, examples, json_option
from crdtnode.cli.output import line_of, print_document, print_lines, print_table, value_lines


@click.command()
@api_option
@json_option
def status(as_document: bool) -> None:
    """Show a node, and whether all members hold the same state.

    Every live member is asked for its fingerprint; one that is silent for 0.1 seconds counts as
    no answer. "converged" is yes if all hold what this node holds, no if not, and - if there is
    nobody to ask.
    """
    document = Daemon.chosen().get("/v1/status")
    if as_document:
        print_document(document)
        return
    counts = document["members"]
    print_table(
        ("what", "value"),
        [
            ("name", document["name"]),
            ("address", document["address"]),
            ("cluster", document["cluster"]),
            ("root", document["root"]),
            ("objects", document["objects"]),
            ("members", ", ".join(f"{n} {state}" for state, n in counts.items() if n)),
            ("converged", _converged(document)),
            *[("differs", name) for name in document["differing"]],
            *[("silent", name) for name in document["silent"]],
            *[("unreached seed", _seed(seed)) for seed in document["unreached_seeds"]],
            *[
                ("shared name", f"{name} ({', '.join(tags)})")
                for name, tags in document["shared_names"].items()
            ],
            *[
                ("name conflict", f"{name} was to be {wanted}, which is another member's name")
                for name, wanted in document["name_conflicts"].items()
            ],
            *([("clock ahead", _held(held))] if (held := document["clock_held_ms"]) else []),
            ("encrypted", document["encrypted"]),
            ("faults", _faults(document["faults"])),
            ("uptime", f"{document['uptime_s']:.1f} s"),
            ("version", document["version"]),
        ],
    )


def _held(held_ms: int) -> str:
    return f"stamps are held back by {held_ms / 1000:.1f} s, to a minute ahead of the others"


def _converged(document: dict[str, Any]) -> Any:
    lag = document["lag_s"]
    match document["state"]:
        case "held":
            return f"yes, but for {document['held']} held objects"
        case "writing" if lag is None:
            return "no, writing: others have what we lack"
        case "writing":
            return f"no, writing: {lag:.3f} s behind at most"
        case _:
            return document["converged"]


def _seed(seed: dict[str, str]) -> str:
    return f"{seed['address']} ({seed['why']})" if seed["why"] else seed["address"]


def _faults(faults: dict[str, bool]) -> str:
    if faults["isolated"]:
        return "ISOLATED"
    return "allowed" if faults["allowed"] else "off"


@click.command()
@api_option
@json_option
def members(as_document: bool) -> None:
    """List the members of the cluster, as this node sees them.

    In a pipe, each line has name, address, state, whether it holds the same state as this node
    (yes, no, or - if it did not say), and the round trip in milliseconds, separated by tabs.
    """
    rows: list[dict[str, Any]] = Daemon.chosen().get("/v1/members")["members"]
    if as_document:
        print_document(rows)
        return
    print_table(
        ("name", "address", "state", "same state", "ms"),
        [
            (row["name"], row["address"], row["state"], row["root_equal"], _milliseconds(row))
            for row in rows
        ],
    )


def _milliseconds(row: dict[str, Any]) -> str | None:
    return None if row["rtt_s"] is None else f"{row['rtt_s'] * 1000:.1f}"


@click.command()
@click.argument("prefix", default="")
@click.option("--type", "kind", metavar="TYPE", help="Only objects of this type, such as orset.")
@api_option
@json_option
def ls(prefix: str, kind: str | None, as_document: bool) -> None:
    """List objects, or those whose names begin with PREFIX.

    In a pipe, each line has type, name and version, separated by tabs. Equal versions on two
    nodes mean equal states.
    """
    rows = Daemon.chosen().get("/v1/objects", prefix=prefix or None, type=kind)["objects"]
    if as_document:
        print_document(rows)
        return
    print_table(
        ("type", "name", "version"), [(row["type"], row["name"], row["version"]) for row in rows]
    )


@click.command(epilog=examples("crdtnode get visits", "crdtnode get orset/tags"))
@click.argument("name", metavar="[TYPE/]NAME")
@api_option
@json_option
def get(name: str, as_document: bool) -> None:
    """Show the value of an object.

    A set is printed one element a line, in an order that is the same on all nodes; text as it is,
    everything else as JSON.
    """
    daemon = Daemon.chosen()
    tag, bare = existing(daemon, name)
    document = daemon.get(object_path(tag, bare))
    if as_document:
        print_document(document)
        return
    single = any(word in document["type"] for word in ("register", "counter"))
    is_list = isinstance(document["value"], list) and not single
    print_lines(value_lines(document["value"]) if is_list else [line_of(document["value"])])


@click.command()
@click.argument("name", metavar="[TYPE/]NAME")
@api_option
@json_option
def payload(name: str, as_document: bool) -> None:
    """Show the whole state of an object, as JSON.

    It can be stored anywhere, and joined into the object of another node with
    PUT /v1/objects/TYPE/NAME/payload.
    """
    daemon = Daemon.chosen()
    tag, bare = existing(daemon, name)
    print_document(daemon.get(object_path(tag, bare, "payload")))
