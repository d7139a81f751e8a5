"""Msgpack bytes become plain JSON values here, or nothing at all.

Rule of this file: whoever sent the bytes is not trusted, even behind an open seal. What comes out
of `unpack` holds no reference into the parser's state; one exception covers all that can be wrong.

Theory of operation. The parser in C is fast and nearly strict, with three holes. It allocates
the room that an array announces before it sees an element, so 8 KiB of nested announcements cost
it 60 ms: bodies of some size are therefore first skipped over in C, which allocates nothing and
finds any truncation at a tenth of the price of parsing. It takes the last of two equal keys: the
hook for maps counts. It knows bin of no bytes, NaN and nesting up to its own stack:
`check_json` walks level by level, so that its inner loops run in C too.
"""

from collections.abc import Callable
from functools import lru_cache, partial
from math import isfinite
from typing import Final

from msgpack import ExtraData, Packer, Unpacker, unpackb
from msgpack.exceptions import UnpackException

from crdtnode.errors import MalformedMessage

DEPTH_MAX: Final = 64
"""Containers within containers that a value may have."""

_SKIP_FIRST_BYTES: Final = 1024
"""Bodies above this are skipped over before they are parsed. Below it a bomb costs under 1.5 ms."""

_JSON: Final = frozenset({type(None), bool, int, float, str, list, dict})
_FLAT: Final = frozenset({type(None), bool, int, str})
_PACKER: Final = Packer()
_FAULTS: Final = (ValueError, TypeError, OverflowError, RecursionError, UnpackException)


def _unique(pairs: list[tuple[object, object]]) -> dict[object, object]:
    """Make a map, unless a key stands there twice or is a bin of no bytes."""
    if len(pairs) == 1 and pairs[0][0]:
        return {pairs[0][0]: pairs[0][1]}  # most maps of a delta; a third cheaper than below
    made = dict(pairs)
    if len(made) != len(pairs) or b"" in made:
        raise MalformedMessage("a key twice, or no text")
    return made


def _no_ext(code: int, data: bytes) -> None:
    """Refuse an ext of no bytes, which no limit covers, at the first one."""
    raise MalformedMessage("a value that JSON does not know")


def pack(value: object) -> bytes:
    """Make msgpack of a value of numbers, texts and lists, with one packer for all of them.

    It keeps the room of the longest one, so that whatever may be large is better packed by itself.
    """
    packed: bytes = _PACKER.pack(value)
    return packed


def _limits(size: int) -> dict[str, object]:
    """Return msgpack's limits for a body of `size` bytes: it holds no more elements than bytes."""
    return {
        "raw": False,
        "strict_map_key": True,
        "max_str_len": size,
        "max_array_len": size,
        "max_map_len": size,
        "max_bin_len": 0,
        "max_ext_len": 0,
        "ext_hook": _no_ext,
    }


def unpack(body: bytes) -> tuple[object, bytes]:
    """Parse the first value of a body.

    Returns:
        The value, and the bytes behind it (empty where it was the only one). The value may still
        hold NaN and bin of no bytes, and be deeply nested: pass what is not checked field by
        field to `check_json`.

    Raises:
        MalformedMessage: The bytes are no msgpack, or break a limit. Nothing here changed.
    """
    size = len(body)
    try:
        if size > _SKIP_FIRST_BYTES:
            _skip(body)
        return _parser(size.bit_length())(body), b""
    except ExtraData as two:
        return two.unpacked, two.extra
    except _FAULTS as fault:
        raise MalformedMessage("no msgpack, or over a limit") from fault


@lru_cache
def _parser(bits: int) -> Callable[[bytes], object]:
    """What parses bodies whose size has so many binary digits, made once for all of them."""
    return partial(unpackb, object_pairs_hook=_unique, **_limits(1 << bits))


def _skip(body: bytes) -> None:
    """Fail on truncated bytes before anything is allocated for what they announce."""
    size = len(body)
    parser = Unpacker(None, max_buffer_size=size, **_limits(size))
    parser.feed(body)
    parser.skip()


def check_json(values: list[object]) -> None:
    """Refuse values that JSON cannot show, or that nest deeper than `DEPTH_MAX`.

    Args:
        values: Values that `unpack` gave, checked together: one walk serves a whole batch.

    Raises:
        MalformedMessage: One holds bin, ext, NaN or an infinity, or nests too deep.
    """
    for _ in range(DEPTH_MAX + 1):
        types = set(map(type, values))
        if types <= _FLAT:
            return
        if not types <= _JSON:
            raise MalformedMessage("a value that JSON does not know")
        if float in types and not all(isfinite(x) for x in values if type(x) is float):
            raise MalformedMessage("a number that is none")
        below: list[object] = []
        if list in types:
            below += [y for x in values if type(x) is list for y in x]
        if dict in types:
            below += [y for x in values if type(x) is dict for y in x.values()]
        values = below
    raise MalformedMessage("nested too deep")
