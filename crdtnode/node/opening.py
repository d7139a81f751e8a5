"""From what a caller asks for to a running node.

Rule of this file: nothing is left behind, neither by a request that fails midway nor by a node
that ended.
"""

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
import logging
import os
import weakref

import trio

from crdt import StateCRDT
from crdtnode.config import Settings
from crdtnode.errors import NotSupported
from crdtnode.metrics import Metrics
from crdtnode.node.core import Node
from crdtnode.node.journal import record
from crdtnode.node.nature import Nature
from crdtnode.node.once import entered_once
from crdtnode.node.peers import PeersFile, keep
from crdtnode.node.request import Request, checked
from crdtnode.protocol import Engine
from crdtnode.protocol.channel import sealed
from crdtnode.protocol.effects import Address
from crdtnode.registry import Registry
from crdtnode.transport import Transport, format_address, is_loopback
from crdtnode.transport.addresses import is_ip, is_wildcard
from crdtnode.transport.advertising import advertised, also
from crdtnode.transport.sockets import SocketTransport
from crdtnode.wire.keyring import Keyring

log = logging.getLogger("crdtnode")

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
    request = checked(
        name=name,
        bind=bind,
        join=join,
        keyring=keyring,
        insecure=insecure,
        cluster=cluster,
        advertise=advertise,
        peers=peers,
        tags=tags,
        types=types,
        settings=settings,
        allow_faults=allow_faults,
        nature=nature,
    )
    metrics = Metrics()
    if transport is None:
        transport = SocketTransport(request.safe_bind, metrics)
    _warn_of_seeds_beyond(transport.address, request.seeds)
    try:
        addresses = await _advertised(request, transport.address)
        group = _group(transport, addresses) if discover else None
        node = _build(request, addresses, group, transport, metrics)
    except BaseException:
        transport.close_now()
        raise
    async with _running(node, request.peers):
        yield node


def _warn_of_seeds_beyond(bound: Address, seeds: list[Address]) -> None:
    """A socket of the loopback interface reaches nobody elsewhere: allowed, but hardly meant."""
    for seed in seeds:
        if is_loopback(bound[0]) and is_ip(seed[0]) and not is_loopback(seed[0]):
            where = format_address(seed)
            record(log, logging.WARNING, "seed-beyond-loopback", seed=where, bound=bound[0])


async def _advertised(request: Request, bound: Address) -> list[Address]:
    wanted = request.advertised(bound[1])
    if wanted is not None:
        return [wanted]
    best = await advertised(bound, request.seeds)
    return [best, *also(bound, best)]


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


def _build(
    request: Request,
    addresses: list[Address],
    group: Address | None,
    transport: Transport,
    metrics: Metrics,
) -> Node:
    cluster, ring, nature = request.cluster, request.ring, request.nature
    registry = Registry(
        salt=ring.salt,
        replica=nature.replica,
        clock=nature.clock,
        metrics=metrics,
        max_object_bytes=request.settings.max_object_bytes,
    )
    for kind in request.types:
        registry.register(kind)
    engine = Engine(
        name=request.named(transport.address[1]),
        cluster=cluster,
        addresses=addresses,
        registry=registry,
        channel=sealed(ring, cluster, nature.boot()),
        settings=request.settings,
        metrics=metrics,
        chance=nature.chance(),
        entropy=nature.entropy,
        clock=nature.clock,
        seeds=request.seeds,
        remembered=request.remembered,
        group=group,
        tags=request.tags,
    )
    return Node(
        engine=engine,
        registry=registry,
        transport=transport,
        metrics=metrics,
        settings=request.settings,
        cluster=cluster,
        address=format_address(addresses[0]),
        allow_faults=request.allow_faults,
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
