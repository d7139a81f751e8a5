"""The figures of the race: each takes a running team and gives numbers by name.

Rule of this file: a figure says what it saw. Missing is None, never a number that stands for it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
import random
from statistics import median, quantiles

import trio

from race.course import Runner, Team

Figures = dict[str, float | None]


@dataclass(frozen=True)
class Effort:
    """How long to look."""

    writes: int = 40
    seconds: float = 3.0
    idle: float = 20.0
    split: float = 60.0
    split_writes: int = 2000  # on each side
    kills: int = 3


async def write(
    team: Team, writers: Iterable[Runner], prefix: str, count: int, rate: float, size: int
) -> dict[str, float]:
    """Let several write so many updates in all, at this rate in all; gives when each was written."""
    among = list(writers)
    each = -(-count // len(among))
    times: dict[str, float] = {}

    async def one(member: Runner) -> None:
        answer = await member.ask(
            "write",
            prefix=f"{prefix}m{member.number}",
            count=each,
            rate=rate / len(among),
            size=size,
        )
        times.update(answer["at"])

    async with trio.open_nursery() as nursery:
        for member in among:
            nursery.start_soon(one, member)
    return times


async def lateness(team: Team, written: dict[str, float], seconds: float) -> list[float | None]:
    """How long each update took to each member; None where it is not there within ``seconds``."""
    counts: dict[str, int] = {}
    for update in written:
        prefix = update.rpartition("-")[0]
        counts[prefix] = counts.get(prefix, 0) + 1
    answers = await team.ask_all("arrivals", counts=counts, seconds=seconds)
    return [
        None if at is None else at - written[update]
        for answer in answers
        for update, at in answer["at"].items()
    ]


def missing(late: list[float | None]) -> float:
    """The share of deliveries that did not happen."""
    return late.count(None) / len(late)


async def visible(team: Team, effort: Effort) -> Figures:
    """How long single writes take until the last member sees them."""
    chance = random.Random(1)
    written: dict[str, float] = {}
    used = sum(member.used()[0] for member in team.members)
    for number in range(effort.writes):
        # Nobody is asked meanwhile: questions to all would compete with what is measured.
        written |= await write(team, [chance.choice(team.members)], f"v{number}", 1, 1, 20)
        await trio.sleep(chance.uniform(0.05, 0.15))
    late = await lateness(team, written, 10)
    by_update = [late[number :: len(written)] for number in range(len(written))]
    took = [max(t for t in times if t is not None) for times in by_update if None not in times]
    used = sum(member.used()[0] for member in team.members) - used
    return {
        "visible on all p50": median(took) if took else None,
        "visible on all p95": quantiles(took, n=20)[-1] if len(took) > 1 else None,
        "processor time of a lone update": used / effort.writes,
    }


async def sustained(team: Team, effort: Effort) -> Figures:
    """The highest rate, from all members together, at which nothing is lost and p99 is < 1 s."""
    rates = (500, 1000, 2000, 3000) if team.side == "ours" else (10, 30, 100)
    best, p99_at_best = None, None
    for rate in rates:
        written = await write(team, team.members, f"s{rate}", int(rate * effort.seconds), rate, 100)
        late = await lateness(team, written, 5)
        there = sorted(t for t in late if t is not None)
        if None in late or there[int(len(there) * 0.99)] >= 1:
            break
        best, p99_at_best = float(rate), there[int(len(there) * 0.99)]
    return {"clean sustained rate": best, "p99 at that rate": p99_at_best}


async def burst(team: Team, effort: Effort) -> Figures:
    """2,000 updates a second for some seconds, from one member and from all."""
    figures: Figures = {}
    for who, writers in (("one", team.members[:1]), ("all", team.members)):
        count = int(2000 * effort.seconds)
        used = sum(member.used()[0] for member in team.members)
        written = await write(team, writers, f"b{who}", count, 2000, 100)
        late = await lateness(team, written, 3)
        used = sum(member.used()[0] for member in team.members) - used
        figures[f"processor time of an update, from {who}"] = used / len(written)
        figures[f"there within 3 s of 2000/s, from {who}"] = 1 - missing(late)
        there = [t for t in late if t is not None]
        figures[f"median of these, from {who}"] = median(there) if there else None
    return figures


async def partition(team: Team, effort: Effort) -> Figures:
    """Half is cut from half while both write: what ever arrives, and when."""
    assert team.lan is not None
    half = len(team.members) // 2
    left, right = team.members[:half], team.members[half:]
    team.lan.cut([m.number for m in left], [m.number for m in right])
    began = trio.current_time()
    written: dict[str, float] = {}
    for writers in (left, right):
        written |= await write(
            team, writers[:1], "p", effort.split_writes, min(1000, effort.split_writes), 100
        )
    await trio.sleep_until(began + effort.split)
    team.lan.heal()
    healed = trio.current_time()
    late = await lateness(team, written, 40)
    equal = trio.current_time() - healed
    met = await team.ask_all("alive", count=len(team.members), seconds=60)
    return {
        "written during a partition, arrived": 1 - missing(late),
        "heal to all updates everywhere": equal if None not in late else None,
        "heal to all members alive again": (
            None if any(a["at"] is None for a in met) else trio.current_time() - healed
        ),
    }


async def loss(team: Team, effort: Effort) -> Figures:
    """Single writes while each host loses 60 % of the datagrams that reach it."""
    assert team.lan is not None
    team.lan.lose(0.6)
    written: dict[str, float] = {}
    for member in team.members:
        count = max(1, effort.writes // len(team.members))
        written |= await write(team, [member], "l", count, 10, 20)
    after_3 = missing(await lateness(team, written, 3))
    after_6 = missing(await lateness(team, written, 3)) if after_3 else 0.0
    team.lan.heal()
    await team.ask_all("alive", count=len(team.members), seconds=60)
    return {
        "missed at 60 % loss after 3 s": after_3,
        "missed at 60 % loss after 6 s": after_6,
    }


async def idle(team: Team, effort: Effort) -> Figures:
    """What a member costs that has nothing to do."""
    assert team.lan is not None
    size = len(team.members)
    packets, octets = team.sent()
    used = [member.used() for member in team.members]
    began = trio.current_time()
    await trio.sleep(effort.idle)
    lasted = trio.current_time() - began
    packets_then, octets_then = team.sent()
    used_then = [member.used() for member in team.members]
    seconds = sum(then[0] - before[0] for then, before in zip(used_then, used, strict=True))
    sleeps = sum(then[1] - before[1] for then, before in zip(used_then, used, strict=True))
    return {
        "idle packets": (packets_then - packets) / size / lasted,
        "idle bytes": (octets_then - octets) / size / lasted,
        "idle processor": seconds / size / lasted,
        "idle wakes": sleeps / size / lasted,
        "memory": median(member.memory_bytes() for member in team.members) / 2**20,
    }


async def octets_per_update(team: Team, effort: Effort) -> Figures:
    """Bytes on the wire for each update of 100 B and member, all headers counted."""
    figures: Figures = {}
    for what, count, rate in (("in a stream", 1000 * effort.seconds, 1000), ("alone", 60, 20)):
        before, began = team.sent()[1], trio.current_time()
        written = await write(team, team.members[:1], f"o{rate}", int(count), rate, 100)
        late = await lateness(team, written, 10)
        sent = team.sent()[1] - before
        share = 1 - missing(late)
        figures[f"bytes per update {what}"] = (
            sent / len(written) / len(team.members) if share == 1 else None
        )
        figures[f"seconds for updates {what}"] = trio.current_time() - began
    return figures


async def status(team: Team, effort: Effort) -> Figures:
    """How long it takes to hear from everybody."""
    answers = [await member.ask("status") for member in team.members[:3]]
    complete = [a["took"] for a in answers if a["answers"] == len(team.members) - 1]
    return {"status of everybody": median(complete) if complete else None}


async def departures(team: Team, effort: Effort) -> Figures:
    """A killed process, a host whose cable is pulled, and one that leaves on purpose."""
    left = list(team.members)
    figures: Figures = {}
    chance = random.Random(2)
    for what in ("killed process", "vanished host"):
        if what == "vanished host" and team.lan is None:
            continue
        took: list[float | None] = []
        for _ in range(min(effort.kills, len(left) - 2)):
            victim = left.pop()
            await trio.sleep(chance.uniform(0.5, 1.5))
            began = trio.current_time()
            if what == "killed process":
                victim.kill()
            else:
                assert team.lan is not None
                team.lan.unplug(victim.number)
            gone = await team.ask_all("gone", left, name=victim.name, seconds=60)
            known = all(answer["at"] is not None for answer in gone)
            took.append(trio.current_time() - began if known else None)
        known_times = [t for t in took if t is not None]
        complete = bool(took) and len(known_times) == len(took)
        figures[f"{what} known by all, median"] = median(known_times) if complete else None
        figures[f"{what} known by all, longest"] = max(known_times) if complete else None
    answer = await left.pop().ask("leave")
    figures["leave"] = answer["took"]
    return figures
