"""What rides on probes."""

from crdtnode.protocol.members import Member, Members
from crdtnode.protocol.news import ABOARD, ABOARD_BYTES, REPEATS, News
from crdtnode.wire import codec
from crdtnode.wire.messages import MemberList, MemberRecord, State
from tests.protocol.people import boot, members, record


def of(everybody: Members, name: str) -> Member:
    one = everybody.named(name)
    assert one is not None
    return one


def names(records: tuple[MemberRecord, ...]) -> list[str]:
    return [one.name for one in records]


def test_a_piece_of_news_is_told_until_enough_heard_it() -> None:
    everybody = members("b", "c")
    news = News(everybody)
    news.spread(of(everybody, "c"))
    told = [names(news.aboard(of(everybody, "b"))) for _ in range(10)]
    assert told.count(["c"]) == REPEATS
    assert told[-1] == []


def test_the_least_told_goes_first() -> None:
    everybody = members("b", "c", "d", "e", "f", "g")
    news = News(everybody)
    for name in "bcdef":
        news.spread(of(everybody, name))
    news.aboard(of(everybody, "g"))
    (first, *_) = news.aboard(of(everybody, "g"))
    assert first.name == "f"


def test_what_became_new_again_is_told_anew() -> None:
    everybody = members("b", "c")
    news = News(everybody)
    news.spread(of(everybody, "c"))
    for _ in range(REPEATS - 1):
        news.aboard(of(everybody, "b"))
    news.spread(of(everybody, "c"))
    told = [news.aboard(of(everybody, "b")) for _ in range(10)]
    assert sum(map(bool, told)) == REPEATS


def test_a_suspect_is_always_told_what_is_thought_of_it_and_who_thinks_so() -> None:
    everybody = members("b", "c", "d", "e", "f")
    news = News(everybody)
    for name in "abcdef":
        news.spread(of(everybody, name))
    b = of(everybody, "b")
    everybody.judge(b, State.SUSPECT, 1.0)
    for _ in range(50):
        told = news.aboard(b)
        assert names(told)[:2] == ["b", "a"]
        assert told[0].state == State.SUSPECT
        assert len(told) <= ABOARD
        assert len(set(names(told))) == len(told)


def test_what_a_suspect_is_told_of_itself_is_short() -> None:
    everybody = members()
    large = {f"tag-{n}": "x" * 200 for n in range(32)}
    places = tuple((f"host-{n}", 1) for n in range(8))
    everybody.hear([record("b", tags=large, addresses=places)], 1.0)
    b = of(everybody, "b")
    everybody.judge(b, State.SUSPECT, 1.0)
    (told, _) = News(everybody).aboard(b)
    assert (told.name, told.boot, told.tags, told.addresses) == ("b", boot("b"), {}, places[:1])


def test_news_fits_its_room_whatever_names_and_tags_are() -> None:
    everybody = members("peer")
    news = News(everybody)
    for number in range(40):
        tags = {"ä" * 7: "ü" * number}
        everybody.hear([record(f"m{number}" + "ö" * number, tags=tags)], 1.0)
        news.spread(of(everybody, f"m{number}" + "ö" * number))
    empty = len(codec.encode(MemberList(0, (), reply=False)))
    seen = 0
    for _ in range(40 * REPEATS):
        aboard = news.aboard(of(everybody, "peer"))
        assert len(codec.encode(MemberList(0, aboard, reply=False))) - empty <= ABOARD_BYTES
        seen += len(aboard)
    assert seen > 40


def test_a_record_that_never_fits_is_not_told_for_ever() -> None:
    everybody = members("b")
    everybody.hear([record("c", tags={"x": "y" * 255, "z": "y" * 255})], 1.0)
    news = News(everybody)
    news.spread(of(everybody, "c"))
    assert [news.aboard(of(everybody, "b")) for _ in range(20)] == [()] * 20


def test_who_is_off_the_list_is_no_news() -> None:
    everybody = members("b", "c")
    news = News(everybody)
    c = of(everybody, "c")
    news.spread(c)
    news.forget(c)
    news.forget(c)
    assert news.aboard(of(everybody, "b")) == ()


def test_a_name_that_nobody_bears_any_more_is_no_news() -> None:
    everybody = members("b", "c")
    news = News(everybody)
    news.spread(of(everybody, "c"))
    everybody.hear([record("c~1", 2, process="c")], 1.0)
    assert news.aboard(of(everybody, "b")) == ()
