"""``run``: a node with its API, until it leaves."""

from collections.abc import AsyncIterator
from contextlib import ExitStack
from pathlib import Path
import signal
from typing import Any

import click
import trio

from crdtnode.cli.collector import leave_alone_what_stays
from crdtnode.cli.descriptors import take_all
from crdtnode.cli.logs import configure
from crdtnode.cli.options import chosen_api, examples, json_option
from crdtnode.cli.outcome import Code, Failure
from crdtnode.cli.output import print_document
from crdtnode.cli.settings import RunConfig, combined
from crdtnode.control.places import socket_of
from crdtnode.control.server import CannotServe, Door, serve
from crdtnode.errors import (
    CannotBind,
    CrdtNodeError,
    InsecureBind,
    InvalidAddress,
    InvalidName,
    KeyringError,
    NotSupported,
    PeersError,
)
from crdtnode.node import Node, open_node
from crdtnode.node.arguments import expect_name

_USAGE = (NotSupported, InvalidAddress, InvalidName, KeyringError, PeersError, InsecureBind)
_NO = (CannotBind, CannotServe)


@click.command(
    epilog=examples(
        "crdtnode key new                                  once; copy the file to each host",
        "crdtnode run                                      on the first host",
        "crdtnode run --join 10.0.0.5                      on each other",
        "crdtnode run --name a --bind 127.0.0.1:27381      several on one host, without a key",
    )
)
@click.option("--name", help="Name of this node, unique in the cluster. Default: the host's name.")
@click.option("--cluster", help='Name of the cluster. Default: "default".')
@click.option(
    "--bind",
    metavar="HOST[:PORT]",
    help="Where to listen, UDP and TCP; port 0 picks one. Default: 0.0.0.0:27380 with a keyring, "
    "127.0.0.1:27380 without.",
)
@click.option(
    "--advertise",
    metavar="HOST[:PORT]",
    help="Where others reach this node, if that is not where it listens.",
)
@click.option(
    "--join",
    multiple=True,
    metavar="HOST[:PORT]",
    help="Any member to meet; may be repeated. None has to be up: the node keeps trying.",
)
@click.option(
    "--discover",
    is_flag=True,
    help="Meet other nodes of the cluster on this network without --join: each announces itself by "
    "multicast, sealed.",
)
@click.option(
    "--key-file",
    type=click.Path(dir_okay=False),
    help="Keyring made by `crdtnode key new`. Default: ~/.config/crdtnode/keyring, if it exists.",
)
@click.option(
    "--insecure",
    is_flag=True,
    help="Let other hosts in without a keyring: everybody may read and write.",
)
@click.option(
    "--peers",
    type=click.Path(dir_okay=False),
    metavar="FILE",
    help="Where to keep the addresses of other members, so that a cluster that was switched off as "
    "a whole finds together again.",
)
@click.option(
    "--tag",
    "tag",
    multiple=True,
    metavar="KEY=VALUE",
    help="A word about this node that others can read, such as rack=1; may be repeated.",
)
@click.option("--data", hidden=True, help="Where to keep objects; this version keeps none.")
@click.option(
    "--api",
    "api_path",
    metavar="PATH",
    help="Where the socket of the API goes. Default: NAME.sock in $XDG_RUNTIME_DIR/crdtnode, "
    "without that in /run/crdtnode (root) or /tmp/crdtnode-UID.",
)
@click.option(
    "--config",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="TOML file with these options (key_file for --key-file) and a table [settings]; what the "
    "command line says counts more.",
)
@click.option("--log-format", type=click.Choice(["text", "json"]), help="Default: text.")
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    help="Default: info.",
)
@click.option(
    "--allow-faults",
    is_flag=True,
    help="Let the API cut this node off (POST /v1/faults/isolate), for demonstrations and tests.",
)
@json_option
def run(
    config: Path | None,
    data: str | None,
    api_path: str | None,
    tag: tuple[str, ...],
    as_document: bool,
    **given: Any,
) -> None:
    """Run a node on this host, until it is told to leave.

    SIGTERM, Ctrl-C and `crdtnode leave` tell the other members before it ends. What it holds is
    in memory: it gets everything back from the others when it joins again.

    With --json, one line {"name", "address", "api"} says that it is ready; otherwise a few lines
    say what runs. The log goes to standard error.
    """
    if data is not None:
        raise Failure("this version keeps objects in memory; leave out --data", Code.USAGE)
    wanted = combined(
        config, {**given, "api": api_path or _api_before_the_verb(), "tags": _tags(tag)}
    )
    configure(wanted.log_format, wanted.log_level)
    try:
        trio.run(_run, wanted, as_document)
    except _USAGE as error:
        raise Failure(str(error), Code.USAGE) from None
    except _NO as error:
        raise Failure(str(error), Code.NO) from None
    except CrdtNodeError as error:
        raise Failure(f"the node broke: {error}", Code.NO) from error


