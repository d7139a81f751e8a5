"""Streams, sealed: frames of known length, in order, between two processes that prove themselves.

Rule of this file: nothing is believed before its seal is open, and nothing is kept beyond one
frame and one message. The first frame of each side is a greeting, the rest goes under keys that
only these two ends, in this one conversation, can have.

Layout, after a length of 4 bytes that counts what follows it::

    greeting  magic 2 | version 1 | flags 1 | key id 4 | sender's boot id 16 | nonce 16 | body | tag 16
    others    sealed(more 1 | part) | tag 16
    refusal   magic 2 | version 1 | flags 1 | zeros 4 | body in clear

*Theory of operation.* Each side draws a nonce for the conversation and sends it in the header of
its greeting. The keys of both directions follow from both nonces and both boot ids, the counter of
the frame is the cipher's nonce. A recorded greeting is therefore accepted, and useless: whoever
replays it cannot make or read the next frame. Only when one opened is the peer *proven*, and only
then may frames be large. A body that does not fit into one frame goes on in the next, which `more`
says; the caps of the frames and of the whole message bound what a peer can make us keep.

Whoever cannot open a greeting may say so in clear, once, instead of its own greeting, so that
people read a reason and not "connection closed". We listen to that only where we opened the
stream.
"""

from collections.abc import Iterable
from typing import Final

from cryptography.exceptions import InvalidTag

from crdtnode.errors import MalformedMessage, Rejected
from crdtnode.wire.ciphers import TAG_BYTES, Cipher, Derive, checking, sealing
from crdtnode.wire.codec import decode, encode
from crdtnode.wire.keyring import Keyring
from crdtnode.wire.messages import Refused
from crdtnode.wire.seal import MAGIC, VERSION, Reason

LENGTH_BYTES: Final = 4
GREETING_BYTES_MAX: Final = 4 * 1024
"""The longest frame, its seal included, from a peer that is not proven."""
FRAME_BYTES_MAX: Final = 256 * 1024
"""The longest frame, its seal included, from a peer that is."""
SECRET_MESSAGE_BYTES_MAX: Final = 16 * 1024 * 1024 + 64 * 1024
"""The longest message, by default, where a keyring keeps strangers out."""
OPEN_MESSAGE_BYTES_MAX: Final = 1024 * 1024
"""The longest message, by default, where anybody can speak."""

FLAG_STREAM: Final = 2
FLAG_REFUSAL: Final = 3

_HEADER_BYTES: Final = 40
_NO_KEY: Final = bytes(4)
_LAST, _MORE = b"\0", b"\1"


def refusal(reason: str, key_ids: Iterable[str], cluster: str) -> bytes:
    """Make the frame in clear that tells a stranger why its greeting gets no answer.

    Args:
        reason: For people, at most 512 bytes.
        key_ids: 8 hex digits each, at most 16.
        cluster: Our cluster's name.
    """
    return _frame(_clear_head() + encode(Refused(reason, tuple(key_ids), cluster)))


