"""What nodes say to each other: one frozen class per kind of message, and nothing else.

Rule of this file: plain data. Bytes become messages only in `codec`, which checks every field's
exact type and range, so that whoever holds a message may rely on what stands here.

Ranges, unless a field says otherwise: *place*, *version*, *root*, *type-set hash* and *id* are
unsigned 64-bit numbers; ids of processes (boot ids) and nonces are 16 random bytes; times on the
wall clock are whole milliseconds since 1970, below 2**43.

The body of a message is msgpack without bin and ext, so that it can always be shown as JSON:
16-byte ids travel as 22 characters of base64url, 64-bit numbers as numbers.
"""

from dataclasses import field
from typing import Final, NamedTuple, TypeAlias, get_args

from crdtnode.values import value
from crdtnode.wire.numbers import Form as Form
from crdtnode.wire.numbers import Kind as Kind
from crdtnode.wire.numbers import Seen as Seen
from crdtnode.wire.numbers import State as State

PROTOCOL: Final = 1
"""Version of the messages that this code speaks."""

BOOT_BYTES: Final = 16
"""Length of a boot id."""

NOBODY: Final = bytes(BOOT_BYTES)
"""A boot id that no process has: "whoever you are"."""

LEFT_MAX: Final = 22
"""Answers that a repair may go on for: what the first message of a chain carries as `left`."""

SKETCHED_MOST: Final = 64
"""Objects that a `Sketch` tells one by one. Higher saves round trips, and shows more that is equal."""

Row: TypeAlias = tuple[int, int]
"""(place, version) of an object."""

Address: TypeAlias = tuple[str, int]
"""(host, port): the host a name or an IP address without brackets, the port 1 to 65535."""

Wanted: TypeAlias = tuple[int, int, tuple[int, ...]]
"""(place, version that the asker has or 0, low 32 bits of versions in the asker's history)."""


class Asked(NamedTuple):
    """Send me what I lack of this object, and tell me in turn what you have seen of it."""

    place: int
    life: int
    """The asker's; of unlike lives the higher travels whole."""
    version: int
    """The asker's."""
    context: object
    """The asker's causal context, JSON-friendly; `codec` checked only that it is that."""


@value
class MemberRecord:
    """News of one member, as it announced itself or as others judge it."""

    name: str
    """1-255 bytes of UTF-8 without control characters."""
    boot: bytes
    incarnation: int
    """Below 2**53."""
    state: int
    """A `State`, 0 to 3."""
    addresses: tuple[Address, ...]
    """Best first; at most 8."""
    types: int
    """Hash of the set of type tags that it knows."""
    protocol: int
    tags: dict[str, str]
    """At most 32 entries."""


class Item(NamedTuple):
    """What one object is, or what changed in it. A tuple, since pushes decode hundreds."""

    tag: str
    """The type's tag, 1-255 bytes."""
    name: str
    """The object's name, 1-255 bytes."""
    life: int
    """Odd alive, even removed, below 2**53. At least 1."""
    base: int
    """The version that the deltas start from; 0 for a whole state, or a delta without anchor."""
    form: int
    """A `Form`, 0 to 2."""
    payloads: tuple[object, ...]
    """JSON-friendly values; `codec` checked only that they are that."""
    version: int
    """What the sender's version is with this applied; 0 where it does not say."""
    of: int = 0
    """The version of ours that this answers; 0 when it answers none."""
    context: object = None
    """The sender's causal context, JSON-friendly, where it asks for a delta in return."""


@value
class TrieNode:
    """A node of one type's trie: 16 sums of its children, or what hangs below it as a list."""

    tag: str
    """The type's tag; empty for the trie of the types themselves."""
    depth: int
    """0 (the top) to 16."""
    prefix: int
    """The path: `depth` hex digits of the place, most significant first; 0 at the top."""
    sums: tuple[int, ...] = ()
    """16 XOR sums of versions; empty where this is a leaf."""
    leaves: tuple[Row, ...] = ()
    """All (place, version) below the prefix where this is a leaf; at most 1024."""
    leaf: bool = False
    """True where `leaves` counts, False where `sums` does."""