def _tags(written: tuple[str, ...]) -> dict[str, str] | None:
    """Return what ``--tag`` said; None where it was not used, so that the file's tags count."""
    for pair in written:
        if not pair.partition("=")[0] or "=" not in pair:
            raise Failure(f"--tag: {pair!r} is not KEY=VALUE", Code.USAGE)
    return dict(pair.split("=", 1) for pair in written) or None


def _api_before_the_verb() -> str | None:
    """Return ``--api`` of ``crdtnode --api PATH run``; the environment is for talking to a node."""
    chosen = chosen_api()
    return chosen.api if chosen is not None and chosen.by_hand else None


async def _run(wanted: RunConfig, as_document: bool) -> None:
    # From here on signals wait for us, also while the node starts.
    with (
        trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT, signal.SIGHUP) as signals,
        ExitStack() as while_starting,
    ):
        # The door first, where its place is known: a name that is taken here is never announced.
        place = _place(wanted)
        door = None if place is None else _door(place, while_starting)
        async with open_node(
            name=wanted.name,
            bind=wanted.address(),
            join=wanted.join,
            keyring=wanted.keyring(),
            insecure=wanted.insecure,
            cluster=wanted.cluster,
            advertise=wanted.advertise,
            discover=wanted.discover,
            peers=wanted.peers,
            tags=wanted.tags,
            settings=wanted.settings,
            allow_faults=wanted.allow_faults,
        ) as node:
            take_all()
            while_starting.callback(leave_alone_what_stays())
            with while_starting.pop_all() as while_serving:
                door = door or _door(socket_of(node.name), while_serving)
                await _serve_until_left(node, door, signals, wanted, as_document)


def _place(wanted: RunConfig) -> Path | None:
    """Return where the API's socket goes; None where that depends on the port that we get."""
    if wanted.api:
        return Path(wanted.api)
    if wanted.name is None:
        return None
    expect_name("name", wanted.name)
    return socket_of(wanted.name)


def _door(place: Path, stack: ExitStack) -> Door:
    """Open the API's socket, until the stack is unwound."""
    door = Door(place)
    stack.callback(door.close)
    return door


async def _serve_until_left(
    node: Node, door: Door, signals: AsyncIterator[int], wanted: RunConfig, as_document: bool
) -> None:
    closing = trio.Event()
    async with trio.open_nursery() as outer:
        outer.start_soon(_leave_on_signals, node, signals)
        async with trio.open_nursery() as inner:
            await inner.start(serve, node, door, closing)
            _announce(node, door, wanted, as_document)
            await node.has_left.wait()
            closing.set()
        outer.cancel_scope.cancel()


async def _leave_on_signals(node: Node, signals: AsyncIterator[int]) -> None:
    async for _ in signals:
        await node.leave()


def _without_seeds(wanted: RunConfig) -> str:
    if wanted.discover:
        return "none; nodes on this network find each other"
    return "none; others may join this node"


def _announce(node: Node, door: Door, wanted: RunConfig, as_document: bool) -> None:
    api = str(door.path)
    if as_document:
        print_document({"name": node.name, "address": node.address, "api": api})
        return
    keyring = wanted.keyring()
    secret = f"encrypted with {keyring}" if node.encrypted else "NOT encrypted: there is no keyring"
    lines = [
        f"node     {node.name} (cluster {node.cluster})",
        f"gossip   {node.address}, {secret}",
        f"api      {api}",
        "data     in memory",
        f"seeds    {', '.join(wanted.join) or _without_seeds(wanted)}",
    ]
    if wanted.allow_faults:
        lines.append("faults   ALLOWED: the API can cut this node off")
    click.echo("\n".join(lines))
