"""``diff``: what differs between two members, by object, then by payload.

Rule of this file: it shows places, not whole payloads: of a large object the few that differ.
"""

from collections.abc import Iterator
import json
from typing import Any

import click

from crdtnode.cli.daemon import Daemon
from crdtnode.cli.naming import existing
from crdtnode.cli.options import api_option, examples, json_option
from crdtnode.cli.outcome import Code
from crdtnode.cli.output import print_document, print_table

_SHOWN_MOST = 80


@click.command(epilog=examples("crdtnode diff bob", "crdtnode diff bob orset/tags"))
@click.argument("peer")
@click.argument("name", metavar="[[TYPE/]NAME]", required=False)
@api_option
@json_option
def diff(peer: str, name: str | None, as_document: bool) -> int:
    """Show what differs between this node and the member PEER.

    Without a NAME, the objects that differ; with one, where its two payloads differ. Nothing is
    repaired by it: the nodes do that by themselves. The exit code is 0 if nothing differs, 1 if
    something does.
    """
    daemon = Daemon.chosen()
    if name is None:
        document = daemon.get("/v1/diff", peer=peer)
        rows = [
            (where, row["type"], row["name"])
            for where in ("only_here", "only_there", "differing")
            for row in document[where]
        ]
        head: tuple[str, ...] = ("where", "type", "name")
    else:
        tag, bare = existing(daemon, name)
        document = daemon.get("/v1/diff", peer=peer, type=tag, name=bare)
        rows = list(_places(document["here"], document["there"], ""))
        head = ("place", "here", "there")
    if as_document:
        print_document(document)
    else:
        print_table(head, rows)
    return Code.NO if rows else Code.OK


def _places(here: Any, there: Any, place: str) -> Iterator[tuple[str, str, str]]:
    """Find where two JSON values differ, as deep inside them as possible."""
    if here == there:
        return
    if isinstance(here, dict) and isinstance(there, dict):
        for key in sorted(here.keys() | there.keys()):
            yield from _places(here.get(key), there.get(key), f"{place}.{key}")
    elif isinstance(here, list) and isinstance(there, list) and len(here) == len(there):
        for number, pair in enumerate(zip(here, there, strict=True)):
            yield from _places(*pair, f"{place}[{number}]")
    else:
        yield place or ".", _shown(here), _shown(there)


def _shown(value: Any) -> str:
    text = "-" if value is None else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN_MOST else text[: _SHOWN_MOST - 3] + "..."
