"""What every request must pass before a route sees it.

Rule of this file: a browser on this machine must not become somebody else's hands (Host and
Origin are checked, bodies must say that they are JSON), and no client may make us hold more than
a bounded body, a bounded number of requests, or a request for ever.
"""

from typing import Final

import trio

from crdtnode.control.exchange import Handler, Message, Receive, Request, Scope, Send, refusal
from crdtnode.control.problems import Problem, problem_of

REQUESTS_MOST: Final = 512
"""Requests under way at once, streams of events included."""

DEADLINE: Final = 60.0
"""Seconds for a whole request, except for streams and waits, which have their own ends."""

_HOSTS = {"localhost", "127.0.0.1", "[::1]", "crdtnode", ""}
_JSON = {"application/json", "application/x-ndjson", "application/jsonl"}
_CHANGING = {"POST", "PUT", "PATCH", "DELETE"}
_ENDLESS = ("/v1/events", "/v1/batch", "/v1/status")


class Guard:
    """Stands before the routes.

    Args:
        route: What answers a request that passed.
    """

    def __init__(self, route: Handler) -> None:
        self._route = route
        self._under_way = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check a request, bound it, and turn what it raises into a problem document.

        Raises:
            Problem: The answer had begun; it has to be broken off.
        """
        begun = False

        async def sending(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        self._under_way += 1
        try:
            request = Request(scope, receive)
            self._check(request)
            with trio.fail_after(_deadline(request.path)):
                answer = await self._route(request)
                await answer(receive, sending)
        except trio.TooSlowError:
            problem = Problem(504, f"this took longer than {DEADLINE:g} s")
        except Exception as error:  # noqa: BLE001 (each becomes a document; ours are logged)
            problem = problem_of(error)
        else:
            return
        finally:
            self._under_way -= 1
        if begun:
            raise problem
        await refusal(problem)(receive, send)

    def _check(self, request: Request) -> None:
        headers = request.headers
        if self._under_way > REQUESTS_MOST:
            raise Problem(503, f"{REQUESTS_MOST} requests are under way already")
        host = headers.get("host", "").lower()
        if _without_port(host) not in _HOSTS:
            raise Problem(421, "this is the API of a local node; say Host: localhost")
        origin = headers.get("origin", "").lower()
        if origin and origin.partition("://")[2] != host:
            raise Problem(403, "requests of other origins are not taken", field="origin")
        if request.method in _CHANGING:
            kind = headers.get("content-type", "").partition(";")[0].strip()
            if kind.lower() not in _JSON:
                raise Problem(415, "say Content-Type: application/json", field="content-type")


def _without_port(host: str) -> str:
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdigit() else host


def _deadline(path: str) -> float:
    return float("inf") if path in _ENDLESS else DEADLINE
