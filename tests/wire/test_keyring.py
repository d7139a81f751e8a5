"""Keyring files: what they hold, and what is wrong with a bad one."""

import pytest

from crdtnode.errors import CrdtNodeError, KeyringError
from crdtnode.wire.keyring import FRESH_BYTES, KEYS_MAX, Keyring

SALT = "00" * 16
KEY, OTHER = "11" * 32, "22" * 32


def text(*lines: str) -> str:
    return "\n".join(["crdtnode keyring 1", *lines, ""])


def test_a_keyring_survives_its_file(keyring: Keyring) -> None:
    read = Keyring.parse(keyring.dump())
    assert (read.salt, read.keys, read.secret) == (keyring.salt, keyring.keys, True)


def test_the_first_key_of_the_file_seals() -> None:
    read = Keyring.parse(text(f"salt {SALT}", f"key {KEY}", f"key {OTHER}"))
    assert read.keys == (bytes.fromhex(KEY), bytes.fromhex(OTHER))


def test_comments_blank_lines_and_windows_line_ends_are_fine() -> None:
    windows = text("", "# mine", f"  salt {SALT}", f"key   {KEY}  ").replace("\n", "\r\n")
    assert Keyring.parse(windows).keys == (bytes.fromhex(KEY),)


@pytest.mark.parametrize(
    ("bad", "line", "why"),
    [
        ("", 1, "begins with"),
        (f"salt {SALT}\nkey {KEY}", 1, "begins with"),
        ("crdtnode keyring 2\n", 1, "begins with"),
        (text(f"salt {SALT}", "lock 1"), 3, "neither salt nor key"),
        (text("salt"), 2, "32 hex digits"),
        (text(f"salt {SALT}", f"key {KEY[:-2]}"), 3, "64 hex digits"),
        (text(f"salt {SALT}", f"key {KEY}00"), 3, "64 hex digits"),
        (text(f"salt {SALT}", f"key {KEY[:-1]}x"), 3, "64 hex digits"),
        (text(f"salt {SALT}", f"salt {SALT[:-1]}1"), 3, "one too many"),
        (text(f"salt {SALT}", f"key {KEY}", f"key {KEY}"), 4, "one too many"),
        (text(*[f"key {n:064x}" for n in range(KEYS_MAX + 1)]), KEYS_MAX + 2, "one too many"),
        (text(f"key {KEY}"), 0, "no salt"),
        (text(f"salt {SALT}"), 0, "no key"),
    ],
)
def test_a_bad_file_is_refused_by_line(bad: str, line: int, why: str) -> None:
    with pytest.raises(KeyringError, match=why) as caught:
        Keyring.parse(bad)
    assert caught.value.line == line
    assert isinstance(caught.value, CrdtNodeError)
    assert (f"line {line}: " in str(caught.value)) == bool(line)


def test_no_error_and_no_repr_shows_a_key(keyring: Keyring) -> None:
    with pytest.raises(KeyringError) as caught:
        Keyring.parse(text(f"salt {SALT}", f"key {KEY[:-1]}x"))
    assert "1111" not in str(caught.value)
    assert repr(keyring) == "<Keyring: 2 secret>"
    assert repr(Keyring.open_key("default")) == "<Keyring: 1 open>"


@pytest.mark.parametrize(
    ("salt", "keys"),
    [
        (bytes(15), [bytes(32)]),
        (bytes(16), [bytes(31)]),
        (bytes(16), []),
        (bytes(16), [bytes(32), bytes(32)]),
        (bytes(16), [bytes([n] * 32) for n in range(KEYS_MAX + 1)]),
    ],
)
def test_a_keyring_of_wrong_lengths_or_numbers_is_refused(salt: bytes, keys: list[bytes]) -> None:
    with pytest.raises(KeyringError):
        Keyring(salt, keys)


def test_a_fresh_keyring_is_made_of_the_random_bytes_it_is_given() -> None:
    fresh = Keyring.fresh(bytes(range(FRESH_BYTES)))
    assert (fresh.salt, fresh.keys) == (bytes(range(16)), (bytes(range(16, 48)),))
    assert fresh.secret
    with pytest.raises(ValueError, match="48 random bytes"):
        Keyring.fresh(bytes(47))


def test_without_a_keyring_the_key_follows_from_the_name_of_the_cluster() -> None:
    one, same, other = (Keyring.open_key(name) for name in ("default", "default", "other"))
    assert not one.secret
    assert (one.salt, one.keys) == (same.salt, same.keys)
    assert one.salt != other.salt
    assert one.keys != other.keys


def test_the_name_of_a_key_never_changes() -> None:
    key = bytes(range(32))
    keyring = Keyring(bytes(range(16)), [key])
    assert keyring.key_id(key, "default").hex() == "9fcd734d"
    assert Keyring.open_key("default").salt.hex() == "7c8a612e1c6aa024e9f8208a30e82936"


def test_the_name_of_a_key_differs_by_key_salt_and_cluster(keyring: Keyring) -> None:
    other = Keyring(bytes(16), keyring.keys)
    ids = {
        ring.key_id(key, cluster)
        for ring in (keyring, other)
        for key in ring.keys
        for cluster in ("default", "test")
    }
    assert len(ids) == 8
    assert list(keyring.by_id("default").values()) == list(keyring.keys)
