#!/usr/bin/env python3
"""A race of whole clusters, ours against serf: prints one JSON line for each figure,
and at the end a table.

Usage: ``scripts/bench_cluster.py --nodes 10 --peer serf``. Every member is a process on
a host of its own (a network namespace; that needs root, without it the figures that cut cables are
left out, and the last line names them). Updates enter through a program that embeds a node, and
through serf's RPC. The sides take turns, figure by figure, on the same machine.
"""

if __name__ == "__main__":
    import own_python

    own_python.use()

import argparse
import base64
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
import json
import os
from pathlib import Path
import shutil
import signal
import subprocess
import sys
import tempfile

from race import measures
from race.board import Board
from race.course import Team, team
from race.measures import Effort, Figures
from race.website import through_http
import trio

from tests.system.namespaces import missing

Measure = Callable[[Team, Effort], Awaitable[Figures]]

ROWS: dict[str, tuple[Measure, bool]] = {
    "idle": (measures.idle, True),
    "status": (measures.status, False),
    "visible": (measures.visible, False),
    "bytes": (measures.octets_per_update, True),
    "loss": (measures.loss, True),
    "partition": (measures.partition, True),
    "sustained": (measures.sustained, False),
    "burst": (measures.burst, False),
    "departures": (measures.departures, False),
}
"""Each group of figures: who measures it, and whether it needs hosts with cables."""


def versions(sides: list[str]) -> dict[str, object]:
    """Who races, on what."""
    found: dict[str, object] = {"python": sys.version.split()[0], "processors": os.cpu_count()}
    if "serf" in sides:
        done = subprocess.run(["serf", "version"], capture_output=True, text=True, check=True)
        found["serf"] = done.stdout.splitlines()[0]
    found["load"] = os.getloadavg()[0]
    return found


async def race(nodes: int, sides: list[str], rows: list[str], effort: Effort) -> bool:
    """Print all figures of these rows; True where all goals are met."""
    why_not = missing()
    board = Board(nodes)
    with tempfile.TemporaryDirectory() as folder:
        keyring = Path(folder) / "keyring"
        command = [sys.executable, "-m", "crdtnode", "key", "new", str(keyring)]
        await trio.run_process(command, capture_stdout=True)
        secrets = {"ours": str(keyring), "serf": base64.b64encode(os.urandom(32)).decode()}
        async with AsyncExitStack() as stack:
            teams = [
                await stack.enter_async_context(
                    team(side, nodes, secrets[side], namespaces=why_not is None)
                )
                for side in sides
            ]
            board.show("cluster forms", {t.side: await t.form() for t in teams})
            if "idle" in rows:  # first contacts shall not count: within nine rounds all pairs meet
                await trio.sleep(min(1.5 * nodes, effort.idle))
            for row in [row for row in rows if row in ROWS]:
                measure, needs_cables = ROWS[row]
                if needs_cables and why_not is not None:
                    continue
                by_side = {t.side: await measure(t, effort) for t in teams}
                for figure in by_side["ours"]:
                    board.show(figure, {s: by_side[s].get(figure) for s in by_side})
        if "http" in rows:
            for figure, value in (await through_http(nodes, keyring, effort)).items():
                board.show(figure, {"ours": value})
    left_out = [row for row in rows if row in ROWS and ROWS[row][1] and why_not]
    print(json.dumps({"left out": left_out, "why": why_not, **versions(sides)}))
    print(f"\n{board.table()}")
    return board.met


async def until_told(work: Callable[..., Awaitable[bool]], *args: object) -> bool:
    """Do some work until it is done, or a signal ends it: then its hosts are removed, too."""
    met = False

    async def stop(scope: trio.CancelScope) -> None:
        with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
            async for _ in signals:
                scope.cancel()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(stop, nursery.cancel_scope)
        met = await work(*args)
        nursery.cancel_scope.cancel()
    return met


def main() -> None:
    """Read the command line, and race."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, default=10)
    parser.add_argument("--peer", choices=["serf"], help="race against it; it has to be installed")
    parser.add_argument("--rows", default="all", help=f"of {','.join([*ROWS, 'http'])}")
    parser.add_argument("--split", type=float, default=60, help="seconds that a partition lasts")
    parser.add_argument("--quick", action="store_true", help="to see that it runs")
    parser.add_argument("--check", action="store_true", help="exit with 1 where a goal is missed")
    given = parser.parse_args()
    if given.nodes < 3:
        parser.error("--nodes: a race needs at least 3")
    rows = [*ROWS, "http"] if given.rows == "all" else given.rows.split(",")
    if unknown := [row for row in rows if row not in ROWS and row != "http"]:
        parser.error(f"--rows: there is no {unknown[0]}; there are {', '.join([*ROWS, 'http'])}")
    if given.peer and shutil.which(given.peer) is None:
        parser.error(f"{given.peer} is not installed (Debian package {given.peer})")
    effort = Effort(split=given.split)
    if given.quick:
        effort = Effort(
            writes=5, seconds=0.2, idle=0.5, split=min(2, given.split), split_writes=40, kills=1
        )
    sides = ["ours", *([given.peer] if given.peer else [])]
    met = trio.run(until_told, race, given.nodes, sides, rows, effort)
    sys.exit(0 if met or not given.check else 1)


if __name__ == "__main__":
    main()
