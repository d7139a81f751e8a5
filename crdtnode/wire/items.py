"""Items to bytes and back: the part of a push or a sync that is as long as there are changes.

Rule of this file: items are one msgpack value of their own, which stands behind the first value
of a PUSH or SYNC, so that a batch can be sized and cut before it is addressed, and a relay sends
the same bytes on. A tag that is nil is that of the item before, and the last two fields are left out
where they say nothing. This is the hottest loop of a receiver: checks stand inline on purpose.
"""

from collections.abc import Callable, Iterable
from typing import Final

from msgpack import packb

from crdtnode.errors import MalformedMessage
from crdtnode.wire.fields import cut, text
from crdtnode.wire.messages import Form, Item
from crdtnode.wire.strict import check_json, pack, unpack

ITEMS: Final = 16_384
"""Items in one message."""

PAYLOADS: Final = 4_096
"""Payloads in one item."""

NO_ITEMS: Final = b"\x90"
"""No items, encoded."""

_SAME_TAG: Final = b"\xc0"
_PLAIN: Final = 7
"""Fields of an item that answers none and asks for nothing: nearly all are such."""
_FIELDS: Final = len(Item._fields)
_LACKING: Final = (0, None)
"""What the last two fields are where they are not told."""
_LIFE: Final = 1 << 53
_FORMS: Final = frozenset(map(int, Form))


def encode_items(items: Iterable[Item]) -> bytes:
    """Encode a batch, as PUSH and SYNC carry it.

    Raises:
        ValueError: A payload or context holds what msgpack has no word for (a number above 64
            bits, a strange type). The object's own type erred; nothing changed.
    """
    rows: list[tuple[object, ...]] = []
    last: str | None = None
    for item in items:
        row = _row(item)
        rows.append(row if item.tag != last else (None, *row[1:]))
        last = item.tag
    return _packed(rows)


def _row(item: Item) -> tuple[object, ...]:
    """The fields of an item that have to be told."""
    return item if item.of or item.context is not None else item[:_PLAIN]


def _packed(value: object, pack: Callable[[object], bytes] = packb) -> bytes:
    try:
        packed = pack(value)
    except (TypeError, OverflowError) as fault:
        raise ValueError(f"an item cannot be encoded: {fault}") from fault
    return packed


def pack_item(item: Item, *, small: bool = False) -> bytes:
    """Encode one item, for a `Batch`; one that is known to be small in a third of the time.

    Raises:
        ValueError: As `encode_items`.
    """
    row = _row(item)
    return _packed(row, pack) if small else _packed(row)


class Batch:
    """Items that are encoded one by one and travel together; at most `ITEMS`.

    Attributes:
        count: How many there are.
    """

    def __init__(self) -> None:
        self.count = 0
        self._size = 0
        self._parts: list[bytes] = []
        self._tag = _SAME_TAG

    def size_with(self, packed: bytes) -> int:
        """The bytes of the batch, its own head of at most 3 apart, if this item were added."""
        spared = len(self._tag) - 1 if packed.startswith(self._tag, 1) else 0
        return self._size + len(packed) - spared

    def add(self, packed: bytes) -> None:
        """Add an item."""
        if packed.startswith(self._tag, 1):
            packed = packed[:1] + _SAME_TAG + packed[1 + len(self._tag) :]
        else:
            self._tag = packed[1 : _tag_end(packed)]
        self._parts.append(packed)
        self._size += len(packed)
        self.count += 1

    def encoded(self) -> bytes:
        """What `encode_items` makes of the same items."""
        few = self.count < 16
        head = bytes((0x90 | self.count,)) if few else b"\xdc" + self.count.to_bytes(2)
        return head + b"".join(self._parts)


def _tag_end(packed: bytes) -> int:
    """Where the tag ends, the first field of an encoded item."""
    head = packed[1]
    return 2 + (head & 31) if head < 0xC0 else 3 + packed[2]


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
    last: str | None = None
    loose: list[object] = []  # all that is JSON of any shape, to be checked in one walk
    for row in value:
        if type(row) is list and len(row) == _PLAIN:
            row += _LACKING
        elif type(row) is not list or len(row) != _FIELDS:
            row = cut(row, _FIELDS)
        tag, name, life, base, form, payloads, version, of, context = row
        if tag is None:
            tag = last
        if type(tag) is not str or not 0 < len(tag) < 64 or not tag.isprintable():
            tag = text(tag)
        last = tag
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
