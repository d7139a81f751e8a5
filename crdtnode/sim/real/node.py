"""One real node as a process, steered over its standard input and output.

Rule of this file: one line of JSON in, one line out with the same number. It does what a program
that embeds a node would do, and nothing else.
"""

import argparse
import json
import os
import sys
from typing import Any

import trio

from crdt.catalogue import type_of
from crdtnode.errors import CrdtNodeError
from crdtnode.node import Node, open_node
from crdtnode.sim.document import value_read

CHUNK_BYTES = 65_536


def _write(node: Node, order: dict[str, Any]) -> dict[str, object]:
    kind = type_of(order["type"])
    args = [value_read(one, "args") for one in order["args"]]
    try:
        delta = getattr(node.open(order["name"], kind), order["method"])(*args)
    except (KeyError, ValueError, CrdtNodeError) as error:
        return {"refused": repr(error)}
    return {"delta": None if delta.initial else delta.payload}


def _objects(node: Node) -> list[object]:
    objects: list[object] = []
    for tag, name in node.names():
        held = node.registry.get(tag, name)
        if held is not None:
            objects.append([tag, name, held.payload])
    return objects


def _state(node: Node) -> dict[str, object]:
    members = [[m.name, m.addresses[0][0], m.state] for m in node.members]
    contained = dict(node.metrics.contained)
    return {"objects": _objects(node), "members": members, "contained": contained}


def _look(node: Node) -> dict[str, object]:
    there = sorted(m.addresses[0][0] for m in node.members if m.state in ("alive", "suspect"))
    return {"root": node.root, "dirty": node.registry.dirty, "there": there}


def _watch(node: Node, known: list[str]) -> dict[str, object]:
    """The root, and what it stands for where that is not known yet; None just after a write."""
    if node.registry.dirty:
        return {"root": None}
    return {"root": node.root, "objects": None if node.root in known else _objects(node)}


async def _obey(node: Node, order: dict[str, Any]) -> dict[str, object]:
    match order["do"]:
        case "write":
            return _write(node, order)
        case "look":
            return _look(node)
        case "watch":
            return _watch(node, order["known"])
        case "state":
            return _state(node)
        case "leave":
            await node.leave()
            return {}
        case unknown:
            raise ValueError(f"nobody said how to {unknown}")


async def _serve(name: str, bind: str, cluster: str, join: list[str]) -> None:
    async with (
        open_node(name=name, bind=bind, cluster=cluster, join=join, insecure=True) as node,
        trio.lowlevel.FdStream(os.dup(sys.stdin.fileno())) as orders,
    ):
        _say({"ready": node.address})
        rest = b""
        async for chunk in orders:
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                order = json.loads(line)
                _say({"number": order["number"], **await _obey(node, order)})
                if order["do"] == "leave":
                    return


def _say(document: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(document) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Run a node until its input ends or it is told to leave."""
    parser = argparse.ArgumentParser()
    for option in ("--name", "--bind", "--cluster"):
        parser.add_argument(option, required=True)
    parser.add_argument("--join", action="append", default=[])
    asked = parser.parse_args()
    trio.run(_serve, asked.name, asked.bind, asked.cluster, asked.join)


if __name__ == "__main__":
    main()
