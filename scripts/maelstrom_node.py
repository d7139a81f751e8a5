#!/usr/bin/env python3
"""A node for Maelstrom, the workbench for distributed systems: JSON lines on stdin and stdout.

    ./maelstrom test -w broadcast --bin scripts/maelstrom_node.py --node-count 5 --time-limit 20 \
        --rate 50 --nemesis partition --latency 50

Workloads: echo, broadcast, g-set, g-counter, pn-counter. What the clients do tells which one it is;
a node that is read before it was written to and before it heard of a write by others cannot know
whether it serves a set or a counter. Naming it helps there, as an argument or in the variable
MAELSTROM_WORKLOAD:

    MAELSTROM_WORKLOAD=g-set ./maelstrom test -w g-set --bin scripts/maelstrom_node.py
"""

if __name__ == "__main__":
    import own_python

    own_python.use()

from collections.abc import AsyncIterator
import os
import sys

import trio

from crdtnode.sim.maelstrom import WORKLOADS, serve


async def lines(source: trio.lowlevel.FdStream) -> AsyncIterator[bytes]:
    """Standard input, line by line."""
    rest = b""
    async for chunk in source:
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            yield line


async def main(workload: str | None) -> None:
    send, receive = trio.open_memory_channel[bytes](2**20)
    async with (
        trio.lowlevel.FdStream(os.dup(0)) as source,
        trio.lowlevel.FdStream(os.dup(1)) as sink,
        trio.open_nursery() as nursery,
    ):

        async def print_lines() -> None:
            async for line in receive:
                await sink.send_all(line)

        nursery.start_soon(print_lines)
        await serve(lines(source), send.send_nowait, workload)
        send.close()  # what is queued is still printed


if __name__ == "__main__":
    named = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("MAELSTROM_WORKLOAD")
    if named is not None and named not in WORKLOADS:
        sys.exit(f"{named!r} is no workload of ours; there are {', '.join(WORKLOADS)}")
    trio.run(main, named)
