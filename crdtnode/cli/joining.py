"""Commands that change who belongs together: join, leave."""

from urllib.parse import quote

import click

from crdtnode.cli.daemon import Daemon
from crdtnode.cli.options import api_option, json_option
from crdtnode.cli.output import print_document


@click.command()
@click.argument("address", metavar="HOST[:PORT]")
@api_option
@json_option
def join(address: str, as_document: bool) -> None:
    """Meet another node, and through it all members of its cluster.

    The node goes on trying until somebody answers; `crdtnode status` names seeds that were not
    reached yet. Both must have the same cluster name and keyring.
    """
    document = Daemon.chosen().post("/v1/members", {"address": address})
    if as_document:
        print_document(document)


@click.command()
@click.argument("name")
@api_option
@json_option
def forget(name: str, as_document: bool) -> None:
    """Forget a member that is dead or left, on all nodes.

    Without this such a member stays on the list for a day. What others say does not bring it back;
    a member that was only cut off comes back by itself.
    """
    document = Daemon.chosen().request("DELETE", f"/v1/members/{quote(name, safe='')}")
    if as_document:
        print_document(document)


@click.command()
@api_option
@json_option
def leave(as_document: bool) -> None:
    """Leave the cluster and stop the node.

    The others are told, so that they do not take it for dead. SIGTERM does the same.
    """
    document = Daemon.chosen().post("/v1/leave")
    if as_document:
        print_document(document)
