"""Finds out who does not answer: one member is probed each round, and given every chance.

At first it is probed by us, then through others too and by a TCP connect, which tells a dead process
from a dead host and from a slow process, and by a greeting, which a new process answers that has
taken its place. All the time our own pings go on: most that are silent have lost a packet.

Source: SWIM (Das, Gupta, Motivala 2002), sections 3.1 and 4.3; the further pings, the connect, the
greeting and the three kinds of suspicion are ours.
"""

from collections.abc import Callable
from dataclasses import field
import random

from crdtnode.config import Settings
from crdtnode.protocol.effects import CloseStream, OpenStream
from crdtnode.protocol.health import Health
from crdtnode.protocol.mail import Outcome, Send, to
from crdtnode.protocol.members import Member, Members
from crdtnode.protocol.ring import ROUNDS, Ring, later
from crdtnode.values import struct, value
from crdtnode.wire.messages import NOBODY, Hello, Nack, Ping, PingAck, PingReq, Seen, State

RELAYED = 1.0
"""Seconds for which a member that we probe for another may answer."""

RELAYS_MOST = 256
"""Probes that we run for others at once."""

NACK_AFTER = 0.1
"""Seconds after which whoever asked us to probe is told that there is no answer yet: that we do
answer shows it that its own network is sound."""

OTHER_ADDRESSES = 3
"""How many of a member's addresses are tried when the first one is silent, that one included."""

NEVER = float("inf")

EARLY = 0.95
"""Share of a period by which a probe may come early, in the wake in which we are probed ourselves
in a new round: so each round passes through the cluster in one wave, and who is idle wakes once
for it. Less would leave some outside of the wave for ever."""

PACE = 0.5
"""Share of the time for a direct answer after which a silent member is pinged again, and so on until
it is judged: where much is lost, one lost ping says little. Less finds the living more surely, and
costs packets to the dead."""

ROUND_TRIPS = 1.5
"""Round trips that an answer gets before that at least."""

VERDICT_MOST = 0.8
"""Share of a period by which a probe is judged however bad our health is: the next one begins."""


@value
class Verdict:
    """A probe found nobody; ``period`` seconds are left to refute."""

    member: Member
    period: float


@struct
class _Probe:
    member: Member
    round: int
    started: float
    pause: float
    """Seconds between our pings."""
    again: float
    """When it is pinged once more."""
    due: float
    """When others are asked; then, when it is judged."""
    indirect: bool = False
    asked: int = 0
    """Helpers that were asked."""
    heard_from: set[bytes] = field(default_factory=set)
    """Helpers that answered, if only that they saw nothing."""
    refused_by: set[bytes] = field(default_factory=set)
    accepted: bool = False


@struct
class _Relay:
    """A probe that we run for somebody else."""

    asker: Member
    round: int
    member: Member
    nack_at: float
    """When to tell the asker that there is no answer; never again once it was told something."""
    until: float


