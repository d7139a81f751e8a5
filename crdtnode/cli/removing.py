"""The command that removes a whole object: rm."""

import click

from crdtnode.cli.daemon import Daemon, object_path
from crdtnode.cli.naming import existing
from crdtnode.cli.options import api_option, examples, json_option
from crdtnode.cli.output import print_document


@click.command(epilog=examples("crdtnode rm visits", "crdtnode rm gset/ports"))
@click.argument("name", metavar="[TYPE/]NAME")
@api_option
@json_option
def rm(name: str, as_document: bool) -> None:
    """Remove an object as a whole, on all nodes.

    Everything that was written to it goes, also what others wrote and this node has not seen yet.
    Whoever writes to it afterwards begins anew. To take single elements out of a set, use discard.
    """
    daemon = Daemon.chosen()
    document = daemon.request("DELETE", object_path(*existing(daemon, name)))
    if as_document:
        print_document(document)
