"""Msgpack from strangers: what is not plain JSON is refused, and refusing is cheap."""

from collections.abc import Callable
from contextlib import suppress
from time import thread_time

from msgpack import packb
import pytest

from crdtnode.errors import MalformedMessage
from crdtnode.wire import codec
from crdtnode.wire.strict import DEPTH_MAX, check_json, unpack

NAN32, INF64 = b"\xca\x7f\xc0\0\0", b"\xcb\x7f\xf0" + bytes(6)
DATAGRAM = 8 * 1024
FRAME = 256 * 1024


def in_an_item(payload: bytes) -> bytes:
    """Put raw msgpack where an item's payload stands."""
    head, tail = packb(["t@1", "x", 1, 0, 0])[1:], packb([5, 0, None])[1:]
    return packb([9, 1, 0, 0]) + b"\x91\x99" + head + b"\x91" + payload + tail


@pytest.mark.parametrize(
    "payload",
    [
        b"\xc4\x00",  # bin of no bytes
        b"\xc4\x01x",
        b"\xc6\xff\xff\xff\xff",
        b"\xc7\x00\x05",  # ext of no bytes
        b"\xc7\x00\xff",
        b"\xd4\x05x",
        b"\xd6\xff\0\0\0\0",  # a timestamp
        NAN32,
        INF64,
        b"\x81\xa1a" + INF64,
        b"\x92\x01\x91" + NAN32,
        b"\x82\xa1a\x01\xa1a\x02",  # a key twice
        b"\x81\xc4\x00\x01",  # a bin as the only key
        b"\x82\xa1a\x01\xc4\x00\x02",
        b"\x82\xa0\x01\xc4\x00\x02",
        b"\x81\x01\x02",  # a number as a key
        b"\x81\x90\x02",
        b"\xa1\xff",  # no UTF-8
        b"\xa3\xed\xa0\x80",  # half of a surrogate pair
        b"\xc1",
        b"\xdb\xff\xff\xff\xff",
        b"\xdd\xff\xff\xff\xff",
        b"\xdf\xff\xff\xff\xff",
    ],
)
def test_what_json_cannot_show_is_malformed_within_a_payload(payload: bytes) -> None:
    codec.decode(in_an_item(b"\x93\xc0\x81\xa1a\x01\xcb\x3f\xf8\0\0\0\0\0\0"))  # that is lawful
    with pytest.raises(MalformedMessage):
        codec.decode(in_an_item(payload))


def test_an_empty_key_is_a_key() -> None:
    assert unpack(packb({"": 1})) == ({"": 1}, b"")


def test_payloads_nest_as_deep_as_the_limit_and_no_deeper() -> None:
    for opening in (b"\x91", b"\x81\xa1k"):
        codec.decode(in_an_item(opening * DEPTH_MAX + b"\xc0"))
        with pytest.raises(MalformedMessage):
            codec.decode(in_an_item(opening * (DEPTH_MAX + 1) + b"\xc0"))


def test_numbers_of_64_bits_either_way_are_lawful() -> None:
    check_json([-(2**63), 2**64 - 1, 1.5, -0.0, {"a": [None, True]}])


def test_a_large_body_is_understood_like_a_small_one() -> None:
    items = [("t@1", f"name{n}", 1, 0, 0, [["x" * n, {"k": n}]], 5, 0, None) for n in range(500)]
    data = packb(items)
    assert len(data) > 100_000
    assert [i.payloads for i in codec.decode_items(data)] == [
        (["x" * n, {"k": n}],) for n in range(500)
    ]


def fill(part: bytes) -> Callable[[int], bytes]:
    return lambda size: (part * (size // len(part) + 1))[:size]


def long_list(part: bytes) -> Callable[[int], bytes]:
    """A list that announces exactly the elements that it has."""

    def make(size: int) -> bytes:
        count = (size - 5) // len(part)
        return b"\xdd" + count.to_bytes(4) + part * count

    return make


BOMBS: dict[str, Callable[[int], bytes]] = {
    "lists in lists": fill(b"\x91"),
    "lists that announce many": lambda size: fill(b"\xdc" + min(size - 9, 65_535).to_bytes(2))(
        size
    ),
    "lists that announce all": lambda size: fill(b"\xdd" + (size - 9).to_bytes(4))(size),
    "lists beyond all": fill(b"\xdd\xff\xff\xff\xff"),
    "maps that announce many": lambda size: fill(b"\xde\x0f\xff\xa1k")(size),
    "maps in maps": fill(b"\x81\xa1k"),
    "one map of equal keys": lambda size: (
        b"\xdf" + ((size - 5) // 3).to_bytes(4) + b"\xa1k\x01" * ((size - 5) // 3)
    ),
    "empty lists": long_list(b"\x90"),
    "empty maps": long_list(b"\x80"),
    "lists of one": long_list(b"\x91\x90"),
    "small maps": long_list(b"\x81\xa1k\x80"),
    "not a number": long_list(NAN32),
    "texts": long_list(b"\xa1x"),
    "bin of no bytes": long_list(b"\xc4\x00"),
    "ext of no bytes": long_list(b"\xc7\x00\x05"),
}


@pytest.mark.sweep  # without coverage, which would be most of the time
@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_in_a_datagram_costs_less_than_ten_milliseconds(bomb: str) -> None:
    raw = BOMBS[bomb](DATAGRAM - 100)
    for body in (raw, b"\x92\x63" + raw, in_an_item(raw)):
        spent = []
        for _ in range(3):
            start = thread_time()
            with suppress(MalformedMessage):
                codec.decode(body)
            spent.append(thread_time() - start)
        assert min(spent) < 0.010


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_in_a_frame_gives_a_message_or_malformed(bomb: str) -> None:
    try:
        codec.decode(in_an_item(BOMBS[bomb](FRAME - 200)))
    except MalformedMessage:
        return
    assert bomb in {"empty lists", "empty maps", "lists of one", "small maps", "texts"}
