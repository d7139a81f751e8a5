"""The driver with an engine of cardboard: what is slept through, carried out and survived."""

from collections import defaultdict
import math

import pytest
import trio

from crdt import PNCounter
from crdtnode.errors import BrokenInvariant, NodeClosed
from crdtnode.metrics import Metrics
from crdtnode.node.driver import FAILURES_MOST, Driver
from crdtnode.protocol.effects import (
    Changed,
    CloseStream,
    Event,
    Flushed,
    Left,
    MemberNews,
    OpenStream,
    Roots,
    SendDatagram,
    SendFrame,
    Stream,
    Udp,
)

HERE, THERE = ("10.0.0.1", 1), ("10.0.0.2", 2)


class Cardboard:
    """An engine that notes its calls, answers with planned effects, and fails when told to."""

    def __init__(self) -> None:
        self.deadline = math.inf
        self.calls = []
        self.plan = defaultdict(list)
        self.fails = set()
        self.wanted = []

    def effects(self):
        wanted, self.wanted = self.wanted, []
        return wanted

    def note(self, call, *details):
        self.calls.append((call, *details))
        if call in self.fails:
            raise RuntimeError(f"{call} fails")
        self.wanted += self.plan.pop(call, [])

    def start(self, now):
        self.note("start")

    def wake(self, now):
        self.deadline = self.deadline if "wake" in self.fails else math.inf
        self.note("wake", round(now - self.zero, 6))

    def receive(self, data, source, now):
        self.note("receive", data, source)

    def heard(self, now):
        self.note("heard")

    def accepted(self, address, now):
        self.note("accepted", address)
        return 7

    def opened(self, number, now):
        self.note("opened", number)

    def closed(self, number, why, now):
        self.note("closed", number, why)

    def drained(self, number, now):
        self.note("drained", number)

    def send_failed(self, address, errno_name, now):
        self.note("send_failed", address, errno_name)

    def join(self, addresses, now):
        self.note("join", addresses)

    def leave(self, now):
        self.note("leave")

    def flush(self, now):
        self.note("flush")
        return 1

    def ask_roots(self, now):
        self.note("ask_roots")
        return 1


class Notebook:
    """A transport that writes down what it is told."""

    def __init__(self) -> None:
        self.done = []
        self.refuses = False

    async def run(self, receiver, *, task_status):
        self.receiver = receiver
        task_status.started()
        try:
            await trio.sleep_forever()
        finally:
            receiver.closed(1, "eof")

    def send(self, address, data, *, reached=False):
        self.done.append(("send", address, data))
        if self.refuses:
            self.receiver.send_failed(address, "EPERM")

    def open(self, stream, address):
        self.done.append(("open", stream, address))
        if self.refuses:
            self.receiver.closed(stream, "unreachable")

    def write(self, stream, data):
        self.done.append(("write", stream, data))

    def close(self, stream):
        self.done.append(("close", stream))


@pytest.fixture
def engine(autojump_clock):
    return Cardboard()


@pytest.fixture
def heard():
    return []


@pytest.fixture
async def driver(engine, heard, nursery):
    made = Driver(engine, Notebook(), Metrics(), heard.append)
    engine.zero = made.now()
    await nursery.start(made.run)
    yield made
    nursery.cancel_scope.cancel()


async def test_it_sleeps_until_the_deadline_and_not_a_tick_longer(driver, engine, autojump_clock):
    engine.deadline = driver.now() + 3600.0
    driver.rearm()
    await trio.sleep(10_000)
    assert engine.calls == [("start",), ("wake", 3600.0)]


async def test_a_deadline_that_comes_nearer_wakes_it_earlier(driver, engine, autojump_clock):
    engine.deadline = driver.now() + 100
    driver.rearm()
    await trio.sleep(1)
    engine.deadline = driver.now() + 1
    driver.rearm()
    await trio.sleep(200)
    assert engine.calls[1:] == [("wake", 2.0)]


async def test_a_deadline_that_moves_away_is_not_woken_for(driver, engine, autojump_clock):
    engine.deadline = driver.now() + 1
    driver.rearm()
    engine.deadline = driver.now() + 50
    driver.rearm()
    await trio.sleep(60)
    assert engine.calls[1:] == [("wake", 50.0)]


