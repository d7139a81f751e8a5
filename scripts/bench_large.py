#!/usr/bin/env python3
"""How long one large object takes to all members, and whether anybody is taken for dead meanwhile.

Starts real processes on loopback, with a key. One writes an object of many elements in one change;
each says when it holds all of them, how many probes were not answered in time, how often it suspected
somebody, how long its event loop stood still and its longest call of the engine took, and how much
memory it had at most. The write itself is the caller's: it is made in a few steps, and not counted.
Prints one JSON line per figure.

    scripts/bench_large.py [--nodes 10] [--mib 16] [--type ORSet] [--timeout 300]
"""

if __name__ == "__main__":
    import own_python

    own_python.use()

import argparse
from collections.abc import AsyncIterator, Callable
from functools import partial
import gc
import json
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
import subprocess
import sys
import tempfile
from typing import Any

import trio
import trio.lowlevel

from crdt import GCounter, GSet, LWWMap, LWWRegister, ORMap, ORSet, Sequence, StateCRDT, Text
from crdtnode import Node, open_node
from crdtnode.node.keyfile import new_keyring

ELEMENT_BYTES = 20
LOOK = 0.01
STEP = 10_000
ROOT = Path(__file__).resolve().parent.parent


def elements(mib: float) -> list[str]:
    """So many MiB of elements, as a payload."""
    count = int(mib * 2**20 / (ELEMENT_BYTES + 3))
    return [f"{number:0{ELEMENT_BYTES}d}" for number in range(count)]


# What is written, by type


def counters(large: ORMap[str], names: list[str]) -> None:
    """Put a counter under each name."""
    one = GCounter("writer")
    one.increment()
    large.update(dict.fromkeys(names, one))


def blob(large: LWWRegister, names: list[str]) -> None:
    """Make the one value longer, which nobody can divide."""
    large.assign((large.value or "") + "".join(names))


