"""One sample of every message, and keys that never change: what the golden bytes are made of."""

from collections.abc import Callable
from pathlib import Path

import pytest

from crdtnode.wire import messages as m
from crdtnode.wire.keyring import Keyring

GOLDEN = Path(__file__).parent / "golden"

BOOT_A = bytes(range(16))
BOOT_B = bytes(range(16, 32))
NONCE = bytes(range(240, 256))

ALICE = m.MemberRecord(
    name="alice",
    boot=BOOT_A,
    incarnation=1_700_000_000_000,
    state=m.State.ALIVE,
    addresses=(("10.0.0.5", 27380), ("fe80::1%eth0", 27380)),
    types=0xFEEDFACECAFEBEEF,
    protocol=1,
    tags={"rack": "1", "empty": ""},
)
BOB = m.MemberRecord("böb", BOOT_B, 3, m.State.LEFT, (("host-b.local", 1),), 0, 1, {})
ITEMS = (
    m.Item("pncounter@1", "visits", 1, 7, m.Form.DELTAS, ({"p": {"r1": 3}}, {"n": {"r1": 1}}), 9),
    m.Item("orset@1", "tags", 1, 0, m.Form.STATE, ([["red", 1.5, None, True]],), 2**64 - 1, 8, {}),
)
INNER = m.TrieNode("orset@1", 2, 0xAB, sums=(0,) * 15 + (2**64 - 1,))
LEAF = m.TrieNode("", 16, 2**64 - 1, leaves=((2**64 - 1, 5),), leaf=True)
SKETCHES = (
    m.Sketch("orset@1", 1, 0xA, 3, False, (*range(15), 2**16 - 1)),
    m.Sketch("orset@1", 2, 0xAB, 3, True, (7, 1, 2**16 - 1)),
    m.Sketch("orset@1", 2, 0xAC, 3, True, ()),
)

SAMPLES: dict[str, m.Message] = {
    "hello": m.Hello(NONCE, m.NOBODY, "alice", "default", 0xFEEDFACECAFEBEEF),
    "hello-answers": m.Hello(NONCE, BOOT_B, "alice", "default", 5, echo=BOOT_A),
    "challenge": m.Challenge(NONCE),
    "challenge-echoes": m.Challenge(NONCE, echo=BOOT_A),
    "refused": m.Refused("foreign key", ("0011aaff", "01234567"), "default"),
    "ping": m.Ping(1000, 0x0123456789ABCDEF, (), (), (), 0xFEDCBA9876543210),
    "ping-padded": m.Ping(0, None, (), (), (), 0),
    "ping-full": m.Ping(2**32 - 1, 5, (ALICE, BOB), ((1, 2), (3, 4)), ((5, 6),), 7),
    "pong": m.Pong(1000, 77, 5, (BOB,), 1_700_000_000_000, 2, 8),
    "ping-req": m.PingReq(9, "bob", BOOT_B, ("::1", 65535)),
    "ping-ack": m.PingAck(9, "bob"),
    "nack": m.Nack(9, "bob", m.Seen.ACCEPTED),
    "push": m.Push(12, 0, 2**64 - 1, ITEMS),
    "push-empty": m.Push(0, 0, 0, ()),
    "tell": m.Tell(12, 0, 2**64 - 1, (ALICE, BOB)),
    "forget": m.Forget(12, 0, 2**64 - 1, (ALICE, BOB)),
    "announce": m.Announce(12, 0, 2**64 - 1, 5, 6),
    "pull": m.Pull((12, 2**64 - 1)),
    "ack": m.Ack((12, 13, 2**64 - 1), stored=True),
    "list": m.MemberList(3, (ALICE, BOB), reply=True),
    "leave": m.Leave(4, ALICE),
    "look": m.Look(5, (("", 0, 0), ("orset@1", 2, 255)), (1, 2**64 - 1), payloads=True),
    "looked": m.Looked(
        5,
        (m.TrieNode("orset@1", 16, 9, (), ((9, 4),), leaf=True),),
        (m.Holding("orset@1", "tags", 7, ({"a": [1]},)), m.Holding("gset@1", "n", 8, ())),
    ),
    "types": m.Types(5, ("orset@1", "pncounter@1")),
    "want": m.Want(5, ((1, 2, (3, 2**32 - 1)), (4, 0, ())), ((6, 7),), ((8, 9),), 22),
    "again": m.Again(5, ((6, 7),), (INNER, LEAF), ((8, 9),), 21),
    "busy": m.Busy(100),
    "ctx": m.Ctx((m.Asked(1, 1, 2, {"a": [[0, 5], "00"]}), m.Asked(3, 2, 0, None)), 20),
    "sync": m.Sync(ITEMS, ((1, 2, ()),), (LEAF,), 0),
    "sync-more": m.Sync((), (), (), 22, more=True),
    "sync-sketches": m.Sync((), (), (), 7, False, SKETCHES),
}


@pytest.fixture
def boot_a() -> bytes:
    return BOOT_A


@pytest.fixture
def boot_b() -> bytes:
    return BOOT_B


@pytest.fixture
def keyring() -> Keyring:
    """The same keys in every run."""
    return Keyring(bytes(range(16)), [bytes(range(32)), bytes(range(1, 33))])


@pytest.fixture
def golden() -> Callable[[str], dict[str, bytes]]:
    """Read a file of golden bytes: a name and hex digits on each line."""

    def read(name: str) -> dict[str, bytes]:
        lines = (GOLDEN / name).read_text().splitlines()
        named = (line.split(" ", 1) for line in lines if not line.startswith("#"))
        return {key: bytes.fromhex(digits) for key, digits in named}

    return read


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that asks for `sample` (and `sample_name`) once for each message."""
    if {"sample_name", "sample"} <= set(metafunc.fixturenames):
        metafunc.parametrize(("sample_name", "sample"), list(SAMPLES.items()), ids=list(SAMPLES))
    elif "sample" in metafunc.fixturenames:
        metafunc.parametrize("sample", list(SAMPLES.values()), ids=list(SAMPLES))
