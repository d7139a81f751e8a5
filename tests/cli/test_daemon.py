"""The client of the API, against servers that misbehave."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
import socket
from threading import Thread

import pytest

from crdtnode.cli import daemon
from crdtnode.control import places

pytestmark = pytest.mark.process

Serve = Callable[..., Path]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Serve fixed bytes, one connection after another, at a socket in the usual folder."""
    listeners: list[socket.socket] = []

    def start(answer: bytes | None, name: str = "fake") -> Path:
        path = tmp_path / "crdtnode" / f"{name}.sock"
        path.parent.mkdir(exist_ok=True)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(path))
        listener.listen()
        listeners.append(listener)
        Thread(target=_answer_all, args=(listener, answer), daemon=True).start()
        return path

    yield start
    for listener in listeners:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def _answer_all(listener: socket.socket, answer: bytes | None) -> None:
    kept = []
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            for left in kept:
                left.close()
            return
        if answer is None:
            kept.append(connection)  # says nothing, ever
            continue
        with connection, suppress(OSError):
            connection.recv(65_536)
            connection.sendall(answer)


OK = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n"
ROWS = OK + b'{"objects": [{"type": "gset@1", "name": "x", "version": "0123456789abcdef"}]}'


def test_without_any_node_it_says_where_it_looked_and_how_to_start_one(shell, tmp_path) -> None:
    result = shell("status")
    assert result.exit_code == 3
    assert str(tmp_path / "crdtnode") in result.stderr
    assert "crdtnode run" in result.stderr


def test_the_only_node_of_the_host_is_found_by_itself(shell, serve: Serve) -> None:
    serve(ROWS)
    assert shell("ls").stdout == "gset@1\tx\t0123456789abcdef\n"


def test_among_several_nodes_one_must_be_chosen(shell, serve: Serve, tmp_path: Path) -> None:
    serve(ROWS, "one")
    path = serve(ROWS, "two")
    result = shell("ls")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "one, two" in result.stderr
    for args in (["--api", "two", "ls"], ["ls", "--api", "two"], ["ls", "--api", str(path)]):
        assert shell(*args).exit_code == 0
    assert shell("--api", "none", "ls", "--api", "one").exit_code == 0, "the later one counts"


def test_the_environment_chooses_and_the_command_line_counts_more(
    shell, serve: Serve, monkeypatch
) -> None:
    serve(ROWS, "one")
    monkeypatch.setenv("CRDTNODE_API", "none")
    assert shell("ls").exit_code == 3
    assert shell("ls", "--api", "one").exit_code == 0
    assert shell("--api", "one", "ls").exit_code == 0


def test_what_dead_nodes_left_is_passed_over(shell, serve: Serve) -> None:
    dead = serve(ROWS, "dead")
    dead.unlink()
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(dead))
    serve(ROWS, "alive")
    assert shell("ls").exit_code == 0
    result = shell("ls", "--api", "dead")
    assert result.exit_code == 3
    assert "Connection refused" in result.stderr
    assert len(places.sockets()) == 2


@pytest.mark.parametrize("answer", [b"", b"\x00garbage\n", b"HTTP/1.1 abc\r\n\r\n", OK + b"{"])
def test_a_server_that_is_none_counts_as_unreachable(shell, serve: Serve, answer: bytes) -> None:
    serve(answer)
    result = shell("ls")
    assert (result.exit_code, result.stdout) == (3, "")


def test_a_node_that_does_not_answer_is_a_timeout(shell, serve: Serve, monkeypatch) -> None:
    monkeypatch.setattr(daemon, "_ANSWER_TIMEOUT", 0.05)
    serve(None)
    result = shell("ls")
    assert result.exit_code == 4
    assert "does not answer" in result.stderr


@pytest.mark.parametrize(
    ("status", "code"),
    [(404, 1), (422, 2), (400, 2), (403, 5), (409, 5), (503, 5), (504, 4), (500, 1)],
)
def test_a_problem_becomes_one_line_and_an_exit_code(
    shell, serve: Serve, status: int, code: int
) -> None:
    problem = b'{"status": %d, "detail": "because", "field": "name"}' % status
    serve(b"HTTP/1.1 %d \r\n\r\n" % status + problem)
    result = shell("ls")
    assert (result.exit_code, result.stderr) == (code, "Error: name: because\n")


def test_a_problem_without_a_document_still_has_its_code(shell, serve: Serve) -> None:
    serve(b"HTTP/1.1 403 \r\n\r\n<html>")
    result = shell("ls")
    assert (result.exit_code, result.stderr) == (5, "Error: the node answered with status 403\n")
