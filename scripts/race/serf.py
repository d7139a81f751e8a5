"""A member of serf: starts an agent of the installed program, and speaks its RPC for us.

Arguments: NAME HOST KEY. The figures of processes are those of the agent, not of this program.
"""

import itertools
import subprocess
import sys
from typing import Any

import msgpack
import trio

from race.agent import Agent, serve

STATES = {"alive": "alive", "failed": "dead", "left": "left", "leaving": "left"}
PORT = 7946


class Rpc:
    """One connection to an agent: requests by number, answers and streamed records."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self._stream = stream
        self._numbers = itertools.count()
        self._waiting: dict[int, Answers] = {}

    async def read(self) -> None:
        """Hand out what comes."""
        unpacker = msgpack.Unpacker(raw=False, strict_map_key=False, unicode_errors="replace")
        header = None
        while data := await self._stream.receive_some(65536):
            unpacker.feed(data)
            for value in unpacker:
                if header is None and set(value) == {"Seq", "Error"}:
                    header = value
                    channel = self._waiting[header["Seq"]]
                    if header["Error"] or not channel.with_body:
                        channel.put(header, {})
                        header = None
                else:
                    self._waiting[header["Seq"]].put(header, value)
                    header = None

    async def ask(
        self, command: str, body: dict[str, Any] | None = None, *, with_body: bool = False
    ) -> "Answers":
        """Send a request; gives where its answers come."""
        number = next(self._numbers)
        answers = self._waiting[number] = Answers(with_body=with_body)
        request = msgpack.packb({"Command": command, "Seq": number}, use_bin_type=False)
        if body is not None:
            request += msgpack.packb(body, use_bin_type=False)
        await self._stream.send_all(request)
        return answers


class Answers:
    """The answers to one request: the first has a body or none, streamed ones behind it have one."""

    def __init__(self, *, with_body: bool) -> None:
        self.with_body = with_body
        self._into, self._out = trio.open_memory_channel[Any](100_000)

    def put(self, header: dict[str, Any], body: dict[str, Any]) -> None:
        """One more answer came."""
        self.with_body = True
        self._into.send_nowait((header, body))

    async def next(self) -> dict[str, Any]:
        """Wait for the next one."""
        header, body = await self._out.receive()
        if header["Error"]:
            raise RuntimeError(header["Error"])
        return body


class Serf(Agent):
    """An agent, seen through its RPC."""

    def __init__(self, rpc: Rpc) -> None:
        super().__init__()
        self._rpc = rpc

    async def join(self, address: str) -> None:
        """Join through a member."""
        body = {"Existing": [address], "Replay": False}
        await (await self._rpc.ask("join", body, with_body=True)).next()

    async def write(self, update: str) -> None:
        """Fire a user event."""
        body = {"Name": "u", "Payload": update, "Coalesce": False}
        await (await self._rpc.ask("event", body)).next()

    async def status(self) -> int:
        """Send a query that everybody acknowledges, and wait until it is over."""
        body = {"RequestAck": True, "Timeout": 0, "Name": "status", "Payload": ""}
        answers = await self._rpc.ask("query", body)
        await answers.next()
        count = 0
        while (record := await answers.next())["Type"] != "done":
            count += record["Type"] == "ack"
        return count - 1  # our own

    async def leave(self) -> None:
        """Leave on purpose."""
        await (await self._rpc.ask("leave")).next()

    async def watch(self) -> None:
        """Note events, and who comes and goes."""
        answers = await self._rpc.ask("stream", {"Type": "*"})
        await answers.next()
        await self._look()
        while True:
            event = await answers.next()
            if event["Event"] == "user":
                self.note(event["Payload"].decode())
            elif event["Event"].startswith("member-"):
                await self._look()

    async def _look(self) -> None:
        body = await (await self._rpc.ask("members", with_body=True)).next()
        self.states = {m["Name"]: STATES[m["Status"]] for m in body["Members"]}
        self.changed()


async def connect(host: str) -> trio.SocketStream:
    """Wait until the agent takes our connection."""
    while True:
        try:
            return await trio.open_tcp_stream(host, PORT + 1)
        except OSError:
            await trio.sleep(0.02)


async def main(name: str, host: str, key: str) -> None:
    """Run an agent until told to leave."""
    command = ["serf", "agent", f"-node={name}", f"-bind={host}:{PORT}", f"-encrypt={key}"]
    command += [f"-rpc-addr={host}:{PORT + 1}", "-profile=lan", "-log-level=err"]
    process = await trio.lowlevel.open_process(command, stdout=subprocess.DEVNULL)
    try:
        async with await connect(host) as stream, trio.open_nursery() as nursery:
            rpc = Rpc(stream)
            nursery.start_soon(rpc.read)
            await (await rpc.ask("handshake", {"Version": 1})).next()
            agent = Serf(rpc)
            nursery.start_soon(agent.watch)
            await serve(agent, name=name, address=f"{host}:{PORT}", pid=process.pid)
            nursery.cancel_scope.cancel()
    finally:
        process.kill()


if __name__ == "__main__":
    trio.run(main, *sys.argv[1:])
