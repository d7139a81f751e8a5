"""The API of a lone node in memory, asked without any socket."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
import json
from typing import Any

import pytest
import trio

from crdtnode.control.app import application
from crdtnode.metrics import Metrics
from crdtnode.node import Node, open_node
from crdtnode.transport.memory import MemoryNetwork


@dataclass
class Answer:
    """What came back."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def lines(self) -> list[Any]:
        return [json.loads(line) for line in self.body.splitlines()]


class Api:
    """Asks an application as a server would."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.closing = trio.Event()
        self.app = application(node, self.closing)

    async def ask(
        self,
        method: str,
        target: str,
        document: object = None,
        *,
        raw: bytes | list[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send a request whole and return the whole answer."""
        answer = Answer()
        async with trio.open_nursery() as nursery:
            into, out = trio.open_memory_channel[dict[str, Any]](100)
            pieces = raw if raw is not None else json.dumps(document or {}).encode()
            for message in _messages(pieces):
                into.send_nowait(message)
            scope = _scope(method, target, headers)
            await self.app(scope, out.receive, _collector(answer))
            nursery.cancel_scope.cancel()
        return answer

    async def get(self, target: str, **headers: str) -> Answer:
        return await self.ask("GET", target, headers=headers)

    async def post(self, target: str, document: object = None) -> Answer:
        return await self.ask("POST", target, document)

    async def call(self, path: str, *args: object, value: bool | None = None) -> Answer:
        asked = "" if value is None else f"?value={str(value).lower()}"
        return await self.post(f"/v1/objects/{path}{asked}", {"args": args})


def _messages(pieces: bytes | list[bytes]) -> list[dict[str, Any]]:
    parts = [pieces] if isinstance(pieces, bytes) else pieces
    made = [{"type": "http.request", "body": part, "more_body": True} for part in parts]
    made[-1]["more_body"] = False
    return made


def _scope(method: str, target: str, headers: Mapping[str, str] | None) -> dict[str, Any]:
    path, _, query = target.partition("?")
    said = {"host": "localhost", "content-type": "application/json", **(headers or {})}
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.1"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": _unquoted(path),
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(k.replace("_", "-").encode(), v.encode()) for k, v in said.items() if v],
        "client": None,
        "server": None,
    }


def _unquoted(path: str) -> str:
    from urllib.parse import unquote

    return unquote(path)


def _collector(answer: Answer) -> Any:
    async def send(message: dict[str, Any]) -> None:
        await trio.lowlevel.checkpoint()
        if message["type"] == "http.response.start":
            answer.status = message["status"]
            answer.headers = {k.decode(): v.decode() for k, v in message["headers"]}
        else:
            answer.body += message.get("body", b"")

    return send


@pytest.fixture
def network() -> MemoryNetwork:
    return MemoryNetwork()


@pytest.fixture
async def api(network: MemoryNetwork, nursery: trio.Nursery) -> AsyncIterator[Api]:
    """The API of a lone node."""
    async with open_node(
        name="a", transport=network.transport(("10.0.0.1", 27380), Metrics()), allow_faults=True
    ) as node:
        yield Api(node)
