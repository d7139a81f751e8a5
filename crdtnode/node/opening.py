"""From what a caller asks for to a running node.

Rule of this file: everything that can be wrong with a request is found, and said, before anything
is bound or started.
"""

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
import logging
import os
import socket
from types import NoneType
from typing import Final
import weakref

import trio

from crdt import StateCRDT
from crdtnode.config import DEFAULT_PORT, Settings
from crdtnode.errors import (
    InsecureBind,
    InvalidAddress,
    InvalidName,
    MalformedMessage,
    NotSupported,
)
from crdtnode.metrics import Metrics
from crdtnode.node.arguments import expect, expect_name
from crdtnode.node.core import Node
from crdtnode.node.journal import record
from crdtnode.node.keyfile import read_keyring
from crdtnode.node.nature import Nature
from crdtnode.node.once import entered_once
from crdtnode.node.peers import PeersFile, keep
from crdtnode.protocol import Engine
from crdtnode.protocol.channel import sealed
from crdtnode.protocol.effects import Address
from crdtnode.registry import Registry
from crdtnode.transport import Transport, format_address, is_loopback, parse_address
from crdtnode.transport.addresses import is_ip, is_wildcard
from crdtnode.transport.advertising import advertised, also
from crdtnode.transport.sockets import SocketTransport
from crdtnode.wire import fields
from crdtnode.wire.keyring import Keyring

log = logging.getLogger("crdtnode")

_KINDS: Final[Mapping[str, tuple[type, ...]]] = {
    "name": (str, NoneType),
    "bind": (str,),
    "join": (str, Iterable),
    "keyring": (str, os.PathLike, Keyring, NoneType),
    "cluster": (str,),
    "advertise": (str, NoneType),
    "peers": (str, os.PathLike, NoneType),
    "tags": (Mapping, NoneType),
    "types": (Iterable,),
    "settings": (Settings, NoneType),
}
"""Of what kinds the arguments are; a number for a keyring would be a file of the host program."""

_alive: "weakref.WeakSet[Node]" = weakref.WeakSet()


