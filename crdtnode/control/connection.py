"""One connection of a client: HTTP/1.1 on its side, the messages of ASGI on ours.

Rule of this file: h11 knows what the bytes mean; here is decided when to read, when to write, and
when to hang up. Nothing is read before the application asks for it, so that a body waits with its
sender. A client that goes, stalls or talks nonsense ends its own connection and nothing else.
"""

from time import gmtime, struct_time
from typing import Any, Final
from urllib.parse import unquote

import h11
import trio

from crdtnode.control.exchange import App, Message, Scope, refusal
from crdtnode.control.problems import Problem

HEAD_MOST_BYTES: Final = 16 * 1024
"""What a request may have before its body."""

AHEAD_MOST_BYTES: Final = 64 * 1024
"""What a client may send while its last request is being answered."""

LINGER: Final = 1.0
"""Seconds in which the rest of a body that nobody wanted is thrown away, so that its sender comes
to read the answer."""

_READ_BYTES: Final = 64 * 1024
_GONE: Final[Message] = {"type": "http.disconnect"}
_NO_BODY: Final = {204, 304}
_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS: Final = (
    *("Jan", "Feb", "Mar", "Apr", "May", "Jun"),
    *("Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
)


class Connection:
    """Reads requests, has them answered, and sees to it that both sides agree on where they are.

    Args:
        stream: To the client.
        app: What answers.
    """

    def __init__(self, stream: trio.abc.Stream, app: App) -> None:
        self._stream = stream
        self._app = app
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=HEAD_MOST_BYTES)
        self._gone = False
        self._heard = False
        self._bodiless = False
        self._head = b""

    async def next_request(self) -> h11.Request | None:
        """Wait for a request; None where the client wants no more, or makes no sense."""
        try:
            event = await self._event()
        except h11.RemoteProtocolError as error:
            await self._refuse(error)
            return None
        return event if isinstance(event, h11.Request) else None

    async def answer(self, request: h11.Request) -> bool:
        """Have a request answered; True where another one may follow."""
        self._heard = False
        self._bodiless = request.method == b"HEAD"
        if self._http.they_are_waiting_for_100_continue:
            await self._write(
                self._http.send(h11.InformationalResponse(status_code=100, headers=[]))
            )
        try:
            await self._app(_scope(request), self.receive, self.send)
        except Problem:
            return False  # it came too late to be told: what is missing from the answer tells it
        return await self._can_go_on()

    async def receive(self) -> Message:
        """Return the next piece of the body; behind it, wait until the client goes."""
        if self._gone:
            return _GONE
        if self._heard:
            return await self._until_gone()
        try:
            event = await self._event()
        except h11.RemoteProtocolError:
            event = None
        match event:
            case h11.Data(data=data):
                return {"type": "http.request", "body": bytes(data), "more_body": True}
            case h11.EndOfMessage():
                self._heard = True
                return {"type": "http.request", "body": b"", "more_body": False}
            case _:
                return _GONE

    async def send(self, message: Message) -> None:
        """Write a part of the answer; its head goes out with the first piece of its body."""
        if self._gone:
            return
        if message["type"] == "http.response.start":
            status = message["status"]
            headers = [*message["headers"], (b"date", http_date(gmtime()))]
            self._bodiless = self._bodiless or status in _NO_BODY
            self._head = self._http.send(h11.Response(status_code=status, headers=headers)) or b""
            return
        data, self._head = self._head, b""
        body = message.get("body", b"")
        if body and not self._bodiless:
            data += self._http.send(h11.Data(data=body)) or b""
        if not message.get("more_body", False):
            data += self._http.send(h11.EndOfMessage()) or b""
        await self._write(data)

    async def _event(self) -> Any:
        while (event := self._http.next_event()) is h11.NEED_DATA:
            self._http.receive_data(await self._read())
        return event

    async def _read(self) -> bytes:
        try:
            return bytes(await self._stream.receive_some(_READ_BYTES))
        except trio.BrokenResourceError:
            return b""

    async def _write(self, data: bytes | None) -> None:
        try:
            await self._stream.send_all(data or b"")
        except trio.BrokenResourceError:
            self._gone = True

    async def _until_gone(self) -> Message:
        """Keep what is sent ahead for later, until the client goes or sends too much."""
        while len(self._http.trailing_data[0]) <= AHEAD_MOST_BYTES:
            data = await self._read()
            self._http.receive_data(data)
            if not data:
                break
        self._gone = True
        return _GONE

    async def _can_go_on(self) -> bool:
        if self._http.our_state is not h11.DONE:
            return False
        with trio.move_on_after(LINGER):
            try:
                while self._http.their_state is h11.SEND_BODY:
                    await self._event()
            except h11.RemoteProtocolError:
                return False
        if self._gone or self._http.their_state is not h11.DONE:
            return False
        self._http.start_next_cycle()
        return True

    async def _refuse(self, error: h11.RemoteProtocolError) -> None:
        """Say what is wrong with the bytes, where that can be said, before hanging up."""
        if self._http.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            return
        problem = Problem(error.error_status_hint, f"this is no request: {error}")
        await refusal(problem, connection="close")(self.receive, self.send)


def http_date(now: struct_time) -> bytes:
    """Return a moment as HTTP writes it, in English whatever the locale.

    The standard library's way to do it loads the email package, 0.4 MiB.
    """
    day, month = _DAYS[now.tm_wday], _MONTHS[now.tm_mon - 1]
    clock = f"{now.tm_hour:02}:{now.tm_min:02}:{now.tm_sec:02}"
    return f"{day}, {now.tm_mday:02} {month} {now.tm_year} {clock} GMT".encode()


def _scope(request: h11.Request) -> Scope:
    path, _, query = request.target.partition(b"?")
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.1"},
        "http_version": request.http_version.decode(),
        "method": request.method.decode().upper(),
        "scheme": "http",
        "path": unquote(path.decode()),
        "raw_path": path,
        "query_string": query,
        "root_path": "",
        "headers": list(request.headers),
        "client": None,
        "server": None,
    }