async def test_a_deadline_that_is_over_wakes_it_within_the_same_moment(
    driver, engine, autojump_clock
):
    engine.deadline = driver.now() + 5
    driver.rearm()
    await trio.sleep(1)
    engine.deadline = -math.inf
    driver.datagrams([(b"x", HERE)])
    await trio.testing.wait_all_tasks_blocked()
    assert engine.calls[1:] == [("receive", b"x", Udp(HERE)), ("heard",), ("wake", 1.0)]


async def test_an_engine_that_always_has_work_starves_nobody(driver, engine, autojump_clock):
    def wake(now):
        engine.calls.append("wake")
        engine.deadline = -math.inf

    engine.wake = wake
    engine.deadline = -math.inf
    driver.rearm()
    for _ in range(5):
        await trio.lowlevel.checkpoint()
    assert 3 <= engine.calls.count("wake") <= 6


async def test_rearming_works_from_outside_of_the_loop(driver, engine, until):
    engine.deadline = driver.now()
    await trio.to_thread.run_sync(driver.rearm)
    await until(lambda: engine.calls[-1][0] == "wake")


async def test_effects_are_carried_out_in_order(driver, engine, heard, autojump_clock):
    changed = Changed("pncounter@1", "n", PNCounter(), None)
    news, event = MemberNews("b", THERE, "alive"), Event("slept", {})
    engine.plan["receive"] = [
        SendDatagram(THERE, b"1"),
        OpenStream(5, THERE),
        SendFrame(5, b"2"),
        changed,
        news,
        event,
        CloseStream(5, "done"),
    ]
    driver.datagrams([(b"x", HERE)])
    assert engine.calls[1:] == [("receive", b"x", Udp(HERE)), ("heard",)]
    assert driver.transport.done == [
        ("send", THERE, b"1"),
        ("open", 5, THERE),
        ("write", 5, b"2"),
        ("close", 5),
    ]
    assert heard == [changed, news, event]


async def test_what_the_transport_tells_reaches_the_engine(driver, engine, autojump_clock):
    assert driver.accepted(THERE) == 7
    driver.received(7, b"chunk")
    driver.opened(8)
    driver.drained(8)
    driver.closed(8, "eof")
    assert engine.calls[1:] == [
        ("accepted", THERE),
        ("receive", b"chunk", Stream(7)),
        ("opened", 8),
        ("drained", 8),
        ("closed", 8, "eof"),
    ]


async def test_what_arrived_leads_to_is_done_before_it_is_acknowledged(
    driver, engine, autojump_clock
):
    engine.plan["receive"] = [SendDatagram(THERE, b"relayed")]
    engine.heard = lambda now: engine.calls.append(list(driver.transport.done))
    driver.datagrams([(b"x", HERE)])
    assert engine.calls[-1] == [("send", THERE, b"relayed")]


async def test_effects_of_effects_are_carried_out_too(driver, engine, autojump_clock):
    driver.transport.refuses = True
    engine.plan["receive"] = [OpenStream(5, THERE), SendDatagram(THERE, b"1")]
    engine.plan["closed"] = [SendDatagram(THERE, b"other way")]
    driver.datagrams([(b"x", HERE)])
    assert ("send", THERE, b"other way") in driver.transport.done
    assert ("send_failed", THERE, "EPERM") in engine.calls


async def test_an_engine_that_answers_each_refusal_with_a_new_send_starves_nobody(
    driver, engine, autojump_clock
):
    driver.transport.refuses = True
    engine.send_failed = lambda address, name, now: engine.wanted.append(SendDatagram(THERE, b"!"))
    engine.wanted.append(SendDatagram(THERE, b"first"))
    driver.settle()
    assert len(driver.transport.done) < 100


@pytest.mark.parametrize(
    "room", ["receive", "heard", "accepted", "opened", "drained", "closed", "join"]
)
async def test_an_exception_in_a_handler_is_counted_and_survived(
    driver, engine, room, caplog, autojump_clock
):
    engine.fails.add(room)
    driver.datagrams([(b"bad", HERE)])
    driver.accepted(THERE)
    driver.received(1, b"x")
    driver.opened(1)
    driver.drained(1)
    driver.closed(1, "eof")
    driver.join([THERE])
    assert driver._metrics.contained[room] >= 1
    assert "contained" in caplog.text
    assert f"{room} fails" in caplog.text
    engine.fails.clear()
    engine.deadline = driver.now() + 1
    driver.rearm()
    await trio.sleep(2)
    assert engine.calls[-1] == ("wake", 1.0)