class Sketch(NamedTuple):
    """What hangs below a prefix of one type's trie, told by one word of each 64-bit number.

    Two numbers that differ do so in one of their four words of 16 bits; in which one is not known, so
    that each repair looks at another one. A word of 0 is told as 1, since 0 stands for nothing.
    """

    tag: str
    """The type's tag."""
    depth: int
    """0 (the top) to 16."""
    prefix: int
    """The path, as in a `TrieNode`."""
    turn: int
    """Which word it is, 0 to 3, the lowest first."""
    leaf: bool
    """True where `words` are those of few objects, False where they are those of sums."""
    words: tuple[int, ...]
    """A word of the sum of all places below, then those of the versions in order of place, at most
    `SKETCHED_MOST`, and none where nothing hangs below; or the words of the 16 sums."""


class Holding(NamedTuple):
    """One object that somebody looks at."""

    tag: str
    """The type's tag, 1-255 bytes."""
    name: str
    """The object's name, 1-255 bytes."""
    version: int
    payloads: tuple[object, ...]
    """Its state, where it was asked for and there is one; else empty."""


@value
class Hello:
    """First contact, over UDP and as the first frame of a stream: who I am, are you there?

    Its body is never shorter than the `Challenge` that it can provoke.
    """

    nonce: bytes
    """Drawn for this greeting; on a stream the nonce of the stream's seal."""
    receiver: bytes
    """The boot id that is meant, `NOBODY` when unknown."""
    name: str
    cluster: str
    """1-255 bytes of UTF-8 without control characters."""
    types: int
    echo: bytes = b""
    """The challenge's nonce (or the other Hello's) that this answers, else empty."""
    protocol: int = PROTOCOL


@value
class Challenge:
    """Your boot id is new to me: repeat this nonce in a Hello, to show that you are no recording.

    No longer than the Hello or Ping that provoked it (without `echo` in the case of a Ping).
    """

    nonce: bytes
    echo: bytes = b""
    """The nonce of the Hello that provoked this, which proves in turn that I am no recording."""


@value
class Refused:
    """We shall not talk, and this is why; sent in clear to strangers, once, over TCP only."""

    reason: str
    """At most 512 bytes, no control characters. Safe to log, not to believe."""
    key_ids: tuple[str, ...]
    """8 hex digits each: the keys that the refusing node can open; at most 16."""
    cluster: str


@value
class Ping:
    """Are you alive, and is your root mine?"""

    round: int
    """Below 2**32, compared modulo 2**32."""
    root: int | None
    """None where the peer's set of types is not known to be ours."""
    news: tuple[MemberRecord, ...]
    recents: tuple[Row, ...]
    """What changed here in the last seconds."""
    held: tuple[Row, ...]
    """What the sender has set aside with this receiver; at most 16."""
    roster: int
    """64-bit digest of the members that the sender knows."""


@value
class Pong:
    """The answer to a Ping, at once, with the last flushed root."""

    round: int
    ping: int
    """The counter in the seal of the Ping that this answers."""
    root: int
    news: tuple[MemberRecord, ...]
    clock_ms: int
    held: int
    """Objects set aside that explain the difference of the roots exactly; 0 when none do."""
    roster: int
    """64-bit digest of the members that the sender knows."""


@value
class PingReq:
    """Please probe this member for me, and say what you found."""

    round: int
    name: str
    boot: bytes
    address: Address


@value
class PingAck:
    """The member that you asked me to probe answered."""

    round: int
    name: str


@value
class Nack:
    """The member that you asked me to probe did not answer; `seen` says what a connect found."""

    round: int
    name: str
    seen: int
    """A `Seen`, 0 to 2."""


@value
class Push:
    """Changes, for the receiver and for it to relay to the members at places lo <= h < hi.

    Places form a ring: where hi <= lo the range runs past the end, so lo == hi is the whole ring.
    The items are a second msgpack value behind the first one, and `items_bytes` is that value as
    it came or as `encode_items` made it: a relay puts a new first value before the same bytes.
    """

    id: int
    lo: int
    hi: int
    items: tuple[Item, ...]
    items_bytes: bytes = field(default=b"", compare=False, repr=False)
    """`items`, encoded; where it is empty `encode` makes it from `items`."""


@value
class Tell:
    """News of members, for the receiver and for it to relay, as a `Push` is."""

    id: int
    lo: int
    hi: int
    records: tuple[MemberRecord, ...]


@value
class Forget:
    """Members that are gone are to be forgotten, whatever anybody else says of them later.

    For the receiver and for it to relay, as a `Push` is.
    """

    id: int
    lo: int
    hi: int
    records: tuple[MemberRecord, ...]


