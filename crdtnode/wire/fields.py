"""One field of a message: its shape on the wire, its exact type, its range.

Rule of this file: every function takes one value as `strict.unpack` gave it and returns it as
messages hold it, or raises `MalformedMessage`; its twin for the way out starts with ``put_``.
Exact types only: True is not 1, 1.0 is not 1. Every list is bounded.
"""

from binascii import Error as Base64Error
from binascii import a2b_base64, b2a_base64
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from itertools import chain, groupby
from operator import attrgetter
import re
from typing import Final, TypeVar

from crdtnode.errors import MalformedMessage
from crdtnode.wire.messages import (
    SKETCHED_MOST,
    Address,
    Asked,
    MemberRecord,
    Row,
    Sketch,
    TrieNode,
    Wanted,
)
from crdtnode.wire.strict import check_json

T = TypeVar("T")

U64: Final = 1 << 64
NAME_BYTES: Final = 255
REASON_BYTES: Final = 512
ADDRESSES: Final = 8
TAGS: Final = 32
HISTORY: Final = 64
LEAVES: Final = 1024

_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_HOST: Final = re.compile(
    r"[A-Za-z0-9._-]{1,253}|[0-9A-Fa-f:.]{2,45}(?:%[A-Za-z0-9._-]{1,16})?", re.ASCII
)
_KEY_ID: Final = re.compile("[0-9a-f]{8}")
_TO_URL: Final = bytes.maketrans(b"+/", b"-_")
_FROM_URL: Final = bytes.maketrans(b"-_", b"+/")


def whole(value: object, below: int = U64) -> int:
    """Take a whole number from 0 up to, not including, `below`."""
    if type(value) is not int or not 0 <= value < below:
        raise MalformedMessage("a number of the wrong kind or size")
    return value


def flag(value: object) -> bool:
    """Take a truth value."""
    if type(value) is not bool:
        raise MalformedMessage("neither true nor false")
    return value


def text(value: object, most_bytes: int = NAME_BYTES, least: int = 1) -> str:
    """Take a text of `least` to `most_bytes` bytes without control characters or line breaks."""
    if type(value) is not str or len(value) < least:
        raise MalformedMessage("no text, or an empty one")
    if len(value) * 4 > most_bytes and len(value.encode()) > most_bytes:
        raise MalformedMessage("a text too long")
    if not value.isprintable() and _CONTROL.search(value):
        raise MalformedMessage("a control character in a name")
    return value


def ident(value: object) -> bytes:
    """Take 16 bytes that travel as 22 characters of base64url, in the one way to write them."""
    if type(value) is not str or len(value) != 22:
        raise MalformedMessage("no id")
    try:
        raw = a2b_base64(value.encode("ascii").translate(_FROM_URL) + b"==")
    except (Base64Error, UnicodeEncodeError) as fault:
        raise MalformedMessage("no id") from fault
    if put_ident(raw) != value:
        raise MalformedMessage("an id written in a strange way")
    return raw


@lru_cache(maxsize=4096)
def put_ident(raw: bytes) -> str:
    """Write 16 bytes as 22 characters; mostly it is the same processes that are spoken of."""
    return b2a_base64(raw, newline=False)[:22].translate(_TO_URL).decode()


def echo(value: object) -> bytes:
    """Take an id or, where it is empty, nothing."""
    return ident(value) if value != "" else b""


def put_echo(raw: bytes) -> str:
    """Write an id or nothing."""
    return put_ident(raw) if raw else ""


def key_id(value: object) -> str:
    """Take the 8 hex digits that name a key."""
    if type(value) is not str or not _KEY_ID.fullmatch(value):
        raise MalformedMessage("no key id")
    return value


def many(value: object, take: Callable[[object], T], most: int) -> tuple[T, ...]:
    """Take a list of at most `most` elements, each by `take`."""
    if type(value) is not list or len(value) > most:
        raise MalformedMessage("no list, or one too long")
    return tuple([take(element) for element in value])


def wholes(value: object, most: int, below: int = U64) -> tuple[int, ...]:
    """Take a list of at most `most` whole numbers below `below`; the loop over it runs in C."""
    if type(value) is not list or len(value) > most:
        raise MalformedMessage("no list, or one too long")
    if value and (set(map(type, value)) != {int} or min(value) < 0 or max(value) >= below):
        raise MalformedMessage("a number of the wrong kind or size")
    return tuple(value)


def rows(value: object, most: int) -> tuple[Row, ...]:
    """Take (place, version) pairs, which travel as one flat list."""
    flat = wholes(value, 2 * most)
    if len(flat) % 2:
        raise MalformedMessage("a pair of one")
    return tuple(zip(flat[::2], flat[1::2], strict=True))


def put_rows(pairs: Sequence[Row]) -> list[int]:
    """Write pairs as one flat list."""
    return list(chain.from_iterable(pairs)) if pairs else []


