"""The cluster as this node sees it, over HTTP: status, members, join, leave, faults.

Rule of this file: what can be asked of the others within a round trip is asked, not remembered:
``status`` and ``members`` tell what every live member holds now.
"""

from collections.abc import Iterable
from itertools import islice
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

import crdtnode
from crdtnode.config import PROTOCOL
from crdtnode.control.answers import answer
from crdtnode.control.calls import tag_for
from crdtnode.control.guards import read_body
from crdtnode.control.problems import Problem
from crdtnode.errors import NotConverged
from crdtnode.node import Node
from crdtnode.protocol import MemberView, name_conflicts
from crdtnode.transport import format_address

_WAIT_MOST = 86_400.0
_NAMES_SHOWN = 100


class Join(msgspec.Struct, forbid_unknown_fields=True):
    """The body of ``POST /v1/members``."""

    address: str


class Cluster:
    """Routes about members."""

    def __init__(self, node: Node) -> None:
        self._node = node

    async def status(self, request: Request) -> Response:
        """``GET /v1/status?wait=converged&timeout=SECONDS``."""
        reached = None
        wait = request.query_params.get("wait")
        if wait is not None:
            if wait != "converged":
                raise Problem(422, "one can only wait for converged", field="wait")
            reached = await self._wait(_timeout(request))
        roots = await self._node.roots()
        document = self._status(roots)
        return answer(document if reached is None else {**document, "reached": reached})

    async def _wait(self, timeout: float) -> bool:  # noqa: ASYNC109 (it answers, and never raises)
        try:
            return await self._node.converged(timeout)
        except NotConverged:
            return False

    def _status(self, roots: dict[str, bool | None]) -> dict[str, Any]:
        node = self._node
        return {
            "name": node.name,
            "address": node.address,
            "cluster": node.cluster,
            "root": node.root,
            "objects": len(node.registry),
            "shared_names": dict(islice(node.registry.shared_names().items(), _NAMES_SHOWN)),
            "name_conflicts": name_conflicts(node.members),
            "members": node.member_counts(),
            "converged": converged(roots),
            **_convergence(roots, node.members),
            "differing": sorted(name for name, equal in roots.items() if equal is False),
            "silent": sorted(name for name, equal in roots.items() if equal is None),
            "unreached_seeds": [
                {"address": address, "why": why} for address, why in node.unreached_seeds
            ],
            "encrypted": node.encrypted,
            "clock_held_ms": node.clock_held_ms,
            "data": None,
            "faults": {"allowed": node.faults_allowed, "isolated": node.isolated},
            "uptime_s": round(node.uptime, 3),
            "version": crdtnode.__version__,
            "protocol": PROTOCOL,
        }

    async def members(self, request: Request) -> Response:
        """``GET /v1/members``: all that are known, ourselves included."""
        roots = await self._node.roots()
        return answer({"members": [_member(view, roots) for view in self._node.members]})

    async def join(self, request: Request) -> Response:
        """``POST /v1/members`` with ``{"address": "host[:port]"}``; tried until it answers."""
        wanted = msgspec.json.decode(await read_body(request.receive, 4096), type=Join)
        await self._node.join(wanted.address)
        return answer({"joining": wanted.address}, status=202)

    async def diff(self, request: Request) -> Response:
        """``GET /v1/diff?peer=NAME``: which objects differ; ``&type=&name=``: both payloads of one."""
        asked = request.query_params
        peer, name, tag = asked.get("peer"), asked.get("name"), asked.get("type")
        if not peer:
            raise Problem(422, "whom to compare with", field="peer")
        if name is None:
            found = await self._node.diff(peer)
            return answer(
                {
                    "peer": peer,
                    "only_here": _identities(found.only_here),
                    "only_there": _identities(found.only_there),
                    "differing": _identities(found.differing),
                    "complete": found.complete,
                }
            )
        tag = tag_for(self._node, tag or "")
        there = await self._node.payload_at(peer, name, tag)
        ours = self._node.registry.get(tag, name)
        here = None if ours is None else ours.payload
        return answer({"peer": peer, "type": tag, "name": name, "here": here, "there": there})

    async def forget(self, request: Request) -> Response:
        """``DELETE /v1/members/{name}``: forget one that is dead or left."""
        name = request.path_params["name"]
        self._node.forget(name)
        return answer({"name": name, "forgotten": True})

    async def leave(self, request: Request) -> Response:
        """``POST /v1/leave``: tell the others, then end."""
        await self._node.leave()
        return answer({"name": self._node.name, "left": True})

    async def isolate(self, request: Request) -> Response:
        """``POST /v1/faults/isolate``: cut this node off."""
        self._node.isolate()
        return answer({"isolated": True})

    async def heal(self, request: Request) -> Response:
        """``POST /v1/faults/heal``: let it speak again."""
        self._node.heal()
        return answer({"isolated": False})

    async def stats(self, request: Request) -> Response:
        """``GET /v1/stats``: all counters."""
        return answer(self._node.stats())

    async def healthy(self, request: Request) -> Response:
        """``GET /healthz``: this process serves."""
        return answer({"checks": {"serving": "ok"}})

    async def ready(self, request: Request) -> Response:
        """``GET /readyz``: it takes part, as far as it was told to."""
        met = any(not view.is_self and view.state == "alive" for view in self._node.members)
        joined = met or not self._node.unreached_seeds
        here = not self._node.has_left.is_set()
        checks = {"joined": "ok" if joined else "no", "member": "ok" if here else "no"}
        return answer({"checks": checks}, status=200 if joined and here else 503)


def converged(roots: dict[str, bool | None]) -> bool | None:
    """Tell whether all live members hold one state: None where there is nobody to ask."""
    return all(equal is True for equal in roots.values()) if roots else None


def _convergence(roots: dict[str, bool | None], members: list[MemberView]) -> dict[str, Any]:
    """Tell what stands between us and one state of all.

    ``state`` is ``alone``, ``converged``, ``silent`` (the others may be), ``held`` (all is equal
    but ``held`` objects on which members cannot agree) or ``writing``; then ``lag_s`` is the age of
    the oldest of our versions that a member lacked, None where one has something that we lack.
    """
    differing = [m for m in members if roots.get(m.name) is False]
    if not roots:
        state = "alone"
    elif any(not member.held for member in differing):
        state = "writing"
    elif None in roots.values():
        state = "silent"
    else:
        state = "held" if differing else "converged"
    lags = [member.lag for member in differing if not member.held]
    oldest = None if None in lags else max((lag for lag in lags if lag is not None), default=0.0)
    held = max((member.held for member in differing), default=0)
    return {"state": state, "held": held, "lag_s": oldest}


def _identities(pairs: Iterable[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"type": tag, "name": name} for tag, name in pairs]


def _member(view: Any, roots: dict[str, bool | None]) -> dict[str, Any]:
    addresses = [format_address(address) for address in view.addresses]
    return {
        "name": view.name,
        "address": addresses[0] if addresses else None,
        "addresses": addresses,
        "state": view.state,
        "root_equal": True if view.is_self else roots.get(view.name),
        "self": view.is_self,
        "lag_s": view.lag,
        "held": view.held,
        "rtt_s": view.rtt,
        "incarnation": view.incarnation,
        "boot": view.boot.hex(),
        "tags": dict(view.tags),
    }


def _timeout(request: Request) -> float:
    written = request.query_params.get("timeout", "10")
    try:
        timeout = float(written)
    except ValueError:
        timeout = -1.0
    if not 0 <= timeout <= _WAIT_MOST:
        raise Problem(422, f"{written!r:.80} is no number of seconds", field="timeout")
    return timeout
