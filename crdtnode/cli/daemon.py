"""Talks to a node over its unix socket.

Rule of this file: one request, one connection, HTTP/1.0, so that an answer ends where the
connection does and nothing has to be unwrapped. The standard library's client would double the
time that a command takes to start (it loads the email package and OpenSSL).
"""

from collections.abc import Generator
from contextlib import closing
import json
import os
from pathlib import Path
import socket
from typing import Any
from urllib.parse import quote, urlencode

from crdtnode.cli.options import chosen_api
from crdtnode.cli.outcome import Code, Failure, code_of, line_of_problem
from crdtnode.control.places import SUFFIX, answers, folder, socket_of, sockets

_CONNECT_TIMEOUT = 5.0
_ANSWER_TIMEOUT = 10.0


class Refused(Failure):
    """The node answered with a problem document.

    Attributes:
        problem: The document.
    """

    def __init__(self, problem: dict[str, Any]) -> None:
        super().__init__(line_of_problem(problem), code_of(problem["status"]))
        self.problem = problem


class Daemon:
    """A node on this host."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def chosen(cls) -> "Daemon":
        """Return the node that ``--api`` names, or else the only one on this host.

        Raises:
            Failure: There is none, or more than one.
        """
        chosen = chosen_api()
        return cls(_only_socket() if chosen is None else _path_of(chosen.api))

    def get(self, path: str, **query: object) -> Any:
        """Return what a path shows.

        Raises:
            Failure: The node cannot be reached, or says no.
        """
        return self.request("GET", path, query=query)

    def post(self, path: str, document: object = None, **query: object) -> Any:
        """Return the answer to a document.

        Raises:
            Failure: The node cannot be reached, or says no.
        """
        body = json.dumps({} if document is None else document).encode()
        return self.request("POST", path, body, query)

    def request(
        self, method: str, path: str, body: bytes = b"", query: dict[str, object] | None = None
    ) -> Any:
        """Return the document that answers a request.

        Raises:
            Failure: The node cannot be reached, or says no.
        """
        with closing(self.stream(method, path, body, query)) as lines:
            try:
                return json.loads(b"".join(lines))
            except ValueError:
                raise self._unreachable("what answers is no JSON") from None

    def stream(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        query: dict[str, object] | None = None,
        patience: float | None = None,
    ) -> Generator[bytes, None, None]:
        """Yield the lines of an answer as they come.

        Args:
            method: As in HTTP.
            path: Percent-encoded.
            body: JSON, or JSON lines.
            query: Parameters; those that are None are left out.
            patience: Seconds of silence that are borne; enough for any request that does not wait, if None.

        Raises:
            Failure: The node cannot be reached, goes silent, or says no.
        """
        asked = urlencode({k: v for k, v in (query or {}).items() if v is not None})
        target = f"{path}?{asked}" if asked else path
        head = (
            f"{method} {target} HTTP/1.0\r\nHost: localhost\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        with self._connect() as sock, sock.makefile("rb") as answer:
            sock.settimeout(_ANSWER_TIMEOUT if patience is None else patience)
            try:
                sock.sendall(head.encode() + body)
                status = _read_head(answer)
                if status >= 400:
                    raise Refused(_problem(answer.read(), status))
                yield from answer
            except TimeoutError:
                raise Failure(f"the node at {self.path} does not answer", Code.TIMEOUT) from None
            except (ConnectionError, ValueError) as error:
                raise self._unreachable(f"it hung up ({error})") from None

    def _connect(self) -> socket.socket:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.settimeout(_CONNECT_TIMEOUT)
        try:
            sock.connect(os.fspath(self.path))
        except OSError as error:
            sock.close()
            missing = isinstance(error, FileNotFoundError)
            why = "there is no such socket" if missing else error.strerror or str(error)
            raise self._unreachable(why) from None
        return sock

    def _unreachable(self, why: str) -> Failure:
        return Failure(
            f"no node answers at {self.path}: {why}. Start one with `crdtnode run`, "
            "or say where it is with --api",
            Code.UNREACHABLE,
        )


def _read_head(answer: Any) -> int:
    status_line = answer.readline(65_536)
    if not status_line.startswith(b"HTTP/"):
        raise ValueError("no HTTP answer" if status_line else "no answer")
    while answer.readline(65_536) not in (b"\r\n", b"\n", b""):
        pass
    return int(status_line.split()[1])


def _problem(body: bytes, status: int) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except ValueError:
        found = None
    if isinstance(found, dict) and "detail" in found:
        return {"status": status, **found}
    return {"status": status, "detail": f"the node answered with status {status}"}


def _path_of(api: str) -> Path:
    """Take what ``--api`` said as a path where it can be one, else as a node's name."""
    if "/" in api or api.endswith(SUFFIX):
        return Path(api.removeprefix("unix:"))
    return socket_of(api)


def _only_socket() -> Path:
    found = sockets()
    if len(found) > 1:
        found = [path for path in found if answers(path)]
    if not found:
        raise Failure(
            f"no node runs on this host: there is no socket in {folder()}. "
            "Start one with `crdtnode run`, or say where it is with --api",
            Code.UNREACHABLE,
        )
    if len(found) > 1:
        names = ", ".join(path.name.removesuffix(SUFFIX) for path in found)
        raise Failure(f"several nodes run on this host ({names}): choose with --api", Code.USAGE)
    return found[0]


def object_path(tag: str, name: str, *more: str) -> str:
    """Return the path of an object, whatever is in its name."""
    return "/v1/objects/" + "/".join(quote(part, safe="") for part in (tag, name, *more))