TYPES: dict[str, tuple[type[StateCRDT], Callable[[Any, list[str]], object], Callable[[Any], int]]]
TYPES = {
    "ORSet": (ORSet, ORSet.update, len),
    "GSet": (GSet, GSet.update, len),
    "LWWMap": (LWWMap, lambda large, names: large.update(dict.fromkeys(names, 1)), len),
    "ORMap": (ORMap, counters, len),
    "Sequence": (Sequence, Sequence.extend, len),
    "Text": (
        Text,
        lambda large, names: large.insert(len(large), "".join(names)),
        lambda large: len(large) // ELEMENT_BYTES,
    ),
    "LWWRegister": (LWWRegister, blob, lambda large: len(large.value or "") // ELEMENT_BYTES),
}
"""The type, how elements are added to an object of it, and how many it holds."""


# A member


async def member(name: str, keyring: str, seed: str, mib: float, kind: str) -> None:
    """Run until standard input ends; a line on it means: write now."""
    names = elements(mib)
    seen = {"suspected": 0, "stood_still_s": 0.0}
    async with (
        open_node(
            name=name, bind="127.0.0.1:0", keyring=keyring, join=[seed] if seed else []
        ) as node,
        node.watch_members() as members,
        trio.open_nursery() as nursery,
    ):
        gc.freeze()  # as the daemon does
        say(address=node.address)
        nursery.start_soon(count_suspicions, members, seen)
        nursery.start_soon(measure_lag, seen)
        nursery.start_soon(report, node, kind, len(names), seen)
        async for line in trio.lowlevel.FdStream(0):
            if line.startswith(b"write"):
                await write(node, kind, names)
                seen["stood_still_s"] = 0.0
        nursery.cancel_scope.cancel()


async def write(node: Node, kind: str, names: list[str]) -> None:
    """Add all in one change that the node flushes as one, without standing still for long."""
    cls, add, _ = TYPES[kind]
    ready = cls("writer")
    for start in range(0, len(names), STEP):
        add(ready, names[start : start + STEP])
        await trio.lowlevel.checkpoint()
    node.open("large", cls).join(ready)


def say(**fields: object) -> None:
    """Tell the parent."""
    print(json.dumps(fields), flush=True)


async def count_suspicions(changes: AsyncIterator[Any], seen: dict[str, float]) -> None:
    """Note whoever is held for anything but alive."""
    async for change in changes:
        seen["suspected"] += change.state in ("suspect", "dead")


async def measure_lag(seen: dict[str, float]) -> None:
    """Note the longest time for which nothing else could run."""
    while True:
        due = trio.current_time() + LOOK
        await trio.sleep_until(due)
        seen["stood_still_s"] = max(seen["stood_still_s"], trio.current_time() - due)


async def report(node: Node, kind: str, count: int, seen: dict[str, float]) -> None:
    """Say when everybody is there, and when the whole object is."""
    cls, _, size = TYPES[kind]
    large = node.open("large", cls)
    alive = 0
    while size(large) < count:
        if node.member_counts()["alive"] != alive:
            alive = node.member_counts()["alive"]
            say(alive=alive)
        await trio.sleep(0.05)
    counts = node.metrics
    calls = {f"{what} ms": ms for what, ms in counts.longest_ms.items()}
    missed = counts.packets_sent["pingreq"]
    memory = getrusage(RUSAGE_SELF).ru_maxrss / 1024
    say(holds=True, missed=missed, memory_mib=memory, calls=calls, **seen)


# The parent


class Members:
    """The processes, and what they said last."""

    def __init__(self, size: int) -> None:
        self.said: list[dict[str, Any]] = [{} for _ in range(size)]
        self.processes: list[trio.Process] = []

    async def listen(self, number: int) -> None:
        """Take what one member says."""
        pending = b""
        async for chunk in self.processes[number].stdout:
            *lines, pending = (pending + chunk).split(b"\n")
            for line in lines:
                self.said[number].update(json.loads(line))

    async def until_all(self, key: str, value: object) -> None:
        """Wait until all members have said it."""
        while not all(said.get(key) == value for said in self.said):  # noqa: ASYNC110 (said by others)
            await trio.sleep(LOOK)


async def race(size: int, mib: float, kind: str, patience: float) -> bool:
    """Start all, write on the first, wait; True if everybody got it."""
    with tempfile.TemporaryDirectory() as folder:
        keyring = Path(folder) / "keyring"
        new_keyring(keyring)
        members = Members(size)
        async with trio.open_nursery() as nursery:
            for number in range(size):
                seed = members.said[0]["address"] if number else ""
                command = [sys.executable, __file__, "--member", f"m{number}", str(keyring), seed]
                start = partial(
                    trio.run_process,
                    [*command, "--mib", str(mib), "--type", kind],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    cwd=ROOT,
                )
                members.processes.append(await nursery.start(start))
                nursery.start_soon(members.listen, number)
                while "address" not in members.said[number]:  # noqa: ASYNC110 (said by others)
                    await trio.sleep(LOOK)
            await members.until_all("alive", size)
            began = trio.current_time()
            await members.processes[0].stdin.send_all(b"write\n")
            with trio.move_on_after(patience) as limit:
                await members.until_all("holds", True)
            show(members, trio.current_time() - began, mib, got_all=not limit.cancelled_caught)
            for process in members.processes:
                await process.stdin.aclose()
    return not limit.cancelled_caught


def show(members: Members, seconds: float, mib: float, *, got_all: bool) -> None:
    """Print the figures."""
    size = len(members.said)
    said = [one for one in members.said if one.get("holds")]
    figures: dict[str, tuple[object, str]] = {
        "everywhere": (round(seconds, 2) if got_all else None, "s"),
        "members that hold it": (len(said), f"of {size}"),
        "probes that were not answered at once": (int(sum(one["missed"] for one in said)), ""),
        "suspicions": (int(sum(one["suspected"] for one in said)), ""),
        "event loop stood still, worst": (
            round(max((one["stood_still_s"] for one in said), default=0.0), 2), "s",
        ),
        "longest calls of the engine, by what they were for": (longest(said), "ms"),
        "memory of a member, most": (round(max((one["memory_mib"] for one in said), default=0)), "MiB"),
    }  # fmt: skip
    for what, (value, unit) in figures.items():
        print(
            json.dumps(
                {"figure": f"{mib:g} MiB: {what}", "value": value, "unit": unit, "nodes": size}
            )
        )


def longest(said: list[dict[str, Any]]) -> dict[str, int]:
    """The longest calls over all members, those over 20 ms."""
    calls: dict[str, int] = {}
    for one in said:
        for what, ms in one["calls"].items():
            calls[what] = max(ms, calls.get(what, 0))
    return {what: ms for what, ms in sorted(calls.items()) if ms > 20}


def main() -> int:
    """Parse and run."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--nodes", type=int, default=10)
    parser.add_argument("--mib", type=float, default=16.0)
    parser.add_argument("--type", choices=TYPES, default="ORSet")
    parser.add_argument("--timeout", type=float, default=300.0)
    parser.add_argument("--member", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.member:
        trio.run(member, *options.member, options.mib, options.type)
        return 0
    return 0 if trio.run(race, options.nodes, options.mib, options.type, options.timeout) else 1


if __name__ == "__main__":
    sys.exit(main())
