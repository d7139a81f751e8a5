"""Items to bytes and back: the part of a push or a sync that is as long as there are changes.

Rule of this file: items are one msgpack value of their own, which stands behind the first value
of a PUSH or SYNC, so that a batch can be sized and cut before it is addressed, and a relay sends
the same bytes on. This is the hottest loop of a receiver: checks stand inline on purpose.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from msgpack import packb

from crdtnode.errors import MalformedMessage
from crdtnode.wire.fields import cut, text
from crdtnode.wire.messages import Form, Item
from crdtnode.wire.strict import check_json, unpack

ITEMS: Final = 16_384
"""Items in one message."""

PAYLOADS: Final = 4_096
"""Payloads in one item."""

NO_ITEMS: Final = b"\x90"
"""No items, encoded."""

_FIELDS: Final = len(Item._fields)
_LIFE: Final = 1 << 53
_FORMS: Final = frozenset(map(int, Form))


def encode_items(items: Iterable[Item]) -> bytes:
    """Encode a batch, as PUSH and SYNC carry it.

    Raises:
        ValueError: A payload or context holds what msgpack has no word for (a number above 64
            bits, a strange type). The object's own type erred; nothing changed.
    """
    try:
        packed: bytes = packb(list(items))
    except (TypeError, OverflowError) as fault:
        raise ValueError(f"an item cannot be encoded: {fault}") from fault
    return packed


def pack_item(item: Item) -> bytes:
    """Encode one item, for `join_items`.

    Raises:
        ValueError: As `encode_items`.
    """
    return encode_items((item,))[1:]


def join_items(packed: Sequence[bytes]) -> bytes:
    """Make a batch of items that are encoded already; at most `ITEMS`."""
    count = len(packed)
    head = bytes((0x90 | count,)) if count < 16 else b"\xdc" + count.to_bytes(2)
    return head + b"".join(packed)


def pack_size(item: Item) -> int:
    """Return the bytes that an item adds to a batch (whose own head has 1 to 5)."""
    return len(pack_item(item))


def decode_items(data: bytes) -> tuple[Item, ...]:
    """Decode a batch.

    Raises:
        MalformedMessage: The bytes are no batch of items; none of them is to be used.
    """
    value, rest = unpack(data)
    if rest or type(value) is not list or len(value) > ITEMS:
        raise MalformedMessage("no items, or too many")
    items: list[Item] = []
    loose: list[object] = []  # all that is JSON of any shape, to be checked in one walk
    for row in value:
        if type(row) is not list or len(row) != _FIELDS:
            row = cut(row, _FIELDS)
        tag, name, life, base, form, payloads, version, of, context = row
        if type(tag) is not str or not 0 < len(tag) < 64 or not tag.isprintable():
            tag = text(tag)
        if type(name) is not str or not 0 < len(name) < 64 or not name.isprintable():
            name = text(name)
        if not type(life) is type(base) is type(form) is type(version) is type(of) is int:
            raise MalformedMessage("a number of the wrong kind")
        if not 0 < life < _LIFE or base < 0 or form not in _FORMS or version < 0 or of < 0:
            raise MalformedMessage("a number of the wrong size")
        if type(payloads) is not list or len(payloads) > PAYLOADS:
            raise MalformedMessage("no payloads, or too many")
        loose += payloads
        if context is not None:
            loose.append(context)
        fields = (tag, name, life, base, form, tuple(payloads), version, of, context)
        items.append(tuple.__new__(Item, fields))  # half the price of Item(...)
    check_json(loose)
    return tuple(items)
