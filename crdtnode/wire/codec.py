"""Messages to bytes and back: one way for each kind, and one exception for all that is no message.

Rule of this file: a body is a msgpack array ``[kind, field, ...]``, and in PUSH and SYNC a second
value, the items (`items`). Fields stand in the order of the message's class. Whoever gets a
message from `decode` may rely on every type and range that `messages` names; fields that a newer
version puts behind the known ones are ignored, kinds that it adds come out as `UnknownKind`.

No answer over UDP may be longer than its question: a HELLO is longer than any CHALLENGE, and a
PING is padded to the length of the CHALLENGE that answers it.
"""

from collections.abc import Callable
from typing import Final, TypeAlias, assert_never

from crdtnode.errors import MalformedMessage
from crdtnode.wire import fields as f
from crdtnode.wire import messages as m
from crdtnode.wire.items import NO_ITEMS as NO_ITEMS
from crdtnode.wire.items import Batch as Batch
from crdtnode.wire.items import decode_items as decode_items
from crdtnode.wire.items import encode_items as encode_items
from crdtnode.wire.items import pack_item as pack_item
from crdtnode.wire.items import pack_size as pack_size
from crdtnode.wire.messages import Kind
from crdtnode.wire.seal import OVERHEAD_BYTES
from crdtnode.wire.strict import check_json, pack, unpack

NEWS: Final = 1_024
RECORDS: Final = 16_384
RECENTS: Final = 8_192
HELD: Final = 16
WANTED: Final = 16_384
ASKED: Final = 1_024
NODES: Final = 4_096
ACKS: Final = 4_096
LOOKS: Final = 2_048
KEY_IDS: Final = 16
TYPE_TAGS: Final = 1_000

PUSH_HEAD_BYTES: Final = 29
"""The most bytes that the first value of a PUSH has: what to leave free beside its items."""

CHALLENGE_BYTES: Final = 26
"""Bytes of a CHALLENGE without echo, and the fewest that a PING has."""

_CLOCK_MS: Final = 1 << 43
_ROUND: Final = 1 << 32

_Fields: TypeAlias = list[object]


def body_room(datagram_bytes: int) -> int:
    """Return the most bytes that a body may have to fit into a datagram of this size."""
    return datagram_bytes - OVERHEAD_BYTES


def decode(body: bytes) -> m.Message | m.UnknownKind:
    """Make a message of what a seal held.

    Raises:
        MalformedMessage: It is none. The peer erred; nothing changed.
    """
    value, rest = unpack(body)
    if type(value) is not list or not value:
        raise MalformedMessage("no kind")
    kind = f.whole(value[0])
    if kind in _READ:
        length, read = _READ[kind]
        if rest:
            raise MalformedMessage("more than one value")
        return read(value if len(value) == length else f.cut(value, length))
    if kind == Kind.PUSH:
        return _read_push(f.cut(value, 4), rest)
    if kind == Kind.SYNC:
        return _read_sync(f.cut(value, max(4, min(6, len(value)))), rest)
    check_json(value)
    return m.UnknownKind(kind)


def encode(message: m.Message) -> bytes:
    """Make the body of a message.

    Raises:
        ValueError: An item's payload or context cannot be encoded; see `encode_items`.
    """
    first = pack(_fields(message))
    if type(message) is m.Push:
        return first + (message.items_bytes or encode_items(message.items))
    if type(message) is m.Ping:
        return _padded(first)
    if type(message) is m.Sync:
        return first + (message.items_bytes or encode_items(message.items))
    return first


def _padded(ping: bytes) -> bytes:
    """Lengthen the empty text that ends a PING, so that its CHALLENGE is no longer than it."""
    lacking = CHALLENGE_BYTES - len(ping)
    if lacking <= 0:
        return ping
    return ping[:-1] + bytes((0xA0 + lacking,)) + b" " * lacking


