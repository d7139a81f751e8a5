"""The objects of a node over HTTP: list, look, call, join a payload.

Rule of this file: an object's path is taken apart before it is unquoted, because names may hold
slashes (``/v1/objects/orset@1/a%2Fb/add``).
"""

from typing import Any
from urllib.parse import unquote_to_bytes

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from crdt import StateCRDT
from crdtnode.control.answers import answer
from crdtnode.control.calls import call, tag_for
from crdtnode.control.guards import read_body
from crdtnode.control.problems import Problem
from crdtnode.control.rendering import is_collection, value_of
from crdtnode.node import Node
from crdtnode.registry.names import check_name

CALL_MOST_BYTES = 16 * 1024 * 1024


class Call(msgspec.Struct, forbid_unknown_fields=True):
    """The body of a call."""

    args: list[Any] = []


class Objects:
    """Routes below ``/v1/objects``."""

    def __init__(self, node: Node) -> None:
        self._node = node

    async def listing(self, request: Request) -> Response:
        """``GET /v1/objects?type=&prefix=&name=&values=``: what there is, values on request."""
        query = request.query_params
        wanted = tag_for(self._node, query["type"]) if "type" in query else None
        name, prefix = query.get("name"), query.get("prefix", "")
        values = query.get("values", "false") not in ("false", "0")
        rows = [
            document(self._node, tag, found, obj, value=values)
            for tag, found in self._node.names()
            if wanted in (None, tag) and name in (None, found) and found.startswith(prefix)
            if (obj := self._node.registry.get(tag, found)) is not None
        ]
        return answer({"objects": rows})

    async def one(self, request: Request) -> Response:
        """Everything below ``/v1/objects/``: by method and number of parts of the path."""
        parts = _parts(request)
        match request.method, parts:
            case (("GET" | "HEAD"), [tag, name]):
                return self._look(request, tag, name)
            case (("GET" | "HEAD"), [tag, name, "payload"]):
                tag, obj = self._known(tag, name)
                return answer(obj.payload, etag=self._node.version(name, tag))
            case "PUT", [tag, name, "payload"]:
                return await self._join(request, tag, name)
            case "DELETE", [tag, name]:
                return self._remove(tag, name)
            case "POST", [tag, name, method]:
                return await self._call(request, tag, name, method)
            case _, ([_, _] | [_, _, _]):
                raise Problem(405, f"{request.method} is not for this path")
            case _:
                raise Problem(404, "a path is /v1/objects/TYPE/NAME[/METHOD]")

    def _look(self, request: Request, written: str, name: str) -> Response:
        tag, obj = self._known(written, name)
        version = self._node.version(name, tag)
        if request.headers.get("if-none-match") == f'"{version}"':
            return Response(status_code=304, headers={"etag": f'"{version}"'})
        return answer(document(self._node, tag, name, obj, value=True), etag=version)

    async def _join(self, request: Request, written: str, name: str) -> Response:
        tag = tag_for(self._node, written)
        payload = msgspec.json.decode(await read_body(request.receive))
        changed = self._node.registry.absorb_payload(tag, check_name(name), payload)
        version = self._node.version(name, tag)
        made = {"type": tag, "name": name, "version": version, "changed": changed}
        return answer(made, etag=version)

    async def _call(self, request: Request, written: str, name: str, method: str) -> Response:
        tag = tag_for(self._node, written)
        body = await read_body(request.receive, CALL_MOST_BYTES)
        args = msgspec.json.decode(body or b"{}", type=Call).args
        obj = call(self._node, tag, name, method, args)
        asked = request.query_params.get("value")
        value = not is_collection(obj) if asked is None else asked not in ("false", "0")
        made = document(self._node, tag, name, obj, value=value)
        return answer(made, etag=made["version"])

    def _remove(self, written: str, name: str) -> Response:
        tag, _ = self._known(written, name)
        if not self._node.delete(name, tag):
            raise Problem(404, f"{tag}/{name:.300} was never written", field="name")
        return answer({"type": tag, "name": name, "removed": True})

    def _known(self, written: str, name: str) -> tuple[str, StateCRDT]:
        tag = tag_for(self._node, written)
        obj = self._node.registry.get(tag, name)
        if obj is None:
            raise Problem(404, f"there is no {tag} called {name!r:.300}", field="name")
        return tag, obj


def document(node: Node, tag: str, name: str, obj: StateCRDT, *, value: bool) -> dict[str, Any]:
    """Return an object as others see it; its value only where that is wanted."""
    made = {"type": tag, "name": name, "version": node.version(name, tag)}
    return {**made, "value": value_of(obj)} if value else made


def _parts(request: Request) -> list[str]:
    raw: bytes = request.scope.get("raw_path") or request.scope["path"].encode()
    path = raw.partition(b"?")[0].removeprefix(b"/v1/objects/")
    try:
        return [unquote_to_bytes(part).decode() for part in path.split(b"/")]
    except UnicodeDecodeError:
        raise Problem(422, "a path is percent-encoded UTF-8", field="name") from None
