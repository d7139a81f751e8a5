"""What only separate hosts show: dead neighbours, other address families, other addresses."""

import json
from pathlib import Path
import subprocess
import sys

import pytest

from crdtnode.cli.daemon import Daemon as Client
from tests.system import namespaces
from tests.system.daemons import Daemon, eventually, stopping
from tests.system.test_partition import make_key

pytestmark = [pytest.mark.netns, pytest.mark.process]

WHY_NOT = namespaces.missing()
needs_namespaces = pytest.mark.skipif(WHY_NOT is not None, reason=str(WHY_NOT))

BURST = """
import json, sys, time
import trio
from crdtnode.metrics import Metrics
from crdtnode.transport.sockets import SocketTransport

class Ear:
    failed = 0
    def datagrams(self, batch): pass
    def datagrams_lost(self, count): pass
    def send_failed(self, address, errno_name): Ear.failed += 1

class Echo(Ear):
    def datagrams(self, batch):
        for data, source in batch:
            transport.send(source, data)

async def main(role, host, live, dead):
    global transport
    transport = SocketTransport((host, 4000), Metrics())
    async with trio.open_nursery() as nursery:
        if role == "echo":
            print("ready", flush=True)
            await transport.run(Echo())
        took, due = [], {}
        class Listener(Ear):
            def datagrams(self, batch):
                for data, _ in batch:
                    took.append(time.monotonic() - due[data])
        await nursery.start(transport.run, Listener())
        for number in range(100):
            due[b"%d" % number] = time.monotonic()
            for _ in range(20):  # 2,000 small datagrams to a host that is not there
                transport.send((dead, 4000), b"x")
            transport.send((live, 4000), b"%d" % number)
            await trio.sleep(0.01)
        await trio.sleep(0.2)  # the last answers
        print(json.dumps({"answers": len(took), "longest": max(took), "failed": Ear.failed}))
        nursery.cancel_scope.cancel()

trio.run(main, *sys.argv[1:])
"""


@needs_namespaces
def test_a_dead_host_does_not_delay_what_is_sent_to_living_ones(tmp_path: Path) -> None:
    script = tmp_path / "burst.py"
    script.write_text(BURST)
    with namespaces.hosts(3) as lan:
        lan.unplug(2)
        here, there, nowhere = lan.addresses
        echo = subprocess.Popen(
            [*lan.within(1), sys.executable, str(script), "echo", there, here, nowhere],
            stdout=subprocess.PIPE,
        )
        try:
            assert echo.stdout is not None
            assert echo.stdout.readline() == b"ready\n"
            done = subprocess.run(
                [*lan.within(0), sys.executable, str(script), "ask", here, there, nowhere],
                capture_output=True,
                text=True,
                timeout=30,
                check=True,
            )
        finally:
            echo.kill()
            echo.communicate()
    found = json.loads(done.stdout)
    print(found)
    assert found["answers"] == 100
    assert found["longest"] < 0.05


def view(node: Daemon) -> dict[str, str]:
    """Whom a node holds for alive, and where."""
    members = Client(node.api).get("/v1/members")["members"]
    return {row["name"]: row["address"] for row in members if row["state"] == "alive"}


def write_and_read(nodes: list[Daemon]) -> None:
    """What each writes all read."""
    for node in nodes:
        Client(node.api).post("/v1/objects/pncounter/visits/increment", {"args": [1]})
    for node in nodes:
        reading = Client(node.api)
        eventually(
            lambda r=reading: r.get("/v1/objects/pncounter/visits")["value"] == len(nodes),
            10,
            "all increments are there",
        )


@needs_namespaces
def test_nodes_meet_over_ipv6_alone_and_where_both_families_are_bound(tmp_path: Path) -> None:
    key = tmp_path / "keyring"
    make_key(key)
    with namespaces.hosts(3) as lan, stopping([]) as nodes:
        first = lan.addresses_v6[0]
        binds = ["[::]:4000", f"[{lan.addresses_v6[1]}]:4000", "[::]:4000"]
        joins = [[], ["--join", f"[{first}]:4000"], ["--join", f"{lan.addresses[0]}:4000"]]
        for number, (bind, join) in enumerate(zip(binds, joins, strict=True)):
            options = ["--bind", bind, "--key-file", str(key), *join]
            nodes.append(Daemon(f"n{number}", tmp_path, *options, within=lan.within(number)))
        for node in nodes:
            eventually(lambda n=node: len(view(n)) == 3, 10, "all three know each other")
        assert view(nodes[2])["n1"] == f"[{lan.addresses_v6[1]}]:4000"
        write_and_read(nodes)


@needs_namespaces
def test_a_node_may_be_reached_elsewhere_than_where_it_listens(tmp_path: Path) -> None:
    """n1 listens on port 4000, and its host forwards port 5000 to it, as a router would."""
    key = tmp_path / "keyring"
    make_key(key)
    with namespaces.hosts(2) as lan, stopping([]) as nodes:
        for protocol in ("udp", "tcp"):
            rule = f"iptables -t nat -A PREROUTING -p {protocol} --dport 5000 -j REDIRECT --to-port 4000"
            subprocess.run([*lan.within(1), *rule.split()], check=True)
        there = f"{lan.addresses[1]}:5000"
        options = ["--bind", "0.0.0.0:4000", "--key-file", str(key)]
        nodes.append(Daemon("n1", tmp_path, *options, "--advertise", there, within=lan.within(1)))
        nodes.append(Daemon("n0", tmp_path, *options, "--join", there, within=lan.within(0)))
        for node in nodes:
            eventually(lambda n=node: len(view(n)) == 2, 10, "both know each other")
        assert nodes[0].address == there
        write_and_read(nodes)


@needs_namespaces
def test_nodes_find_each_other_without_being_told_where(tmp_path: Path) -> None:
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    make_key(ours)
    make_key(theirs)
    with namespaces.hosts(4) as lan, stopping([]) as nodes:
        for number in range(4):
            key = theirs if number == 3 else ours
            options = ["--bind", "0.0.0.0", "--key-file", str(key), "--discover"]
            nodes.append(Daemon(f"n{number}", tmp_path, *options, within=lan.within(number)))
        for node in nodes[:3]:
            eventually(lambda n=node: set(view(n)) == {"n0", "n1", "n2"}, 10, "they met")
        assert set(view(nodes[3])) == {"n3"}
        write_and_read(nodes[:3])
