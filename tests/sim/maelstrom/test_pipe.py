from random import Random

from hypothesis import given
from hypothesis import strategies as st

from crdtnode.sim.maelstrom.pipe import GIVE_UP, RESEND, SEGMENT_BYTES, Pipe, Segment


@given(st.integers(0, 2**32), st.lists(st.binary(max_size=20), max_size=12))
def test_what_is_written_arrives_once_and_in_order_whatever_is_lost_doubled_or_late(
    seed: int, pieces: list[bytes]
) -> None:
    chance, now = Random(seed), 0.0
    ours, theirs = Pipe(connecting=True, heard=0.0), Pipe(connecting=False, heard=0.0)
    way = [segment for piece in [b"", *pieces] for segment in ours.write(piece, now)]
    way += ours.write(b"end", now, last=True)
    came: list[Segment] = []
    for _ in range(400):
        now += RESEND
        way += ours.again(now)
        chance.shuffle(way)
        for segment in [segment for segment in way if chance.random() < 0.6]:
            came += theirs.receive(segment, now)
            if chance.random() < 0.6:
                assert not list(ours.receive(theirs.acknowledgement(), now))
        way = way[: chance.randrange(4)]
        if ours.drained:
            break
    assert ours.drained
    assert b"".join(segment.data for segment in came) == b"".join(pieces) + b"end"
    assert [segment.last for segment in came] == [False] * (len(came) - 1) + [True]
    assert not ours.broken(now + 2 * GIVE_UP)


def test_large_writes_are_cut_and_silence_breaks_the_pipe() -> None:
    pipe = Pipe(connecting=False, heard=0.0)
    segments = pipe.write(b"x" * (SEGMENT_BYTES + 1), now=5.0, last=True)
    assert [(len(s.data), s.last) for s in segments] == [(SEGMENT_BYTES, False), (1, True)]
    assert not pipe.broken(5.0 + GIVE_UP - 0.1)
    assert pipe.broken(5.0 + GIVE_UP)
    assert pipe.again(5.0 + RESEND / 2) == []
    assert pipe.again(5.0 + RESEND) == segments
