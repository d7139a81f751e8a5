"""Where the sockets of this host's nodes are.

Rule of this file: whoever starts a node and whoever talks to it come to the same path, without
asking anybody: ``$XDG_RUNTIME_DIR/crdtnode/NAME.sock``, without that ``/run/crdtnode`` for root
and ``/tmp/crdtnode-UID`` for others. It imports nothing that is slow.
"""

import os
from pathlib import Path
import socket
import stat
from urllib.parse import quote

_PATH_MOST_BYTES = 107
"""Longest path of a unix socket, without its NUL (``sun_path`` in unix(7))."""

SUFFIX = ".sock"


class UnsafeFolder(Exception):
    """The folder for sockets belongs to somebody else, or others may write to it.

    Whoever made it erred; nothing was changed.
    """


def folder() -> Path:
    """Return the folder in which this user's nodes have their sockets."""
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    if runtime:
        return Path(runtime) / "crdtnode"
    if os.geteuid() == 0:
        return Path("/run/crdtnode")
    return Path(f"/tmp/crdtnode-{os.geteuid()}")


def socket_of(name: str) -> Path:
    """Return the path of the socket of a node with this name."""
    file = quote(name, safe=" ~@+=,") + SUFFIX
    path = folder() / file
    if len(os.fsencode(path)) <= _PATH_MOST_BYTES:
        return path
    from hashlib import blake2b  # rarely needed, and it loads OpenSSL

    return folder() / (blake2b(name.encode(), digest_size=8).hexdigest() + SUFFIX)


def make_folder(path: Path) -> None:
    """Make the folder of sockets, for its owner alone; it may exist.

    Raises:
        UnsafeFolder: It is a link, belongs to another user, or others may write to it.
        OSError: It cannot be made.
    """
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode):
        raise UnsafeFolder(f"{path} is no folder")
    if found.st_uid != os.geteuid():
        raise UnsafeFolder(f"{path} belongs to another user (uid {found.st_uid})")
    if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise UnsafeFolder(f"others may write to {path}; say `chmod 700 {path}`")


def sockets() -> list[Path]:
    """Return all sockets in the folder, by name; some may be left over from dead nodes."""
    try:
        return sorted(path for path in folder().iterdir() if path.name.endswith(SUFFIX))
    except OSError:
        return []


def answers(path: Path) -> bool:
    """Tell whether somebody listens at a socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(1.0)
        try:
            sock.connect(os.fspath(path))
        except OSError:
            return False
        return True
