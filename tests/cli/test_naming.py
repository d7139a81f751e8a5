"""NAME and TYPE/NAME."""

import pytest

from crdt import catalogue
from crdtnode.cli.naming import SHORT, split


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("visits", (None, "visits")),
        ("orset/tags", ("orset", "tags")),
        ("ORSet/tags", ("ORSet", "tags")),
        ("orset@1/tags", ("orset@1", "tags")),
        ("friendship@2/glenn", ("friendship@2", "glenn")),
        ("a/b", (None, "a/b")),
        ("/etc/passwd", (None, "/etc/passwd")),
        ("orset/a/b", ("orset", "a/b")),
        ("orset", (None, "orset")),
        ("me@home/x", (None, "me@home/x")),
        ("orset/", ("orset", "")),
    ],
)
def test_a_type_is_seen_only_where_nothing_else_can_be_meant(written: str, meant: object) -> None:
    assert split(written) == meant


def test_all_types_of_the_toolbox_have_their_short_name() -> None:
    shipped = {tag.partition("@")[0] for tag in catalogue.tags()
               if catalogue.type_of(tag).__module__.startswith("crdt.")}  # fmt: skip
    assert shipped <= SHORT