@entered_once
async def open_node(
    *,
    name: str | None = None,
    bind: str = "127.0.0.1:0",
    join: str | Iterable[str] = (),
    keyring: str | os.PathLike[str] | Keyring | None = None,
    insecure: bool = False,
    cluster: str = "default",
    advertise: str | None = None,
    discover: bool = False,
    data: None = None,
    peers: str | os.PathLike[str] | None = None,
    tags: Mapping[str, str] | None = None,
    types: Iterable[type[StateCRDT]] = (),
    settings: Settings | None = None,
    allow_faults: bool = False,
    transport: Transport | None = None,
    nature: Nature | None = None,
) -> AsyncIterator[Node]:
    """Run a node for the length of an ``async with`` block, inside a trio loop.

    Leaving the block leaves the cluster (at most 0.3 s). What is wrong inside the node with a
    peer, a packet or a handler is logged and counted, and never ends the block.

    Args:
        name: Its name, unique in the cluster. Default: the host's name, or ``HOST-PORT`` off the
            default port.
        bind: ``host[:port]`` to listen on, UDP and TCP; port 0 picks one. The default keeps to
            this machine and lets any number of nodes run side by side; for a cluster of hosts say
            ``"0.0.0.0:27380"``.
        join: Addresses (``host[:port]``) of any members. None of them has to be up now: the node
            starts alone and keeps trying.
        keyring: A file made by ``crdtnode key new``, or a `Keyring`. Needed wherever other hosts
            can reach us; nodes with equal keyrings and cluster names meet.
        insecure: Let other hosts reach us without a keyring: everybody may read and write.
        cluster: Name of the cluster. Nodes of other clusters do not understand us.
        advertise: ``host[:port]`` at which others reach us, where that is not what we bind
            (behind a port forwarder). Default: found out.
        discover: Meet other nodes of the cluster on this network without being told where they are:
            each announces itself by multicast, sealed with the keyring. Needs an IPv4 address.
        data: Must be None: this version keeps objects in memory.
        peers: A file in which the node keeps where other members live, and from which it finds them
            again when it starts: then a cluster that was switched off as a whole re-forms, in
            whatever order its members start. Default: nothing is kept.
        tags: Words about this member that others can read, such as ``{"rack": "1"}``.
        types: Types of your own, see `Node.register`.
        settings: What to tune; see `crdtnode.config`.
        allow_faults: Allow `Node.isolate`, for demonstrations and tests.
        transport: A bound transport instead of sockets, such as one of
            `crdtnode.transport.memory`; then ``bind`` does not count.
        nature: Where chance and wall-clock time come from, for simulations. Default: the machine.

    Raises:
        InvalidAddress, InvalidName, KeyringError, PeersError: What was asked for cannot be.
        TypeError: An argument is of another kind; the message names it.
        CannotBind: As well, where ``discover`` finds no multicast.
        InsecureBind: Other hosts could reach us and there is no keyring.
        CannotBind: The address is not ours, or taken.
        NotSupported: ``data`` is not None, or this is no trio loop.
    """
    if not trio.lowlevel.in_trio_task():
        raise NotSupported("a node needs a trio loop, not asyncio or another: run it with trio.run")
    if data is not None:
        raise NotSupported("this version keeps objects in memory: data must be None")
    _check_kinds(
        name=name,
        bind=bind,
        join=join,
        keyring=keyring,
        cluster=cluster,
        advertise=advertise,
        peers=peers,
        tags=tags,
        types=types,
        settings=settings,
    )
    _check_names(name, cluster)
    types = _classes(types)
    _check_words(tags or {})
    seeds = _seeds(join)
    ring = _keyring(keyring, cluster)
    file = None if peers is None else PeersFile(peers)
    remembered = [] if file is None else file.load()
    settings = settings or Settings()
    metrics = Metrics()
    if transport is None:
        transport = SocketTransport(_safe_bind(bind, ring, insecure), metrics)
    _warn_of_seeds_beyond(transport.address, seeds)
    try:
        addresses = await _advertised(advertise, transport.address, seeds)
        group = _group(transport, addresses) if discover else None
        node = _build(
            name=default_name(transport.address[1]) if name is None else name,
            cluster=cluster,
            addresses=addresses,
            seeds=seeds,
            remembered=remembered,
            group=group,
            ring=ring,
            settings=settings,
            metrics=metrics,
            transport=transport,
            tags=tags or {},
            types=types,
            allow_faults=allow_faults,
            nature=nature or Nature(),
        )
    except BaseException:
        transport.close_now()
        raise
    async with _running(node, file):
        yield node


def _check_kinds(**given: object) -> None:
    for argument, value in given.items():
        expect(argument, value, _KINDS[argument])


def _check_names(name: str | None, cluster: str) -> None:
    expect_name("cluster", cluster)
    if name is not None:
        expect_name("name", name)


def _check_words(tags: Mapping[str, str]) -> None:
    for word in (*tags, *tags.values()):
        expect("tags", word, [str])
    try:
        fields.tags(dict(tags))
    except MalformedMessage as error:  # others would drop all that names us
        raise InvalidName(f"tags: {error}") from None


def _classes(types: Iterable[type[StateCRDT]]) -> tuple[type[StateCRDT], ...]:
    classes = tuple(types)
    for cls in classes:
        expect("types", cls, [type])
    return classes


def _seeds(join: str | Iterable[str]) -> list[Address]:
    addresses = [join] if isinstance(join, str) else list(join)
    for address in addresses:
        expect("join", address, [str])
    return [parse_address(address) for address in addresses]


def _keyring(keyring: str | os.PathLike[str] | Keyring | None, cluster: str) -> Keyring:
    if keyring is None:
        return Keyring.open_key(cluster)
    return keyring if isinstance(keyring, Keyring) else read_keyring(keyring)


def _safe_bind(bind: str, ring: Keyring, insecure: bool) -> Address:
    address = parse_address(bind, any_port=True)
    if not ring.secret and not insecure and not is_loopback(address[0]):
        raise InsecureBind(format_address(address))
    return address


def _warn_of_seeds_beyond(bound: Address, seeds: list[Address]) -> None:
    """A socket of the loopback interface reaches nobody elsewhere: allowed, but hardly meant."""
    for seed in seeds:
        if is_loopback(bound[0]) and is_ip(seed[0]) and not is_loopback(seed[0]):
            where = format_address(seed)
            record(log, logging.WARNING, "seed-beyond-loopback", seed=where, bound=bound[0])