class Probing:
    """Our own probe of the round, and those that we run for others."""

    def __init__(
        self,
        members: Members,
        ring: Ring,
        ping: Callable[[Member, int, float], Ping],
        greet: Callable[[], Hello],
        settings: Settings,
        chance: random.Random,
        health: Health,
    ) -> None:
        self._members = members
        self._health = health
        self._ring = ring
        self._ping = ping
        self._greet = greet
        self._settings = settings
        self._chance = chance
        self._round = 0
        self._heard: int | None = None
        self._next = float("inf")
        self._probe: _Probe | None = None
        self._relays: list[_Relay] = []
        self._connects: dict[int, _Probe | _Relay] = {}
        self._last_id = 0

    def start(self, now: float) -> None:
        """Begin with the first round, somewhere within the first period."""
        self._next = now + self._chance.uniform(0.05, 1.0) * self._settings.probe_period

    @property
    def deadline(self) -> float:
        """When the next probe begins, or the present one needs a step."""
        due, probe = self._next, self._probe
        if probe is not None:
            due = min(due, probe.again, probe.due)
        for relay in self._relays:
            due = min(due, relay.until, relay.nack_at)
        return due

    def hear_round(self, round_: int) -> None:
        """A member is in this round: a later one than ours replaces ours at our next ping."""
        if later(round_, self._round if self._heard is None else self._heard):
            self._heard = round_

    def probed(self, round_: int, now: float) -> None:
        """A member probes us in this round: where it is a new one we go on with it at once."""
        self.hear_round(round_)
        due_soon = self._next - now <= EARLY * self._settings.probe_period
        if due_soon and self._probe is None and later(round_, self._round):
            self._next = min(self._next, now)

    @property
    def round(self) -> int:
        """The round that we are in."""
        return self._round

    def wake(self, now: float) -> tuple[list[Outcome], list[Verdict]]:
        """Take the steps that are due."""
        out: list[Outcome] = []
        verdicts: list[Verdict] = []
        if self._relays:
            self._relays = [relay for relay in self._relays if relay.until > now]
            for relay in self._relays:
                if relay.nack_at <= now:
                    out += self._report(relay, Seen.SILENT)
        if self._probe is not None:
            steps, verdicts = self._go_on(self._probe, now)
            out += steps
        if self._next <= now:
            out += self._begin(now)
        return out, verdicts

    def _go_on(self, probe: _Probe, now: float) -> tuple[list[Outcome], list[Verdict]]:
        probe.due = self._health.put_off(probe.due, now)
        if probe.due <= now and probe.indirect:
            return [], [self._judge(probe, now)]
        out = self._ask_others(probe, now) if probe.due <= now else []
        if probe.again <= now:
            probe.again = now + probe.pause
            out.append(to(probe.member, self._ping(probe.member, self._round, now)))
        return out, []

    def _begin(self, now: float) -> list[Outcome]:
        period = self._settings.probe_period
        self._next = max(self._next + period, now + period / 2)
        following = (self._round + 1) % ROUNDS
        if self._heard is not None and later(self._heard, self._round):
            following = self._heard
        self._round, self._heard = following, None
        name = self._ring.target(self._members.me.name, self._round)
        member = None if name is None else self._members.named(name)
        if member is None:
            return []
        timeout = 4 * member.rtt if member.rtt is not None else float("inf")
        most, least = self._settings.probe_timeout_most, self._settings.probe_timeout_least
        timeout = max(least, min(most, timeout))
        pause = max(PACE * timeout, ROUND_TRIPS * (member.rtt or 0.0))
        again = NEVER if member.state is State.SUSPECT else now + pause  # it is told anyway
        timeout = min(timeout * self._health.factor, self._verdict_after() - least)
        self._probe = _Probe(member, self._round, now, pause, again, now + timeout)
        return [to(member, self._ping(member, self._round, now))]

    def _verdict_after(self) -> float:
        most = VERDICT_MOST * self._settings.probe_period
        return max(
            self._settings.probe_verdict,
            min(self._settings.probe_verdict * self._health.factor, most),
        )

    def _ask_others(self, probe: _Probe, now: float) -> list[Outcome]:
        probe.indirect, probe.due = True, probe.started + self._verdict_after()
        member = probe.member
        helpers = [m for m in self._members.others(State.ALIVE) if m is not member]
        helpers = self._chance.sample(helpers, min(self._settings.indirect_probes, len(helpers)))
        probe.asked = len(helpers)
        request = PingReq(probe.round, member.name, member.boot, member.address)
        out: list[Outcome] = [to(helper, request) for helper in helpers]
        for address in member.addresses[1:OTHER_ADDRESSES]:
            out += [Send(member.boot, address, self._ping(member, self._round, now))]
        return [*out, Send(NOBODY, member.address, self._greet()), self._connect(probe)]

    def _connect(self, probe: _Probe | _Relay) -> OpenStream:
        self._last_id -= 1  # below 0: these streams are never spoken on
        self._connects[self._last_id] = probe
        return OpenStream(self._last_id, probe.member.address)

    def _judge(self, probe: _Probe, now: float) -> Verdict:
        self._probe = None
        if probe.asked and not probe.heard_from:
            self._health.worse(now)  # not one helper answers: perhaps we are who is cut off
        settings = self._settings
        period = settings.suspicion_busy if probe.accepted else settings.suspicion_silent
        return Verdict(probe.member, period * self._health.factor)

    # Evidence

    def alive(self, member: Member) -> list[Outcome]:
        """The member answered something: its probe is over, and whoever asked for it is told."""
        if self._probe is not None and self._probe.member is member:
            if not self._probe.indirect:
                self._health.better()
            self._probe = None
        out: list[Outcome] = []
        if not self._relays:
            return out
        for relay in [relay for relay in self._relays if relay.member is member]:
            self._relays.remove(relay)
            out.append(to(relay.asker, PingAck(relay.round, member.name)))
        return out

    def relay(self, asker: Member, request: PingReq, now: float) -> list[Outcome]:
        """Probe a member for somebody else."""
        member = self._members.booted(request.boot)
        if member is None or member is self._members.me or len(self._relays) >= RELAYS_MOST:
            return []
        relay = _Relay(asker, request.round, member, now + NACK_AFTER, now + RELAYED)
        self._relays.append(relay)
        ping = self._ping(member, self._round, now)
        return [to(member, ping), self._connect(relay)]

    def on_nack(self, helper: Member, nack: Nack) -> list[Verdict]:
        """A helper saw no answer; its connect may tell why."""
        probe = self._probe
        if probe is None or (probe.member.name, probe.round) != (nack.name, nack.round):
            return []
        probe.heard_from.add(helper.boot)
        return self._seen(probe, helper.boot, Seen(nack.seen))

    def connected(self, id_: int) -> list[Outcome]:
        """The port of a silent member accepted our connect."""
        out: list[Outcome] = [CloseStream(id_, "probed")]
        probe = self._connects.pop(id_, None)
        if isinstance(probe, _Relay):
            out += self._report(probe, Seen.ACCEPTED)
        elif probe is not None:
            probe.accepted = True
        return out

    def not_connected(self, id_: int, why: str) -> tuple[list[Outcome], list[Verdict]]:
        """The port of a silent member refused our connect, or nothing answered."""
        probe = self._connects.pop(id_, None)
        seen = Seen.REFUSED if why == "refused" else Seen.SILENT
        if isinstance(probe, _Relay):
            return self._report(probe, seen), []
        if probe is None or probe is not self._probe:
            return [], []
        return [], self._seen(probe, self._members.me.boot, seen)

    def _report(self, relay: _Relay, seen: Seen) -> list[Outcome]:
        if relay not in self._relays or (seen is Seen.SILENT and relay.nack_at == NEVER):
            return []
        relay.nack_at = NEVER
        return [to(relay.asker, Nack(relay.round, relay.member.name, seen))]

    def _seen(self, probe: _Probe, by: bytes, seen: Seen) -> list[Verdict]:
        if seen is Seen.ACCEPTED:
            probe.accepted = True
        if seen is Seen.REFUSED:
            probe.refused_by.add(by)
        if len(probe.refused_by) < 2:
            return []
        self._probe = None  # two saw the port refuse: the process is gone
        return [Verdict(probe.member, self._settings.suspicion_refused)]

    def forgive(self, now: float) -> None:
        """We slept: whoever did not answer meanwhile may well have."""
        self._probe = None
        self._relays.clear()
        self._next = max(self._next, now + self._settings.probe_period / 2)