def _fields(message: m.Message) -> _Fields:
    """Spell out the first value of a body; the plain numbers in front are those of `Kind`."""
    match message:
        case m.Ack() as ack:  # these four first, and in the cheaper way: they are most of all
            return [10, ack.ids, ack.stored]
        case m.Push() as push:
            return [9, push.id, push.lo, push.hi]
        case m.Ping() as ping:
            lists = f.put_members(ping.news), f.put_rows(ping.recents), f.put_rows(ping.held)
            return [4, ping.round, ping.root, *lists, ping.roster, ""]
        case m.Pong() as pong:
            known = pong.clock_ms, pong.held, pong.roster
            return [5, pong.round, pong.ping, pong.root, f.put_members(pong.news), *known]
        case m.Forget(id_, lo, hi, records):
            return [13, id_, lo, hi, f.put_members(records)]
        case m.Tell(id_, lo, hi, records):
            return [21, id_, lo, hi, f.put_members(records)]
        case m.Announce(id_, lo, hi, place, version):
            return [22, id_, lo, hi, place, version]
        case m.Pull(ids):
            return [23, ids]
        case m.Hello(nonce, receiver, name, cluster, types, echo, protocol):
            to = f.put_ident(receiver)
            return [1, f.put_ident(nonce), to, name, cluster, types, f.put_echo(echo), protocol]
        case m.Challenge(nonce, echo):
            return [2, f.put_ident(nonce), f.put_echo(echo)]
        case m.Refused(reason, key_ids, cluster):
            return [3, reason, key_ids, cluster]
        case m.PingReq(round_, name, boot, address):
            return [6, round_, name, f.put_ident(boot), address]
        case m.PingAck(round_, name):
            return [7, round_, name]
        case m.Nack(round_, name, seen):
            return [8, round_, name, seen]
        case m.MemberList(id_, records, reply):
            return [11, id_, f.put_members(records), reply]
        case m.Leave(id_, record):
            return [12, id_, f.put_member(record)]
        case m.Look(id_, branches, places, payloads):
            return [24, id_, branches, places, payloads]
        case m.Looked(id_, nodes, holdings):
            return [25, id_, [f.put_trie_node(n) for n in nodes], holdings]
        case m.Types(hash_, tags):
            return [14, hash_, tags]
        case m.Want(root, wanted, recents, held, left):
            wants = [f.put_wanted(w) for w in wanted]
            return [15, root, wants, f.put_rows(recents), f.put_rows(held), left]
        case m.Again(root, recents, nodes, held, left):
            rows = f.put_rows(recents), f.put_rows(held)
            return [19, root, rows[0], [f.put_trie_node(n) for n in nodes], rows[1], left]
        case m.Busy(wait_ms):
            return [18, wait_ms]
        case m.Ctx(asked, left):
            return [17, asked, left]
        case m.Sync(_, wanted, nodes, left, more, sketches):
            wants = [f.put_wanted(w) for w in wanted]
            shown = [f.put_trie_node(n) for n in nodes]
            if sketches:
                return [16, wants, shown, left, more, f.put_sketches(sketches)]
            return [16, wants, shown, left, True] if more else [16, wants, shown, left]
        case _:
            assert_never(message)


def _read_hello(v: _Fields) -> m.Hello:
    _, nonce, receiver, name, cluster, types, echo, protocol = v
    return m.Hello(
        f.ident(nonce),
        f.ident(receiver),
        f.text(name),
        f.text(cluster),
        f.whole(types),
        f.echo(echo),
        f.whole(protocol, 1 << 16),
    )


def _read_challenge(v: _Fields) -> m.Challenge:
    return m.Challenge(f.ident(v[1]), f.echo(v[2]))


def _read_refused(v: _Fields) -> m.Refused:
    reason = f.text(v[1], f.REASON_BYTES)
    return m.Refused(reason, f.many(v[2], f.key_id, KEY_IDS), f.text(v[3]))


def _read_ping(v: _Fields) -> m.Ping:
    _, round_, root, news, recents, held, roster, pad = v
    f.text(pad, least=0)
    return m.Ping(
        f.whole(round_, _ROUND),
        None if root is None else f.whole(root),
        f.many(news, f.member, NEWS),
        f.rows(recents, RECENTS),
        f.rows(held, HELD),
        f.whole(roster),
    )


def _read_pong(v: _Fields) -> m.Pong:
    _, round_, ping, root, news, clock_ms, held, roster = v
    return m.Pong(
        f.whole(round_, _ROUND),
        f.whole(ping),
        f.whole(root),
        f.many(news, f.member, NEWS),
        f.whole(clock_ms, _CLOCK_MS),
        f.whole(held),
        f.whole(roster),
    )


def _read_ping_req(v: _Fields) -> m.PingReq:
    return m.PingReq(f.whole(v[1], _ROUND), f.text(v[2]), f.ident(v[3]), f.address(v[4]))


def _read_ping_ack(v: _Fields) -> m.PingAck:
    return m.PingAck(f.whole(v[1], _ROUND), f.text(v[2]))


def _read_nack(v: _Fields) -> m.Nack:
    return m.Nack(f.whole(v[1], _ROUND), f.text(v[2]), f.whole(v[3], len(m.Seen)))


def _read_push(v: _Fields, items: bytes) -> m.Push:
    id_, lo, hi = f.wholes(v[1:], 3)
    return m.Push(id_, lo, hi, decode_items(items), items)


def _read_ack(v: _Fields) -> m.Ack:
    return m.Ack(f.wholes(v[1], ACKS), f.flag(v[2]))


