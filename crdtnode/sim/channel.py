"""How simulated processes talk: sealed where bits may flip, by hand-over everywhere else.

Rule of this file: the engine takes the same way with the same bytes, lengths and counters, whoever
made its channel; what is saved is work that shows nothing where nobody can touch a packet.

*Theory of operation.* Three things are saved. Packets bear a tag of their pair instead of a
checksum over all bytes, so that what is meant for another process is still refused. A message in
which no state travels is not decoded from the bytes that it was encoded to, but handed over as it
is, since nobody changes it. And one message in `LOOKED_AT` is decoded all the same, and must be
equal.
"""

from hashlib import blake2b

from cryptography.exceptions import InvalidTag

from crdtnode.protocol.channel import Channel, clear, sealed
from crdtnode.wire import codec
from crdtnode.wire.ciphers import TAG_BYTES, Cipher
from crdtnode.wire.keyring import Keyring
from crdtnode.wire.messages import Ctx, Looked, Message, Push, Sync, UnknownKind
from crdtnode.wire.seal import Datagrams

LOOKED_AT = 61
"""One message of so many is decoded, and compared with what was handed over."""

KEPT_BYTES = 16 * 1024
"""Bodies for each node that are kept before older ones are forgotten. What is forgotten is decoded;
what is kept for long after it arrived costs the processor's caches more than that."""

_DECODED = frozenset({Push, Sync, Ctx, Looked})
"""What carries a payload, which whoever receives it may keep, and change."""


class Letters:
    """The messages under way in one world, by their bytes.

    Args:
        nodes: Of the world.
    """

    def __init__(self, nodes: int = 1) -> None:
        self._written: dict[bytes, Message] = {}
        self._former: dict[bytes, Message] = {}
        self._most = self._room = KEPT_BYTES * nodes
        self._read = 0

    def encode(self, message: Message) -> bytes:
        """Encode a message, and keep it for whoever receives these bytes."""
        body = codec.encode(message)
        if type(message) not in _DECODED:
            self._room -= len(body)
            if self._room < 0:
                self._former, self._written = self._written, {}
                self._room = self._most
            self._written[body] = message
        return body

    def decode(self, body: bytes) -> Message | UnknownKind:
        """The message with these bytes.

        Raises:
            MalformedMessage: There is none.
            AssertionError: What was handed over is not what is in the bytes.
        """
        message = self._written.get(body) or self._former.get(body)
        if message is None:
            return codec.decode(body)
        self._read += 1
        if self._read % LOOKED_AT == 0:
            decoded = codec.decode(body)
            assert decoded == message, f"{message} was encoded so that it reads {decoded}"
        return message


class _Tag:
    """Refuses what is meant for others; what was damaged it would not notice."""

    def __init__(self, tag: bytes) -> None:
        self._tag = tag

    def encrypt(self, nonce: bytes, data: bytes, associated_data: bytes, /) -> bytes:
        return data + self._tag

    def decrypt(self, nonce: bytes, data: bytes, associated_data: bytes, /) -> bytes:
        if not data.endswith(self._tag):
            raise InvalidTag
        return data[:-TAG_BYTES]


def tagging(salt: bytes, key: bytes, purpose: bytes) -> Cipher:
    """Derive a tag of one pair and direction."""
    return _Tag(blake2b(purpose, key=key[:64], salt=salt[:16], digest_size=TAG_BYTES).digest())


def handing_over(cluster: str, boot: bytes, letters: Letters) -> Channel:
    """A channel for worlds in which no bit flips."""
    plain = clear(cluster, boot)
    return Channel(
        boot=boot,
        datagrams=Datagrams(Keyring.open_key(cluster), cluster, boot, tagging),
        stream_seal=plain.stream_seal,
        key_ids=plain.key_ids,
        secret=plain.secret,
        message_bytes_most=plain.message_bytes_most,
        encode=letters.encode,
        decode=letters.decode,
    )


def sealing(cluster: str, boot: bytes) -> Channel:
    """A channel as production has it."""
    return sealed(Keyring.open_key(cluster), cluster, boot)
