"""Items to bytes and back: the part of a push or a sync that is as long as there are changes.

Rule of this file: items are one msgpack value of their own, which stands behind the first value
of a PUSH or SYNC, so that a batch can be sized and cut before it is addressed, and a relay sends
the same bytes on. This is the hottest loop of a receiver: checks stand inline on purpose.
"""

from collections.abc import Iterable
from typing import Final

from msgpack import packb

from crdtnode.errors import MalformedMessage
from crdtnode.wire.fields import U64, cut, text
from crdtnode.wire.messages import Item
from crdtnode.wire.strict import check_json, unpack

ITEMS: Final = 16_384
"""Items in one message."""

PAYLOADS: Final = 4_096
"""Payloads in one item."""

NO_ITEMS: Final = b"\x90"
"""No items, encoded."""

_FIELDS: Final = len(Item._fields)
_LIFE: Final = 1 << 53


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


def pack_size(item: Item) -> int:
    """Return the bytes that an item adds to a batch (whose own head has 1 to 5)."""
    return len(encode_items([item])) - 1


def decode_items(data: bytes) -> tuple[Item, ...]:
    """Decode a batch.

    Raises:
        MalformedMessage: The bytes are no batch of items; none of them is to be used.
    """
    value, rest = unpack(data)
    if rest or type(value) is not list or len(value) > ITEMS:
        raise MalformedMessage("no items, or too many")
    loose: list[object] = []  # all that is JSON of any shape, to be checked in one walk
    items = [_item(row, loose) for row in value]
    check_json(loose)
    return tuple(items)


def _item(row: object, loose: list[object]) -> Item:
    if type(row) is not list or len(row) != _FIELDS:
        row = cut(row, _FIELDS)
    tag, name, life, base, form, payloads, version, of, context = row
    if type(tag) is not str or not 0 < len(tag) < 64 or not tag.isprintable():
        tag = text(tag)
    if type(name) is not str or not 0 < len(name) < 64 or not name.isprintable():
        name = text(name)
    if type(life) is not int or not 0 < life < _LIFE:
        raise MalformedMessage("no life")
    if type(base) is not int or type(version) is not int or type(of) is not int:
        raise MalformedMessage("no version")
    if not (0 <= base < U64 and 0 <= version < U64 and 0 <= of < U64):
        raise MalformedMessage("no version")
    if type(form) is not int or not 0 <= form <= 1:
        raise MalformedMessage("no form")
    if type(payloads) is not list or len(payloads) > PAYLOADS:
        raise MalformedMessage("no payloads, or too many")
    loose += payloads
    if context is not None:
        loose.append(context)
    return Item(tag, name, life, base, form, tuple(payloads), version, of, context)