def _read_forget(v: _Fields) -> m.Forget:
    return m.Forget(f.whole(v[1]), f.whole(v[2]), f.whole(v[3]), f.many(v[4], f.member, NEWS))


def _read_tell(v: _Fields) -> m.Tell:
    return m.Tell(f.whole(v[1]), f.whole(v[2]), f.whole(v[3]), f.many(v[4], f.member, NEWS))


def _read_announce(v: _Fields) -> m.Announce:
    id_, lo, hi, place, version = map(f.whole, v[1:])
    return m.Announce(id_, lo, hi, place, version)


def _read_pull(v: _Fields) -> m.Pull:
    return m.Pull(f.wholes(v[1], ACKS))


def _read_list(v: _Fields) -> m.MemberList:
    return m.MemberList(f.whole(v[1]), f.many(v[2], f.member, RECORDS), f.flag(v[3]))


def _read_leave(v: _Fields) -> m.Leave:
    return m.Leave(f.whole(v[1]), f.member(v[2]))


def _read_look(v: _Fields) -> m.Look:
    places = f.wholes(v[3], LOOKS)
    return m.Look(f.whole(v[1]), f.many(v[2], f.branch, LOOKS), places, f.flag(v[4]))


def _read_looked(v: _Fields) -> m.Looked:
    nodes, holdings = f.many(v[2], f.trie_node, NODES), f.many(v[3], _read_holding, LOOKS)
    return m.Looked(f.whole(v[1]), nodes, holdings)


def _read_holding(value: object) -> m.Holding:
    tag, name, version, payloads = f.cut(value, 4)
    if type(payloads) is not list or len(payloads) > 1:
        raise MalformedMessage("no payload, or more than one")
    check_json(payloads)
    return m.Holding(f.text(tag), f.text(name), f.whole(version), tuple(payloads))


def _read_types(v: _Fields) -> m.Types:
    return m.Types(f.whole(v[1]), f.many(v[2], f.text, TYPE_TAGS))


def _read_want(v: _Fields) -> m.Want:
    _, root, wanted, recents, held, left = v
    return m.Want(
        f.whole(root),
        f.many(wanted, f.wanted, WANTED),
        f.rows(recents, RECENTS),
        f.rows(held, HELD),
        f.whole(left, m.LEFT_MAX + 1),
    )


def _read_again(v: _Fields) -> m.Again:
    _, root, recents, nodes, held, left = v
    return m.Again(
        f.whole(root),
        f.rows(recents, RECENTS),
        f.many(nodes, f.trie_node, NODES),
        f.rows(held, HELD),
        f.whole(left, m.LEFT_MAX + 1),
    )


def _read_busy(v: _Fields) -> m.Busy:
    return m.Busy(f.whole(v[1], 1 << 16))


def _read_ctx(v: _Fields) -> m.Ctx:
    return m.Ctx(f.many(v[1], f.asked, ASKED), f.whole(v[2], m.LEFT_MAX + 1))


def _read_sync(v: _Fields, items: bytes) -> m.Sync:
    wanted, nodes = f.many(v[1], f.wanted, WANTED), f.many(v[2], f.trie_node, NODES)
    more = len(v) > 4 and f.flag(v[4])
    sketches = f.sketches(v[5], NODES) if len(v) > 5 else ()
    left = f.whole(v[3], m.LEFT_MAX + 1)
    return m.Sync(decode_items(items), wanted, nodes, left, more, sketches)


_READ: Final[dict[int, tuple[int, Callable[[_Fields], m.Message]]]] = {
    Kind.HELLO: (8, _read_hello),
    Kind.CHALLENGE: (3, _read_challenge),
    Kind.REFUSED: (4, _read_refused),
    Kind.PING: (8, _read_ping),
    Kind.PONG: (8, _read_pong),
    Kind.PING_REQ: (5, _read_ping_req),
    Kind.PING_ACK: (3, _read_ping_ack),
    Kind.NACK: (4, _read_nack),
    Kind.ACK: (3, _read_ack),
    Kind.LIST: (4, _read_list),
    Kind.LEAVE: (3, _read_leave),
    Kind.LOOK: (5, _read_look),
    Kind.LOOKED: (4, _read_looked),
    Kind.TYPES: (3, _read_types),
    Kind.WANT: (6, _read_want),
    Kind.FORGET: (5, _read_forget),
    Kind.TELL: (5, _read_tell),
    Kind.ANNOUNCE: (6, _read_announce),
    Kind.PULL: (2, _read_pull),
    Kind.CTX: (3, _read_ctx),
    Kind.BUSY: (2, _read_busy),
    Kind.AGAIN: (6, _read_again),
}
"""For each kind of one value: the fields it has, the kind among them, and how to take them."""
