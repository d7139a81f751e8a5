"""A member of ours: a program that embeds a node. Arguments: NAME HOST KEYRING."""

from collections.abc import AsyncIterator
import logging
import sys

import trio

from crdt import ORSet
from crdtnode import Node, open_node
from race.agent import Agent, serve


class Ours(Agent):
    """A node, seen through its API."""

    def __init__(self, node: Node) -> None:
        super().__init__()
        self._node = node
        self._feed = node.open(f"feed-{node.name}", ORSet)

    async def join(self, address: str) -> None:
        """Join through a member."""
        await self._node.join(address)

    async def write(self, update: str) -> None:
        """Add to our set."""
        self._feed.add(update)

    async def status(self) -> int:
        """Ask everybody for its root."""
        return sum(root is not None for root in (await self._node.roots()).values())

    async def leave(self) -> None:
        """Say goodbye."""
        await self._node.leave()

    async def watch(self, changes: AsyncIterator[object]) -> None:
        """Note what arrives."""
        async for change in changes:
            if change.kind == "resync":
                for tag, name in self._node.names():
                    for update in self._node.registry.get(tag, name).value:
                        self.note(update)
            else:
                for update in change.delta.value:
                    self.note(update)

    async def watch_members(self, changes: AsyncIterator[object]) -> None:
        """Note who comes and goes."""
        async for _ in changes:
            self.look()

    def look(self) -> None:
        """Take the present list of members."""
        self.states = {member.name: member.state for member in self._node.members}
        self.changed()


async def main(name: str, host: str, keyring: str) -> None:
    """Run until told to leave."""
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    async with (
        open_node(name=name, bind=f"{host}:0", keyring=keyring) as node,
        node.watch(type=ORSet) as changes,
        node.watch_members() as members,
        trio.open_nursery() as nursery,
    ):
        ours = Ours(node)
        ours.look()
        nursery.start_soon(ours.watch, changes)
        nursery.start_soon(ours.watch_members, members)
        await serve(ours, name=node.name, address=node.address)
        nursery.cancel_scope.cancel()


if __name__ == "__main__":
    trio.run(main, *sys.argv[1:])
