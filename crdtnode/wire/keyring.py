"""The keys of a cluster: the first seals, all open; and the text in which a file keeps them.

Rule of this file: text and bytes in, text and bytes out. Who reads and writes the file (mode 0600)
and draws the random bytes is somebody else; no error and no repr shows a key.

The salt is drawn once and never changes: it also keys the fingerprints, so that whoever can read
each other compares the same numbers. Keys may come and go.
"""

from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import Final, Self

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from crdtnode.errors import KeyringError

SALT_BYTES: Final = 16
KEY_BYTES: Final = 32
KEY_ID_BYTES: Final = 4
FRESH_BYTES: Final = SALT_BYTES + KEY_BYTES
"""Random bytes that `Keyring.fresh` takes."""
KEYS_MAX: Final = 16

_TITLE: Final = "crdtnode keyring 1"
_HEAD: Final = f"""\
{_TITLE}
# Whoever reads this file reads and writes everything in the cluster. The first key seals, all open.
"""


class Keyring:
    """Keys of one cluster.

    Args:
        salt: `SALT_BYTES` random bytes, the same on all nodes for ever.
        keys: 1 to `KEYS_MAX` different keys of `KEY_BYTES` random bytes.

    Raises:
        KeyringError: The salt or a key has the wrong length, or there are no, equal or too many
            keys.
    """

    __slots__ = ("keys", "salt", "secret")

    def __init__(self, salt: bytes, keys: Sequence[bytes]) -> None:
        if len(salt) != SALT_BYTES:
            raise KeyringError(f"a salt has {SALT_BYTES} bytes")
        if any(len(key) != KEY_BYTES for key in keys):
            raise KeyringError(f"a key has {KEY_BYTES} bytes")
        if not 1 <= len(set(keys)) == len(keys) <= KEYS_MAX:
            raise KeyringError(f"a keyring has 1 to {KEYS_MAX} different keys")
        self.salt = bytes(salt)
        self.keys = tuple(bytes(key) for key in keys)
        self.secret = True
        """False for the key that everybody knows (`open_key`)."""

    def __repr__(self) -> str:
        kind = "secret" if self.secret else "open"
        return f"<Keyring: {len(self.keys)} {kind}>"

    @classmethod
    @lru_cache(maxsize=8)
    def open_key(cls, cluster: str) -> Self:
        """Return the keyring of a cluster that has none: its key follows from its name.

        It keeps accidents and other clusters out, and hides nothing.
        """
        name = cluster.encode()
        key = HKDF(SHA256(), KEY_BYTES, None, b"crdtnode 1 open key").derive(name)
        salt = blake2b(name, digest_size=SALT_BYTES, person=b"crdtnode salt").digest()
        made = cls(salt, [key])
        made.secret = False
        return made

    @classmethod
    def fresh(cls, random: bytes) -> Self:
        """Return a keyring of one new key, from `FRESH_BYTES` random bytes.

        Raises:
            ValueError: There are more or fewer bytes.
        """
        if len(random) != FRESH_BYTES:
            raise ValueError(f"a fresh keyring takes {FRESH_BYTES} random bytes")
        return cls(random[:SALT_BYTES], [random[SALT_BYTES:]])

    def key_id(self, key: bytes, cluster: str) -> bytes:
        """Return the 4 bytes that name a key in clear: nodes with another salt use other names."""
        who = blake2b(digest_size=KEY_ID_BYTES, key=self.salt, person=b"crdtnode key id")
        who.update(key)
        who.update(cluster.encode())
        return who.digest()

    def by_id(self, cluster: str) -> dict[bytes, bytes]:
        """Return all keys by their ids, the sealing one first."""
        return {self.key_id(key, cluster): key for key in self.keys}

    def dump(self) -> str:
        """Return the text that `parse` reads, to be kept secret."""
        keys = "".join(f"key {key.hex()}\n" for key in self.keys)
        return f"{_HEAD}salt {self.salt.hex()}\n{keys}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the text of a keyring file. Empty lines and lines after ``#`` do not count.

        Raises:
            KeyringError: It is none; names the line. The text erred; nothing changed.
        """
        salts: list[bytes] = []
        keys: list[bytes] = []
        rooms = {"salt": (salts, SALT_BYTES, 1), "key": (keys, KEY_BYTES, KEYS_MAX)}
        lines = text.split("\n")
        if lines[0].strip() != _TITLE:
            raise KeyringError(f"a keyring file begins with {_TITLE!r}", 1)
        for number, line in enumerate(lines[1:], 2):
            word, _, digits = line.strip().partition(" ")
            if not word or word.startswith("#"):
                continue
            if word not in rooms:
                raise KeyringError("neither salt nor key", number)
            found, size, most = rooms[word]
            value = _from_hex(digits, size, word, number)
            if value in found or len(found) == most:
                raise KeyringError(f"this {word} is one too many", number)
            found.append(value)
        if not salts or not keys:
            raise KeyringError("there is no salt" if not salts else "there is no key")
        return cls(salts[0], keys)


def _from_hex(digits: str, size: int, word: str, number: int) -> bytes:
    try:
        value = bytes.fromhex(digits)
    except ValueError:
        value = b""  # the error's own text would show a part of the key
    if len(value) != size:
        raise KeyringError(f"a {word} is {2 * size} hex digits", number)
    return value
