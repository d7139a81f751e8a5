"""What a caller of `open_node` asks for.

Rule of this file: everything that can be wrong with a request is found, and said, before anything
is bound or started.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
import os
import socket
from types import NoneType
from typing import Final

from crdt import StateCRDT
from crdtnode.config import DEFAULT_PORT, Settings
from crdtnode.errors import InsecureBind, InvalidAddress, InvalidName, MalformedMessage
from crdtnode.node.arguments import expect, expect_name
from crdtnode.node.keyfile import read_keyring
from crdtnode.node.nature import Nature
from crdtnode.node.peers import PeersFile
from crdtnode.protocol.effects import Address
from crdtnode.transport import format_address, is_loopback, parse_address
from crdtnode.transport.addresses import is_wildcard
from crdtnode.wire import fields
from crdtnode.wire.keyring import Keyring

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


@dataclass(frozen=True, kw_only=True)
class Request:
    """A request in which nothing was found that cannot be."""

    name: str | None
    cluster: str
    bind: str
    seeds: list[Address]
    ring: Keyring
    insecure: bool
    advertise: str | None
    peers: PeersFile | None
    remembered: list[Address]
    """What the file of peers held."""
    tags: Mapping[str, str]
    types: tuple[type[StateCRDT], ...]
    settings: Settings
    nature: Nature
    allow_faults: bool

    @property
    def safe_bind(self) -> Address:
        """Where to listen.

        Raises:
            InvalidAddress: It is no address.
            InsecureBind: Other hosts could reach us and there is no keyring.
        """
        address = parse_address(self.bind, any_port=True)
        if not self.ring.secret and not self.insecure and not is_loopback(address[0]):
            raise InsecureBind(format_address(address))
        return address

    def advertised(self, port: int) -> Address | None:
        """Where others are to reach us; None where that is to be found out.

        Raises:
            InvalidAddress: It is no address, or a wildcard.
        """
        if self.advertise is None:
            return None
        host, port = parse_address(self.advertise, port=port)
        if is_wildcard(host):
            raise InvalidAddress(self.advertise, "others cannot reach all addresses at once")
        return host, port

    def named(self, port: int) -> str:
        """The name that was asked for, else one that says host and port."""
        return default_name(port) if self.name is None else self.name


def checked(
    *,
    name: str | None,
    bind: str,
    join: str | Iterable[str],
    keyring: str | os.PathLike[str] | Keyring | None,
    insecure: bool,
    cluster: str,
    advertise: str | None,
    peers: str | os.PathLike[str] | None,
    tags: Mapping[str, str] | None,
    types: Iterable[type[StateCRDT]],
    settings: Settings | None,
    allow_faults: bool,
    nature: Nature | None,
) -> Request:
    """Check the arguments of `open_node`, and read the files that they name.

    Raises:
        InvalidAddress, InvalidName, KeyringError, PeersError: What was asked for cannot be.
        TypeError: An argument is of another kind; the message names it.
    """
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
    return Request(
        name=name,
        cluster=cluster,
        bind=bind,
        seeds=seeds,
        ring=ring,
        insecure=insecure,
        advertise=advertise,
        peers=file,
        remembered=[] if file is None else file.load(),
        tags=tags or {},
        types=types,
        settings=settings or Settings(),
        nature=nature or Nature(),
        allow_faults=allow_faults,
    )


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


def default_name(port: int) -> str:
    """Return the host's name, with the port where that is not the default one."""
    host = socket.gethostname()
    return host if port == DEFAULT_PORT else f"{host}-{port}"
