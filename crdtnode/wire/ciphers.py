"""Keys to ciphers: how the key of one conversation comes from the key of a cluster.

Rule of this file: a derived key is used in one direction between two processes, or for the
greetings of one, so that a counter is enough of a nonce. `sealing` is the cipher of the world,
`checking` stands in for it in simulations: it costs little, hides nothing, and refuses whatever
was damaged or meant for somebody else, at the same lengths.

Source: HKDF, RFC 5869; AES-256-GCM, NIST SP 800-38D, with the deterministic nonces of its 8.2.1.
"""

from typing import Final, Protocol
from zlib import crc32

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

TAG_BYTES: Final = 16
"""What a seal adds to the sealed."""


class Cipher(Protocol):
    """Authenticated encryption under one key. A nonce has 12 bytes and is used once."""

    def encrypt(self, nonce: bytes, data: bytes, associated_data: bytes, /) -> bytes:
        """Return `data` sealed, `TAG_BYTES` longer."""

    def decrypt(self, nonce: bytes, data: bytes, associated_data: bytes, /) -> bytes:
        """Return what was sealed, or raise `InvalidTag`."""


class Derive(Protocol):
    """Makes the cipher of one conversation."""

    def __call__(self, salt: bytes, key: bytes, purpose: bytes) -> Cipher:
        """Derive from a cluster's salt and key; equal purposes give equal ciphers."""


def sealing(salt: bytes, key: bytes, purpose: bytes) -> Cipher:
    """Derive an AES-256-GCM key: nobody without the cluster's key reads or forges."""
    return AESGCM(HKDF(SHA256(), 32, salt, purpose).derive(key))


class _Checksum:
    def __init__(self, seed: int) -> None:
        self._seed = seed

    def encrypt(self, nonce: bytes, data: bytes, associated_data: bytes, /) -> bytes:
        return data + self._sum(nonce, data, associated_data)

    def decrypt(self, nonce: bytes, data: bytes, associated_data: bytes, /) -> bytes:
        plain = data[:-TAG_BYTES]
        if self._sum(nonce, plain, associated_data) != data[-TAG_BYTES:]:
            raise InvalidTag
        return plain

    def _sum(self, nonce: bytes, data: bytes, associated_data: bytes) -> bytes:
        return crc32(data, crc32(associated_data, crc32(nonce, self._seed))).to_bytes(TAG_BYTES)


def checking(salt: bytes, key: bytes, purpose: bytes) -> Cipher:
    """Derive a checksum: for simulations only."""
    return _Checksum(crc32(purpose, crc32(key, crc32(salt))))