@value
class Announce:
    """A change that no datagram holds: `Pull` it. Then it comes as a `Push` with this id and range.

    Whoever has that version of the object already says so with an `Ack`.
    """

    id: int
    lo: int
    hi: int
    place: int
    """Of the object."""
    version: int
    """What the sender's version of it is with the change."""
    items_bytes: bytes = field(default=b"", compare=False, repr=False)
    """The change, encoded, at the sender of this; it does not travel with it."""


@value
class Pull:
    """Send the pushes that you announced under these ids."""

    ids: tuple[int, ...]


@value
class Ack:
    """Pushes, news and leaves that arrived, by their ids."""

    ids: tuple[int, ...]
    stored: bool
    """True where all that they hold is kept at the sender of this: joined, and on its disk where it
    has one. False where it does not keep it, because it does not know the type."""


@value
class MemberList:
    """All members that the sender knows, to join or to compare notes. Kind LIST."""

    id: int
    """Reserved, 0: a list is not acknowledged."""
    records: tuple[MemberRecord, ...]
    reply: bool
    """True asks for the receiver's list in return."""


@value
class Leave:
    """A member goes on purpose."""

    id: int
    """Answered by an Ack with this id; 0 where none is wanted."""
    record: MemberRecord


@value
class Look:
    """Show me what you hold: for people who want to see it, not to repair anything. Over TCP."""

    id: int
    """Comes back in the `Looked` that answers."""
    branches: tuple[tuple[str, int, int], ...]
    """(type tag, depth, prefix) of nodes of tries; an empty tag for the list of types."""
    places: tuple[int, ...]
    """Objects whose names, or payloads, are wanted."""
    payloads: bool


@value
class Looked:
    """What a `Look` asked for; objects that are not there are left out."""

    id: int
    nodes: tuple[TrieNode, ...]
    holdings: tuple[Holding, ...]


@value
class Types:
    """The type tags that the sender knows: what its type-set hash stands for."""

    hash: int
    tags: tuple[str, ...]
    """At most 1000."""


@value
class Want:
    """Our roots differ: this is what I lack, and what I have to compare."""

    root: int
    wanted: tuple[Wanted, ...]
    recents: tuple[Row, ...]
    """What changed here lately, without what is wanted."""
    held: tuple[Row, ...]
    """What the sender has set aside with this receiver; at most 16."""
    left: int
    """Answers that may still follow, 0 to `LEFT_MAX`; at 0 nobody answers."""


@value
class Again:
    """What changed lately does not explain the difference of our roots: here is more to compare."""

    root: int
    recents: tuple[Row, ...]
    """All that changed here since our roots were equal, where that is known."""
    nodes: tuple[TrieNode, ...]
    """The roots of the types, where it is not known."""
    held: tuple[Row, ...]
    """What the sender has set aside with this receiver; at most 16."""
    left: int
    """Answers that may still follow, 0 to `LEFT_MAX`; at 0 nobody answers."""


@value
class Busy:
    """I am deep in a repair with somebody else: ask again later."""

    wait_ms: int
    """Below 2**16."""


@value
class Ctx:
    """What I have seen of some objects: send me the rest of them."""

    asked: tuple[Asked, ...]
    left: int
    """Answers that may still follow, 0 to `LEFT_MAX`; at 0 nobody answers."""


@value
class Sync:
    """Objects that the receiver lacked, and the next things to compare."""

    items: tuple[Item, ...]
    wanted: tuple[Wanted, ...]
    nodes: tuple[TrieNode, ...]
    left: int
    """Answers that may still follow, 0 to `LEFT_MAX`; at 0 nobody answers."""
    more: bool = False
    """More follows once this is answered; where there is nothing to say, by an empty one."""
    sketches: tuple[Sketch, ...] = ()
    items_bytes: bytes = field(default=b"", compare=False, repr=False)
    """`items`, encoded, at the sender; where it is empty `encode` makes it from `items`."""


@value
class UnknownKind:
    """A well-formed body of a kind that this version does not know: counted and dropped."""

    kind: int


Message: TypeAlias = (
    Hello
    | Challenge
    | Refused
    | Ping
    | Pong
    | PingReq
    | PingAck
    | Nack
    | Push
    | Tell
    | Forget
    | Announce
    | Pull
    | Ack
    | MemberList
    | Leave
    | Look
    | Looked
    | Types
    | Want
    | Again
    | Busy
    | Ctx
    | Sync
)
"""Everything that can be sent. `codec.decode` gives one of these or an `UnknownKind`."""

NAMES: Final[dict[type, str]] = {
    kind: kind.__name__.lower() for kind in (*get_args(Message), UnknownKind)
}
"""What counters call each kind of message."""
