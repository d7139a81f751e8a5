"""What others may see of members."""

from crdtnode.protocol.members import Member, Members
from crdtnode.protocol.views import MemberView, name_conflicts, view
from crdtnode.wire.messages import State
from tests.protocol.people import boot, member, record


def seen(*all_of: Member) -> list[MemberView]:
    return [view(one, is_self=False, root_equal=None) for one in all_of]


def test_who_gave_up_its_name_to_a_member_is_in_a_conflict() -> None:
    newcomer = Members(member("b", boot=boot("x")))
    newcomer.hear([record("a")], 0.0)
    after = newcomer.rename()
    assert name_conflicts(seen(newcomer.me, member("b"))) == {after: "b"}
    again = newcomer.rename()
    assert name_conflicts(seen(newcomer.me, member("b"))) == {again: "b"}


def test_a_name_that_nobody_else_bears_is_in_no_conflict() -> None:
    gone = member("b")
    gone.state = State.DEAD
    assert name_conflicts(seen(member("b~12ab"), gone)) == {}
    assert name_conflicts(seen(member("b~12ab"), member("c"))) == {}
    assert name_conflicts(seen(member("b~home"), member("b"))) == {}
