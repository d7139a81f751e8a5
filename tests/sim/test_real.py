"""Real processes on real sockets, behind a switch that does what the plan says."""

from pathlib import Path
import subprocess
import threading
import time
from typing import Any

import pytest

from crdtnode import sim
from crdtnode.sim import Latency, Link, Plan, PlanError, Write
from crdtnode.sim.network import Links
from crdtnode.sim.real import CannotRun, run_for_real, why_not
from crdtnode.sim.real.lookout import Lookout
from crdtnode.sim.real.run import Stage, _staged
from crdtnode.sim.real.switch import Switch
from crdtnode.sim.real.wires import Wire
from crdtnode.sim.report.figures import Figures
from crdtnode.sim.report.page import page

NODES = ("a", "b", "c")


@pytest.fixture
def real_hosts() -> None:
    """Whatever needs real hosts is left out, with the reason, where there can be none."""
    reason = why_not()
    if reason is not None:
        pytest.skip(reason)


def increment(at: float, node: str, amount: int) -> Write:
    return Write(at, node, "pncounter@1", "visits", "increment", (amount,))


def shown(stage: Stage, node: str) -> int | None:
    """What a node's counter shows now."""
    said: Any = stage._machines[node].ask("state")
    payloads = [payload for _, name, payload in said["objects"] if name == "visits"]
    return sum(up - down for up, down in payloads[0].values()) if payloads else None


def eventually(stage: Stage, node: str, value: int | None) -> None:
    deadline = time.monotonic() + 20.0
    while shown(stage, node) != value:
        assert time.monotonic() < deadline, f"{node} shows {shown(stage, node)}, not {value}"
        time.sleep(0.02)


@pytest.mark.usefixtures("real_hosts")
@pytest.mark.netns
@pytest.mark.process
def test_a_plan_holds_on_real_hosts_behind_a_bad_network() -> None:
    plan = Plan(
        seed=1,
        nodes=NODES,
        network=sim.Network(Latency.uniform(0.001, 0.02), 0.1, 0.1, 0.1, corrupt=0.05),
        writes=tuple(increment(0.3 + n / 10, NODES[n % 3], n + 1) for n in range(18)),
        faults=(
            sim.Cut(0.6, ("a",), ("b", "c")),
            sim.Heal(1.2),
            sim.Crash(1.3, "b"),
            sim.Pause(1.4, "c"),
            sim.Relink(1.4, link=Link(Latency.constant(0.05), mtu=400)),
            sim.Resume(1.8, "c"),
            sim.Restore(1.9),
            sim.Restart(1.9, "b"),
        ),
        duration=2.5,
        bound=20.0,
    )
    result = sim.run(plan, on="real")
    assert result.holds, result.explain()
    assert result.counts["updates"] >= 12
    assert result.counts["lost"] > 20
    assert {f.check: f.verdict for f in result.findings}["counters-add-up"] == "holds"


@pytest.mark.usefixtures("real_hosts")
@pytest.mark.netns
@pytest.mark.process
def test_a_partition_of_real_hosts_keeps_writes_apart_until_the_heal(tmp_path: Path) -> None:
    plan = Plan(
        seed=1,
        nodes=NODES,
        writes=(increment(0.2, "a", 1), increment(1.5, "a", 10), increment(1.5, "c", 100)),
        faults=(sim.Partition(1.0, (("a", "b"), ("c",))),),
        duration=5.0,
        bound=20.0,
        expect=sim.Expectations(finals=(sim.Final("pncounter@1", "visits", 111),)),
    )
    lookout = Lookout(plan)
    with _staged(plan, tmp_path, record=True) as stage:
        stage.lookout = lookout
        results: list[sim.Result] = []
        run = threading.Thread(target=lambda: results.append(stage.run()))
        run.start()
        while not stage._ledger.updates[2:]:
            time.sleep(0.02)
        eventually(stage, "b", 11)
        assert shown(stage, "c") == 101  # the partition lasts for three seconds yet
        run.join()
        namespaces = [machine.wire.namespace for machine in stage._machines.values()]
    assert results[0].holds, results[0].explain()
    figures = Figures.of(results[0], lookout)
    apart = next(one for one in figures.samples if one.roots == 2 and one.at > 2.5)
    assert apart.missing == (1, 1, 1)  # each side lacks what the other one wrote
    assert figures.samples[-1].missing == (0, 0, 0)
    assert [healing.at for healing in figures.healings] == [5.0]
    assert figures.cost["bytes_per_update"] > 100
    text = page(figures, "again")
    assert "Delays of single updates are not known" in text
    assert "<b>unknown</b><span>median delay of an update" in text
    kinds = [happening.kind for happening in stage.trace.happenings or []]
    assert kinds.count("write") == 3
    assert "partition" in kinds
    there = subprocess.run(["ip", "netns"], capture_output=True, text=True, check=True).stdout
    assert not [name for name in namespaces if name in there]


