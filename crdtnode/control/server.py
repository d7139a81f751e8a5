"""Serves the API on a unix socket, in the loop of the node.

Rule of this file: the socket file exists exactly while somebody serves it. A file that a dead
process left is removed, after a connect has shown that nobody is there; one that answers is never
touched. A failing server is logged, counted and started again; it never ends the node.
"""

import errno
import logging
import os
from pathlib import Path
import socket
import stat

import trio

from crdtnode.control.app import application
from crdtnode.control.connections import Connections
from crdtnode.control.places import UnsafeFolder, answers, folder, make_folder
from crdtnode.errors import CrdtNodeError
from crdtnode.node import Node

log = logging.getLogger(__name__)

_START_AGAIN = 1.0
_BACKLOG = 128


class CannotServe(CrdtNodeError):
    """The API's socket cannot be made: the path is taken, too long, or not ours. No node runs."""


class Door:
    """A bound socket and its file.

    Args:
        path: Where the file goes.

    Raises:
        CannotServe: Somebody serves there, or the path cannot be used.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            if path.parent == folder():
                make_folder(path.parent)
            _clear(path)
            self.sock = _bind(path)
        except UnsafeFolder as error:
            raise CannotServe(str(error)) from error
        except OSError as error:
            raise CannotServe(f"cannot serve the API at {path}: {_explain(error)}") from error
        self._file = path.lstat().st_ino

    def close(self) -> None:
        """Close the socket and remove its file, unless somebody else put theirs in its place."""
        self.sock.close()
        try:
            if self.path.lstat().st_ino == self._file:
                self.path.unlink()
        except OSError:
            log.debug("socket-gone path=%s", self.path)


def _explain(error: OSError) -> str:
    if error.errno is None:  # Python's own check
        return "the path of a unix socket has at most 107 bytes"
    return error.strerror or errno.errorcode.get(error.errno, "?")


def _clear(path: Path) -> None:
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise CannotServe(f"cannot serve the API at {path}: there is a file that is no socket")
    if answers(path):
        raise CannotServe(f"a node is serving at {path} already; give this one another name or API")
    path.unlink()


def _bind(path: Path) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        os.fchmod(sock.fileno(), 0o700)  # the file is born with it: no moment of being open to all
        sock.bind(os.fspath(path))
        os.chmod(path, 0o700)
        sock.listen(_BACKLOG)  # from now on others see that somebody is here
        sock.setblocking(False)
    except OSError:
        sock.close()
        raise
    return sock


async def serve(
    node: Node,
    door: Door,
    closing: trio.Event,
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve the API of a node until ``closing`` is set or this is cancelled.

    Args:
        node: Whose API.
        door: Where to serve; closed at the end.
        closing: Ends streams and then the server.
        task_status: Told once requests are taken.

    Raises:
        CannotServe: The server failed, and somebody took its place before it could start again.
    """
    path = door.path
    while True:
        try:
            await _serve_once(node, door.sock, closing, task_status)
        finally:
            door.close()
        if closing.is_set():
            return
        task_status = trio.TASK_STATUS_IGNORED
        await trio.sleep(_START_AGAIN)
        door = Door(path)


async def _serve_once(
    node: Node, sock: socket.socket, closing: trio.Event, task_status: trio.TaskStatus[None]
) -> None:
    connections = Connections(application(node, closing), node.metrics)
    try:
        await connections.serve(sock, closing, task_status=task_status)
    except Exception as error:
        log.error("api-failed", exc_info=error)
        node.metrics.contained.add("control")
