"""A small workbench of our own: routes lines between nodes, late, lossy and cut."""

from collections.abc import AsyncIterator, Callable
import json
from random import Random
from typing import Any

import trio

from crdtnode.sim.maelstrom import serve


class Workbench:
    """Nodes that run in this process, a network between them, and one client."""

    def __init__(self, nursery: trio.Nursery, seed: int, latency: float, loss: float) -> None:
        self._nursery = nursery
        self._chance = Random(seed)
        self._latency, self._loss = latency, loss
        self._inboxes: dict[str, trio.MemorySendChannel[bytes]] = {}
        self._replies: dict[int, trio.Event] = {}
        self._bodies: dict[int, dict[str, Any]] = {}
        self._asked = 0
        self.linked: Callable[[str, str], bool] = lambda _a, _b: True
        self.carried: dict[str, int] = {}

    def open(self, name: str, workload: str | None = None) -> None:
        self._inboxes[name], receive = trio.open_memory_channel[bytes](10_000)
        self._nursery.start_soon(serve, _lines(receive), self._route, workload)

    async def start(self, *names: str, workload: str | None = None) -> None:
        for name in names:
            self.open(name, workload)
        for name in names:
            reply = await self.ask(name, type="init", node_id=name, node_ids=list(names))
            assert reply["type"] == "init_ok"

    async def ask(self, target: str, **body: Any) -> dict[str, Any]:
        """What a node answers to a client; the way to clients loses nothing."""
        self._asked += 1
        number = self._asked
        self._replies[number] = trio.Event()
        self.send({"src": "c1", "dest": target, "body": {**body, "msg_id": number}})
        with trio.fail_after(60):
            await self._replies[number].wait()
        return self._bodies[number]

    def send(self, message: object) -> None:
        line = message if isinstance(message, bytes) else json.dumps(message).encode()
        target = "n1" if isinstance(message, bytes) else message["dest"]  # type: ignore[index]
        self._inboxes[target].send_nowait(line)

    def _route(self, line: bytes) -> None:
        assert line.endswith(b"\n")
        message = json.loads(line)
        source, target, body = message["src"], message["dest"], message["body"]
        self.carried[body["type"]] = self.carried.get(body["type"], 0) + 1
        if target.startswith("c"):
            self._bodies[body["in_reply_to"]] = body
            self._replies[body["in_reply_to"]].set()
        elif self.linked(source, target) and self._chance.random() >= self._loss:
            wait = self._chance.uniform(0, 2 * self._latency)
            self._nursery.start_soon(self._deliver, target, line, wait)

    async def _deliver(self, target: str, line: bytes, wait: float) -> None:
        await trio.sleep(wait)
        self._inboxes[target].send_nowait(line)


async def _lines(receive: trio.MemoryReceiveChannel[bytes]) -> AsyncIterator[bytes]:
    async for line in receive:
        yield line