async def _advertised(wanted: str | None, bound: Address, seeds: list[Address]) -> list[Address]:
    if wanted is None:
        best = await advertised(bound, seeds)
        return [best, *also(bound, best)]
    host, port = parse_address(wanted, port=bound[1])
    if is_wildcard(host):
        raise InvalidAddress(wanted, "others cannot reach all addresses at once")
    return [(host, port)]


def _group(transport: Transport, addresses: list[Address]) -> Address:
    """Listen for announcements on the network where others reach us."""
    if not isinstance(transport, SocketTransport):
        raise NotSupported("discover: this transport knows no multicast")
    bound = transport.address[0]
    hosts = [bound] if not is_wildcard(bound) else [host for host, _ in addresses]
    for host in hosts:
        if is_ip(host) and ":" not in host:
            return transport.discover(host)
    raise NotSupported("discover: announcements need an IPv4 address, and this node has none")


def default_name(port: int) -> str:
    """Return the host's name, with the port where that is not the default one."""
    host = socket.gethostname()
    return host if port == DEFAULT_PORT else f"{host}-{port}"


def _build(
    *,
    name: str,
    cluster: str,
    addresses: list[Address],
    seeds: list[Address],
    remembered: list[Address],
    group: Address | None,
    ring: Keyring,
    settings: Settings,
    metrics: Metrics,
    transport: Transport,
    tags: Mapping[str, str],
    types: Iterable[type[StateCRDT]],
    allow_faults: bool,
    nature: Nature,
) -> Node:
    registry = Registry(
        salt=ring.salt,
        replica=nature.replica,
        clock=nature.clock,
        metrics=metrics,
        max_object_bytes=settings.max_object_bytes,
    )
    for kind in types:
        registry.register(kind)
    engine = Engine(
        name=name,
        cluster=cluster,
        addresses=addresses,
        registry=registry,
        channel=sealed(ring, cluster, nature.boot()),
        settings=settings,
        metrics=metrics,
        chance=nature.chance(),
        entropy=nature.entropy,
        clock=nature.clock,
        seeds=seeds,
        remembered=remembered,
        group=group,
        tags=tags,
    )
    return Node(
        engine=engine,
        registry=registry,
        transport=transport,
        metrics=metrics,
        settings=settings,
        cluster=cluster,
        address=format_address(addresses[0]),
        allow_faults=allow_faults,
    )


@asynccontextmanager
async def _running(node: Node, peers: PeersFile | None) -> AsyncIterator[Node]:
    """Run a node around a block; what the block raises comes out as it is, in no group."""
    failure: Exception | None = None
    driving, keeping = trio.CancelScope(shield=True), trio.CancelScope()
    async with trio.open_nursery() as nursery:
        await nursery.start(_drive, node, driving)
        _alive.add(node)
        record(log, logging.INFO, "started", name=node.name, address=node.address)
        if peers is not None:
            nursery.start_soon(_keep_peers, node, peers, keeping)
        try:
            yield node
        except Exception as error:  # noqa: BLE001 (it is raised again outside of the nursery)
            failure = error
        finally:
            await _leave(node)
            _alive.discard(node)
            node.end()
            driving.cancel()
            keeping.cancel()
    record(log, logging.INFO, "stopped", name=node.name)
    if failure is not None:
        raise failure


async def _keep_peers(node: Node, peers: PeersFile, keeping: trio.CancelScope) -> None:
    """Keep the file of addresses until the node ends, and write down the last state then."""
    try:
        with keeping:
            await keep(node, peers)
    finally:
        peers.save(node.peers)


async def _drive(
    node: Node, driving: trio.CancelScope, *, task_status: trio.TaskStatus[None]
) -> None:
    """Drive, also while everything around is being cancelled: somebody has to say goodbye."""
    with driving:
        await node.run(task_status=task_status)


async def _leave(node: Node) -> None:
    """Tell the others, also while everything around is being cancelled; bounded in time."""
    with trio.CancelScope(shield=True):
        await node.leave_if_running()


def _enter_child() -> None:
    for node in list(_alive):
        # Nothing may keep a fork from going on; without its sockets the node is harmless anyway.
        with suppress(Exception):
            node.enter_child()


os.register_at_fork(after_in_child=_enter_child)
