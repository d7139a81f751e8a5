"""``GET /v1/events``: what changes, as server-sent events.

Rule of this file: every stream says that it is open before anything can be missed, shows that it
lives while nothing happens, and ends with an event of its own when the node closes. There is no
history: whoever comes back (``Last-Event-ID``) is told to look at the objects anew.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from typing import Any

import msgspec
from starlette.requests import Request
import trio

from crdtnode.control.calls import tag_for
from crdtnode.control.rendering import value_of
from crdtnode.control.streaming import Streamed, Write
from crdtnode.node import Change, MemberChange, Node, NodeEvent
from crdtnode.registry.names import check_name

HEARTBEAT = 15.0
"""Seconds of silence after which a comment shows that the stream lives."""

_QUEUE = 64


class Events:
    """Makes streams of events.

    Args:
        node: Whose.
        closing: Set when the node is about to end.
    """

    def __init__(self, node: Node, closing: trio.Event) -> None:
        self._node = node
        self._closing = closing

    async def stream(self, request: Request) -> Streamed:
        """``GET /v1/events?name=&type=&value=&objects=&members=&events=``."""
        query = request.query_params
        tag = tag_for(self._node, query["type"]) if "type" in query else None
        source = _Source(
            self._node,
            self._closing,
            name=check_name(query["name"]) if "name" in query else None,
            tag=tag,
            objects=_asked(query, "objects", "true"),
            members=_asked(query, "members"),
            events=_asked(query, "events"),
            value=_asked(query, "value"),
            again="last-event-id" in request.headers,
        )
        return Streamed(source.produce, "text/event-stream")


def _asked(query: Mapping[str, str], key: str, default: str = "false") -> bool:
    return query.get(key, default) not in ("false", "0")


class _Source:
    """One stream: several watches, one writer."""

    def __init__(
        self,
        node: Node,
        closing: trio.Event,
        *,
        name: str | None,
        tag: str | None,
        objects: bool,
        members: bool,
        events: bool,
        value: bool,
        again: bool,
    ) -> None:
        self._node = node
        self._closing = closing
        self._name = name
        self._tag = tag
        self._objects = objects
        self._members = members
        self._events = events
        self._value = value
        self._again = again
        self._count = 0

    async def produce(self, write: Write) -> None:
        """Write events until the node closes."""
        node = self._node
        async with AsyncExitStack() as stack, trio.open_nursery() as nursery:
            out, into = trio.open_memory_channel[bytes](_QUEUE)
            watches: list[Any] = []
            if self._objects:
                watch = node.watch(self._name, self._tag)
                watches.append(await stack.enter_async_context(watch))
            if self._members:
                watches.append(await stack.enter_async_context(node.watch_members()))
            if self._events:
                watches.append(await stack.enter_async_context(node.watch_events()))
            await write(self._event("open", {"node": node.name}))
            if self._again:
                await write(self._event("resync", {}))
            for watch in watches:
                nursery.start_soon(self._forward, watch, out)
            nursery.start_soon(self._until_closing, nursery.cancel_scope)
            await self._write_for_ever(into, write)
        await write(self._event("closing", {}))

    async def _write_for_ever(self, into: trio.MemoryReceiveChannel[bytes], write: Write) -> None:
        while True:
            event = b": still here\n\n"
            with trio.move_on_after(HEARTBEAT):
                event = await into.receive()
            await write(event)

    async def _until_closing(self, scope: trio.CancelScope) -> None:
        await self._closing.wait()
        scope.cancel()

    async def _forward(self, watch: AsyncIterator[Any], out: trio.MemorySendChannel[bytes]) -> None:
        async for news in watch:
            await out.send(self._rendered(news))

    def _rendered(self, news: Change | MemberChange | NodeEvent) -> bytes:
        match news:
            case Change("change" | "removed" as kind):
                return self._event(kind, self._change(news))
            case MemberChange("change", name, address, state):
                return self._event("member", {"name": name, "address": address, "state": state})
            case NodeEvent("event", event, fields):
                return self._event("event", {"event": event, **fields})
            case _:
                return self._event("resync", {})

    def _change(self, change: Change) -> dict[str, Any]:
        made: dict[str, Any] = {
            "type": change.type,
            "name": change.name,
            "version": self._node.version(change.name, change.type),
            "source": change.source,
        }
        if change.delta is not None:
            made["delta"] = change.delta.payload
        obj = self._node.registry.get(change.type, change.name) if self._value else None
        return made if obj is None else {**made, "value": value_of(obj)}

    def _event(self, kind: str, data: Mapping[str, Any]) -> bytes:
        self._count += 1
        body = msgspec.json.encode(data)
        return b"id: %d\nevent: %s\ndata: %s\n\n" % (self._count, kind.encode(), body)
