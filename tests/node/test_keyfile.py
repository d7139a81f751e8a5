"""The keyring file."""

import os
from pathlib import Path
import stat

import pytest

from crdtnode.errors import KeyringError
from crdtnode.node.keyfile import default_path, new_keyring, read_keyring


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_keyring_is_for_its_owner_alone_and_can_be_read_back(tmp_path: Path) -> None:
    path = tmp_path / "one" / "two" / "keyring"
    old = os.umask(0)
    try:
        ring = new_keyring(path)
    finally:
        os.umask(old)
    assert mode(path) == 0o600
    assert mode(path.parent) == mode(path.parent.parent) == 0o700
    assert read_keyring(path).keys == ring.keys
    assert read_keyring(path).salt == ring.salt


def test_a_strict_umask_takes_nothing_from_its_owner(tmp_path: Path) -> None:
    old = os.umask(0o777)
    try:
        new_keyring(tmp_path / "keyring")
    finally:
        os.umask(old)
    assert mode(tmp_path / "keyring") == 0o600


def test_two_keyrings_differ(tmp_path: Path) -> None:
    assert new_keyring(tmp_path / "a").keys != new_keyring(tmp_path / "b").keys


def test_a_keyring_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "keyring"
    new_keyring(path)
    before = path.read_bytes()
    with pytest.raises(KeyringError, match="exists already"):
        new_keyring(path)
    assert path.read_bytes() == before


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(KeyringError, match=r"cannot write the keyring .*file/keyring"):
        new_keyring(tmp_path / "file" / "keyring")


@pytest.mark.parametrize(
    "content", [b"", b"nonsense", b"\xff\xfe", b"crdtnode keyring 1\nkey 00\n"]
)
def test_what_is_no_keyring_is_refused_with_its_path(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "keyring"
    path.write_bytes(content)
    with pytest.raises(KeyringError, match=str(path)):
        read_keyring(path)


def test_a_missing_keyring_is_refused_with_its_path(tmp_path: Path) -> None:
    with pytest.raises(KeyringError, match="No such file"):
        read_keyring(tmp_path / "none")


def test_a_keyring_that_others_may_read_is_used_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    new_keyring(tmp_path / "keyring")
    read_keyring(tmp_path / "keyring")
    assert not caplog.messages
    (tmp_path / "keyring").chmod(0o640)
    read_keyring(tmp_path / "keyring")
    assert "keyring-readable-by-others" in caplog.text


def test_the_default_place_follows_the_environment(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    assert default_path() == tmp_path / ".config" / "crdtnode" / "keyring"
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "x"))
    assert default_path() == tmp_path / "x" / "crdtnode" / "keyring"


def test_the_number_of_an_open_file_is_no_path(tmp_path):
    with (tmp_path / "mine").open("w+") as mine:
        with pytest.raises(TypeError):
            read_keyring(mine.fileno())
        mine.write("still open")