async def test_a_bad_datagram_does_not_hide_the_others_of_its_batch(driver, engine, autojump_clock):
    def receive(data, source, now):
        if data == b"bad":
            raise RuntimeError("bad")
        engine.calls.append(data)

    engine.receive = receive
    driver.datagrams([(b"bad", HERE), (b"good", HERE), (b"bad", HERE), (b"fine", HERE)])
    assert engine.calls[1:] == [b"good", b"fine", ("heard",)]
    assert driver._metrics.contained == {"receive": 2}


async def test_a_mistake_that_happens_a_thousand_times_does_not_fill_the_log(
    driver, engine, caplog, autojump_clock
):
    engine.fails.add("receive")
    driver.datagrams([(b"bad", HERE)] * 1000)
    assert driver._metrics.contained == {"receive": 1000}
    assert 10 < len(caplog.records) < 30


async def test_a_refused_stream_of_a_failing_engine_is_refused(driver, engine, autojump_clock):
    engine.fails.add("accepted")
    assert driver.accepted(THERE) is None


async def test_an_exception_of_a_listener_or_a_sender_is_contained(engine, autojump_clock):
    def deaf(news):
        raise ValueError("no ears")

    transport = Notebook()
    transport.send = transport.missing = None
    driver = Driver(engine, transport, Metrics(), deaf)
    engine.zero = 0
    async with trio.open_nursery() as nursery:
        await nursery.start(driver.run)
        engine.plan["receive"] = [
            Event("slept", {}),
            SendDatagram(THERE, b"1"),
            SendFrame(5, b"still written"),
        ]
        driver.datagrams([(b"x", HERE)])
        assert driver._metrics.contained == {"Event": 1, "SendDatagram": 1}
        assert transport.done == [("write", 5, b"still written")]
        nursery.cancel_scope.cancel()


async def test_an_engine_that_fails_at_every_wake_ends_the_node_loudly(engine, autojump_clock):
    engine.fails.add("wake")
    engine.deadline = 0.0
    driver = Driver(engine, Notebook(), Metrics(), print)
    engine.zero = driver.now()
    with pytest.raises(ExceptionGroup) as caught:
        await driver.run()
    assert caught.group_contains(BrokenInvariant, match="in a row")
    assert driver._metrics.contained["wake"] == FAILURES_MOST


async def test_a_wake_that_fails_now_and_then_is_survived(driver, engine, autojump_clock):
    for number in range(3 * FAILURES_MOST):
        engine.fails = {"wake"} if number % 3 else set()
        engine.deadline = driver.now() + 1
        driver.rearm()
        await trio.sleep(1.01)
        engine.deadline, engine.fails = math.inf, set()
        await trio.sleep(0.1)
    assert driver.running


async def test_an_answer_reaches_who_asked_and_tickets_of_two_kinds_do_not_mix(
    driver, engine, autojump_clock
):
    engine.plan["flush"] = [Roots(1, {"b": True}), Flushed(1, 2)]
    assert await driver.flush() == 2
    engine.plan["ask_roots"] = [Flushed(1, 9), Roots(1, {"b": False})]
    assert await driver.ask_roots() == {"b": False}
    assert driver._tickets == {}


async def test_who_gives_up_waiting_leaves_nothing_behind(driver, engine, autojump_clock):
    with trio.move_on_after(1) as patience:
        await driver.flush()
    assert patience.cancelled_caught
    assert driver._tickets == {}


async def test_who_waits_when_the_node_ends_is_told(engine, autojump_clock):
    driver = Driver(engine, Notebook(), Metrics(), print)
    engine.zero = 0
    told = []

    async def ask():
        try:
            await driver.flush()
        except NodeClosed as error:
            told.append(str(error))

    async with trio.open_nursery() as asking, trio.open_nursery() as driving:
        await driving.start(driver.run)
        asking.start_soon(ask)
        await trio.testing.wait_all_tasks_blocked()
        driving.cancel_scope.cancel()
    assert told == ["the node was closed while somebody waited for its answer"]


async def test_after_leaving_it_sleeps_for_good(driver, engine, autojump_clock):
    engine.plan["leave"] = [Left()]
    driver.leave()
    with trio.fail_after(1):
        await driver.left.wait()
    engine.deadline = 0.0
    driver.rearm()
    await trio.sleep(100)
    assert [call for call, *_ in engine.calls] == ["start", "leave"]
