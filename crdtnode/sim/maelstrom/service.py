"""What the workbench's clients ask of a node, and its answers.

Rule of this file: an operation is acknowledged once it is applied here, and whatever a client sends
gets an answer: a reply, or an error with one of Maelstrom's codes.
"""

from collections.abc import AsyncIterable, Callable, Mapping
import json
from typing import Any, Final

import trio

from crdt import GCounter, GSet, PNCounter
from crdtnode.node import Node, open_node
from crdtnode.sim.maelstrom.transport import TYPES, MaelstromTransport
from crdtnode.transport import format_address

WORKLOADS: Final = ("echo", "broadcast", "g-set", "g-counter", "pn-counter")
"""Workloads of Maelstrom that this node serves."""

_NAME: Final = "it"
"""The object's name: each workload has one."""

NOT_SUPPORTED: Final = 10
UNAVAILABLE: Final = 11
MALFORMED: Final = 12
CRASHED: Final = 13
PRECONDITION_FAILED: Final = 22

Write = Callable[[bytes], None]
"""Puts a line on standard output."""


class Refused(Exception):
    """A client erred, or asks for what this node cannot do; nothing changed."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


async def serve(lines: AsyncIterable[bytes], write: Write, workload: str | None = None) -> None:
    """Serve one node until there are no more lines.

    Args:
        lines: Messages of the workbench, one JSON object each.
        write: Takes ours.
        workload: Which one, where it is known; by default what the clients do tells.

    Bytes that are no message are dropped: nobody can be answered.
    """
    async with trio.open_nursery() as nursery:
        desk = _Desk(nursery, write, workload)
        async for line in lines:
            await desk.take(line)
        nursery.cancel_scope.cancel()


class _Desk:
    def __init__(self, nursery: trio.Nursery, write: Write, workload: str | None) -> None:
        self._nursery = nursery
        self._write = write
        self._workload = workload
        self._name = ""
        self._next = 0
        self._node: Node | None = None
        self._transport: MaelstromTransport | None = None

    async def take(self, line: bytes) -> None:
        try:
            message = json.loads(line)
            source, body = message["src"], message["body"]
            kind = body["type"]
        except (ValueError, LookupError, TypeError, RecursionError):
            return
        if not isinstance(source, str) or not isinstance(body, dict):
            return
        try:
            reply = await self._answer(source, str(kind), body)
        except Refused as refused:
            reply = {"type": "error", "code": refused.code, "text": str(refused)}
        except (TypeError, ValueError) as error:
            reply = {"type": "error", "code": MALFORMED, "text": str(error)}
        if reply is not None and not (kind in TYPES or str(kind).endswith("_ok")):
            self._send(source, {**reply, "in_reply_to": body.get("msg_id")})

    def _send(self, target: str, body: Mapping[str, Any]) -> None:
        self._next += 1
        body = {**body, "msg_id": self._next}
        message = {"src": self._name, "dest": target, "body": body}
        self._write(json.dumps(message, separators=(",", ":")).encode() + b"\n")

    async def _answer(self, source: str, kind: str, body: dict[str, Any]) -> dict[str, Any] | None:
        match kind:
            case "init":
                await self._init(body)
                return {"type": "init_ok"}
            case "echo":
                return {"type": "echo_ok", "echo": body.get("echo")}
            case "datagram" | "segment":
                if self._transport is not None:
                    self._transport.take(source, body)
                return None
            case "topology":
                self._expect("broadcast")
                return {"type": "topology_ok"}  # whoever lives is gossiped to
            case "broadcast":
                self._set("broadcast").add(_given(body, "message"))
                return {"type": "broadcast_ok"}
            case "add":
                self._add(body)
                return {"type": "add_ok"}
            case "read":
                return {"type": "read_ok", **self._read()}
            case "error":
                return None
            case _:
                raise Refused(NOT_SUPPORTED, f"this node does not know {kind!r}")

    async def _init(self, body: dict[str, Any]) -> None:
        name, names = body.get("node_id"), body.get("node_ids")
        if not isinstance(name, str) or not isinstance(names, list) or name not in names:
            raise Refused(MALFORMED, "init needs node_id, and node_ids with it among them")
        if self._node is not None:
            raise Refused(PRECONDITION_FAILED, f"this node is {self._name} already")
        self._name = name
        self._transport = MaelstromTransport(name, names, self._send)
        joins = [format_address(self._transport.address_of(o)) for o in names if o != name]
        self._node = await self._nursery.start(_sit, name, joins, self._transport)

    def _add(self, body: dict[str, Any]) -> None:
        if "element" in body:
            self._set("g-set").add(_given(body, "element"))
            return
        delta = _given(body, "delta")
        if type(delta) is not int:
            raise Refused(MALFORMED, f"delta must be a whole number, not {delta!r}")
        counter = "g-counter" if self._workload == "g-counter" else "pn-counter"
        if delta < 0 and counter == "g-counter":
            raise Refused(MALFORMED, "a g-counter never falls")
        self._expect(counter)
        if delta < 0:
            self._open(PNCounter).decrement(-delta)
        else:
            self._open(PNCounter if counter == "pn-counter" else GCounter).increment(delta)

    def _read(self) -> dict[str, Any]:
        match self._workload or self._gossiped():
            case "broadcast":
                return {"messages": list(self._open(GSet).value)}
            case "g-set" if self._workload is None:  # or broadcast: only others know
                elements = list(self._open(GSet).value)
                return {"messages": elements, "value": elements}
            case "g-set":
                return {"value": list(self._open(GSet).value)}
            case "g-counter":
                return {"value": self._open(GCounter).value}
            case "pn-counter":
                return {"value": self._open(PNCounter).value}
            case _:
                return {"messages": [], "value": 0}

    def _gossiped(self) -> str | None:
        """The workload that others serve, by what came from them."""
        held = {tag.partition("@")[0] for tag, _ in self._running().names()}
        return "g-set" if "gset" in held else "pn-counter" if "pncounter" in held else None

    def _set(self, workload: str) -> GSet[Any]:
        self._expect(workload)
        found: GSet[Any] = self._open(GSet)
        return found

    def _expect(self, workload: str) -> None:
        if self._workload is None:
            self._workload = workload
        if self._workload != workload:
            raise Refused(PRECONDITION_FAILED, f"this node serves {self._workload} here")

    def _open(self, kind: type[Any]) -> Any:
        return self._running().open(_NAME, kind)

    def _running(self) -> Node:
        if self._node is None:
            raise Refused(UNAVAILABLE, "this node waits for init")
        return self._node


def _given(body: Mapping[str, Any], key: str) -> Any:
    if key not in body:
        raise Refused(MALFORMED, f"{key} is missing")
    return body[key]


async def _sit(
    name: str,
    joins: list[str],
    transport: MaelstromTransport,
    *,
    task_status: trio.TaskStatus[Node],
) -> None:
    async with open_node(name=name, join=joins, transport=transport) as node:
        task_status.started(node)
        await trio.sleep_forever()
