"""What goes through HTTP and server-sent events: daemons, each with a listener on its socket."""

from collections.abc import AsyncIterator
import json
import os
from pathlib import Path
import random
from statistics import median, quantiles
import subprocess
import sys
import time

import trio

from race.measures import Effort, Figures


class Site:
    """One daemon, seen through its API."""

    def __init__(self, process: trio.Process, api: Path) -> None:
        self.process = process
        self.api = api
        self.seen: dict[str, float] = {}
        self.address = ""
        self._more = trio.Event()

    async def ready(self) -> None:
        """Wait until it runs."""
        assert self.process.stdout is not None
        line = b""
        while not line.endswith(b"\n"):
            line += await self.process.stdout.receive_some(4096)
        self.address = json.loads(line)["address"]

    async def post(self, path: str, document: object) -> None:
        """Send a document."""
        body = json.dumps(document).encode()
        async with await trio.open_unix_socket(str(self.api)) as stream:
            await stream.send_all(_head("POST", path, len(body)) + body)
            answer = b""
            while data := await stream.receive_some(65536):
                answer += data
        if b" 20" not in answer.split(b"\r\n", 1)[0]:
            raise RuntimeError(answer.decode())

    async def listen(self, *, task_status: trio.TaskStatus[None]) -> None:
        """Note when each change comes."""
        async with await trio.open_unix_socket(str(self.api)) as stream:
            await stream.send_all(_head("GET", "/v1/events", 0))
            async for line in _lines(stream):
                if line == b"event: open":
                    task_status.started()
                elif line.startswith(b"data: ") and b'"name":"w-' in line:
                    name = json.loads(line[6:])["name"]
                    self.seen.setdefault(name, time.monotonic())
                    self._more.set()

    async def sees(self, name: str) -> None:
        """Wait until a change of this object came."""
        while name not in self.seen:
            self._more = trio.Event()
            await self._more.wait()

    def memory_bytes(self) -> int:
        """Resident memory."""
        pages = Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGESIZE")


def _head(method: str, path: str, length: int) -> bytes:
    return (
        f"{method} {path} HTTP/1.0\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"Content-Length: {length}\r\n\r\n"
    ).encode()


async def _lines(stream: trio.SocketStream) -> AsyncIterator[bytes]:
    rest = b""
    while data := await stream.receive_some(65536):
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            yield line.rstrip(b"\r")


async def through_http(nodes: int, keyring: Path, effort: Effort) -> Figures:
    """From a POST at one daemon to the event at the last listener; and what a daemon holds."""
    sites: list[Site] = []
    took: list[float] = []
    chance = random.Random(3)
    try:
        for number in range(nodes):
            sites.append(await _start(number, keyring, sites[0].address if sites else None))
        async with trio.open_nursery() as nursery:
            for site in sites:
                await nursery.start(site.listen)
            for number in range(effort.writes):
                name, began = f"w-{number}", time.monotonic()
                await chance.choice(sites).post(
                    f"/v1/objects/pncounter/{name}/increment", {"args": [1]}
                )
                with trio.fail_after(10):
                    for site in sites:
                        await site.sees(name)
                took.append(max(site.seen[name] for site in sites) - began)
                await trio.sleep(0.05)
            nursery.cancel_scope.cancel()
        return {
            "visible through HTTP and SSE p50": median(took),
            "visible through HTTP and SSE p95": quantiles(took, n=20)[-1],
            "memory of a daemon with API": median(s.memory_bytes() for s in sites) / 2**20,
        }
    finally:
        for site in sites:
            site.process.kill()


async def _start(number: int, keyring: Path, seed: str | None) -> Site:
    api = keyring.parent / f"site-{number}.sock"
    command = [sys.executable, "-m", "crdtnode", "run", "--name", f"site-{number}", "--json"]
    command += ["--bind", f"127.0.3.{number + 1}:0", "--api", str(api), "--key-file", str(keyring)]
    command += ["--log-level", "error", *(["--join", seed] if seed else [])]
    site = Site(await trio.lowlevel.open_process(command, stdout=subprocess.PIPE), api)
    await site.ready()
    return site
