"""What every transport does: one body over memory and real sockets alike."""

import trio

from crdtnode.transport import DATAGRAM_MOST_BYTES, SEND_QUEUE_BYTES


async def connected(pair, until):
    """Open a stream from the first to the second; answers the numbers at both ends."""
    left, right = pair
    left.transport.open(1, right.transport.address)
    await until(lambda: left.ear.open == [1] and right.ear.streams)
    return 1, next(iter(right.ear.streams))


async def test_a_datagram_arrives_with_its_sender(pair, until):
    left, right = pair
    left.transport.send(right.transport.address, b"hello")
    await until(lambda: right.ear.heard)
    assert right.ear.heard == [(b"hello", left.transport.address)]


async def test_a_burst_of_datagrams_arrives_whole(pair, until):
    left, right = pair
    for number in range(200):
        left.transport.send(right.transport.address, str(number).encode())
    await until(lambda: len(right.ear.heard) == 200)
    assert {int(data) for data, _ in right.ear.heard} == set(range(200))


async def test_a_datagram_over_the_most_is_counted_and_dropped(pair, until):
    left, right = pair
    left.transport.send(right.transport.address, bytes(DATAGRAM_MOST_BYTES + 1))
    left.transport.send(right.transport.address, bytes(DATAGRAM_MOST_BYTES))
    await until(lambda: right.ear.heard and right.metrics.dropped)
    assert [len(data) for data, _ in right.ear.heard] == [DATAGRAM_MOST_BYTES]
    assert right.metrics.dropped == {"datagram too large": 1}


async def test_bytes_of_a_stream_arrive_in_order_both_ways(pair, until):
    left, right = pair
    ours, theirs = await connected(pair, until)
    for number in range(100):
        left.transport.write(ours, bytes([number]))
        right.transport.write(theirs, bytes([number]))
    received = (right.ear.streams, theirs), (left.ear.streams, ours)
    await until(lambda: all(len(streams.get(n, b"")) == 100 for streams, n in received))
    assert right.ear.streams[theirs] == left.ear.streams[ours] == bytes(range(100))


async def test_a_large_write_arrives_whole_and_is_then_called_drained(pair, until):
    left, right = pair
    ours, theirs = await connected(pair, until)
    data = bytes(range(256)) * 12_000
    left.transport.write(ours, data)
    await until(lambda: len(right.ear.streams[theirs]) == len(data))
    await until(lambda: left.ear.empty)
    assert right.ear.streams[theirs] == data
    assert set(left.ear.empty) == {ours}


async def test_a_connect_to_nobody_is_refused(pair, until):
    left, right = pair
    host, port = right.transport.address
    right.transport.close_now()
    left.transport.open(7, (host, port))
    await until(lambda: left.ear.ended)
    assert left.ear.ended == {7: "refused"}
    assert left.ear.open == []


async def test_a_stream_closed_here_ends_there_after_its_last_bytes(pair, until):
    left, right = pair
    ours, theirs = await connected(pair, until)
    left.transport.write(ours, b"last words" * 10_000)
    left.transport.close(ours)
    await until(lambda: right.ear.ended)
    assert right.ear.ended == {theirs: "eof"}
    assert right.ear.streams[theirs] == b"last words" * 10_000
    assert left.ear.ended == {}, "whoever closes a stream is not told that it closed"


async def test_a_receiver_that_refuses_ends_the_stream_of_whoever_came(pair, until):
    left, right = pair
    right.ear.numbers.clear()
    left.transport.open(1, right.transport.address)
    await until(lambda: left.ear.ended)
    assert left.ear.ended[1] in {"eof", "error"}
    assert right.ear.streams == {}


async def test_a_peer_that_does_not_read_is_cut_off_when_too_much_is_queued(pair, until):
    left, right = pair
    ours, _ = await connected(pair, until)
    left.transport.write(ours, bytes(SEND_QUEUE_BYTES + 1))
    assert left.ear.ended == {ours: "error"}
    assert left.metrics.dropped["stream, send queue full"] == 1
    await until(lambda: right.ear.ended)


async def test_writing_to_or_closing_a_stream_that_ended_does_nothing(pair, until):
    left, right = pair
    ours, theirs = await connected(pair, until)
    right.transport.close(theirs)
    await until(lambda: left.ear.ended)
    left.transport.write(ours, b"late")
    left.transport.close(ours)
    left.transport.write(99, b"never was")


async def test_an_isolated_node_hears_nobody_and_nobody_hears_it(pair, until):
    left, right = pair
    _ours, theirs = await connected(pair, until)
    right.transport.isolate()
    await until(lambda: left.ear.ended and right.ear.ended)
    assert right.ear.ended == {theirs: "error"}
    left.transport.send(right.transport.address, b"to it")
    right.transport.send(left.transport.address, b"from it")
    left.transport.open(2, right.transport.address)
    right.transport.open(3, left.transport.address)
    await until(lambda: 2 in left.ear.ended and 3 in right.ear.ended)
    assert left.ear.ended[2] == "refused"
    assert right.ear.ended[3] == "unreachable"
    await until(lambda: right.metrics.dropped["isolated"] >= 1)
    assert left.ear.heard == right.ear.heard == []


async def test_a_healed_node_speaks_again_at_the_same_address(pair, until):
    left, right = pair
    address = right.transport.address
    right.transport.isolate()
    right.transport.heal()
    left.transport.send(address, b"again")
    await until(lambda: right.ear.heard)
    with trio.fail_after(5):
        number = 10
        while number not in left.ear.open:
            number += 1
            left.transport.open(number, address)
            await until(lambda n=number: n in left.ear.open or n in left.ear.ended)
    assert right.transport.address == address


async def test_isolating_or_healing_twice_changes_nothing_more(pair, until):
    left, right = pair
    right.transport.heal()
    right.transport.isolate()
    right.transport.isolate()
    right.transport.heal()
    right.transport.heal()
    left.transport.send(right.transport.address, b"fine")
    await until(lambda: right.ear.heard)
