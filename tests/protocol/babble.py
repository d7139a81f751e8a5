"""Random messages that are well-formed and mean anything: what a traitor might say."""

from collections.abc import Callable
import random
from typing import TypeVar

from crdtnode.wire.messages import (
    LEFT_MAX,
    Ack,
    Address,
    Again,
    Announce,
    Asked,
    Busy,
    Challenge,
    Ctx,
    Forget,
    Hello,
    Holding,
    Item,
    Leave,
    Look,
    Looked,
    MemberList,
    MemberRecord,
    Message,
    Nack,
    Ping,
    PingAck,
    PingReq,
    Pong,
    Pull,
    Push,
    Refused,
    Row,
    Sketch,
    Sync,
    Tell,
    TrieNode,
    Types,
    Want,
    Wanted,
)

T = TypeVar("T")

EDGES = (0, 1, 2, 2**31, 2**32 - 1, 2**52, 2**53 - 1, 2**63, 2**64 - 1)
PAYLOADS: tuple[object, ...] = (
    None,
    [],
    {},
    ["x"],
    ["x", "y"],
    {"r": [1, 0]},
    {"r": [0, 2**53]},
    {"r": 3},
    [[5, 0], "r", "value"],
    [[2**43, 0], "r", 1],
    {"x": {"y": [1]}},
    "text",
    7,
    True,
)
TAGS = ("gset@1", "pncounter@1", "lwwregister@1", "orset@1", "strange@1")


class Babbler:
    """Makes messages out of chance and what is known of a cluster."""

    def __init__(
        self,
        seed: int,
        names: list[str],
        boots: list[bytes],
        addresses: list[Address],
        places: list[int],
    ) -> None:
        self.chance = random.Random(seed)
        self.names = [*names, "x", "y~1"]
        self.boots = [*boots, bytes(16), b"y" * 16]
        self.addresses = [*addresses, ("10.9.9.9", 9)]
        self.places = places

    def say(self) -> Message:
        """Any message."""
        return self.chance.choice(self._makers())()

    def _makers(self) -> list[Callable[[], Message]]:
        c = self.chance
        return [
            lambda: Hello(self.boot(), self.boot(), self.name(), "default", self.number()),
            lambda: Challenge(self.boot(), c.choice((b"", self.boot()))),
            lambda: Refused("because", ("00000000",), "default"),
            self._ping,
            self._pong,
            lambda: PingReq(self.round(), self.name(), self.boot(), c.choice(self.addresses)),
            lambda: PingAck(self.round(), self.name()),
            lambda: Nack(self.round(), self.name(), c.randrange(3)),
            lambda: Push(self.number(), self.number(), self.number(), self.many(self.item)),
            lambda: Tell(self.number(), self.number(), self.number(), self.many(self.record)),
            lambda: Forget(self.number(), self.number(), self.number(), self.many(self.record)),
            lambda: Announce(*(self.number() for _ in range(5))),
            lambda: Pull(self.many(self.number)),
            lambda: Ack(self.many(self.number), stored=False),
            lambda: MemberList(self.number(), self.many(self.record), reply=c.random() < 0.3),
            lambda: Look(self.number(), (("", 0, 0),), self.many(self.number), c.random() < 0.5),
            lambda: Looked(
                c.randrange(3), (), (Holding("gset@1", self.name(), self.number(), ()),)
            ),
            lambda: Leave(self.number(), self.record()),
            lambda: Types(self.number(), self.many(lambda: c.choice(TAGS))),
            self._want,
            self._again,
            self._busy,
            self._ctx,
            self._sync,
        ]

    def number(self) -> int:
        return self.chance.choice((*EDGES, self.chance.getrandbits(64), self.chance.randrange(20)))

    def round(self) -> int:
        return self.number() % 2**32

    def name(self) -> str:
        return self.chance.choice(self.names)

    def boot(self) -> bytes:
        return self.chance.choice(self.boots)

    def many(self, make: Callable[[], T]) -> tuple[T, ...]:
        return tuple(make() for _ in range(self.chance.randrange(4)))

    def row(self) -> Row:
        return (self.chance.choice((*self.places, self.number())), self.number())

    def wanted(self) -> Wanted:
        return (*self.row(), tuple(n % 2**32 for n in self.many(self.number)))

    def record(self) -> MemberRecord:
        c = self.chance
        incarnation = c.choice((0, 100_000, 100_001, 10**12, 2**52 - 1, 2**53 - 1))
        where = tuple(c.choice(self.addresses) for _ in range(c.randrange(3)))
        return MemberRecord(
            self.name(), self.boot(), incarnation, c.randrange(4), where, self.number(), 1, {}
        )

    def item(self) -> Item:
        c = self.chance
        return Item(
            c.choice(TAGS),
            c.choice(("tags", "visits", "name")),
            c.choice((1, 1, 1, 2, 2**52)),
            self.number(),
            c.randrange(2),
            self.many(lambda: c.choice(PAYLOADS)),
            self.number(),
            c.choice((0, self.number())),
            c.choice(PAYLOADS),
        )

    def node(self) -> TrieNode:
        c = self.chance
        depth = c.choice((0, 0, 1, 2, 15, 16))
        prefix = c.randrange(16**depth)
        tag = c.choice(("", *TAGS))
        if depth == 16 or c.random() < 0.5:
            return TrieNode(tag, depth, prefix, (), self.many(self.row), leaf=True)
        return TrieNode(tag, depth, prefix, tuple(self.number() for _ in range(16)))

    def _ping(self) -> Ping:
        root = self.chance.choice((None, self.number()))
        rows, news = self.many(self.row), self.many(self.record)
        return Ping(self.round(), root, news, rows, (), self.number())

    def _pong(self) -> Pong:
        news = self.many(self.record)
        return Pong(self.round(), self.number(), self.number(), news, 0, 0, self.number())

    def _want(self) -> Want:
        rows, held = self.many(self.row), self.many(self.row)
        return Want(self.number(), self.many(self.wanted), rows, held, self.left())

    def _again(self) -> Again:
        rows, nodes, held = self.many(self.row), self.many(self.node), self.many(self.row)
        return Again(self.number(), rows, nodes, held, self.left())

    def _busy(self) -> Busy:
        return Busy(self.chance.randrange(1 << 16))

    def _ctx(self) -> Ctx:
        return Ctx(self.many(self.asked), self.left())

    def left(self) -> int:
        return self.chance.randrange(LEFT_MAX + 1)

    def asked(self) -> Asked:
        life = self.chance.choice((1, 1, 2, 2**53 - 1))
        return Asked(self.row()[0], life, self.number(), self.chance.choice(PAYLOADS))

    def _sync(self) -> Sync:
        left = self.chance.randrange(LEFT_MAX + 1)
        items, wanted, nodes = self.many(self.item), self.many(self.wanted), self.many(self.node)
        return Sync(items, wanted, nodes, left, sketches=self.many(self.sketch))

    def sketch(self) -> Sketch:
        c = self.chance
        depth, leaf = c.choice((0, 0, 1, 2, 15)), c.random() < 0.5
        words = tuple(c.randrange(1 << 16) for _ in range(c.randrange(9) if leaf else 16))
        return Sketch(c.choice(TAGS), depth, c.randrange(16**depth), c.randrange(4), leaf, words)
