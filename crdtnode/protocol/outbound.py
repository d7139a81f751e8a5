"""The way out: outcomes of the rooms become sealed datagrams, frames and effects, in order."""

from collections.abc import Iterable

from crdtnode.config import Settings
from crdtnode.metrics import Metrics
from crdtnode.protocol.channel import Channel
from crdtnode.protocol.effects import Address, Effect, SendDatagram
from crdtnode.protocol.mail import Outcome, Send
from crdtnode.protocol.repair import Repair
from crdtnode.protocol.streams import Streams
from crdtnode.values import value
from crdtnode.wire import codec
from crdtnode.wire.messages import NAMES, Message, Ping

PINGS_MOST = 4096
"""Pings whose answers are waited for."""


@value
class Sent:
    """A ping on its way: when, and where to."""

    at: float
    to: Address


class Outbound:
    """What is to be done, and when each ping was sent."""

    def __init__(
        self,
        channel: Channel,
        streams: Streams,
        repair: Repair,
        settings: Settings,
        metrics: Metrics,
    ) -> None:
        self._channel = channel
        self._streams = streams
        self._repair = repair
        self._metrics = metrics
        self._room = codec.body_room(settings.datagram_bytes)
        self._effects: list[Effect] = []
        self._pings: dict[tuple[bytes, int], Sent] = {}
        self._reached: set[Address] = set()
        """Where the last ping was answered."""
        self._encoded: tuple[Message | None, bytes] = (None, b"")

    def take_effects(self) -> list[Effect]:
        """What is to be done, in order."""
        if self._streams.effects:
            self._effects += self._streams.take_effects()
        effects, self._effects = self._effects, []
        return effects

    def carry(self, outcomes: Iterable[Outcome], now: float) -> None:
        """Send what rooms want sent, and pass on their effects."""
        for outcome in outcomes:
            if isinstance(outcome, Send):
                self._send(outcome, now)
            else:
                self._effects.append(outcome)

    def _send(self, send: Send, now: float) -> None:
        message = send.message
        if self._encoded[0] is not message:  # one push goes to many members
            self._encoded = (message, self._channel.encode(message))
        body = self._encoded[1]
        kind = NAMES[type(message)]
        if send.stream or len(body) > self._room:
            if not self._streams.send(send.boot, send.address, body, kind, now):
                self._repair.broke(send.boot)
            self._effects += self._streams.take_effects()
            return
        counter, datagram = self._channel.datagrams.seal(send.boot, body)
        reached = send.address in self._reached
        if type(message) is Ping:
            self._pinged(send.boot, counter, Sent(now, send.address))
        self._metrics.packets_sent[kind] += 1
        self._metrics.bytes_sent["udp"] += len(datagram)
        self._effects.append(SendDatagram(send.address, datagram, reached))

    def _pinged(self, boot: bytes, counter: int, sent: Sent) -> None:
        self._reached.discard(sent.to)
        self._pings[boot, counter] = sent
        if len(self._pings) > PINGS_MOST:
            del self._pings[next(iter(self._pings))]

    def answered(self, boot: bytes, counter: int) -> Sent | None:
        """The ping with this counter; None where its answer has come already."""
        sent = self._pings.pop((boot, counter), None)
        if sent is not None:
            if len(self._reached) >= PINGS_MOST:
                self._reached.clear()  # mostly of processes that are gone; the next answers fill it
            self._reached.add(sent.to)
        return sent
