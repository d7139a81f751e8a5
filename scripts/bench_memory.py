#!/usr/bin/env python3
"""Who holds the memory of an idle node, and how soon things start.

Usage: ``scripts/bench_memory.py [--rounds N]``. Prints one JSON line for each figure, and two tables.
Memory: each row is a process of its own that does all that stands above it, too; MiB resident, as
``top`` shows it, of which those that no other process shares, and what the row adds; the two that
are idle run, after all above. What stands up to "a sealed packet" is in every node, whoever wrote
the rest. Start: processor time of a process,
median of the rounds, and its ratio to that of a Python which does nothing.
"""

if __name__ == "__main__":
    import own_python

    own_python.use()

from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import suppress
import json
import os
from pathlib import Path
from statistics import median
import subprocess
import sys
from tempfile import TemporaryDirectory
import time

from crdtnode.cli.daemon import Daemon

MIB = 2**20

SAY = """
import json
def told():
    from pathlib import Path
    lines = [line.split() for line in Path("/proc/self/smaps_rollup").read_text().splitlines()[1:]]
    sizes = {words[0][:-1]: int(words[1]) * 1024 for words in lines}
    return [sizes["Rss"], sizes["Private_Clean"] + sizes["Private_Dirty"]]
"""

STEPS = {
    "Python alone": "",
    "trio": "import trio",
    "msgpack": "import msgpack",
    "cryptography": "from cryptography.hazmat.primitives.ciphers.aead import AESGCM",
    "a derived key, a sealed packet": (
        "from crdtnode.wire.ciphers import sealing\n"
        "sealing(bytes(16), bytes(32), b'x').encrypt(bytes(12), b'x', b'')"
    ),
    "crdt": "import crdt",
    "crdtnode.registry": "import crdtnode.registry",
    "crdtnode.wire": "import crdtnode.wire.codec, crdtnode.wire.seal",
    "crdtnode.protocol": "import crdtnode.protocol",
    "crdtnode.transport": "import crdtnode.transport.sockets",
    "crdtnode.node": "from crdtnode import open_node",
    "three types": "from crdt import LWWRegister, ORSet, PNCounter",
}

DAEMON_STEPS = {
    "click": "import click",
    "msgspec": "import msgspec",
    "starlette": "import starlette.requests, starlette.responses, starlette.routing",
    "hypercorn": "import hypercorn.trio",
    "crdtnode.control, crdtnode.cli": "import crdtnode.cli.main, crdtnode.cli.running",
}

NODE = """
async def main():
    async with open_node(name="a") as node:
        node.open("n", PNCounter).increment()
        node.open("s", ORSet).add("x")
        node.open("r", LWWRegister).assign("v")
        await trio.sleep(1)
        print(json.dumps(told()))
trio.run(main)
"""

STARTS = {
    "Python alone": ["-c", ""],
    "import crdt": ["-c", "import crdt"],
    "from crdt import ORSet": ["-c", "from crdt import ORSet"],
    "import crdtnode": ["-c", "import crdtnode"],
    "from crdtnode import open_node": ["-c", "from crdtnode import open_node"],
    "crdtnode --help": ["-m", "crdtnode", "--help"],
    "crdtnode get, and nobody answers": ["-m", "crdtnode", "--api", "/nonexistent", "get", "x"],
}


def memory() -> Iterator[tuple[str, list[int]]]:
    """Yield what a process holds, resident and private, after each step."""
    done = SAY
    for what, step in STEPS.items():
        done += f"{step}\n"
        yield what, _told(done + "print(json.dumps(told()))")
    yield "a node with three objects, idle", _told(done + NODE)
    for what, step in DAEMON_STEPS.items():
        done += f"{step}\n"
        yield what, _told(done + "print(json.dumps(told()))")
    yield "a daemon that was asked, idle", _daemon()


def _told(code: str) -> list[int]:
    found: list[int] = json.loads(subprocess.check_output([sys.executable, "-c", code]))
    return found


def _daemon() -> list[int]:
    with TemporaryDirectory() as folder, _running(Path(folder)) as process:
        daemon = Daemon(Path(folder) / "a.sock")
        for path, method, argument in (
            ("pncounter/n", "increment", 1), ("orset/s", "add", "x"), ("lwwregister/r", "assign", "v"),
        ):  # fmt: skip
            daemon.post(f"/v1/objects/{path}/{method}", {"args": [argument]})
        daemon.get("/v1/status")
        time.sleep(1)
        there: dict[str, object] = {}
        exec(SAY.replace("/self/", f"/{process.pid}/"), there)
        found: list[int] = there["told"]()  # type: ignore[operator]
        daemon.post("/v1/leave", {})
        return found


def _running(folder: Path) -> "subprocess.Popen[bytes]":
    options = ["--name", "a", "--bind", "127.0.0.1:0", "--api", str(folder / "a.sock"), "--json"]
    command = [sys.executable, "-m", "crdtnode", "run", "--log-level", "error", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()  # it is ready
    return process


def starts(rounds: int) -> Iterator[tuple[str, float]]:
    """Yield seconds of processor time from start to end."""
    took: dict[str, list[float]] = {what: [] for what in (*STARTS, "a daemon, until it is ready")}
    for _ in range(rounds):
        for what, arguments in STARTS.items():
            quiet = subprocess.DEVNULL
            process = subprocess.Popen([sys.executable, *arguments], stdout=quiet, stderr=quiet)
            used = os.wait4(process.pid, 0)[2]
            process.returncode = 0
            took[what].append(used.ru_utime + used.ru_stime)
        with TemporaryDirectory() as folder, _running(Path(folder)) as process:
            words = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
            took["a daemon, until it is ready"].append(
                (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")
            )
            with suppress(ProcessLookupError):
                process.terminate()
    for what, seconds in took.items():
        yield what, median(seconds)


def main() -> None:
    """Measure, and print."""
    parser = ArgumentParser(description=__doc__.replace("``", ""))
    parser.add_argument("--rounds", type=int, default=9)
    rounds = parser.parse_args().rounds
    rows, before = ["| memory | MiB | of these private | more |", "|---|---|---|---|"], 0
    for what, (resident, private) in memory():
        told = {"memory": what, "MiB": resident / MIB, "private_MiB": private / MIB}
        print(json.dumps(told), flush=True)
        more = f"{(resident - before) / MIB:+.2f}"
        idle = what.endswith("idle")  # beside the ladder, not a rung of it
        rows.append(
            f"| {what} | {resident / MIB:.2f} | {private / MIB:.2f} | {'' if idle else more} |"
        )
        before = before if idle else resident
    rows += ["", "| start | ms | times Python |", "|---|---|---|"]
    bare = None
    for what, seconds in starts(rounds):
        print(json.dumps({"start": what, "ms": seconds * 1000}), flush=True)
        bare = bare or seconds
        rows.append(f"| {what} | {seconds * 1000:.1f} | {seconds / bare:.1f} |")
    print("", *rows, sep="\n")


if __name__ == "__main__":
    main()
