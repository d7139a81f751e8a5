"""Where a keyring lives: one file that only its owner reads.

Rule of this file: a keyring is never overwritten and never written with other modes than 0600.
"""

import logging
import os
from pathlib import Path
import stat

from crdtnode.errors import KeyringError
from crdtnode.node.journal import record
from crdtnode.wire.keyring import FRESH_BYTES, Keyring

log = logging.getLogger(__name__)


def default_path() -> Path:
    """Return ``~/.config/crdtnode/keyring``, or where XDG_CONFIG_HOME says."""
    base = os.environ.get("XDG_CONFIG_HOME")
    return (Path(base) if base else Path.home() / ".config") / "crdtnode" / "keyring"


def read_keyring(path: str | os.PathLike[str]) -> Keyring:
    """Read a keyring file.

    Raises:
        KeyringError: It cannot be read, or is no keyring. The message names the file.
    """
    try:
        with Path(path).open(encoding="utf-8") as file:  # never a number, which `open` would close
            mode = os.fstat(file.fileno()).st_mode
            text = file.read(65_536)
        ring = Keyring.parse(text)
    except OSError as error:
        raise KeyringError(f"cannot read the keyring {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise KeyringError(f"{path} is no keyring: it is no text") from error
    except KeyringError as error:
        raise KeyringError(f"{path} is no keyring: {error}") from error
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        record(log, logging.WARNING, "keyring-readable-by-others", path=str(path), fix="chmod 600")
    return ring


def new_keyring(path: str | os.PathLike[str]) -> Keyring:
    """Draw a key and write it to a new file; its directories are made with mode 0700.

    Raises:
        KeyringError: The file exists already, or cannot be written. Nothing was changed.
    """
    ring = Keyring.fresh(os.urandom(FRESH_BYTES))
    path = Path(path)
    try:
        _make_private_dirs(path.parent)
        # Created with its final mode, and only if nothing is there: no moment of being readable.
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise KeyringError(f"{path} exists already, and a key is never overwritten") from None
    except OSError as error:
        raise KeyringError(f"cannot write the keyring {path}: {error.strerror}") from error
    with open(handle, "w", encoding="utf-8") as file:
        os.fchmod(handle, 0o600)  # whatever the umask made of it
        file.write(ring.dump())
        file.flush()
        os.fsync(handle)
    return ring


def _make_private_dirs(folder: Path) -> None:
    """Make missing directories with mode 0700; ``mkdir(parents=True)`` would use the umask."""
    missing = [parent for parent in (folder, *folder.parents) if not parent.exists()]
    for parent in reversed(missing):
        parent.mkdir(mode=0o700, exist_ok=True)
