"""The race course: a host for each member, who runs there, and what its network card counted.

With root rights each host is a network namespace on a bridge, which can be cut and made lossy;
without, each is an address of the loopback interface, and the figures that need more are left out.
"""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
import json
import os
from pathlib import Path
import subprocess
import sys
from typing import Any

import trio

from tests.system.namespaces import Hosts

SCRIPTS = Path(__file__).parents[1]
TICKS = os.sysconf("SC_CLK_TCK")


class Runner:
    """One member: its process, and the pipe to it."""

    def __init__(self, name: str, number: int, process: trio.Process) -> None:
        self.name = name
        self.number = number
        self._process = process
        self._lines = b""
        self._turn = trio.Lock()
        self.address = ""
        self.pid = process.pid

    async def ready(self) -> None:
        """Wait until it runs."""
        said = await self._read()
        self.address = said["address"]
        self.pid = said.get("pid", self.pid)

    async def ask(self, do: str, **arguments: object) -> dict[str, Any]:
        """Let it do something, and wait for the answer."""
        async with self._turn:
            assert self._process.stdin is not None
            line = json.dumps({"do": do, **arguments}) + "\n"
            await self._process.stdin.send_all(line.encode())
            return await self._read()

    async def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        while b"\n" not in self._lines:
            data = await self._process.stdout.receive_some(1 << 20)
            if not data:
                raise RuntimeError(f"{self.name} ended")
            self._lines += data
        line, _, self._lines = self._lines.partition(b"\n")
        said: dict[str, Any] = json.loads(line)
        return said

    def kill(self) -> None:
        """Let it die without a word: the member, and then what speaks for it."""
        for pid in (self.pid, self._process.pid):
            with suppress(ProcessLookupError):
                os.kill(pid, 9)

    def used(self) -> tuple[float, int]:
        """Seconds of processor time so far, and times that it went to sleep."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        status = Path(f"/proc/{self.pid}/status").read_text()
        slept = next(line for line in status.splitlines() if line.startswith("voluntary"))
        return (int(fields[11]) + int(fields[12])) / TICKS, int(slept.split()[1])

    def memory_bytes(self) -> int:
        """Resident memory."""
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * os.sysconf(
            "SC_PAGESIZE"
        )


@dataclass
class Team:
    """All members of one side, each on a host of its own."""

    side: str
    members: list[Runner]
    lan: Hosts | None

    async def ask_all(
        self, do: str, among: Iterable[Runner] | None = None, **arguments: object
    ) -> list[dict[str, Any]]:
        """Let several do the same at once."""
        asked = list(self.members if among is None else among)
        answers: dict[int, dict[str, Any]] = {}

        async def one(member: Runner) -> None:
            answers[member.number] = await member.ask(do, **arguments)

        async with trio.open_nursery() as nursery:
            for member in asked:
                nursery.start_soon(one, member)
        return [answers[member.number] for member in asked]

    async def form(self) -> float:
        """Join all through the first; gives the seconds until each knows all."""
        began = trio.current_time()
        if len(self.members) > 1:
            await self.ask_all("join", self.members[1:], address=self.members[0].address)
        known = await self.ask_all("alive", count=len(self.members), seconds=60)
        if any(answer["at"] is None for answer in known):
            raise RuntimeError(f"{self.side}: the cluster did not form within 60 s")
        return trio.current_time() - began

    def sent(self) -> tuple[int, int]:
        """Packets and bytes that all hosts have sent so far, all headers counted."""
        assert self.lan is not None
        counts = [self.lan.sent(number) for number in range(len(self.members))]
        return sum(packets for packets, _ in counts), sum(size for _, size in counts)


@asynccontextmanager
async def team(side: str, size: int, secret: str, *, namespaces: bool) -> AsyncIterator[Team]:
    """So many members of a side, ready and not joined, until the block ends."""
    lan = Hosts(size) if namespaces else None
    members: list[Runner] = []
    try:
        if lan is not None:
            lan.make()
        for number in range(size):
            host = f"127.0.{1 if side == 'ours' else 2}.{number + 1}"
            within = [] if lan is None else lan.within(number)
            host = host if lan is None else lan.addresses[number]
            name = f"{side}-{number}"
            command = [*within, sys.executable, "-m", f"race.{side}", name, host, secret]
            environment = {**os.environ, "PYTHONPATH": f"{SCRIPTS}:{SCRIPTS.parent}"}
            process = await trio.lowlevel.open_process(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
            )
            members.append(Runner(name, number, process))
        for member in members:
            await member.ready()
        yield Team(side, members, lan)
    finally:
        for member in members:
            member.kill()
        if lan is not None:
            lan.remove()
