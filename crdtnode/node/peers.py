"""Where other members lived when we saw them last: a small file that outlives the process.

Rule of this file: a cluster of which every member was switched off finds together again from these
addresses, in whatever order its members start. The file has one address a line and may be edited;
a line that is no address is passed over. A file that cannot be written stops nothing.
"""

from collections.abc import Iterable
import logging
import os
from pathlib import Path
from typing import Final

import trio

from crdtnode.errors import InvalidAddress, PeersError
from crdtnode.node.core import Node
from crdtnode.node.journal import record
from crdtnode.protocol.effects import Address
from crdtnode.transport import format_address, parse_address

log = logging.getLogger("crdtnode")

_SETTLES: Final = 1.0
"""Seconds in which changes of members gather into one write."""

_HEAD: Final = "# Where members of the cluster were seen last; crdtnode keeps this file.\n"


class PeersFile:
    """The file.

    Args:
        path: Where it is, or is to be; its folder exists.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = Path(path)
        self._kept: list[Address] | None = None

    def load(self) -> list[Address]:
        """Return the addresses in it; none where there is no file yet.

        Raises:
            PeersError: It is there and cannot be read, or could never be written.
        """
        try:
            text = self._path.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            if not self._path.parent.is_dir():
                raise PeersError(f"{self._path}: there is no such folder") from None
            return []
        except OSError as error:
            raise PeersError(f"cannot read {self._path}: {error.strerror}") from None
        return list(self._parsed(text))

    def _parsed(self, text: str) -> Iterable[Address]:
        for number, line in enumerate(text.splitlines(), 1):
            if not line.strip() or line.startswith("#"):
                continue
            try:
                yield parse_address(line.strip())
            except InvalidAddress:
                record(
                    log, logging.WARNING, "peers-line-ignored", file=str(self._path), line=number
                )

    def save(self, addresses: list[Address]) -> None:
        """Replace what is in it, wholly or not at all; an error is logged."""
        if addresses == self._kept:
            return
        text = _HEAD + "".join(f"{format_address(address)}\n" for address in addresses)
        beside = self._path.with_name(f"{self._path.name}.new")
        try:
            with beside.open("w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(self._path)
        except OSError as error:
            why = error.strerror or str(error)
            record(log, logging.WARNING, "peers-not-saved", file=str(self._path), error=why)
        else:
            self._kept = addresses


async def keep(node: Node, file: PeersFile) -> None:
    """Write down where members live, soon after that changed, until cancelled."""
    async with node.watch_members() as changes:
        async for _ in changes:
            await trio.sleep(_SETTLES)
            await trio.to_thread.run_sync(file.save, node.peers)
