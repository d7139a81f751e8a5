"""``GET /metrics``: what monitoring reads, made from plain numbers when it is asked for.

Rule of this file: nothing is counted here. A label is a member, a type, or one of a fixed set, so
that no stranger makes the list longer.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response

from crdtnode.node import Node

if TYPE_CHECKING:
    from prometheus_client import Metric

_MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Measurements:
    """The figures of one node; a collector as prometheus-client wants one."""

    def __init__(self, node: Node) -> None:
        self._node = node

    async def show(self, request: Request) -> Response:
        """Answer with all of them."""
        # Not above: a daemon that nobody monitors does without.
        from prometheus_client import CollectorRegistry, generate_latest

        registry = CollectorRegistry()
        registry.register(self)
        return Response(generate_latest(registry), media_type=_MEDIA_TYPE)

    def collect(self) -> "Iterator[Metric]":
        """Yield families of figures."""
        yield from self._gauges()
        yield from self._counters()

    def _gauges(self) -> "Iterator[Metric]":
        from prometheus_client.core import GaugeMetricFamily

        def gauge(name: str, help_: str, labels: list[str], rows: dict[str, float]) -> "Metric":
            family = GaugeMetricFamily(f"crdtnode_{name}", help_, labels=labels)
            for label, value in rows.items():
                family.add_metric([label] if labels else [], value)
            return family

        node = self._node
        others = [member for member in node.members if not member.is_self]
        objects: dict[str, float] = {}
        for tag, _ in node.names():
            objects[tag] = objects.get(tag, 0) + 1
        states = {state: float(count) for state, count in node.member_counts().items()}
        rtts = {m.name: m.rtt for m in others if m.rtt is not None}
        lags = {m.name: m.lag for m in others if m.lag is not None}
        held = {m.name: float(m.held) for m in others if m.held}
        yield gauge("members", "Members by state, this node included.", ["state"], states)
        yield gauge("objects", "Objects by type.", ["type"], objects)
        yield gauge("peer_rtt_seconds", "Smoothed round trip to a member.", ["peer"], rtts)
        yield gauge(
            "convergence_lag_seconds",
            "How far a member was behind this node when it told its root last.",
            ["peer"],
            lags,
        )
        yield gauge("held_objects", "Objects on which a member cannot agree.", ["peer"], held)
        longest = {call: ms / 1000 for call, ms in node.metrics.longest_ms.items()}
        yield gauge(
            "longest_call_seconds",
            "The longest that a call of the engine took: nothing else ran meanwhile.",
            ["call"],
            longest,
        )
        yield gauge("health", "Own health: 0 is well, 8 the worst.", [], {"": node.health})
        yield gauge("uptime_seconds", "Seconds since the start.", [], {"": node.uptime})

    def _counters(self) -> "Iterator[Metric]":
        from prometheus_client.core import CounterMetricFamily

        metrics = self._node.metrics
        families = {
            "packets": ("Messages, by kind.", ["direction", "kind"]),
            "bytes": ("Bytes, by transport.", ["direction", "transport"]),
            "dropped": ("What came and was not used, or could not be sent.", ["reason"]),
            "joins": ("States and deltas joined.", ["type", "changed"]),
            "repairs": ("Repair sessions.", ["depth"]),
            "contained": ("Exceptions that were survived: each is a mistake of ours.", ["room"]),
        }
        made = {
            name: CounterMetricFamily(f"crdtnode_{name}", help_, labels=labels)
            for name, (help_, labels) in families.items()
        }
        for name, direction, tally in (
            ("packets", "sent", metrics.packets_sent),
            ("packets", "received", metrics.packets_received),
            ("bytes", "sent", metrics.bytes_sent),
            ("bytes", "received", metrics.bytes_received),
        ):
            for label, count in tally.items():
                made[name].add_metric([direction, label], count)
        for name, tally in (
            ("dropped", metrics.dropped),
            ("repairs", metrics.repairs),
            ("contained", metrics.contained),
        ):
            for label, count in tally.items():
                made[name].add_metric([label], count)
        for label, count in metrics.joins.items():
            tag, _, changed = label.rpartition("/")
            made["joins"].add_metric([tag, "yes" if changed == "changed" else "no"], count)
        yield from made.values()