def cut(value: object, length: int) -> list[object]:
    """Take a list of `length` fields; what a newer version put behind them is ignored."""
    if type(value) is not list or len(value) < length:
        raise MalformedMessage("a field is missing")
    if len(value) > length:
        check_json(value[length:])
    return value[:length]


def wanted(value: object) -> Wanted:
    """Take (place, version, low halves of versions), which travel as one flat list."""
    numbers = wholes(value, 2 + HISTORY)
    if len(numbers) < 2 or max(numbers[2:], default=0) >> 32:
        raise MalformedMessage("no place, version and low halves")
    return numbers[0], numbers[1], numbers[2:]


def put_wanted(want: Wanted) -> list[int]:
    """Write what is wanted as one flat list."""
    return [want[0], want[1], *want[2]]


def asked(value: object) -> Asked:
    """Take place, life, version and context of an object that is asked for by its context."""
    place, life, version, context = cut(value, 4)
    check_json([context])
    lived = whole(life, 1 << 53)
    if not lived:
        raise MalformedMessage("no life")
    return Asked(whole(place), lived, whole(version), context)


def address(value: object) -> Address:
    """Take ``[host, port]``, the host a name or an IP address."""
    host, port = cut(value, 2)
    if type(host) is not str or not _HOST.fullmatch(host):
        raise MalformedMessage("no host")
    if port == 0:
        raise MalformedMessage("no port")
    return host, whole(port, 1 << 16)


def addresses(value: object) -> tuple[Address, ...]:
    """Take the addresses of one member."""
    return many(value, address, ADDRESSES)


def tags(value: object) -> dict[str, str]:
    """Take a member's tags."""
    if type(value) is not dict or len(value) > TAGS:
        raise MalformedMessage("no tags, or too many")
    return {text(key): text(word, least=0) for key, word in value.items()}


def member(value: object) -> MemberRecord:
    """Take news of one member."""
    name, boot, incarnation, state, where, types, protocol, tagged = cut(value, 8)
    return MemberRecord(
        text(name),
        ident(boot),
        whole(incarnation, 1 << 53),
        whole(state, 4),
        addresses(where),
        whole(types),
        whole(protocol, 1 << 16),
        tags(tagged),
    )


def put_member(m: MemberRecord) -> list[object]:
    """Write news of one member."""
    boot = put_ident(m.boot)
    return [m.name, boot, m.incarnation, m.state, m.addresses, m.types, m.protocol, m.tags]


def put_members(records: Iterable[MemberRecord]) -> list[list[object]]:
    """Write news of members."""
    return [put_member(record) for record in records] if records else []


def trie_node(value: object) -> TrieNode:
    """Take a node of a trie: the sums of its 16 children, or the leaves below it."""
    named, level, path, leafy, numbers = cut(value, 5)
    tag, depth = text(named, least=0), whole(level, 17)
    prefix, leaf = whole(path, 1 << 4 * depth), flag(leafy)
    if leaf:
        return TrieNode(tag, depth, prefix, (), rows(numbers, LEAVES), leaf)
    sums = wholes(numbers, 16)
    if len(sums) != 16 or depth == 16:
        raise MalformedMessage("no 16 children")
    return TrieNode(tag, depth, prefix, sums, (), leaf)


def branch(value: object) -> tuple[str, int, int]:
    """Take where a node of a trie is: type, depth and prefix."""
    named, level, path = cut(value, 3)
    depth = whole(level, 17)
    return text(named, least=0), depth, whole(path, 1 << 4 * depth)


def put_trie_node(node: TrieNode) -> list[object]:
    """Write a node of a trie."""
    numbers = put_rows(node.leaves) if node.leaf else node.sums
    return [node.tag, node.depth, node.prefix, node.leaf, numbers]


def sketches(value: object, most: int) -> tuple[Sketch, ...]:
    """Take at most so many sketches, which travel in groups of one type, depth and turn."""
    if type(value) is not list or len(value) > most:
        raise MalformedMessage("no list, or one too long")
    taken: list[Sketch] = []
    for group in value:
        named, level, which, leafy, flat = cut(group, 5)
        tag, depth, turn, leaf = text(named), whole(level, 17), whole(which, 4), flag(leafy)
        if type(flat) is not list or len(flat) % 2 or len(flat) // 2 + len(taken) > most:
            raise MalformedMessage("no sketches, or too many")
        for path, numbers in zip(flat[::2], flat[1::2], strict=True):
            words = wholes(numbers, SKETCHED_MOST + 1 if leaf else 16, 1 << 16)
            if not leaf and (len(words) != 16 or depth == 16):
                raise MalformedMessage("no 16 children")
            taken.append(Sketch(tag, depth, whole(path, 1 << 4 * depth), turn, leaf, words))
    return tuple(taken)


def put_sketches(shown: Iterable[Sketch]) -> list[list[object]]:
    """Write sketches; those of one type, depth and turn that follow each other go together."""
    groups = groupby(shown, attrgetter("tag", "depth", "turn", "leaf"))
    return [[*key, [part for s in group for part in (s.prefix, s.words)]] for key, group in groups]