class StreamSeal:
    """One end of one stream.

    Args:
        keyring: The cluster's keys.
        cluster: The cluster's name.
        boot: This process's boot id.
        nonce: 16 random bytes drawn for this stream.
        initiator: True where we opened the stream.
        max_message_bytes: The longest body, either way. None takes what suits the keyring.
    """

    def __init__(
        self,
        keyring: Keyring,
        cluster: str,
        boot: bytes,
        nonce: bytes,
        initiator: bool,
        max_message_bytes: int | None = None,
        derive: Derive = sealing,
    ) -> None:
        self.proven = False
        """True once a frame under the stream's own key was opened: the peer lives, and is here."""
        self.sender: bytes | None = None
        """The peer's boot id, from its greeting on; to be trusted once `proven`."""
        self.refused: Refused | None = None
        """What the other end said in clear, where `receive` raised `Reason.REFUSED`."""
        self.fault: Rejected | MalformedMessage | None = None
        """Why this stream is over: the next `receive` raises it."""
        self._salt, self._keys = keyring.salt, keyring.by_id(cluster)
        self._cluster, self._boot, self._nonce = cluster.encode(), boot, nonce
        self._initiator, self._derive = initiator, derive
        usual = SECRET_MESSAGE_BYTES_MAX if keyring.secret else OPEN_MESSAGE_BYTES_MAX
        self._message_bytes_max = usual if max_message_bytes is None else max_message_bytes
        self._greeted = False
        self._outbound: Cipher | None = None
        self._inbound: Cipher | None = None
        self._sent = self._received = 0
        self._buffer = bytearray()
        self._message = bytearray()

    def greet(self, hello_body: bytes) -> bytes:
        """Make our first frame, which anybody with the cluster's key can open.

        Raises:
            RuntimeError: We greeted already. Our own mistake; nothing changed.
            ValueError: The body does not fit. Our own mistake; nothing changed.
        """
        if self._greeted:
            raise RuntimeError("a stream begins with one greeting")
        if len(hello_body) + _HEADER_BYTES + TAG_BYTES > GREETING_BYTES_MAX:
            raise ValueError(f"a greeting has at most {GREETING_BYTES_MAX} bytes")
        self._greeted = True
        key_id, key = next(iter(self._keys.items()))
        header = MAGIC + bytes((VERSION, FLAG_STREAM)) + key_id + self._boot + self._nonce
        cipher = self._greeting_cipher(key, self._boot, self._nonce)
        return _frame(header + cipher.encrypt(bytes(12), hello_body, header))

    def send(self, body: bytes) -> bytes:
        """Make the frames that carry one body, to be sent in the order of the calls.

        Raises:
            RuntimeError: The peer's greeting is not here yet. Our own mistake; nothing changed.
            ValueError: The body is over the limit. Our own mistake; nothing changed.
        """
        if self._outbound is None:
            raise RuntimeError("a stream has no key before both sides greeted")
        if len(body) > self._message_bytes_max:
            raise ValueError(f"a message has at most {self._message_bytes_max} bytes")
        frames: list[bytes] = []
        start, more = 0, _MORE
        while more is _MORE:
            cap = FRAME_BYTES_MAX if self._sent else GREETING_BYTES_MAX  # who knows us proves us
            stop = start + cap - TAG_BYTES - len(more)
            more = _MORE if stop < len(body) else _LAST
            part = more + body[start:stop]
            frames.append(_frame(self._outbound.encrypt(_nonce(self._sent), part, b"")))
            self._sent += 1
            start = stop
        return b"".join(frames)

    def receive(self, chunk: bytes) -> list[bytes]:
        """Take bytes as they come, and return the bodies that they complete, the greeting's first.

        The result does not depend on how the bytes were cut: bodies before a bad frame are
        returned, and the fault is kept in `fault` and raised by the next call.

        Raises:
            Rejected: A frame is forged, too large, of a foreign key, or in clear (`refused` says
                what it held). The stream is over.
            MalformedMessage: A frame is authentic and makes no sense. The stream is over.
        """
        if self.fault:
            raise self.fault.with_traceback(None)
        self._buffer += chunk
        bodies: list[bytes] = []
        try:
            while (content := self._cut()) is not None:
                bodies += self._open(content)
        except (Rejected, MalformedMessage) as fault:
            self.fault = fault
            self._buffer.clear()
            self._message.clear()
            if not bodies:
                raise
        return bodies

    def _cut(self) -> bytes | None:
        """Take one whole frame from the buffer, if it is there."""
        if len(self._buffer) < LENGTH_BYTES:
            return None
        stop = LENGTH_BYTES + int.from_bytes(self._buffer[:LENGTH_BYTES])
        if stop - LENGTH_BYTES > (FRAME_BYTES_MAX if self.proven else GREETING_BYTES_MAX):
            raise Rejected(Reason.LONG)
        if len(self._buffer) < stop:
            return None
        content = bytes(self._buffer[LENGTH_BYTES:stop])
        del self._buffer[:stop]
        return content

    def _open(self, content: bytes) -> list[bytes]:
        """Open one frame; it gives a body, or a part of one."""
        if self._inbound is None:
            return [self._open_greeting(content)]
        try:
            part = self._inbound.decrypt(_nonce(self._received), content, b"")
        except InvalidTag:
            raise Rejected(Reason.FORGED) from None
        self._received += 1
        self.proven = True
        if part[:1] not in (_LAST, _MORE):
            raise MalformedMessage("a frame that neither ends nor goes on")
        if len(self._message) + len(part) - 1 > self._message_bytes_max:
            raise Rejected(Reason.LONG)
        if part[:1] == _LAST and not self._message:
            return [part[1:]]
        self._message += part[1:]
        if part[:1] == _MORE:
            return []
        body = bytes(self._message)
        self._message.clear()
        return [body]

    def _open_greeting(self, content: bytes) -> bytes:
        """Open the peer's first frame, and derive the keys of both directions."""
        if self._initiator and content[:2] == MAGIC and content[3:8] == _clear_head()[3:]:
            raise self._refused_by(content[8:])
        header, sealed = content[:_HEADER_BYTES], content[_HEADER_BYTES:]
        key = self._key_of(header, sealed)
        boot, nonce = header[8:24], header[24:40]
        try:
            cipher = self._greeting_cipher(key, boot, nonce)
            body = cipher.decrypt(bytes(12), sealed, header)
        except InvalidTag:
            raise Rejected(Reason.FORGED) from None
        if boot == self._boot:
            raise Rejected(Reason.SELF)
        self.sender = boot
        self._derive_keys(key, boot, nonce)
        return body

    def _key_of(self, header: bytes, sealed: bytes) -> bytes:
        """Find the cluster's key that a greeting names."""
        if len(sealed) < TAG_BYTES:
            raise Rejected(Reason.SHORT)
        if header[:2] != MAGIC:
            raise Rejected(Reason.MAGIC)
        if header[2:4] != bytes((VERSION, FLAG_STREAM)):
            raise Rejected(Reason.VERSION)
        key = self._keys.get(header[4:8])
        if key is None:
            raise Rejected(Reason.FOREIGN, header[4:8].hex())
        return key

    def _refused_by(self, body: bytes) -> Rejected:
        """Note what the other end says in clear; it is for people, and proves nothing."""
        message = decode(body)
        if not isinstance(message, Refused):
            raise MalformedMessage("in clear, and no refusal")
        self.refused = message
        return Rejected(Reason.REFUSED)

    def _greeting_cipher(self, key: bytes, boot: bytes, nonce: bytes) -> Cipher:
        purpose = b"crdtnode 1 greeting " + boot + nonce + self._cluster
        return self._derive(self._salt, key, purpose)

    def _derive_keys(self, peer_key: bytes, peer: bytes, peer_nonce: bytes) -> None:
        """Derive both directions: each is sealed with the sealing key of the side that sends."""
        ours, theirs = (self._nonce, self._boot), (peer_nonce, peer)
        first, second = (ours, theirs) if self._initiator else (theirs, ours)
        both = first[0] + second[0] + first[1] + second[1] + self._cluster
        there = b"crdtnode 1 stream there " + both
        back = b"crdtnode 1 stream back " + both
        out, into = (there, back) if self._initiator else (back, there)
        our_key = next(iter(self._keys.values()))
        self._outbound = self._derive(self._salt, our_key, out)
        self._inbound = self._derive(self._salt, peer_key, into)


class ClearStream(StreamSeal):
    """The same frames, order and lengths without encryption: for simulations only."""

    def __init__(
        self,
        cluster: str,
        boot: bytes,
        nonce: bytes,
        initiator: bool,
        max_message_bytes: int = SECRET_MESSAGE_BYTES_MAX,
    ) -> None:
        keyring = Keyring.open_key(cluster)
        super().__init__(keyring, cluster, boot, nonce, initiator, max_message_bytes, checking)


def _frame(content: bytes) -> bytes:
    return len(content).to_bytes(LENGTH_BYTES) + content


def _nonce(counter: int) -> bytes:
    return counter.to_bytes(12)


def _clear_head() -> bytes:
    return MAGIC + bytes((VERSION, FLAG_REFUSAL)) + _NO_KEY