@pytest.mark.parametrize(
    "fault",
    [
        sim.ClockJump(1.0, "a", by=5.0),
        sim.Slow(1.0, "a", per_call=0.1),
        sim.Backup(1.0, "a"),
        sim.Restart(1.0, "a", disk="own"),
    ],
)
def test_what_real_hosts_cannot_be_made_to_have_is_refused(
    fault: sim.Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crdtnode.sim.real.run.why_not", lambda: None)
    with pytest.raises(PlanError, match=r"faults\[0\]: real hosts cannot"):
        run_for_real(Plan(seed=1, nodes=NODES, faults=(fault,)))


def test_where_there_is_no_privilege_the_reason_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(CannotRun, match="need root"):
        sim.run(Plan(seed=1, nodes=NODES), on="real")
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr("shutil.which", lambda _: None)
    assert "iproute2" in str(why_not())


class TestSwitch:
    """The switch alone: what it decides about packets, without hosts."""

    @pytest.fixture
    def switch(self) -> Switch:
        wires = {name: Wire(name, f"10.78.0.{n}") for n, name in enumerate(NODES, 1)}
        return Switch(wires, Links(1, sim.Network(Latency.constant(0.001))))

    def packet(self, data: bytes, protocol: int = 17) -> bytes:
        header = bytes([0x45, *[0] * 8, protocol, 0, 0]) + bytes([10, 78, 0, 1, 10, 78, 0, 2])
        return header + b"\x01\x02\x03\x04\x05\x06\x07\x08" + data

    def relink(self, switch: Switch, **link: Any) -> None:
        switch.links.relink(sim.Relink(0, link=Link(Latency.constant(0.002), **link)))

    def test_a_packet_waits_as_long_as_its_link_says(self, switch: Switch) -> None:
        assert switch._decide("a", "b", self.packet(b"x")) == [(1_000_000, self.packet(b"x"))]
        self.relink(switch, duplicate=1.0)
        assert [wait for wait, _ in switch._decide("a", "b", self.packet(b"x"))] == [2_000_000] * 2

    def test_damaged_datagrams_lose_their_checksum_so_that_they_reach_the_process(
        self, switch: Switch
    ) -> None:
        self.relink(switch, corrupt=0.999999)
        ((_, came),) = switch._decide("a", "b", self.packet(bytes(20)))
        assert came[:26] == self.packet(b"")[:26]
        assert came[26:28] == b"\0\0"
        assert len(came) == 48
        assert came[28:] != bytes(20)

    def test_the_mtu_counts_what_is_in_a_datagram_and_spares_tcp(self, switch: Switch) -> None:
        self.relink(switch, mtu=20)
        assert len(switch._decide("a", "b", self.packet(bytes(20)))) == 1
        assert switch._decide("a", "b", self.packet(bytes(21))) == []
        assert len(switch._decide("a", "b", self.packet(bytes(21), protocol=6))) == 1

    def test_what_a_cut_stops_is_lost_and_what_is_held_waits(self, switch: Switch) -> None:
        switch.links.reach.cut(("a",), ("b",))
        switch._pass("a", "b", self.packet(b"x"))
        assert (switch.lost, switch._waiting) == (1, [])
        switch.links.reach.hold("b", "a")
        switch._pass("b", "a", self.packet(b"x"))
        assert switch._waiting == []
        switch.links.reach.heal()
        assert [packet for *_, packet in switch._waiting] == [self.packet(b"x")]
