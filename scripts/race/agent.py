"""A member as the race sees it: a process that reads requests and answers each with a line.

A request is a JSON object with `do` and its arguments; the answer is a JSON object. Times are those
of CLOCK_MONOTONIC, which all processes of a machine share. An update has an id, ``PREFIX-NUMBER``;
each member notes when it first saw an id.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
import json
import sys
import time
from typing import Any

import trio


class Agent(ABC):
    """What a member must be able to do."""

    def __init__(self) -> None:
        self.seen: dict[str, float] = {}
        self.states: dict[str, str] = {}
        self._changed = trio.Event()
        self._lacks: str | None = None

    @abstractmethod
    async def join(self, address: str) -> None:
        """Join through a member."""

    @abstractmethod
    async def write(self, update: str) -> None:
        """Send an update to everybody."""

    @abstractmethod
    async def status(self) -> int:
        """Ask everybody how they are; gives how many answered."""

    @abstractmethod
    async def leave(self) -> None:
        """Leave on purpose."""

    def note(self, update: str) -> None:
        """An update is visible here."""
        self.seen.setdefault(update.split(".", 1)[0], time.monotonic())
        self.changed()

    def changed(self) -> None:
        """Something that a request may wait for is otherwise now."""
        self._changed.set()

    async def _until(self, condition: Callable[[], bool], seconds: float) -> float | None:
        with trio.move_on_after(seconds):
            while not condition():
                self._changed = trio.Event()
                await self._changed.wait()
            return time.monotonic()
        return None

    async def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Do what a request says."""
        match request:
            case {"do": "join", "address": address}:
                await self.join(address)
                return {}
            case {"do": "alive", "count": count, "seconds": seconds}:
                return {"at": await self._until(lambda: self._alive() == count, seconds)}
            case {"do": "gone", "name": name, "seconds": seconds}:
                return {"at": await self._until(lambda: self._is_gone(name), seconds)}
            case {"do": "write", "prefix": prefix, "count": count, "rate": rate, "size": size}:
                return {"at": await self._write_many(prefix, count, rate, size)}
            case {"do": "arrivals", "counts": counts, "seconds": seconds}:
                ids = [f"{prefix}-{n}" for prefix, count in counts.items() for n in range(count)]
                lacking, self._lacks = iter(ids), None
                await self._until(lambda: self._has_all(lacking), seconds)
                return {"at": {i: self.seen.get(i) for i in ids}}
            case {"do": "status"}:
                began = time.monotonic()
                return {"answers": await self.status(), "took": time.monotonic() - began}
            case {"do": "leave"}:
                began = time.monotonic()
                await self.leave()
                return {"took": time.monotonic() - began}
            case _:
                raise ValueError(f"unknown request {request}")

    def _has_all(self, lacking: Iterator[str]) -> bool:
        """True once all are seen; goes on where it stopped, lest waiting costs more than the work."""
        if self._lacks is None or self._lacks in self.seen:
            self._lacks = next((update for update in lacking if update not in self.seen), None)
        return self._lacks is None

    def _alive(self) -> int:
        return sum(state == "alive" for state in self.states.values())

    def _is_gone(self, name: str) -> bool:
        return self.states.get(name) in ("dead", "left")

    async def _write_many(
        self, prefix: str, count: int, rate: float, size: int
    ) -> dict[str, float]:
        times: dict[str, float] = {}
        began = trio.current_time()
        for number in range(count):
            due = began + number / rate
            if trio.current_time() < due:
                await trio.sleep_until(due)
            update = f"{prefix}-{number}"
            times[update] = time.monotonic()
            await self.write(update.ljust(size, "."))
        return times


async def serve(agent: Agent, **ready: object) -> None:
    """Say that we are ready, then answer requests until the input ends or we have left."""
    print(json.dumps(ready), flush=True)
    async for line in trio.wrap_file(sys.stdin):
        request = json.loads(line)
        print(json.dumps(await agent.answer(request)), flush=True)
        if request["do"] == "leave":
            return
